/*
 * Rotation: from the policy in the measured ramdisk to the newest one that its
 * key holders signed.
 *
 * A chain is a file of lines. Each line is a DSSE envelope whose payload is the
 * whole next trust policy. A step from version N to N+1 counts if the "trust"
 * role of N *and* that of N+1 signed it: the old keys consent, and the new ones
 * prove that they exist (the rule for root keys of The Update Framework). And
 * it has to name the digest of N, so that it follows no other policy that
 * happens to have the same number and owners: docs/decisions/0032.
 *
 * Trust: the chain is foreign, and each line stays so until both signed it.
 * Not done: noticing that lines at the end are missing. Whoever can write the
 * file can withhold news; docs/decisions/0021 says what shows it.
 * Format: docs/man/assay-trust.5.
 */
#ifndef ASSAY_KEYS_TRUST_CHAIN_H
#define ASSAY_KEYS_TRUST_CHAIN_H

#include "keys/trust.h"

/*
 * A policy file. Returns owned; errors name the file.
 * Errors: TRUST_TOO_LARGE; those of trust_decode; STORE_IO.
 */
int trust_load(const char *path, struct trust_policy **ret_policy,
    struct err *err);

/*
 * The root policy and, unless `updates_path` is NULL or "", the chain over it.
 * What is refused anywhere refuses the whole. An empty chain is no step.
 * Errors: those of trust_load and trust_chain_apply; STORE_IO also for a chain
 * that is missing.
 */
int trust_load_chain(const char *root_path, const char *updates_path,
    struct trust_policy **ret_policy, struct err *err);

/* Take every step of a file; as trust_chain_apply(). Also STORE_IO. */
int trust_apply_file(struct trust_policy **policy, const char *path,
    struct err *err);

/* The bytes of a chain's file, of which nothing was looked at. Returns owned.
 * Errors: TRUST_TOO_LARGE; those of file_read_regular(). */
int trust_chain_read(const char *path, char **ret_text, size_t *ret_len,
    struct err *err);

/* The same of a file that is open; `path` is for error texts. */
int trust_chain_read_open(int fd, const char *path, char **ret_text,
    size_t *ret_len, struct err *err);

/*
 * Take every step of a chain, from `root` on. Returns the last one, owned;
 * NULL if there is no step. Errors name the line. The chain has a budget to
 * itself: see LIMIT_VERIFICATIONS.
 * Errors: TRUST_TOO_LARGE (more than LIMIT_TRUST_STEPS lines);
 * TRUST_CHAIN_MALFORMED (an empty line, a last line without its end); those of
 * trust_chain_step.
 */
int trust_chain_follow(const struct trust_policy *root, struct bytes chain,
    struct trust_policy **ret_newest, struct err *err);

/* The same in place: *policy is replaced by the last one, and stays as it was
 * on failure. */
int trust_chain_apply(struct trust_policy **policy, struct bytes chain,
    struct err *err);

/*
 * One step. Returns owned.
 * Order: decode the envelope; signatures by `current` (trust_verify_for); only
 * then decode the payload; its version; signatures by the new policy itself.
 * Errors: those of dsse_decode, trust_verify_for and trust_decode;
 * TRUST_REPLAYED (the version of `current`), TRUST_DOWNGRADE (a lower one),
 * TRUST_GAP (beyond the next); TRUST_OTHER_PREVIOUS.
 */
int trust_chain_step(const struct trust_policy *current, struct bytes raw,
    struct verify_budget *budget, struct trust_policy **ret_next,
    struct err *err);

/*
 * Is this policy, whoever signed it, of the version after `current`, and made
 * to follow that very policy? One that names nothing is of the time before
 * "previous" and is only taken after another such one.
 * Errors: TRUST_REPLAYED, TRUST_DOWNGRADE, TRUST_GAP; TRUST_OTHER_PREVIOUS.
 */
int trust_check_follows(const struct trust_policy *current,
    const struct trust_policy *next, struct err *err);

#endif
