#include "image-store/pack/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "image-store/pack/image_claims.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_write.h"
#include "image-store/pack/oci_encode.h"
#include "image-store/pack/store_index_write.h"

/* OCI manifest, config and layers. */
#define BLOBS_EACH (2 + OCI_LAYERS)

/* What a source has to choose from. */
struct offer {
	struct layout_list list;
	struct payload *payloads; /* of each; NULL if no digest is wanted */
};

struct payload {
	struct digest digest;
	bool is_known; /* its envelope could be read */
};

static void offer_done(struct offer *offer);
static int read_payloads(int source_fd, const struct transfer_wanted *wanted,
    struct offer *offer, struct err *err);
static bool is_any_a_digest(const struct transfer_wanted *wanted);
static int plan_images(int source_fd, const struct transfer_wanted *wanted,
    const struct offer *offer, struct transfer *transfer, struct err *err);
static bool is_wanted(const struct offer *offer, size_t index,
    const char *name);
static bool is_one_wanted(const struct offer *offer, size_t index,
    const struct transfer_wanted *wanted);
static int refuse_unknown(const struct offer *offer,
    const struct transfer_wanted *wanted, struct err *err);
static int plan_image(int source_fd, const struct layout_entry *entry,
    struct transfer *transfer, struct err *err);
static int check_claims(int source_fd, const struct layout_entry *entry,
    const struct oci_artifact *artifact, struct err *err);
static int check_layer(const struct manifest *claimed, const char *what,
    const struct blob *listed, const struct blob *wanted, struct err *err);
static int plan_store_index(int source_fd, struct transfer *transfer,
    struct err *err);
static void add_blobs(struct transfer *transfer,
    const struct blob *oci_manifest, const struct oci_artifact *artifact);
static void sort_blobs(struct transfer *transfer);
static int compare_blobs(const void *a, const void *b);
static int put_into_index(json_t *index, const struct transfer *transfer,
    bool replace, struct err *err);
static bool has_already(const json_t *index, const json_t *entry);
static int check_store_index(int source_fd, const struct transfer *transfer,
    int dir_fd, struct err *err);

int
transfer_plan(int source_fd, const struct transfer_wanted *wanted,
    struct transfer *ret_transfer, struct err *err)
{
	CLEANUP(offer_done) struct offer offer = {.payloads = NULL};
	CLEANUP(transfer_done) struct transfer transfer = {0};

	TRY(layout_read(source_fd, NULL, &offer.list, err));
	TRY(read_payloads(source_fd, wanted, &offer, err));
	TRY(refuse_unknown(&offer, wanted, err));
	transfer.index = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2,
	    "mediaType", OCI_INDEX_TYPE, "manifests");
	transfer.blobs = calloc((offer.list.count + 1) * BLOBS_EACH,
	    sizeof(*transfer.blobs));
	if (transfer.index == NULL || transfer.blobs == NULL)
		return err_set(err, NO_MEMORY, "%zu images", offer.list.count);
	TRY(plan_images(source_fd, wanted, &offer, &transfer, err));
	if (wanted->count == 0)
		TRY(plan_store_index(source_fd, &transfer, err));
	sort_blobs(&transfer);
	*ret_transfer = transfer;
	transfer = (struct transfer){0};
	return 0;
}

void
transfer_done(struct transfer *transfer)
{
	json_freep(&transfer->index);
	freep(&transfer->blobs);
}

int
transfer_check_layers(const struct oci_artifact *listed,
    const struct manifest *claimed, struct err *err)
{
	TRY(check_layer(claimed, "kernel", &listed->layers[1], &claimed->kernel,
	    err));
	if (claimed->has_ramdisk != (listed->file_count > 2))
		return err_set(err, BLOB_DIGEST_MISMATCH,
		    "%s:%s: ramdisk: the envelope signs %s, the store lists %s",
		    claimed->name, claimed->version,
		    claimed->has_ramdisk ? "one" : "none",
		    claimed->has_ramdisk ? "none" : "one");
	if (!claimed->has_ramdisk)
		return 0;
	return check_layer(claimed, "ramdisk", &listed->layers[2],
	    &claimed->ramdisk, err);
}

int
transfer_blob(int source_fd, const struct blob *blob, struct sealed **ret_bytes,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *bytes = NULL;
	char what[DIGEST_TEXT_SIZE];
	struct digest digest;

	digest_text(&blob->digest, what);
	if (layout_copy_blob(source_fd, &blob->digest, blob->size_bytes, what,
		&bytes, err) != 0) {
		if (err->code == IMAGE_SIZE_MISMATCH)
			err->code = BLOB_SIZE_MISMATCH;
		return (int)err->code;
	}
	TRY(digest_of(sealed_bytes(bytes), &digest, err));
	if (!digest_equal(&digest, &blob->digest))
		return err_set(err, BLOB_DIGEST_MISMATCH,
		    "%s: the blob of this name has another content", what);
	*ret_bytes = take_ptr(&bytes);
	return 0;
}

