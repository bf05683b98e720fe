#include "builder/stage_link.h"

#include <stdio.h>

#include "base/scope.h"
#include "builder/ipc.h"

/* What came. */
struct arrived {
	struct stage_answer *answer;
	int *fd; /* NULL: none can come */
};

static link_take take;

_Static_assert(sizeof(struct stage_answer) <= LINK_RECORD_BYTES,
    "no answer is longer than the longest record");

#define RULE(asked, fds, member)                           \
	{                                                  \
		asked, LINK_OFTEN, 0, fds, fds,            \
		    LINK_BYTES(stage_answer, member), take \
	}

static const struct link_rule rules[] = {
    [STAGE_ENTRY] = RULE(LINK_BIT(STAGE_ASKED_FOR_LIST), 0, entry),
    [STAGE_PIECE] = RULE(LINK_BIT(STAGE_ASKED_FOR_PIECES), 1, kind),
    [STAGE_MEMORY] = RULE(LINK_BIT(STAGE_ASKED_FOR_MEMORY), 1, outcome),
    [STAGE_END] = RULE(LINK_BIT(STAGE_ASKED) | LINK_BIT(STAGE_ASKED_FOR_LIST) |
			   LINK_BIT(STAGE_ASKED_FOR_PIECES) |
			   LINK_BIT(STAGE_ASKED_FOR_MEMORY),
	0, outcome),
};

const struct link_table stage_answers = {
    "an answer",
    rules,
    countof(rules),
    NULL,
};

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
stage_receive(struct stage *stage, enum stage_asked asked,
    struct stage_answer *ret_answer, int *ret_fd, struct err *err)
{
	struct arrived arrived = {ret_answer, ret_fd};
	struct link_place place = {0};
	struct err why;
	bool is_end;

	if (link_take_one(&stage_answers, stage->fd, asked, &place, &arrived,
		&is_end, &why) != 0)
		return err_set(err, STAGE_FAILED, "the stage: %s", why.text);
	if (is_end)
		return err_set(err, STAGE_FAILED, "the stage died");
	return 0;
}

static int
take(void *owner, const void *record, struct ipc_fds *fds, struct err *err)
{
	struct arrived *arrived = owner;

	(void)err;
	*arrived->answer = *(const struct stage_answer *)record;
	if (arrived->fd != NULL) {
		*arrived->fd = fds->count > 0 ? fds->fd[0] : -1;
		fds->count = 0;
	}
	return 0;
}
