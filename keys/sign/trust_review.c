#include "keys/sign/trust_review.h"

#include "base/scope.h"
#include "keys/trust_policy.h"

static int check_signers(const struct trust_policy *policy,
    const struct trust_past *past, struct err *err);
static uint64_t known_signers(const struct trust_policy *policy,
    const struct trust_past *past);

int
trust_review(const struct trust_policy *policy, const struct trust_past *past,
    struct err *err)
{
	struct trust_verdict verdict = {.roles = 0};
	size_t role;

	TRY(trust_check_digest(policy, &past->payload, "payload", err));
	TRY(trust_check_digest(policy, &past->envelope, "envelope", err));
	TRY(trust_check_rollback(policy, past->rollback_location,
	    past->rollback_index, err));
	TRY(check_signers(policy, past, err));
	verdict.roles =
	    trust_roles_met(policy, TRUST_IMAGE, known_signers(policy, past));
	if (verdict.roles == 0)
		return err_set(err, KEY_UNKNOWN,
		    "the signers that the policy still has are no role");
	return trust_allows_image(policy, &verdict, past->image, past->is_debug,
	    &role, err);
}

static int
check_signers(const struct trust_policy *policy, const struct trust_past *past,
    struct err *err)
{
	for (size_t i = 0; i < past->signer_count; i++) {
		char hex[DIGEST_HEX_SIZE];

		digest_hex(&past->signers[i], hex);
		if (trust_revokes_key(policy, &past->signers[i]))
			return err_set_field(err, KEY_REVOKED, "signers",
			    "signed by the revoked key %.16s...", hex);
	}
	return 0;
}

static uint64_t
known_signers(const struct trust_policy *policy, const struct trust_past *past)
{
	uint64_t keys = 0;

	for (size_t i = 0; i < past->signer_count; i++) {
		size_t key = trust_find_key(policy, &past->signers[i]);

		if (key < policy->key_count)
			keys |= UINT64_C(1) << key;
	}
	return keys;
}
