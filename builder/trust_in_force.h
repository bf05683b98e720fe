/*
 * The trust policy in force: the one in the measured ramdisk, or what its key
 * holders made of it since, in a chain of updates that lies elsewhere.
 */
#ifndef ASSAY_BUILDER_TRUST_IN_FORCE_H
#define ASSAY_BUILDER_TRUST_IN_FORCE_H

#include "builder/rules.h"
#include "keys/trust.h"

struct trust_in_force {
	const struct trust_policy *root; /* borrowed: that of the ramdisk */
	struct trust_policy *newest;     /* owned: the chain's end, or NULL */
	struct digest chain;             /* of its bytes, which may be none */
};

/*
 * The bytes of the chain at `path`, of which nothing is looked at; "": there is
 * none. Returns owned, NULL for none. Errors: those of trust_chain_read().
 */
int trust_in_force_read(const char *path, char **ret_text, size_t *ret_len,
    struct err *err);

/*
 * Follow these bytes from `root` on, which nobody can change meanwhile. They
 * are foreign: call it in a sandbox. `path` is for error texts.
 * Errors: those of trust_chain_follow().
 */
int trust_in_force_follow(const struct trust_policy *root, const char *path,
    struct bytes chain, struct trust_in_force *ret_trust, struct err *err);

/* Does nothing for zeros. */
void trust_in_force_done(struct trust_in_force *trust);

/* Borrowed. */
const struct trust_policy *trust_in_force_policy(
    const struct trust_in_force *trust);
struct trust_id trust_in_force_id(const struct trust_in_force *trust);

#endif
