#include "cli/trust/revocation.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "image-store/pack/image_claims.h"
#include "image-store/pack/image_dir.h"
#include "image-store/payload.h"
#include "keys/dsse.h"

static int add_unsigned(const char *dir, struct revocation *revocation,
    struct err *err);
static int add_signed(const struct dsse_envelope *envelope,
    struct revocation *revocation, struct err *err);
static int add(struct bytes of, struct revocation *revocation, struct err *err);

int
revocation_store_open(const char *path, struct revocation_store *store,
    struct err *err)
{
	*store = (struct revocation_store){.fd = -1};
	TRY(layout_open_list(path, &store->fd, &store->list, err));
	store->payloads =
	    calloc(store->list.count + 1, sizeof(*store->payloads));
	if (store->payloads == NULL)
		return err_set(err, NO_MEMORY, "%zu images", store->list.count);
	for (size_t i = 0; i < store->list.count; i++)
		if (image_claims_payload(store->fd, &store->list.entries[i],
			&store->payloads[i], err) != 0)
			return err_prefix(err, "%s:%s",
			    store->list.entries[i].claimed_name,
			    store->list.entries[i].claimed_version);
	return 0;
}

void
revocation_store_done(struct revocation_store *store)
{
	layout_list_done(&store->list);
	freep(&store->payloads);
	closep(&store->fd);
}

int
revocation_of_dir(const char *dir, struct revocation *ret_revocation,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct revocation revocation = {.count = 0};
	int code = files_of_image(dir, IMAGE_DIR_ENVELOPE, LIMIT_ENVELOPE_BYTES,
	    &raw, err);

	if (code == IMAGE_UNSIGNED) {
		TRY(add_unsigned(dir, &revocation, err));
	} else {
		TRY(code);
		if (dsse_decode(sealed_bytes(raw), &envelope, err) != 0 ||
		    add_signed(envelope, &revocation, err) != 0)
			return err_prefix(err, "%s/%s", err_quote_str(dir).text,
			    IMAGE_DIR_ENVELOPE);
	}
	*ret_revocation = revocation;
	return 0;
}

int
revocation_in_store(const struct revocation_store *store,
    const struct digest *digest, struct revocation *ret_revocation,
    struct err *err)
{
	char text[DIGEST_TEXT_SIZE];

	for (size_t i = 0; i < store->list.count; i++) {
		const struct layout_entry *image = &store->list.entries[i];
		bool is_payload = digest_equal(&store->payloads[i], digest);

		if (!is_payload && !digest_equal(&image->envelope, digest) &&
		    !digest_equal(&image->oci_manifest.digest, digest))
			continue;
		*ret_revocation = (struct revocation){
		    .digests = {store->payloads[i]},
		    .count = 1,
		    .image = image,
		    .is_around = !is_payload,
		};
		return 0;
	}
	digest_text(digest, text);
	return err_set(err, IMAGE_UNKNOWN, "%s: of no image of the store",
	    text);
}

static int
add_unsigned(const char *dir, struct revocation *revocation, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;

	TRY(files_of_image(dir, IMAGE_DIR_MANIFEST, LIMIT_ENVELOPE_BYTES, &text,
	    err));
	return add(sealed_bytes(text), revocation, err);
}

static int
add_signed(const struct dsse_envelope *envelope, struct revocation *revocation,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	const char *type = dsse_payload_type(envelope);
	struct manifest manifest;

	TRY(payload_decode(type, dsse_raw_payload(envelope), &manifest, err));
	TRY(add(dsse_raw_payload(envelope), revocation, err));
	if (strcmp(type, DSSE_IMAGE_PAYLOAD_TYPE) == 0)
		return 0;
	TRY(manifest_encode(&manifest, &text, err));
	return add(bytes_of_str(text), revocation, err);
}

static int
add(struct bytes of, struct revocation *revocation, struct err *err)
{
	return digest_of(of, &revocation->digests[revocation->count++], err);
}
