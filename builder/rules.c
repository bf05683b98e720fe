#include "builder/rules.h"

#include "base/scope.h"

static link_take take_recorded;

static const struct link_rule rules[] = {
    [RULES_RECORDED] = {LINK_BIT(0), LINK_OFTEN, 0, 0, 0,
	sizeof(struct rules_answer), take_recorded},
};

const struct link_table rules_answers = {
    "an answer",
    rules,
    countof(rules),
    NULL,
};

int
rules_await_recorded(int link, struct recorded *ret_recorded, struct err *err)
{
	struct recorded recorded;
	struct link_place place = {0};
	bool is_end;

	TRY(link_take_one(&rules_answers, link, 0, &place, &recorded, &is_end,
	    err));
	if (is_end)
		return err_set(err, SYSTEM_FAILED, "the supervisor is gone");
	TRY(err_wire_to(&recorded.outcome, TPM_FAILED, err));
	*ret_recorded = recorded;
	return 0;
}

static int
take_recorded(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	const struct rules_answer *answer = record;

	(void)fds;
	(void)err;
	*(struct recorded *)owner = answer->recorded;
	return 0;
}
