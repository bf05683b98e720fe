#include "builder/stage_link.h"

#include <stdio.h>

#include "base/scope.h"
#include "builder/ipc.h"

/* A stage that cannot be asked has left its reason behind: the answer tells. */
void
stage_ask(struct stage *stage, struct stage_call *call, const char *what,
    int pass_fd)
{
	struct err ignored;

	snprintf(call->what, sizeof(call->what), "%s", what);
	ipc_send(stage->fd, call, sizeof(*call), pass_fd, &ignored);
}

int
stage_receive(struct stage *stage, struct stage_answer *ret_answer, int *ret_fd,
    struct err *err)
{
	bool is_end;

	TRY(ipc_receive(stage->fd, ret_answer, sizeof(*ret_answer), ret_fd,
	    &is_end, err));
	if (is_end)
		return err_set(err, STAGE_FAILED, "the stage died");
	if (!ipc_is_bool(&ret_answer->is_last))
		return err_set(err, STAGE_FAILED, "an answer of no kind");
	return 0;
}
