#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "keys/trust_policy.h"

/* What all the signatures of an envelope came to. */
struct tally {
	uint64_t accepted; /* keys of which a signature is there */
	bool has_bad;      /* no key accepts it, though it should be ours */
	size_t bad;        /* the first such, one that names a key before all */
	bool is_bad_named;
	bool has_unknown; /* no key accepts it, and it names a foreign one */
};

/* The keys that made the signatures of one envelope. */
struct search {
	const struct trust_policy *policy;
	enum trust_purpose purpose;
	const struct dsse_envelope *envelope;
	struct verify_budget *budget;
	struct bytes pae;
	uint64_t role_keys; /* of roles of the purpose */
	struct tally tally;
};

static int check_revoked(const struct trust_policy *policy,
    const struct digest *envelope_digest, const struct dsse_envelope *envelope,
    struct err *err);
static int count_keys(struct search *search, struct err *err);
static bool is_enough(const struct search *search);
static int find_signer(struct search *search, size_t index, struct err *err);
static int try_keys(struct search *search, struct bytes sig, uint64_t keys,
    bool *ret_found, struct err *err);
static uint64_t keys_of(const struct trust_policy *policy,
    enum trust_purpose purpose);
static uint64_t set_of(size_t key);
static void count_bad(size_t index, bool is_named, struct tally *tally);
static size_t find_hinted(const struct trust_policy *policy,
    const char *claimed_keyid);
static bool is_met(const struct trust_policy *policy,
    const struct trust_role *role, uint64_t keys);
static int refuse(const struct search *search, struct err *err);
static int refuse_bad(const struct search *search, size_t index,
    struct err *err);

int
trust_verify_for(const struct trust_policy *policy, enum trust_purpose purpose,
    struct bytes raw, const struct dsse_envelope *envelope,
    struct verify_budget *budget, struct trust_verdict *ret_verdict,
    struct err *err)
{
	CLEANUP(freep) uint8_t *pae = NULL;
	struct trust_verdict verdict;
	size_t len;
	struct search search = {
	    .policy = policy,
	    .purpose = purpose,
	    .envelope = envelope,
	    .budget = budget,
	    .role_keys = keys_of(policy, purpose),
	};

	if (!trust_has_purpose(policy, purpose))
		return err_set(err, TRUST_NO_ROLE,
		    "trust policy: no role signs %s",
		    trust_purpose_what(purpose));

	/* Is it one that must never run again, whoever signed it? */
	TRY(digest_of(raw, &verdict.envelope, err));
	TRY(check_revoked(policy, &verdict.envelope, envelope, err));

	/* Which keys signed, and which roles do they make up? */
	TRY(dsse_pae(dsse_payload_type(envelope), dsse_raw_payload(envelope),
	    &pae, &len, err));
	search.pae = bytes_of(pae, len);
	TRY(count_keys(&search, err));
	verdict.keys = search.tally.accepted & ~policy->revoked_keys;
	verdict.roles = trust_roles_met(policy, purpose, verdict.keys);
	if (verdict.roles == 0)
		return refuse(&search, err);

	/* Did they sign such a document, and not something else? */
	if (!trust_purpose_has_type(purpose, dsse_payload_type(envelope)))
		return err_set_field(err, PAYLOAD_TYPE_UNKNOWN, "payloadType",
		    "envelope: payload type \"%s\" is not one of %s",
		    err_quote_str(dsse_payload_type(envelope)).text,
		    trust_purpose_what(purpose));
	*ret_verdict = verdict;
	return 0;
}

uint32_t
trust_roles_met(const struct trust_policy *policy, enum trust_purpose purpose,
    uint64_t keys)
{
	uint32_t roles = 0;

	for (size_t i = 0; i < policy->role_count; i++) {
		const struct trust_role *role = &policy->roles[i];

		if (role->purpose == purpose &&
		    is_met(policy, role, keys & role->keys))
			roles |= UINT32_C(1) << i;
	}
	return roles;
}

static bool
is_met(const struct trust_policy *policy, const struct trust_role *role,
    uint64_t keys)
{
	for (size_t i = 0; i < ALGORITHM_FAMILIES; i++) {
		if (__builtin_popcountll(keys & policy->family_keys[i]) <
		    role->of_family[i])
			return false;
	}
	return __builtin_popcountll(keys) >= role->threshold;
}

int
trust_check_digest(const struct trust_policy *policy,
    const struct digest *digest, const char *what, struct err *err)
{
	for (size_t i = 0; i < policy->revoked_manifest_count; i++) {
		if (digest_equal(&policy->revoked_manifests[i], digest))
			return err_set(err, IMAGE_REVOKED,
			    "trust policy: revoked.manifests names the %s",
			    what);
	}
	return 0;
}

/*
 * By the envelope or by its payload: whoever holds the envelope can write its
 * JSON in another way, but not change the payload that was signed.
 */
static int
check_revoked(const struct trust_policy *policy,
    const struct digest *envelope_digest, const struct dsse_envelope *envelope,
    struct err *err)
{
	struct digest payload_digest;

	TRY(digest_of(dsse_raw_payload(envelope), &payload_digest, err));
	TRY(trust_check_digest(policy, &payload_digest, "payload", err));
	return trust_check_digest(policy, envelope_digest,
	    "envelope but not its payload: one more signature undoes that",
	    err);
}

/*
 * What the signatures say of themselves comes first: who signed with keyids
 * pays one verification a signature. A signature that is not by the key that it
 * names, or names none, is tried with the others.
 */
