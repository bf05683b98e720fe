/*
 * Editing a trust policy: each change that a person may want, one function.
 *
 * An edit that would change nothing, or that does not fit the policy, is
 * refused: the one who asks believes something about the policy that is not so.
 * What comes out was read back by trust_decode(), so a policy that assayd would
 * refuse is never written.
 */
#ifndef ASSAY_KEYS_SIGN_TRUST_EDIT_H
#define ASSAY_KEYS_SIGN_TRUST_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"
#include "keys/public_key.h"
#include "keys/trust.h"

struct trust_edit;

/* A role, or what of it shall change. Everything is borrowed. */
struct trust_role_draft {
	const char *name;
	enum trust_purpose purpose;
	int64_t threshold;
	const struct digest *key_ids;
	size_t key_count;
	const char *const *patterns; /* of images only, like is_debug */
	size_t pattern_count;
	bool is_debug;
	/* "groups": of each family how many; 0 for none demanded. */
	int64_t of_family[ALGORITHM_FAMILIES];
	/* "provenance", of images only; a `builder_id` may be NULL. */
	const struct trust_demand_draft *demands;
	size_t demand_count;
};

struct trust_demand_draft {
	const char *role;
	const char *predicate_type;
	const char *builder_id;
};

/* A policy of version 0 without anything. Returns owned. Errors: NO_MEMORY. */
int trust_edit_new(struct trust_edit **ret_edit, struct err *err);

/* Returns owned. Errors: those of trust_decode. */
int trust_edit_open(struct bytes text, struct trust_edit **ret_edit,
    struct err *err);

void trust_edit_freep(struct trust_edit **edit);

/*
 * The changes.
 * Errors of each: TRUST_EDIT_REFUSED (a key or a revocation that is there
 * already; a key or a role that is not; a floor that would not rise);
 * TRUST_MALFORMED (a name, a pattern or a number out of the format's rules);
 * NO_MEMORY. After an error the edit is good for trust_edit_freep() only.
 */
int trust_edit_add_key(struct trust_edit *edit, const struct public_key *key,
    struct err *err);
/* From all roles too. What a revocation says of it stays. */
int trust_edit_remove_key(struct trust_edit *edit, const struct digest *id,
    struct err *err);
/* Make the role, or replace it as a whole; not by one that is the same. */
int trust_edit_set_role(struct trust_edit *edit,
    const struct trust_role_draft *role, struct err *err);
/* Change a role that is there, of the same purpose: what the draft leaves out
 * (zero, NULL, false) stays as it is. Errors: also if nothing would change. */
int trust_edit_change_role(struct trust_edit *edit,
    const struct trust_role_draft *changes, struct err *err);
int trust_edit_add_to_role(struct trust_edit *edit, const char *role,
    const struct digest *id, struct err *err);
int trust_edit_remove_role(struct trust_edit *edit, const char *role,
    struct err *err);
/* The key may be gone from the policy, or never have been in it. */
int trust_edit_revoke_key(struct trust_edit *edit, const struct digest *id,
    struct err *err);
/* The digest of a payload, or of an envelope. */
int trust_edit_revoke_manifest(struct trust_edit *edit,
    const struct digest *digest, struct err *err);
int trust_edit_raise_floor(struct trust_edit *edit, const char *location,
    int64_t index, struct err *err);

/* Trust the system's clock unless it is before this time, which can only rise;
 * or trust none. */
int trust_edit_set_clock(struct trust_edit *edit, int64_t not_before,
    struct err *err);
int trust_edit_remove_clock(struct trust_edit *edit, struct err *err);

/* Is there such a role, and what does it sign? */
bool trust_edit_has_role(const struct trust_edit *edit, const char *name,
    enum trust_purpose *ret_purpose);

/* Is the key listed? */
bool trust_edit_has_key(const struct trust_edit *edit, const struct digest *id);

/*
 * The policy as JSON text, which ends in a newline. `version` 0 is the one
 * after the version that was opened. `previous` is the digest of the policy
 * that it is to follow, or NULL: it is the root of a chain, or only a draft
 * yet, whatever the policy that was opened follows. Deterministic: members and
 * arrays are sorted, so the same changes give the same text in whatever order
 * they came. Returns owned text (malloc, NUL-terminated). Errors: those of
 * trust_decode, for the result; NO_MEMORY.
 */
int trust_edit_finish(struct trust_edit *edit, int64_t version,
    const struct digest *previous, char **ret_text, struct err *err);

#endif
