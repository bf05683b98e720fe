#include "builder/trust_in_force.h"

#include "base/scope.h"
#include "keys/trust_chain.h"

int
trust_in_force_read(const char *path, char **ret_text, size_t *ret_len,
    struct err *err)
{
	if (path[0] != '\0')
		return trust_chain_read(path, ret_text, ret_len, err);
	*ret_text = NULL;
	*ret_len = 0;
	return 0;
}

int
trust_in_force_follow(const struct trust_policy *root, const char *path,
    struct bytes chain, struct trust_in_force *ret_trust, struct err *err)
{
	struct trust_in_force trust = {.root = root};

	TRY(digest_of(chain, &trust.chain, err));
	if (trust_chain_follow(root, chain, &trust.newest, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	*ret_trust = trust;
	return 0;
}

void
trust_in_force_done(struct trust_in_force *trust)
{
	trust_freep(&trust->newest);
}

const struct trust_policy *
trust_in_force_policy(const struct trust_in_force *trust)
{
	return trust->newest != NULL ? trust->newest : trust->root;
}

struct trust_id
trust_in_force_id(const struct trust_in_force *trust)
{
	const struct trust_policy *policy = trust_in_force_policy(trust);

	return (struct trust_id){
	    .chain = trust->chain,
	    .policy = *trust_digest(policy),
	    .version = trust_version(policy),
	};
}
