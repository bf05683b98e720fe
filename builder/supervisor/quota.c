#include "builder/supervisor/quota.h"

#include "base/scope.h"

static const uint64_t hour_usec = 3600000000;

static uint32_t user_index(const struct daemon_config *config,
    const struct caller *caller);
static int take_time(struct quota *quota, const struct daemon_config *config,
    uint32_t user, uint64_t now_usec, struct err *err);

int
quota_take_build(struct quota *quota, const struct daemon_config *config,
    const struct caller *caller, uint64_t now_usec, uint64_t log_bytes,
    struct err *err)
{
	uint32_t user = user_index(config, caller);
	uint64_t share;

	if (user == config->allow_uid_count)
		return err_set(err, RPC_NOT_PERMITTED,
		    "user %u is not in allow_uids", caller->user.uid);
	share = log_bytes / config->allow_uid_count;
	/* Who is alone may have all of it: the log itself says when it is full.
	 */
	if (log_bytes > 0 && config->allow_uid_count > 1 &&
	    quota->users[user].log_bytes >= share)
		return err_set(err, CALLER_QUOTA_SPENT,
		    "the builds of user %u take %llu bytes of the event log, "
		    "its share is %llu",
		    caller->user.uid,
		    (unsigned long long)quota->users[user].log_bytes,
		    (unsigned long long)share);
	return take_time(quota, config, user, now_usec, err);
}

void
quota_add_log(struct quota *quota, const struct daemon_config *config,
    const struct caller *caller, uint64_t bytes)
{
	uint32_t user = user_index(config, caller);

	if (user < config->allow_uid_count)
		quota->users[user].log_bytes += bytes;
}

/* allow_uid_count if it is not there. */
static uint32_t
user_index(const struct daemon_config *config, const struct caller *caller)
{
	uint32_t user = 0;

	while (user < config->allow_uid_count &&
	       config->allow_uids[user] != caller->user.uid)
		user++;
	return user;
}

/* An hour's builds at once, and then one each time that an hour has for it. */
static int
take_time(struct quota *quota, const struct daemon_config *config,
    uint32_t user, uint64_t now_usec, struct err *err)
{
	uint64_t cost_usec = hour_usec / config->builds_per_hour;
	uint64_t *busy_until_usec = &quota->users[user].busy_until_usec;

	if (*busy_until_usec < now_usec)
		*busy_until_usec = now_usec;
	if (*busy_until_usec + cost_usec > now_usec + hour_usec)
		return err_set(err, CALLER_QUOTA_SPENT,
		    "user %u has begun %u builds in an hour: the next in %llu "
		    "seconds",
		    config->allow_uids[user], config->builds_per_hour,
		    (unsigned long long)((*busy_until_usec + cost_usec -
					     now_usec - hour_usec) /
					     1000000 +
					 1));
	*busy_until_usec += cost_usec;
	return 0;
}
