#include "builder/supervisor/quota.h"

#include "base/scope.h"

static const uint64_t hour_usec = 3600000000;

static int take_time(uint64_t *busy_until_usec, uint32_t per_hour,
    uint64_t now_usec, const struct caller *caller, struct err *err);

int
quota_take_build(struct quota *quota, const struct daemon_config *config,
    const struct caller *caller, uint64_t now_usec, uint64_t log_bytes,
    struct err *err)
{
	uint32_t place = 0;
	const struct caller_rule *rule =
	    caller_rule_find(config, caller, &place);

	TRY(quota_allow_log(quota, config, caller, log_bytes, err));
	return take_time(&quota->places[place].busy_until_usec,
	    rule->builds_per_hour > 0 ? rule->builds_per_hour
				      : config->builds_per_hour,
	    now_usec, caller, err);
}

int
quota_allow_log(const struct quota *quota, const struct daemon_config *config,
    const struct caller *caller, uint64_t log_bytes, struct err *err)
{
	uint32_t place = 0;
	uint32_t count = caller_rule_count(config);
	char text[CALLER_TEXT_SIZE];

	if (caller_rule_find(config, caller, &place) == NULL)
		return err_set(err, RPC_NOT_PERMITTED, "%s may not call",
		    caller_text(caller, text));
	/* Who is alone may have all of it: the log itself says when it is full.
	 */
	if (log_bytes > 0 && count > 1 &&
	    quota->places[place].log_bytes >= log_bytes / count)
		return err_set(err, CALLER_QUOTA_SPENT,
		    "builds of %s take %llu bytes of the event log, its share "
		    "is %llu",
		    caller_text(caller, text),
		    (unsigned long long)quota->places[place].log_bytes,
		    (unsigned long long)(log_bytes / count));
	return 0;
}

void
quota_add_log(struct quota *quota, const struct daemon_config *config,
    const struct caller *caller, uint64_t bytes)
{
	uint32_t place = 0;

	if (caller_rule_find(config, caller, &place) != NULL)
		quota->places[place].log_bytes += bytes;
}

/* An hour's builds at once, and then one each time that an hour has for it. */
static int
take_time(uint64_t *busy_until_usec, uint32_t per_hour, uint64_t now_usec,
    const struct caller *caller, struct err *err)
{
	uint64_t cost_usec = hour_usec / per_hour;
	char text[CALLER_TEXT_SIZE];

	if (*busy_until_usec < now_usec)
		*busy_until_usec = now_usec;
	if (*busy_until_usec + cost_usec > now_usec + hour_usec)
		return err_set(err, CALLER_QUOTA_SPENT,
		    "%s has begun %u builds in an hour: the next in %llu "
		    "seconds",
		    caller_text(caller, text), per_hour,
		    (unsigned long long)((*busy_until_usec + cost_usec -
					     now_usec - hour_usec) /
					     1000000 +
					 1));
	*busy_until_usec += cost_usec;
	return 0;
}
