/*
 * What a caller may: by its rule in the configuration (builder/caller_rule.h).
 * Which images it may have built is decided in the verify role; here is counted
 * what it has, and compared whose a domain is.
 */
#include <string.h>

#include "base/scope.h"
#include "builder/supervisor/supervisor_state.h"

/* What callers of one rule have. */
struct held {
	uint32_t domains;
	uint64_t memory_mib;
};

static const struct caller_rule *rule_of(const struct supervisor *sup,
    const struct caller *caller);
static struct held count_held(const struct supervisor *sup, uint32_t place);
static void hold(struct held *held, const struct guest *guest);

/* A domain that is gone asks for nothing: another one may have its id. */
int
supervisor_allow_call(const struct supervisor *sup,
    const struct front_call *call, struct err *err)
{
	char text[CALLER_TEXT_SIZE];

	if (rule_of(sup, &call->caller) == NULL)
		return err_set(err, RPC_NOT_PERMITTED, "%s may not call",
		    caller_text(&call->caller, text));
	if (call->caller.kind == CALLER_DOMAIN &&
	    !supervisor_lives(sup, &call->caller.domain))
		return err_set(err, RPC_NOT_PERMITTED, "%s is gone",
		    caller_text(&call->caller, text));
	return 0;
}

int
supervisor_allow_held(const struct supervisor *sup,
    const struct front_call *call, struct err *err)
{
	const struct guest *guest = &call->build.guest;
	uint32_t place = 0;
	const struct caller_rule *rule =
	    caller_rule_find(sup->config, &call->caller, &place);
	struct held held = count_held(sup, place);

	if (rule->max_domains > 0 && held.domains >= rule->max_domains)
		return err_set(err, CALLER_QUOTA_SPENT,
		    "there are %u domains, of at most %u", held.domains,
		    rule->max_domains);
	if (rule->max_memory_mib > 0 &&
	    held.memory_mib + guest->memory_mib > rule->max_memory_mib)
		return err_set_field(err, CALLER_QUOTA_SPENT, "memory_mib",
		    "memory_mib: domains have %llu MiB, and may have %u",
		    (unsigned long long)held.memory_mib, rule->max_memory_mib);
	return 0;
}

bool
supervisor_is_held(const struct supervisor *sup, const struct front_call *call)
{
	const struct caller_rule *rule = rule_of(sup, &call->caller);

	return rule != NULL &&
	       (rule->max_domains > 0 || rule->max_memory_mib > 0);
}

bool
supervisor_may_see(const struct supervisor *sup, const struct caller *caller,
    const struct caller *owner)
{
	const struct caller_rule *rule = rule_of(sup, caller);

	return rule != NULL && (rule->sees_all || caller_is(caller, owner));
}

/* What it may not see is not there for it. */
int
supervisor_see_domain(const struct supervisor *sup, const struct caller *caller,
    const struct domain_selector *selector, const struct domain_row **ret_row,
    struct err *err)
{
	return domain_table_find(&sup->domains, selector,
	    rule_of(sup, caller)->sees_all ? NULL : caller, ret_row, err);
}

int
supervisor_find_domain(const struct supervisor *sup,
    const struct front_call *call, const struct domain_row **ret_row,
    struct err *err)
{
	const struct domain_row *row;

	TRY(supervisor_see_domain(sup, &call->caller, &call->selector, &row,
	    err));
	TRY(supervisor_allow_change(sup, &call->caller, &row->receipt, err));
	*ret_row = row;
	return 0;
}

int
supervisor_allow_change(const struct supervisor *sup,
    const struct caller *caller, const struct receipt *receipt, struct err *err)
{
	if (!rule_of(sup, caller)->destroys_all &&
	    !caller_is(&receipt->caller, caller))
		return err_set(err, RPC_NOT_PERMITTED,
		    "d%u was built for another caller", receipt->domid);
	return 0;
}

uint32_t
supervisor_count_tasks_of(const struct supervisor *sup, enum task_kind kind,
    const struct caller *caller)
{
	uint32_t count = 0;

	for (size_t i = 0; i < SUPERVISOR_JOBS; i++)
		count += sup->jobs[i].state == JOB_RUNNING &&
		         sup->jobs[i].task.kind == kind &&
		         supervisor_are_one(sup, &sup->jobs[i].caller, caller);
	return count;
}

bool
supervisor_are_one(const struct supervisor *sup, const struct caller *caller,
    const struct caller *other)
{
	uint32_t place;
	uint32_t other_place;

	return caller_rule_find(sup->config, caller, &place) != NULL &&
	       caller_rule_find(sup->config, other, &other_place) != NULL &&
	       place == other_place;
}

bool
supervisor_lives(const struct supervisor *sup,
    const struct caller_domain *client)
{
	for (uint32_t i = 0; i < sup->domains.count; i++) {
		const struct receipt *receipt = &sup->domains.rows[i].receipt;

		if (receipt->domid == client->domid &&
		    memcmp(receipt->guest.uuid, client->uuid, UUID_BYTES) == 0)
			return true;
	}
	return false;
}

static const struct caller_rule *
rule_of(const struct supervisor *sup, const struct caller *caller)
{
	return caller_rule_find(sup->config, caller, NULL);
}

/* Those that there are, those that are being built, and those that are built
 * again as soon as they can. */
static struct held
count_held(const struct supervisor *sup, uint32_t place)
{
	struct held held = {0, 0};
	uint32_t other;

	for (uint32_t i = 0; i < sup->domains.count; i++) {
		const struct receipt *receipt = &sup->domains.rows[i].receipt;

		if (caller_rule_find(sup->config, &receipt->caller, &other) !=
			NULL &&
		    other == place)
			hold(&held, &receipt->guest);
	}
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct job *job = &sup->jobs[i];

		if (job->state == JOB_RUNNING && job->task.kind == TASK_BUILD &&
		    caller_rule_find(sup->config, &job->caller, &other) !=
			NULL &&
		    other == place)
			hold(&held, &job->task.build.guest);
	}
	for (size_t i = 0; i < RESTARTS; i++) {
		const struct receipt *receipt = supervisor_restart_held(sup, i);

		if (receipt != NULL &&
		    caller_rule_find(sup->config, &receipt->caller, &other) !=
			NULL &&
		    other == place)
			hold(&held, &receipt->guest);
	}
	return held;
}

static void
hold(struct held *held, const struct guest *guest)
{
	held->domains++;
	held->memory_mib += guest->memory_mib;
}
