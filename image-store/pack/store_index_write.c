#include "image-store/pack/store_index_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "image-store/pack/image_claims.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_write.h"
#include "image-store/pack/oci_encode.h"
#include "keys/dsse.h"

static int read_rows(int dir_fd, struct store_index_image *rows,
    const struct layout_list *list, struct err *err);
static int read_row(int dir_fd, const struct layout_entry *entry,
    struct store_index_image *row, struct err *err);
static int compare_rows(const void *a, const void *b);
static int write_text(json_t *document, char **ret_text, struct err *err);
static int decode_envelope(struct bytes raw,
    struct dsse_envelope **ret_envelope, struct store_index **ret_index,
    struct err *err);
static int refuse_older(struct bytes payload, const struct store_index *old,
    struct err *err);
static int put(int dir_fd, struct bytes envelope, struct err *err);

int
store_index_encode(int dir_fd, int64_t epoch, int64_t expires, char **ret_text,
    struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list list = {0};
	CLEANUP(freep) struct store_index_image *rows = NULL;
	CLEANUP(json_freep) json_t *document = NULL;
	struct store_index index = {.epoch = epoch, .expires = expires};

	TRY(layout_read(dir_fd, NULL, &list, err));
	rows = calloc(list.count + 1, sizeof(*rows));
	if (rows == NULL)
		return err_set(err, NO_MEMORY, "%zu images", list.count);
	TRY(read_rows(dir_fd, rows, &list, err));
	index.images = rows;
	index.count = list.count;
	document = json_table_write(&store_index_table, &index);
	return write_text(document, ret_text, err);
}

int
store_index_read_old(int dir_fd, struct bytes payload, char **ret_text,
    size_t *ret_len, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	CLEANUP(store_index_freep) struct store_index *old = NULL;
	CLEANUP(freep) char *text = NULL;
	struct bytes kept = bytes_of("", 0);
	int code = layout_copy_store_index(dir_fd, &raw, err);

	if (code != 0 && code != STORE_INDEX_MISSING)
		return code;
	if (code == 0) {
		TRY(decode_envelope(sealed_bytes(raw), &envelope, &old, err));
		if (bytes_equal(dsse_raw_payload(envelope), payload))
			kept = sealed_bytes(raw);
		else
			TRY(refuse_older(payload, old, err));
	}
	text = calloc(1, kept.len + 1);
	if (text == NULL)
		return err_set(err, NO_MEMORY, "store index");
	memcpy(text, kept.ptr, kept.len);
	*ret_text = take_ptr(&text);
	*ret_len = kept.len;
	return 0;
}

int
store_index_check_newer(int dir_fd, struct bytes envelope, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *decoded = NULL;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(freep) char *old = NULL;
	size_t old_len;

	TRY(decode_envelope(envelope, &decoded, &index, err));
	return store_index_read_old(dir_fd, dsse_raw_payload(decoded), &old,
	    &old_len, err);
}

int
store_index_put(const char *path, struct bytes envelope, struct err *err)
{
	CLEANUP(closep) int dir_fd = -1; /* holds the lock */

	TRY(layout_lock(path, &dir_fd, err));
	return store_index_put_locked(dir_fd, envelope, err);
}

int
store_index_put_locked(int dir_fd, struct bytes envelope, struct err *err)
{
	TRY(store_index_check_newer(dir_fd, envelope, err));
	return put(dir_fd, envelope, err);
}

static int
read_rows(int dir_fd, struct store_index_image *rows,
    const struct layout_list *list, struct err *err)
{
	for (size_t i = 0; i < list->count; i++)
		TRY(read_row(dir_fd, &list->entries[i], &rows[i], err));
	qsort(rows, list->count, sizeof(*rows), compare_rows);
	return 0;
}