static int
count_keys(struct search *search, struct err *err)
{
	const struct trust_policy *policy = search->policy;
	size_t count = dsse_signature_count(search->envelope);
	bool is_found[LIMIT_SIGNATURES] = {false};

	bug_unless(count <= LIMIT_SIGNATURES);
	for (size_t i = 0; i < count; i++) {
		struct dsse_signature signature =
		    dsse_signature_at(search->envelope, i);

		TRY(try_keys(search, signature.sig,
		    set_of(find_hinted(policy, signature.claimed_keyid)),
		    &is_found[i], err));
	}
	for (size_t i = 0; i < count; i++) {
		if (!is_found[i] && !is_enough(search))
			TRY(find_signer(search, i, err));
	}
	return 0;
}

/*
 * Where any role of the purpose will do, more signatures change nothing. An
 * image or a statement may need another role than the one that is met, and who
 * signed an image is on record.
 */
static bool
is_enough(const struct search *search)
{
	uint64_t keys = search->tally.accepted & ~search->policy->revoked_keys;

	switch (search->purpose) {
	case TRUST_IMAGE:
	case TRUST_PROVENANCE:
		return false;
	case TRUST_POLICY:
	case TRUST_BOOT_POLICY:
	case TRUST_STORE_INDEX:
		return trust_roles_met(search->policy, search->purpose, keys) !=
		       0;
	}
	return false;
}

/*
 * Every key but the hinted one, each of them once: first those that would
 * count, last those that signed already.
 */
static int
find_signer(struct search *search, size_t index, struct err *err)
{
	struct tally *tally = &search->tally;
	struct dsse_signature signature =
	    dsse_signature_at(search->envelope, index);
	size_t hinted = find_hinted(search->policy, signature.claimed_keyid);
	bool is_known = hinted < search->policy->key_count;
	uint64_t others = ~set_of(hinted);
	const uint64_t turns[] = {
	    others & search->role_keys & ~tally->accepted,
	    others & ~search->role_keys & ~tally->accepted,
	    others & tally->accepted,
	};
	bool is_found = false;

	for (size_t i = 0; i < countof(turns) && !is_found; i++)
		TRY(try_keys(search, signature.sig, turns[i], &is_found, err));
	if (is_found)
		return 0;
	if (signature.claimed_keyid == NULL || is_known)
		count_bad(index, is_known, tally);
	else
		tally->has_unknown = true;
	return 0;
}

/* Whatever of the set the policy has, in its order, until one accepts. */
static int
try_keys(struct search *search, struct bytes sig, uint64_t keys,
    bool *ret_found, struct err *err)
{
	const struct trust_policy *policy = search->policy;

	for (size_t i = 0; i < policy->key_count; i++) {
		if ((keys & set_of(i)) == 0 ||
		    !public_key_fits(policy->keys[i], sig))
			continue;
		TRY(verify_budget_take(search->budget, 1, err));
		if (!public_key_accepts(policy->keys[i], search->pae, sig))
			continue;
		search->tally.accepted |= set_of(i);
		*ret_found = true;
		return 0;
	}
	return 0;
}

static uint64_t
keys_of(const struct trust_policy *policy, enum trust_purpose purpose)
{
	uint64_t keys = 0;

	for (size_t i = 0; i < policy->role_count; i++) {
		if (policy->roles[i].purpose == purpose)
			keys |= policy->roles[i].keys;
	}
	return keys;
}

/* Of one key; of none if it is beyond the last that a policy can have. */
static uint64_t
set_of(size_t key)
{
	return key < LIMIT_TRUST_KEYS ? UINT64_C(1) << key : 0;
}

static void
count_bad(size_t index, bool is_named, struct tally *tally)
{
	if (tally->has_bad && (tally->is_bad_named || !is_named))
		return;
	tally->has_bad = true;
	tally->bad = index;
	tally->is_bad_named = is_named;
}

/* key_count if there is no hint, or none at a key of the policy. */
static size_t
find_hinted(const struct trust_policy *policy, const char *claimed_keyid)
{
	struct digest id;

	if (claimed_keyid == NULL || !digest_from_hex(claimed_keyid, &id))
		return policy->key_count;
	return trust_find_key(policy, &id);
}

/* Of several reasons, the one that says most. */
static int
refuse(const struct search *search, struct err *err)
{
	const struct tally *tally = &search->tally;

	if (tally->has_bad)
		return refuse_bad(search, tally->bad, err);
	if (trust_roles_met(search->policy, search->purpose, tally->accepted) !=
	    0)
		return err_set(err, KEY_REVOKED,
		    "enough keys signed, but too many of them are revoked");
	if (tally->has_unknown)
		return err_set(err, KEY_UNKNOWN,
		    "a signature is by a key outside the trust policy");
	return err_set(err, THRESHOLD_NOT_MET,
	    "%d known key(s) signed, not enough for any role that signs %s",
	    __builtin_popcountll(tally->accepted),
	    trust_purpose_what(search->purpose));
}

/*
 * Find out what is wrong with one signature, if it says whose it is. Its answer
 * is a refusal whatever it finds; of an envelope it looks at this one alone.
 */
static int
refuse_bad(const struct search *search, size_t index, struct err *err)
{
	const struct trust_policy *policy = search->policy;
	struct dsse_signature signature =
	    dsse_signature_at(search->envelope, index);
	size_t hinted = find_hinted(policy, signature.claimed_keyid);

	if (hinted == policy->key_count) {
		err_set(err, IMAGE_SIGNATURE_BAD,
		    "no key of the trust policy accepts it");
	} else {
		TRY(verify_budget_take(search->budget,
		    PUBLIC_KEY_REFUSE_VERIFICATIONS, err));
		public_key_refuse(policy->keys[hinted], search->pae,
		    signature.sig, IMAGE_SIGNATURE_BAD, err);
	}
	snprintf(err->field, sizeof(err->field), "signatures[%zu].sig", index);
	return err_prefix(err, "%s", err->field);
}
