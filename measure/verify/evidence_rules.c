#include "measure/verify/evidence_rules.h"

#include "base/scope.h"

/* What came before, in events. */
struct past {
	uint64_t epoch;
	bool has_store; /* of that epoch, this one */
	struct digest store;
	/* Since the trust policy is the same; 0: none. */
	size_t store_at;
	size_t boot_policy_at;
};

static int check_trust(const struct evidence_rules *rules,
    const struct evidence_rules *before, struct err *err);
static int check_store(const struct evidence_rules *rules,
    const struct past *past, struct err *err);
static int check_gone(const struct evidence_rules *rules,
    const struct past *past, struct err *err);
static void note(const struct evidence_rules *rules, struct past *past);
static int demand_trust(const struct event_rules *now,
    const struct evidence_demand *demand, struct err *err);
static int demand_epoch(const struct boot_history *history, int64_t min_epoch,
    struct err *err);

int
evidence_rules_check(const struct boot_history *history, struct err *err)
{
	struct past past = {.epoch = 0};

	for (size_t i = 0; i < history->rules_count; i++) {
		const struct evidence_rules *rules = &history->rules[i];

		if (i > 0) {
			TRY(check_trust(rules, rules - 1, err));
			if (rules->as.trust_version !=
			    rules[-1].as.trust_version)
				past.store_at = past.boot_policy_at = 0;
		}
		TRY(check_store(rules, &past, err));
		TRY(check_gone(rules, &past, err));
		note(rules, &past);
	}
	return 0;
}

/* As no version is below the one before, none is below any. */
static int
check_trust(const struct evidence_rules *rules,
    const struct evidence_rules *before, struct err *err)
{
	char found[DIGEST_TEXT_SIZE], expected[DIGEST_TEXT_SIZE];

	if (rules->as.trust_version < before->as.trust_version)
		return err_set(err, EVIDENCE_POLICY_FELL,
		    "event %zu: trust policy of version %lld, after version "
		    "%lld",
		    rules->event, (long long)rules->as.trust_version,
		    (long long)before->as.trust_version);
	if (rules->as.trust_version > before->as.trust_version ||
	    digest_equal(&rules->as.trust, &before->as.trust))
		return 0;
	digest_text(&rules->as.trust, found);
	digest_text(&before->as.trust, expected);
	return err_set(err, EVIDENCE_POLICY_FELL,
	    "event %zu: trust policy of version %lld is %s, and was %s before",
	    rules->event, (long long)rules->as.trust_version, found, expected);
}

static int
check_store(const struct evidence_rules *rules, const struct past *past,
    struct err *err)
{
	if (rules->as.has_store && rules->as.epoch < past->epoch)
		return err_set(err, EVIDENCE_POLICY_FELL,
		    "event %zu: store index of epoch %llu, after epoch %llu",
		    rules->event, (unsigned long long)rules->as.epoch,
		    (unsigned long long)past->epoch);
	if (!rules->as.has_store || !past->has_store ||
	    rules->as.epoch != past->epoch ||
	    digest_equal(&rules->as.store, &past->store))
		return 0;
	return err_set(err, EVIDENCE_POLICY_FELL,
	    "event %zu: another store index of epoch %llu than before",
	    rules->event, (unsigned long long)rules->as.epoch);
}

/* What the same trust policy had before, it demands: only another one drops
 * the role that signs it. */
static int
check_gone(const struct evidence_rules *rules, const struct past *past,
    struct err *err)
{
	if (rules->domain_count == 0)
		return 0;
	if (!rules->as.has_store && past->store_at > 0)
		return err_set(err, EVIDENCE_POLICY_FELL,
		    "a build by the rules of event %zu, without a store index "
		    "as event %zu had one",
		    rules->event, past->store_at);
	if (!rules->as.has_boot_policy && past->boot_policy_at > 0)
		return err_set(err, EVIDENCE_POLICY_FELL,
		    "a build by the rules of event %zu, without a boot policy "
		    "as event %zu had one",
		    rules->event, past->boot_policy_at);
	return 0;
}

static void
note(const struct evidence_rules *rules, struct past *past)
{
	if (rules->as.has_store) {
		past->epoch = rules->as.epoch;
		past->has_store = true;
		past->store = rules->as.store;
		past->store_at = rules->event;
	}
	if (rules->as.has_boot_policy)
		past->boot_policy_at = rules->event;
}

int
evidence_rules_demand(const struct boot_history *history,
    const struct evidence_demand *demand, struct err *err)
{
	const struct event_rules *now = boot_history_rules(history);

	TRY(demand_trust(now, demand, err));
	if (demand->min_epoch > 0)
		TRY(demand_epoch(history, demand->min_epoch, err));
	return 0;
}

static int
demand_trust(const struct event_rules *now,
    const struct evidence_demand *demand, struct err *err)
{
	int64_t version = demand->min_trust_version;
	char found[DIGEST_TEXT_SIZE];

	if (demand->trust != NULL && trust_version(demand->trust) > version)
		version = trust_version(demand->trust);
	if (now->trust_version < version)
		return err_set(err, EVIDENCE_POLICY_OLD,
		    "trust policy of version %lld, and version %lld is "
		    "demanded",
		    (long long)now->trust_version, (long long)version);
	if (demand->trust == NULL ||
	    now->trust_version > trust_version(demand->trust) ||
	    digest_equal(&now->trust, trust_digest(demand->trust)))
		return 0;
	digest_text(&now->trust, found);
	return err_set(err, EVIDENCE_POLICY_OLD,
	    "trust policy %s: not the version %lld that is given", found,
	    (long long)now->trust_version);
}

/* Where nothing was built, no index was needed yet. */
static int
demand_epoch(const struct boot_history *history, int64_t min_epoch,
    struct err *err)
{
	size_t i = history->rules_count;

	while (i > 0 && !history->rules[i - 1].as.has_store &&
	       history->rules[i - 1].domain_count == 0)
		i--;
	if (i == 0)
		return 0;
	if (!history->rules[i - 1].as.has_store)
		return err_set(err, EVIDENCE_POLICY_OLD,
		    "no store index, and epoch %lld is demanded",
		    (long long)min_epoch);
	if (history->rules[i - 1].as.epoch < (uint64_t)min_epoch)
		return err_set(err, EVIDENCE_POLICY_OLD,
		    "store index of epoch %llu, and epoch %lld is demanded",
		    (unsigned long long)history->rules[i - 1].as.epoch,
		    (long long)min_epoch);
	return 0;
}

bool
evidence_rules_has_older(const struct boot_history *history,
    const struct evidence_demand *demand)
{
	int64_t version = demand->min_trust_version;

	if (demand->trust != NULL && trust_version(demand->trust) > version)
		version = trust_version(demand->trust);
	for (size_t i = 0; i < history->domain_count; i++) {
		const struct evidence_domain *domain = &history->domains[i];
		const struct event_rules *rules =
		    &history->rules[domain->rules].as;

		if (domain->fate == EVIDENCE_STARTED &&
		    (rules->trust_version < version ||
			rules->epoch < (uint64_t)demand->min_epoch))
			return true;
	}
	return false;
}
