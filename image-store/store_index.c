#include "image-store/store_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_table.h"
#include "base/scope.h"
#include "base/utc.h"
#include "image-store/image_name.h"
#include "keys/dsse.h"

#define STORE_INDEX_JSON_DEPTH 3
#define STORE_INDEX_VALUES     (8 * LIMIT_INDEX_IMAGES)

static int read_images(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_images(const struct json_member *member,
    const void *value);
static int refuse_twice(const struct store_index *index, struct err *err);
static int compare_names(const void *a, const void *b);
static int compare_envelopes(const void *a, const void *b);
static const struct store_index_image *find(const struct store_index *index,
    const struct digest *envelope);
static bool is_listed(const struct store_index *index,
    const struct manifest *says, const struct digest *payload);
static bool is_same(const struct store_index_image *image,
    const struct manifest *says);

static const struct json_kind images_kind = {"[]", read_images, write_images};

static const struct json_member image_members[] = {
    {MEMBER_STRING("name", struct store_index_image, name),
	.is_valid = image_name_is_valid, .text = "not a legal name"},
    {MEMBER_STRING("version", struct store_index_image, version),
	.is_valid = image_version_is_valid, .text = "not a legal version"},
    {MEMBER_DIGEST("envelope", struct store_index_image, envelope)},
    {MEMBER_DIGEST("payload", struct store_index_image, payload)},
};
static const struct json_table image_table = {JSON_MEMBERS(image_members)};

static const struct json_member members[] = {
    {MEMBER_INTEGER("epoch", struct store_index, epoch, 1, INT64_MAX)},
    {MEMBER_TIME("expires", struct store_index, expires),
	.presence = JSON_NULLABLE},
    {MEMBER_OF_ALL("images", images_kind), .table = &image_table},
};
const struct json_table store_index_table = {JSON_MEMBERS(members),
    .schema = STORE_INDEX_SCHEMA};

bool
store_index_is_needed(const struct trust_policy *policy)
{
	return trust_has_purpose(policy, TRUST_STORE_INDEX);
}

int
store_index_verify(const struct trust_policy *policy,
    const struct sealed *raw_envelope, struct verify_budget *budget,
    struct store_index **ret_index, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct bytes raw = sealed_bytes(raw_envelope);
	struct trust_verdict verdict;

	/* Who signed this? Nothing of the payload is looked at before. */
	TRY(dsse_decode_max(raw, LIMIT_INDEX_ENVELOPE_BYTES, &envelope, err));
	TRY(trust_verify_for(policy, TRUST_STORE_INDEX, raw, envelope, budget,
	    &verdict, err));
	TRY(store_index_decode(dsse_raw_payload(envelope), &index, err));
	TRY(digest_of(dsse_raw_payload(envelope), &index->digest, err));
	*ret_index = take_ptr(&index);
	return 0;
}

int
store_index_decode(struct bytes text, struct store_index **ret_index,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct json_at root;

	if (text.len > LIMIT_STORE_INDEX_BYTES)
		return err_set(err, STORE_TOO_LARGE,
		    "store index: %zu bytes, limit %zu", text.len,
		    LIMIT_STORE_INDEX_BYTES);
	index = calloc(1, sizeof(*index));
	if (index == NULL)
		return err_set(err, NO_MEMORY, "store index");
	TRY(json_parse_many(text, STORE_INDEX_JSON_DEPTH, STORE_INDEX_VALUES,
	    "store index", STORE_INDEX_MALFORMED, &document, err));
	root = json_root(document, STORE_INDEX_MALFORMED);
	TRY(json_table_read(&root, &store_index_table, index, err));
	TRY(refuse_twice(index, err));
	*ret_index = take_ptr(&index);
	return 0;
}

void
store_index_freep(struct store_index **index)
{
	if (*index != NULL)
		free((*index)->images);
	freep(index);
}

int
store_index_check_epoch(const struct store_index *index, int64_t floor,
    struct err *err)
{
	if (index->epoch < floor)
		return err_set_field(err, STORE_ROLLBACK, "epoch",
		    "store index: epoch %lld is below the floor %lld",
		    (long long)index->epoch, (long long)floor);
	return 0;
}

int
store_index_check_expiry(const struct trust_policy *policy,
    const struct store_index *index, struct err *err)
{
	char end[UTC_TEXT_SIZE];
	char says[UTC_TEXT_SIZE];
	int64_t now;

	if (index->expires == UTC_NONE)
		return 0;
	TRY(trust_now(policy, &now, err));
	if (now <= index->expires)
		return 0;
	utc_text(index->expires, end);
	utc_text(now, says);
	return err_set_field(err, STORE_INDEX_EXPIRED, "expires",
	    "store index: good until %s; the system's clock says %s", end,
	    says);
}

bool
store_index_lists(const struct store_index *index,
    const struct digest *envelope)
{
	return find(index, envelope) != NULL;
}

int
store_index_allows(const struct store_index *index,
    const struct verified_manifest *manifest, struct err *err)
{
	const struct manifest *says = verified_manifest_get(manifest);
	const struct digest *payload = verified_manifest_payload(manifest);
	const struct store_index_image *image;

	if (index == NULL)
		return 0;
	image = find(index, verified_manifest_envelope(manifest));
	if (image == NULL && !is_listed(index, says, payload))
		return err_set(err, IMAGE_NOT_INDEXED,
		    "%s %s: the store index of epoch %lld does not list it",
		    says->name, says->version, (long long)index->epoch);
	if (image == NULL)
		return err_set(err, IMAGE_INDEXED_OTHERWISE,
		    "%s %s: the store index of epoch %lld lists another "
		    "envelope or payload",
		    says->name, says->version, (long long)index->epoch);
	if (!is_same(image, says) || !digest_equal(&image->payload, payload))
		return err_set(err, IMAGE_INDEXED_OTHERWISE,
		    "%s %s: the store index lists its envelope as %s %s, or "
		    "with another payload",
		    says->name, says->version, image->name, image->version);
	return 0;
}

int
store_index_blame(const struct store_index *index,
    const struct sealed *raw_envelope, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct bytes raw = sealed_bytes(raw_envelope);
	struct digest payload, found;
	struct err ignored;

	if (index == NULL ||
	    (err->code != THRESHOLD_NOT_MET && err->code != ROLE_NOT_ALLOWED) ||
	    dsse_decode(raw, &envelope, &ignored) != 0 ||
	    digest_of(dsse_raw_payload(envelope), &payload, &ignored) != 0 ||
	    digest_of(raw, &found, &ignored) != 0 ||
	    store_index_lists(index, &found))
		return (int)err->code;
	for (size_t i = 0; i < index->count; i++) {
		const struct store_index_image *image = &index->images[i];

		if (digest_equal(&image->payload, &payload))
			return err_set(err, IMAGE_INDEXED_OTHERWISE,
			    "%s %s: the store index of epoch %lld lists it in "
			    "another envelope, with other signatures",
			    image->name, image->version,
			    (long long)index->epoch);
	}
	return (int)err->code;
}

static int
read_images(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct store_index *index = ret_value;
	struct json_at images;
	size_t count;

	TRY(json_array_in(root, member->name, SIZE_MAX, &images, err));
	count = json_array_size(images.value);
	if (count > LIMIT_INDEX_IMAGES)
		return err_set_field(err, STORE_TOO_LARGE, "images",
		    "store index: %zu images, limit %d", count,
		    LIMIT_INDEX_IMAGES);
	/* One more: calloc of nothing may be NULL. */
	index->images = calloc(count + 1, sizeof(*index->images));
	if (index->images == NULL)
		return err_set(err, NO_MEMORY, "%zu images", count);
	for (size_t i = 0; i < count; i++) {
		struct json_at at;

		TRY(json_item_object(&images, i, &at, err));
		TRY(json_table_read(&at, member->table, &index->images[i],
		    err));
	}
	index->count = count;
	return 0;
}

static json_t *
write_images(const struct json_member *member, const void *value)
{
	const struct store_index *index = value;

	return json_table_write_items(member->table, index->images,
	    index->count, sizeof(*index->images));
}

static int
refuse_twice(const struct store_index *index, struct err *err)
{
	size_t size = sizeof(*index->images);
	CLEANUP(freep)
	struct store_index_image *sorted = calloc(index->count + 1, size);

	if (sorted == NULL)
		return err_set(err, NO_MEMORY, "%zu images", index->count);
	memcpy(sorted, index->images, index->count * size);
	qsort(sorted, index->count, size, compare_envelopes);
	for (size_t i = 1; i < index->count; i++) {
		if (compare_envelopes(&sorted[i - 1], &sorted[i]) == 0)
			return err_set_field(err, DESCRIPTOR_DUPLICATE,
			    "images",
			    "store index: the envelope of %s %s is listed "
			    "twice",
			    sorted[i].name, sorted[i].version);
	}
	qsort(sorted, index->count, size, compare_names);
	for (size_t i = 1; i < index->count; i++) {
		if (compare_names(&sorted[i - 1], &sorted[i]) == 0)
			return err_set_field(err, IMAGE_DUPLICATE, "images",
			    "store index: %s %s is listed twice",
			    sorted[i].name, sorted[i].version);
	}
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	const struct store_index_image *one = a;
	const struct store_index_image *other = b;
	int order = strcmp(one->name, other->name);

	return order != 0 ? order : strcmp(one->version, other->version);
}

static int
compare_envelopes(const void *a, const void *b)
{
	const struct store_index_image *one = a;
	const struct store_index_image *other = b;

	return memcmp(one->envelope.bytes, other->envelope.bytes, DIGEST_BYTES);
}

static const struct store_index_image *
find(const struct store_index *index, const struct digest *envelope)
{
	for (size_t i = 0; i < index->count; i++) {
		if (digest_equal(&index->images[i].envelope, envelope))
			return &index->images[i];
	}
	return NULL;
}

/* By what it is called, or by what was signed. */
static bool
is_listed(const struct store_index *index, const struct manifest *says,
    const struct digest *payload)
{
	for (size_t i = 0; i < index->count; i++) {
		if (is_same(&index->images[i], says) ||
		    digest_equal(&index->images[i].payload, payload))
			return true;
	}
	return false;
}

static bool
is_same(const struct store_index_image *image, const struct manifest *says)
{
	return strcmp(image->name, says->name) == 0 &&
	       strcmp(image->version, says->version) == 0;
}
