#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int check_revoked(const struct trust_policy *policy,
    const struct digest *envelope_digest, const struct dsse_envelope *envelope,
    struct err *err);
static int count_keys(const struct trust_policy *policy,
    const struct dsse_envelope *envelope, struct tally *ret_tally,
    struct err *err);
static void count_signature(const struct trust_policy *policy, struct bytes pae,
    const struct dsse_envelope *envelope, size_t index, struct tally *tally);
static void count_bad(size_t index, bool is_named, struct tally *tally);
static size_t find_signer(const struct trust_policy *policy, struct bytes pae,
    struct bytes sig, size_t hinted);
static size_t find_hinted(const struct trust_policy *policy,
    const char *claimed_keyid);
static bool is_met(const struct trust_policy *policy,
    const struct trust_role *role, uint64_t keys);
static int refuse(const struct trust_policy *policy, enum trust_purpose purpose,
    const struct dsse_envelope *envelope, const struct tally *tally,
    struct err *err);
static int refuse_bad(const struct trust_policy *policy,
    const struct dsse_envelope *envelope, size_t index, struct err *err);

int
trust_verify_for(const struct trust_policy *policy, enum trust_purpose purpose,
    struct bytes raw, const struct dsse_envelope *envelope,
    struct trust_verdict *ret_verdict, struct err *err)
{
	struct trust_verdict verdict;
	struct tally tally;

	if (!trust_has_purpose(policy, purpose))
		return err_set(err, TRUST_NO_ROLE,
		    "trust policy: no role signs %s",
		    trust_purpose_what(purpose));

	/* Is it one that must never run again, whoever signed it? */
	TRY(digest_of(raw, &verdict.envelope, err));
	TRY(check_revoked(policy, &verdict.envelope, envelope, err));

	/* Which keys signed, and which roles do they make up? */
	TRY(count_keys(policy, envelope, &tally, err));
	verdict.keys = tally.accepted & ~policy->revoked_keys;
	verdict.roles = trust_roles_met(policy, purpose, verdict.keys);
	if (verdict.roles == 0)
		return refuse(policy, purpose, envelope, &tally, err);

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

	TRY(trust_check_digest(policy, envelope_digest, "envelope", err));
	TRY(digest_of(dsse_raw_payload(envelope), &payload_digest, err));
	return trust_check_digest(policy, &payload_digest, "payload", err);
}

static int
count_keys(const struct trust_policy *policy,
    const struct dsse_envelope *envelope, struct tally *ret_tally,
    struct err *err)
{
	CLEANUP(freep) uint8_t *pae = NULL;
	struct tally tally = {.accepted = 0};
	size_t len;

	TRY(dsse_pae(dsse_payload_type(envelope), dsse_raw_payload(envelope),
	    &pae, &len, err));
	for (size_t i = 0; i < dsse_signature_count(envelope); i++)
		count_signature(policy, bytes_of(pae, len), envelope, i,
		    &tally);
	*ret_tally = tally;
	return 0;
}

static void
count_signature(const struct trust_policy *policy, struct bytes pae,
    const struct dsse_envelope *envelope, size_t index, struct tally *tally)
{
	struct dsse_signature signature = dsse_signature_at(envelope, index);
	size_t hinted = find_hinted(policy, signature.claimed_keyid);
	size_t signer = find_signer(policy, pae, signature.sig, hinted);

	if (signer < policy->key_count)
		tally->accepted |= UINT64_C(1) << signer;
	else if (signature.claimed_keyid == NULL || hinted < policy->key_count)
		count_bad(index, hinted < policy->key_count, tally);
	else
		tally->has_unknown = true;
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

/* The hinted key first, then every other key, each of them once. */
static size_t
find_signer(const struct trust_policy *policy, struct bytes pae,
    struct bytes sig, size_t hinted)
{
	if (hinted < policy->key_count &&
	    public_key_accepts(policy->keys[hinted], pae, sig))
		return hinted;
	for (size_t i = 0; i < policy->key_count; i++) {
		if (i != hinted &&
		    public_key_accepts(policy->keys[i], pae, sig))
			return i;
	}
	return policy->key_count;
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
refuse(const struct trust_policy *policy, enum trust_purpose purpose,
    const struct dsse_envelope *envelope, const struct tally *tally,
    struct err *err)
{
	if (tally->has_bad)
		return refuse_bad(policy, envelope, tally->bad, err);
	if (trust_roles_met(policy, purpose, tally->accepted) != 0)
		return err_set(err, KEY_REVOKED,
		    "enough keys signed, but too many of them are revoked");
	if (tally->has_unknown)
		return err_set(err, KEY_UNKNOWN,
		    "a signature is by a key outside the trust policy");
	return err_set(err, THRESHOLD_NOT_MET,
	    "%d known key(s) signed, not enough for any role that signs %s",
	    __builtin_popcountll(tally->accepted), trust_purpose_what(purpose));
}

/*
 * Find out what is wrong with one signature, if it says whose it is. Its answer
 * is a refusal whatever it finds; of an envelope it looks at this one alone.
 */
static int
refuse_bad(const struct trust_policy *policy,
    const struct dsse_envelope *envelope, size_t index, struct err *err)
{
	CLEANUP(freep) uint8_t *pae = NULL;
	struct dsse_signature signature = dsse_signature_at(envelope, index);
	size_t hinted = find_hinted(policy, signature.claimed_keyid);
	size_t len;

	if (hinted == policy->key_count) {
		err_set(err, IMAGE_SIGNATURE_BAD,
		    "no key of the trust policy accepts it");
	} else {
		TRY(dsse_pae(dsse_payload_type(envelope),
		    dsse_raw_payload(envelope), &pae, &len, err));
		public_key_refuse(policy->keys[hinted], bytes_of(pae, len),
		    signature.sig, IMAGE_SIGNATURE_BAD, err);
	}
	snprintf(err->field, sizeof(err->field), "signatures[%zu].sig", index);
	return err_prefix(err, "%s", err->field);
}
