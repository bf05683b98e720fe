#include "builder/link_table.h"

#include <string.h>

#include "base/log.h"
#include "base/scope.h"

/* A record that came, with nothing of an earlier one behind it. */
struct arrival {
	union {
		uint32_t kind;
		max_align_t aligned;
		unsigned char bytes[LINK_RECORD_BYTES];
	} record;
	size_t size;
	struct ipc_fds fds;
	bool is_end;
};

static int receive(const struct link_table *table, int fd,
    struct arrival *arrival, struct err *err);
static bool may_come(const struct link_rule *rule, uint32_t kind,
    uint32_t state, const struct link_place *place);
static bool is_shaped(const struct link_rule *rule,
    const struct arrival *arrival);

enum link_event
link_serve(const struct link_table *table, int fd, uint32_t state,
    struct link_place *place, void *owner, struct err *err)
{
	struct arrival arrival = {.size = 0};
	CLEANUP(ipc_fds_donep) struct ipc_fds *fds = &arrival.fds;
	const uint32_t *kind = &arrival.record.kind;
	const struct link_rule *rule;

	bug_unless(table->count <= LINK_KINDS && state < LINK_KINDS);
	if (receive(table, fd, &arrival, err) != 0)
		return LINK_UNREADABLE;
	if (arrival.is_end)
		return LINK_END;
	rule = *kind < table->count ? &table->rules[*kind] : NULL;
	if (rule == NULL || !may_come(rule, *kind, state, place) ||
	    !is_shaped(rule, &arrival)) {
		err_set(err, BUG, "%s %u of %zu bytes in state %u", table->name,
		    *kind, arrival.size, state);
		return LINK_REFUSED;
	}
	place->seen |= LINK_BIT(*kind);
	place->is_over = rule->times == LINK_LAST;
	if (rule->take(owner, arrival.record.bytes, fds, err) != 0)
		return LINK_FAILED;
	return LINK_TAKEN;
}

int
link_take_one(const struct link_table *table, int fd, uint32_t state,
    struct link_place *place, void *owner, bool *ret_is_end, struct err *err)
{
	enum link_event event = link_serve(table, fd, state, place, owner, err);

	*ret_is_end = event == LINK_END;
	return event == LINK_TAKEN || event == LINK_END ? 0 : (int)err->code;
}

static int
receive(const struct link_table *table, int fd, struct arrival *arrival,
    struct err *err)
{
	if (table->pipe != NULL)
		TRY(table->pipe(fd, arrival->record.bytes,
		    sizeof(arrival->record), &arrival->size, &arrival->is_end,
		    err));
	else
		TRY(ipc_receive_some(fd, arrival->record.bytes,
		    sizeof(arrival->record), &arrival->size, &arrival->fds,
		    &arrival->is_end, err));
	if (!arrival->is_end && arrival->size < LINK_KIND_BYTES)
		return err_set(err, STAGE_FAILED, "a record of %zu bytes",
		    arrival->size);
	return 0;
}

static bool
may_come(const struct link_rule *rule, uint32_t kind, uint32_t state,
    const struct link_place *place)
{
	return (rule->states & LINK_BIT(state)) != 0 && !place->is_over &&
	       (rule->times == LINK_OFTEN ||
		   (place->seen & LINK_BIT(kind)) == 0) &&
	       (place->seen & rule->after) == rule->after;
}

static bool
is_shaped(const struct link_rule *rule, const struct arrival *arrival)
{
	return arrival->size == rule->bytes &&
	       arrival->fds.count >= rule->min_fds &&
	       arrival->fds.count <= rule->max_fds;
}
