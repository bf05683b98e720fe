#include "builder/verify/policy_fetch.h"

#include "base/draft.h"
#include "base/scope.h"
#include "keys/trust_chain.h"

static int adopt(const struct trust_mark *in_force,
    const struct trust_in_force *next, struct bytes chain, int link,
    struct err *err);

int
policy_fetch(const char *path, const struct trust_in_force *held,
    const struct trust_mark *in_force, int link,
    struct trust_in_force *ret_trust, struct err *err)
{
	CLEANUP(trust_in_force_done) struct trust_in_force next = {0};
	CLEANUP(freep) char *text = NULL;
	struct digest found;
	bool is_new;
	size_t len;

	*ret_trust = (struct trust_in_force){0};
	if (path[0] == '\0')
		return 0;
	TRY(trust_chain_read(path, &text, &len, err));
	TRY(digest_of(bytes_of(text, len), &found, err));
	is_new = !digest_equal(&found, &in_force->chain);
	if (!is_new && digest_equal(&found, &held->chain))
		return 0;
	if (trust_in_force_follow(held->root, bytes_of(text, len), &next,
		err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	if (is_new)
		TRY(adopt(in_force, &next, bytes_of(text, len), link, err));
	*ret_trust = next;
	next.newest = NULL;
	return 0;
}

/* The supervisor follows the same bytes once more: it hands on what they come
 * to, to the builds after this one. */
static int
adopt(const struct trust_mark *in_force, const struct trust_in_force *next,
    struct bytes chain, int link, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	const struct trust_mark mark = trust_in_force_mark(next);

	TRY(trust_mark_check(in_force, &mark, err));
	/* In other bytes: whoever can write the file could do that again and
	 * again, with bad signatures that take their time. */
	if (digest_equal(&mark.policy, &in_force->policy))
		return 0;
	TRY(sealed_from_bytes("trust chain", chain, &sealed, err));
	return build_link_adopt_trust(link, sealed, err);
}