static int
read_row(int dir_fd, const struct layout_entry *entry,
    struct store_index_image *row, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	struct manifest claimed;

	if (layout_copy_blob_max(dir_fd, &entry->envelope, LIMIT_ENVELOPE_BYTES,
		"envelope", &envelope, err) != 0)
		return err_prefix(err, "%s:%s", entry->claimed_name,
		    entry->claimed_version);
	TRY(image_claims_read(sealed_bytes(envelope), &claimed, &row->payload,
	    err));
	TRY(digest_of(sealed_bytes(envelope), &row->envelope, err));
	if (!digest_equal(&row->envelope, &entry->envelope))
		return err_set(err, BLOB_DIGEST_MISMATCH,
		    "%s:%s: envelope: does not have the digest of its name",
		    entry->claimed_name, entry->claimed_version);
	if (strcmp(claimed.name, entry->claimed_name) != 0 ||
	    strcmp(claimed.version, entry->claimed_version) != 0)
		return err_set(err, IMAGE_NAME_MISMATCH,
		    "the store lists %s:%s, which is %s:%s",
		    entry->claimed_name, entry->claimed_version, claimed.name,
		    claimed.version);
	memcpy(row->name, claimed.name, sizeof(row->name));
	memcpy(row->version, claimed.version, sizeof(row->version));
	return 0;
}

static int
compare_rows(const void *a, const void *b)
{
	const struct store_index_image *one = a;
	const struct store_index_image *other = b;
	int order = strcmp(one->name, other->name);

	return order != 0 ? order : strcmp(one->version, other->version);
}

/* Give out nothing that assayd would not read. */
static int
write_text(json_t *document, char **ret_text, struct err *err)
{
	CLEANUP(freep) char *text = json_dumps(document, JSON_COMPACT);
	CLEANUP(store_index_freep) struct store_index *index = NULL;

	if (text == NULL)
		return err_set(err, NO_MEMORY, "store index");
	TRY(store_index_decode(bytes_of_str(text), &index, err));
	*ret_text = take_ptr(&text);
	return 0;
}

static int
decode_envelope(struct bytes raw, struct dsse_envelope **ret_envelope,
    struct store_index **ret_index, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;

	TRY(dsse_decode_max(raw, LIMIT_INDEX_ENVELOPE_BYTES, &envelope, err));
	if (strcmp(dsse_payload_type(envelope),
		DSSE_STORE_INDEX_PAYLOAD_TYPE) != 0)
		return err_set(err, PAYLOAD_TYPE_UNKNOWN, "\"%s\"",
		    err_quote_str(dsse_payload_type(envelope)).text);
	TRY(store_index_decode(dsse_raw_payload(envelope), ret_index, err));
	*ret_envelope = take_ptr(&envelope);
	return 0;
}

/* One epoch, one content: a host's floor could not tell two apart. */
static int
refuse_older(struct bytes payload, const struct store_index *old,
    struct err *err)
{
	CLEANUP(store_index_freep) struct store_index *index = NULL;

	TRY(store_index_decode(payload, &index, err));
	if (index->epoch > old->epoch)
		return 0;
	return err_set_field(err, STORE_ROLLBACK, "epoch",
	    "the store has an index of epoch %lld, and the new one has %lld",
	    (long long)old->epoch, (long long)index->epoch);
}

static int
put(int dir_fd, struct bytes envelope, struct err *err)
{
	CLEANUP(json_freep) json_t *index = NULL;
	CLEANUP(freep) char *oci_manifest = NULL;
	struct blob blob;

	TRY(image_claims_describe(envelope, &blob, err));
	TRY(oci_store_index_encode(&blob, &oci_manifest, err));
	TRY(image_claims_describe(bytes_of_str(oci_manifest), &blob, err));
	TRY(layout_read_index(dir_fd, &index, err));
	TRY(oci_index_put(index, OCI_STORE_INDEX, LAYOUT_STORE_INDEX_NAME,
	    &blob, true, err));
	TRY(layout_write_blob(dir_fd, bytes_of_str(OCI_EMPTY_CONFIG), err));
	TRY(layout_write_blob(dir_fd, envelope, err));
	TRY(layout_write_blob(dir_fd, bytes_of_str(oci_manifest), err));
	return layout_write_index(dir_fd, index, err);
}
