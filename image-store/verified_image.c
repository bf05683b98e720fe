#include "image-store/verified_image.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "image-store/elf_check.h"
#include "image-store/payload.h"
#include "image-store/provenance.h"
#include "image-store/ramdisk.h"
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

struct checked_blob {
	struct blob blob;
	struct sealed *sealed;
};

struct blob_intake {
	const char *what;
	struct blob blob;
	struct intake *pieces;
	struct hasher *hasher;
};

struct verified_image {
	struct verified_manifest *manifest;
	struct checked_blob *elf;
	struct checked_blob *ramdisk; /* NULL if there is none */
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
static int check_size(const struct blob *blob, const struct sealed *raw_bytes,
    const char *what, struct err *err);
static int check_digest(const struct blob *blob, const struct digest *found,
    const char *what, struct err *err);
static int new_checked(const struct blob *blob, struct sealed **bytes,
    struct checked_blob **ret_checked, struct err *err);
static int check_signed_blob(const struct blob *blob,
    const struct checked_blob *checked, const char *what, struct err *err);
static int check_signed_ramdisk(const struct manifest *manifest,
    const struct checked_blob *ramdisk, struct err *err);

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

int
blob_check(const struct blob *blob, const struct sealed *raw_bytes,
    const char *what, struct err *err)
{
	struct digest digest;

	TRY(check_size(blob, raw_bytes, what, err));
	TRY(digest_of(sealed_bytes(raw_bytes), &digest, err));
	return check_digest(blob, &digest, what, err);
}

int
checked_blob_new(const struct blob *blob, struct sealed *raw_bytes,
    const char *what, struct checked_blob **ret_checked, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *owned = raw_bytes;

	TRY(blob_check(blob, owned, what, err));
	return new_checked(blob, &owned, ret_checked, err);
}

int
checked_blob_from_cache(const struct blob *blob, struct sealed *checked,
    const char *what, struct checked_blob **ret_checked, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *owned = checked;

	TRY(check_size(blob, owned, what, err));
	return new_checked(blob, &owned, ret_checked, err);
}

void
checked_blob_freep(struct checked_blob **blob)
{
	if (*blob == NULL)
		return;
	sealed_free((*blob)->sealed);
	free(*blob);
	*blob = NULL;
}

const struct sealed *
checked_blob_sealed(const struct checked_blob *blob)
{
	return blob->sealed;
}

int
blob_intake_new(const struct blob *blob, const char *what,
    struct blob_intake **ret_intake, struct err *err)
{
	CLEANUP(blob_intake_freep)
	struct blob_intake *intake = calloc(1, sizeof(*intake));

	if (intake == NULL)
		return err_set(err, NO_MEMORY, "blob");
	intake->what = what;
	intake->blob = *blob;
	TRY(intake_new(blob->size_bytes, what, &intake->pieces, err));
	TRY(hasher_new(&intake->hasher, err));
	*ret_intake = take_ptr(&intake);
	return 0;
}

int
blob_intake_add(struct blob_intake *intake, int fd, struct err *err)
{
	struct bytes piece;

	TRY(intake_add(intake->pieces, fd, &piece, err));
	return hasher_add(intake->hasher, piece, err);
}

int
blob_intake_finish(struct blob_intake *intake,
    struct checked_blob **ret_checked, struct err *err)
{
	CLEANUP(blob_intake_freep) struct blob_intake *owned = intake;
	CLEANUP(sealed_freep) struct sealed *bytes = NULL;
	struct digest digest;

	TRY(intake_finish(take_ptr(&intake->pieces), &bytes, err));
	TRY(hasher_end(intake->hasher, &digest, err));
	TRY(check_digest(&intake->blob, &digest, intake->what, err));
	return new_checked(&intake->blob, &bytes, ret_checked, err);
}

void
blob_intake_freep(struct blob_intake **intake)
{
	if (*intake == NULL)
		return;
	intake_freep(&(*intake)->pieces);
	hasher_freep(&(*intake)->hasher);
	free(*intake);
	*intake = NULL;
}

int
verified_image_new(struct verified_manifest *manifest, struct checked_blob *elf,
    struct checked_blob *ramdisk, struct verified_image **ret_image,
    struct err *err)
{
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *owned_manifest = manifest;
	CLEANUP(checked_blob_freep) struct checked_blob *owned_elf = elf;
	CLEANUP(checked_blob_freep)
	struct checked_blob *owned_ramdisk = ramdisk;
	CLEANUP(freep) struct verified_image *image = calloc(1, sizeof(*image));
	const struct manifest *says = &manifest->manifest;

