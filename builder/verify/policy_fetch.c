#include "builder/verify/policy_fetch.h"

#include "base/scope.h"
#include "builder/verify/verify_report.h"
#include "builder/verify_link.h"
#include "keys/trust_chain.h"
#include "builder/trust_id.h"

static int adopt(const struct trust_id *in_force,
    const struct trust_in_force *next, int link, struct err *err);

int
policy_fetch(const char *path, int chain_fd, const struct trust_in_force *held,
    const struct trust_id *in_force, int link, struct trust_in_force *ret_trust,
    struct err *err)
{
	CLEANUP(trust_in_force_done) struct trust_in_force next = {0};
	CLEANUP(freep) char *text = NULL;
	struct digest found;
	bool is_new;
	size_t len;

	*ret_trust = (struct trust_in_force){0};
	if (chain_fd < 0)
		return 0;
	TRY(trust_chain_read_open(chain_fd, path, &text, &len, err));
	TRY(digest_of(bytes_of(text, len), &found, err));
	is_new = !digest_equal(&found, &in_force->chain);
	if (!is_new && digest_equal(&found, &held->chain))
		return 0;
	TRY(trust_in_force_follow(held->root, path, bytes_of(text, len), &next,
	    err));
	if (is_new)
		TRY(adopt(in_force, &next, link, err));
	*ret_trust = next;
	next.newest = NULL;
	return 0;
}

static int
adopt(const struct trust_id *in_force, const struct trust_in_force *next,
    int link, struct err *err)
{
	const struct trust_id mark = trust_in_force_id(next);

	TRY(trust_id_check(in_force, &mark, err));
	/* In other bytes: whoever can write the file could do that again and
	 * again, with bad signatures that take their time. */
	if (digest_equal(&mark.policy, &in_force->policy))
		return 0;
	return verify_report_adopt_trust(link, &mark, err);
}