int
transfer_to_store(int source_fd, const struct transfer *transfer,
    const char *path, bool replace, struct err *err)
{
	CLEANUP(json_freep) json_t *index = NULL;
	CLEANUP(closep) int dir_fd = -1; /* holds the lock */

	/* Decide everything before anything is written. */
	TRY(layout_lock(path, &dir_fd, err));
	TRY(layout_read_index(dir_fd, &index, err));
	TRY(put_into_index(index, transfer, replace, err));
	if (transfer->has_store_index)
		TRY(check_store_index(source_fd, transfer, dir_fd, err));

	/* A blob that nothing names does no harm; the index makes it count. */
	for (size_t i = 0; i < transfer->count; i++) {
		CLEANUP(sealed_freep) struct sealed *bytes = NULL;

		TRY(transfer_blob(source_fd, &transfer->blobs[i], &bytes, err));
		if (layout_write_blob(dir_fd, sealed_bytes(bytes), err) != 0)
			return err_prefix(err, "%s", err_quote_str(path).text);
	}
	if (layout_write_index(dir_fd, index, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

static void
offer_done(struct offer *offer)
{
	layout_list_done(&offer->list);
	freep(&offer->payloads);
}

/* An envelope that cannot be read matters only if its image is wanted. */
static int
read_payloads(int source_fd, const struct transfer_wanted *wanted,
    struct offer *offer, struct err *err)
{
	if (!is_any_a_digest(wanted))
		return 0;
	offer->payloads =
	    calloc(offer->list.count + 1, sizeof(*offer->payloads));
	if (offer->payloads == NULL)
		return err_set(err, NO_MEMORY, "%zu images", offer->list.count);
	for (size_t i = 0; i < offer->list.count; i++) {
		struct payload *payload = &offer->payloads[i];
		struct err ignored;

		payload->is_known =
		    image_claims_payload(source_fd, &offer->list.entries[i],
			&payload->digest, &ignored) == 0;
	}
	return 0;
}

static bool
is_any_a_digest(const struct transfer_wanted *wanted)
{
	struct digest ignored;

	for (size_t i = 0; i < wanted->count; i++) {
		if (digest_from_text(wanted->names[i], &ignored))
			return true;
	}
	return false;
}

static int
plan_images(int source_fd, const struct transfer_wanted *wanted,
    const struct offer *offer, struct transfer *transfer, struct err *err)
{
	for (size_t i = 0; i < offer->list.count; i++) {
		if (is_one_wanted(offer, i, wanted))
			TRY(plan_image(source_fd, &offer->list.entries[i],
			    transfer, err));
	}
	return 0;
}

static bool
is_one_wanted(const struct offer *offer, size_t index,
    const struct transfer_wanted *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		if (is_wanted(offer, index, wanted->names[i]))
			return true;
	}
	return wanted->count == 0;
}

static bool
is_wanted(const struct offer *offer, size_t index, const char *name)
{
	const struct layout_entry *entry = &offer->list.entries[index];
	size_t len = strlen(entry->claimed_name);
	struct digest digest;

	if (digest_from_text(name, &digest))
		return digest_equal(&digest, &entry->oci_manifest.digest) ||
		       digest_equal(&digest, &entry->envelope) ||
		       (offer->payloads[index].is_known &&
			   digest_equal(&digest,
			       &offer->payloads[index].digest));
	return strncmp(name, entry->claimed_name, len) == 0 &&
	       (name[len] == '\0' ||
		   (name[len] == ':' &&
		       strcmp(name + len + 1, entry->claimed_version) == 0));
}

static int
refuse_unknown(const struct offer *offer, const struct transfer_wanted *wanted,
    struct err *err)
{
	for (size_t i = 0; i < wanted->count; i++) {
		size_t at = 0;

		while (at < offer->list.count &&
		       !is_wanted(offer, at, wanted->names[i]))
			at++;
		if (at == offer->list.count)
			return err_set(err, IMAGE_UNKNOWN,
			    "%s: not in the store",
			    err_quote_str(wanted->names[i]).text);
	}
	return 0;
}

static int
plan_image(int source_fd, const struct layout_entry *entry,
    struct transfer *transfer, struct err *err)
{
	struct oci_artifact artifact;
	char ref[IMAGE_REF_SIZE];

	TRY(layout_read_manifest(source_fd, &entry->oci_manifest, OCI_IMAGE,
	    &artifact, NULL, err));
	TRY(check_claims(source_fd, entry, &artifact, err));
	snprintf(ref, sizeof(ref), "%s:%s", entry->claimed_name,
	    entry->claimed_version);
	TRY(oci_index_put(transfer->index, OCI_IMAGE, ref, &entry->oci_manifest,
	    false, err));
	add_blobs(transfer, &entry->oci_manifest, &artifact);
	return 0;
}

/* What is signed decides; a store that lists something else is refused. */
static int
check_claims(int source_fd, const struct layout_entry *entry,
    const struct oci_artifact *artifact, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	struct manifest claimed;

	TRY(transfer_blob(source_fd, &artifact->layers[0], &envelope, err));
	TRY(image_claims_read(sealed_bytes(envelope), &claimed, NULL, err));
	if (strcmp(claimed.name, entry->claimed_name) != 0 ||
	    strcmp(claimed.version, entry->claimed_version) != 0)
		return err_set(err, IMAGE_NAME_MISMATCH,
		    "the store lists %s:%s, which is %s:%s",
		    entry->claimed_name, entry->claimed_version, claimed.name,
		    claimed.version);
	return transfer_check_layers(artifact, &claimed, err);
}

static int
check_layer(const struct manifest *claimed, const char *what,
    const struct blob *listed, const struct blob *wanted, struct err *err)
{
	if (listed->size_bytes != wanted->size_bytes)
		return err_set(err, BLOB_SIZE_MISMATCH,
		    "%s:%s: %s: the envelope signs %llu bytes, the store lists "
		    "%llu",
		    claimed->name, claimed->version, what,
		    (unsigned long long)wanted->size_bytes,
		    (unsigned long long)listed->size_bytes);
	if (!digest_equal(&listed->digest, &wanted->digest))
		return err_set(err, BLOB_DIGEST_MISMATCH,
		    "%s:%s: %s: the envelope signs another one than the store "
		    "lists",
		    claimed->name, claimed->version, what);
	return 0;
}

static int
plan_store_index(int source_fd, struct transfer *transfer, struct err *err)
{
	struct oci_artifact artifact;
	struct blob oci_manifest;
	int code =
	    layout_find_store_index(source_fd, &oci_manifest, &artifact, err);

	if (code == STORE_INDEX_MISSING)
		return 0;
	if (code != 0)
		return code;
	TRY(oci_index_put(transfer->index, OCI_STORE_INDEX,
	    LAYOUT_STORE_INDEX_NAME, &oci_manifest, false, err));
	add_blobs(transfer, &oci_manifest, &artifact);
	transfer->has_store_index = true;
	transfer->store_index = artifact.layers[0];
	return 0;
}

static void
add_blobs(struct transfer *transfer, const struct blob *oci_manifest,
    const struct oci_artifact *artifact)
{
	transfer->blobs[transfer->count++] = *oci_manifest;
	transfer->blobs[transfer->count++] = artifact->config;
	for (size_t i = 0; i < artifact->layer_count; i++)
		transfer->blobs[transfer->count++] = artifact->layers[i];
}

/* One digest with two sizes stays twice, and one of them is refused. */
static void
sort_blobs(struct transfer *transfer)
{
	struct blob *blobs = transfer->blobs;
	size_t kept = 0;

	qsort(blobs, transfer->count, sizeof(*blobs), compare_blobs);
	for (size_t i = 0; i < transfer->count; i++) {
		if (kept == 0 || compare_blobs(&blobs[kept - 1], &blobs[i]))
			blobs[kept++] = blobs[i];
	}
	transfer->count = kept;
}

static int
compare_blobs(const void *a, const void *b)
{
	const struct blob *one = a;
	const struct blob *other = b;
	int order =
	    memcmp(one->digest.bytes, other->digest.bytes, DIGEST_BYTES);

	if (order != 0)
		return order;
	return (one->size_bytes > other->size_bytes) -
	       (one->size_bytes < other->size_bytes);
}

static int
put_into_index(json_t *index, const struct transfer *transfer, bool replace,
    struct err *err)
{
	struct json_at root = json_root(transfer->index, BUG);
	struct json_at manifests;

	TRY(json_array_in(&root, "manifests", SIZE_MAX, &manifests, err));
	for (size_t i = 0; i < json_array_size(manifests.value); i++) {
		struct json_at at;
		struct blob blob;
		bool is_image;

		TRY(json_item_object(&manifests, i, &at, err));
		TRY(oci_descriptor_decode(&at, OCI_MANIFEST_TYPE,
		    LIMIT_OCI_MANIFEST_BYTES, &blob, err));
		is_image = oci_is_kind(&at, OCI_IMAGE);
		TRY(oci_index_put(index, is_image ? OCI_IMAGE : OCI_STORE_INDEX,
		    oci_ref_name(&at), &blob,
		    replace || !is_image || has_already(index, at.value), err));
	}
	return 0;
}

/* An entry of the same name and digest. */
static bool
has_already(const json_t *index, const json_t *entry)
{
	const json_t *entries = json_object_get(index, "manifests");

	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *old = json_array_get(entries, i);

		if (json_equal(json_object_get(old, "digest"),
			json_object_get(entry, "digest")) &&
		    json_equal(json_object_get(old, "annotations"),
			json_object_get(entry, "annotations")))
			return true;
	}
	return false;
}

static int
check_store_index(int source_fd, const struct transfer *transfer, int dir_fd,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;

	TRY(transfer_blob(source_fd, &transfer->store_index, &envelope, err));
	return store_index_check_newer(dir_fd, sealed_bytes(envelope), err);
}
