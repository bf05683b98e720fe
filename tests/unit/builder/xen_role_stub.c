/*
 * A stand-in for assayd-build, assayd-look or assayd-watch, as it is compiled,
 * on a host without Xen: there is no domain, none is built, and nothing
 * changes. Under the name of another role it ends at once.
 */
#include <unistd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/look_link.h"
#include "builder/role_main.h"
#include "builder/sandbox.h"

static int
answer(const struct look_call *call, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *infos = NULL;
	const struct look_answer said = {
	    .kind = LOOK_LISTED,
	    .number = call->number,
	};

	TRY(sealed_from_bytes("domains", bytes_of(NULL, 0), &infos, err));
	return ipc_send_sealed(LOOK_FD_LINK, &said, sizeof(said), infos, err);
}

int
main(void)
{
	static struct role_start start;
	struct look_call call;
	struct err err;
	bool is_end = false;

	role_main_begin(STUB_ROLE, &start);
	if (sandbox_die_with_parent(start.parent_pid, &err) != 0)
		return 1;
	while (STUB_ROLE != ROLE_LOOK)
		pause();
	while (ipc_receive(LOOK_FD_LINK, &call, sizeof(call), NULL, &is_end,
		   &err) == 0 &&
	       !is_end) {
		if (answer(&call, &err) != 0)
			return 1;
	}
	return 0;
}
