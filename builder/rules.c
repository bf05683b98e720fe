#include "builder/rules.h"

#include "base/scope.h"
#include "builder/ipc.h"

int
rules_await_recorded(int link, struct recorded *ret_recorded, struct err *err)
{
	struct recorded recorded;
	bool is_end;

	TRY(ipc_receive(link, &recorded, sizeof(recorded), NULL, &is_end, err));
	if (is_end)
		return err_set(err, SYSTEM_FAILED, "the supervisor is gone");
	TRY(err_wire_to(&recorded.outcome, TPM_FAILED, err));
	*ret_recorded = recorded;
	return 0;
}
