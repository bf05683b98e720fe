#include "image-store/verified_manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "image-store/payload.h"
#include "image-store/provenance.h"
#include "keys/dsse.h"

struct verified_manifest {
	struct manifest manifest;
	struct trust_verdict verdict;
	struct digest payload;
	char *role;
	size_t role_index;
	bool needs_proof; /* provenance is demanded, and not yet there */
	bool needs_unpacking;
	struct provenance_proof proof;
	struct digest signers[LIMIT_SIGNATURES];
	size_t signer_count;
};

static int judge(const struct trust_policy *policy,
    const struct trust_verdict *known, struct bytes raw,
    const struct dsse_envelope *envelope, struct verify_budget *budget,
    struct trust_verdict *ret_verdict, struct err *err);
static void remember_signers(struct verified_manifest *manifest,
    const struct trust_policy *policy, const struct trust_verdict *verdict);
static int check_predicate(const struct trust_policy *policy,
    const struct dsse_envelope *envelope, const struct manifest *manifest,
    struct err *err);
static int check_name(const char *name, const struct manifest *manifest,
    struct err *err);

int
verified_manifest_new(const struct trust_policy *policy, const char *name,
    const struct sealed *raw_envelope, struct verify_budget *budget,
    struct verified_manifest **ret_manifest, struct err *err)
{
	return verified_manifest_again(policy, NULL, name, raw_envelope, budget,
	    ret_manifest, err);
}

int
verified_manifest_again(const struct trust_policy *policy,
    const struct trust_verdict *known, const char *name,
    const struct sealed *raw_envelope, struct verify_budget *budget,
    struct verified_manifest **ret_manifest, struct err *err)
{
	CLEANUP(verified_manifest_freep) struct verified_manifest *made = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct bytes raw = sealed_bytes(raw_envelope);
	struct bytes payload;
	size_t role;

	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return err_set(err, NO_MEMORY, "manifest");

	/* Who signed this? Nothing of the payload is looked at before. */
	TRY(dsse_decode(raw, &envelope, err));
	TRY(judge(policy, known, raw, envelope, budget, &made->verdict, err));
	payload = dsse_raw_payload(envelope);
	TRY(payload_decode(dsse_payload_type(envelope), payload,
	    &made->manifest, err));
	TRY(check_predicate(policy, envelope, &made->manifest, err));

	/* Is it what was asked for, theirs to sign, and of the day? */
	TRY(check_name(name, &made->manifest, err));
	TRY(trust_allows_image(policy, &made->verdict, made->manifest.name,
	    made->manifest.is_debug, &role, err));
	TRY(trust_check_rollback(policy, made->manifest.rollback_location,
	    made->manifest.rollback_index, err));
	TRY(trust_check_validity(policy, made->manifest.not_before,
	    made->manifest.not_after, err));

	/* Remember what was verified. */
	TRY(digest_of(payload, &made->payload, err));
	made->role_index = role;
	made->needs_proof = trust_demand_count(policy, role) > 0;
	made->role = strdup(trust_role_name(policy, role));
	if (made->role == NULL)
		return err_set(err, NO_MEMORY, "role name");
	remember_signers(made, policy, &made->verdict);
	*ret_manifest = take_ptr(&made);
	return 0;
}

bool
verified_manifest_needs_proof(const struct verified_manifest *manifest)
{
	return manifest->needs_proof;
}

bool
verified_manifest_needs_unpacking(const struct verified_manifest *manifest)
{
	return manifest->needs_unpacking;
}

int
verified_manifest_show(const struct trust_policy *policy,
    struct verified_manifest *manifest, const struct sealed *raw_provenance,
    struct verify_budget *budget, struct err *err)
{
	struct err ignored;

	TRY(provenance_show(&manifest->proof, policy, manifest->role_index,
	    &manifest->manifest, raw_provenance, budget, err));
	if (provenance_require(&manifest->proof, policy, manifest->role_index,
		&manifest->manifest, &ignored) == 0)
		manifest->needs_proof = false;
	manifest->needs_unpacking = !provenance_is_of_elf(&manifest->proof,
	    policy, manifest->role_index);
	return 0;
}

int
verified_manifest_require_proof(const struct trust_policy *policy,
    const struct verified_manifest *manifest, struct err *err)
{
	if (!manifest->needs_proof)
		return 0;
	return provenance_require(&manifest->proof, policy,
	    manifest->role_index, &manifest->manifest, err);
}

void
verified_manifest_freep(struct verified_manifest **manifest)
{
	if (*manifest == NULL)
		return;
	free((*manifest)->role);
	free(*manifest);
	*manifest = NULL;
}

const struct manifest *
verified_manifest_get(const struct verified_manifest *manifest)
{
	return &manifest->manifest;
}

const struct digest *
verified_manifest_envelope(const struct verified_manifest *manifest)
{
	return &manifest->verdict.envelope;
}

const struct digest *
verified_manifest_payload(const struct verified_manifest *manifest)
{
	return &manifest->payload;
}

const struct trust_verdict *
verified_manifest_verdict(const struct verified_manifest *manifest)
{
	return &manifest->verdict;
}

const char *
verified_manifest_role(const struct verified_manifest *manifest)
{
	return manifest->role;
}

const struct digest *
verified_manifest_signers(const struct verified_manifest *manifest,
    size_t *ret_count)
{
	*ret_count = manifest->signer_count;
	return manifest->signers;
}

/* No more than there were signatures. */
static void
remember_signers(struct verified_manifest *manifest,
    const struct trust_policy *policy, const struct trust_verdict *verdict)
{
	for (size_t key = 0; key < LIMIT_TRUST_KEYS; key++) {
		if ((verdict->keys >> key & 1) == 0)
			continue;
		bug_unless(manifest->signer_count < LIMIT_SIGNATURES);
		manifest->signers[manifest->signer_count++] =
		    *trust_key_id(policy, key);
	}
}

static int
judge(const struct trust_policy *policy, const struct trust_verdict *known,
    struct bytes raw, const struct dsse_envelope *envelope,
    struct verify_budget *budget, struct trust_verdict *ret_verdict,
    struct err *err)
{
	struct digest digest;

	if (known == NULL)
		return trust_verify_for(policy, TRUST_IMAGE, raw, envelope,
		    budget, ret_verdict, err);
	TRY(digest_of(raw, &digest, err));
	if (!digest_equal(&digest, &known->envelope))
		return trust_verify_for(policy, TRUST_IMAGE, raw, envelope,
		    budget, ret_verdict, err);
	*ret_verdict = *known;
	return 0;
}

/*
 * Of a statement: is the manifest that it is about revoked? That is what was
 * packed, and there may be more than one statement about it.
 */
static int
check_predicate(const struct trust_policy *policy,
    const struct dsse_envelope *envelope, const struct manifest *manifest,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	struct digest digest;

	if (strcmp(dsse_payload_type(envelope), DSSE_IMAGE_PAYLOAD_TYPE) == 0)
		return 0;
	TRY(manifest_encode(manifest, &text, err));
	TRY(digest_of(bytes_of_str(text), &digest, err));
	return trust_check_digest(policy, &digest, "manifest in the statement",
	    err);
}

static int
check_name(const char *name, const struct manifest *manifest, struct err *err)
{
	if (name != NULL && strcmp(name, manifest->name) != 0)
		return err_set(err, IMAGE_NAME_MISMATCH,
		    "\"%s\" was asked for, \"%s\" is signed",
		    err_quote_str(name).text, manifest->name);
	return 0;
}