	if (image == NULL)
		return err_set(err, NO_MEMORY, "image");
	if (owned_manifest->needs_proof)
		return err_set(err, PROVENANCE_MISSING,
		    "role %s demands provenance, and none was looked at",
		    owned_manifest->role);
	TRY(check_signed_blob(&says->elf, elf, "unpacked kernel", err));
	TRY(check_signed_ramdisk(says, ramdisk, err));
	TRY(elf_check(sealed_bytes(elf->sealed), err));
	if (ramdisk != NULL)
		TRY(ramdisk_check(sealed_bytes(ramdisk->sealed), err));
	image->manifest = take_ptr(&owned_manifest);
	image->elf = take_ptr(&owned_elf);
	image->ramdisk = take_ptr(&owned_ramdisk);
	*ret_image = take_ptr(&image);
	return 0;
}

void
verified_image_freep(struct verified_image **image)
{
	if (*image == NULL)
		return;
	verified_manifest_freep(&(*image)->manifest);
	checked_blob_freep(&(*image)->elf);
	checked_blob_freep(&(*image)->ramdisk);
	free(*image);
	*image = NULL;
}

const struct verified_manifest *
verified_image_manifest(const struct verified_image *image)
{
	return image->manifest;
}

struct bytes
verified_image_elf(const struct verified_image *image)
{
	return sealed_bytes(image->elf->sealed);
}

struct bytes
verified_image_ramdisk(const struct verified_image *image)
{
	if (image->ramdisk == NULL)
		return bytes_of(NULL, 0);
	return sealed_bytes(image->ramdisk->sealed);
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

static int
check_size(const struct blob *blob, const struct sealed *raw_bytes,
    const char *what, struct err *err)
{
	size_t len = sealed_bytes(raw_bytes).len;

	if (len != blob->size_bytes)
		return err_set_field(err, IMAGE_SIZE_MISMATCH, what,
		    "%s: %zu bytes instead of %llu", what, len,
		    (unsigned long long)blob->size_bytes);
	return 0;
}

static int
check_digest(const struct blob *blob, const struct digest *found,
    const char *what, struct err *err)
{
	char text[DIGEST_TEXT_SIZE];

	digest_text(found, text);
	if (!digest_equal(found, &blob->digest))
		return err_set(err, IMAGE_DIGEST_MISMATCH,
		    "%s: has %s, which is not the signed digest", what, text);
	return 0;
}

/* Takes *bytes on success. */
static int
new_checked(const struct blob *blob, struct sealed **bytes,
    struct checked_blob **ret_checked, struct err *err)
{
	struct checked_blob *checked = calloc(1, sizeof(*checked));

	if (checked == NULL)
		return err_set(err, NO_MEMORY, "blob");
	checked->blob = *blob;
	checked->sealed = take_ptr(bytes);
	*ret_checked = checked;
	return 0;
}

/* A blob was checked against some digest; is that the one of this manifest? */
static int
check_signed_blob(const struct blob *blob, const struct checked_blob *checked,
    const char *what, struct err *err)
{
	if (checked->blob.size_bytes != blob->size_bytes ||
	    !digest_equal(&checked->blob.digest, &blob->digest))
		return err_set(err, IMAGE_DIGEST_MISMATCH,
		    "%s: not the one that the manifest names", what);
	return 0;
}

static int
check_signed_ramdisk(const struct manifest *manifest,
    const struct checked_blob *ramdisk, struct err *err)
{
	if (manifest->has_ramdisk != (ramdisk != NULL))
		return err_set(err, IMAGE_DIGEST_MISMATCH,
		    "ramdisk: %s, but the manifest names %s",
		    ramdisk != NULL ? "given" : "missing",
		    manifest->has_ramdisk ? "one" : "none");
	if (ramdisk == NULL)
		return 0;
	return check_signed_blob(&manifest->ramdisk, ramdisk, "ramdisk", err);
}
