#include "image-store/checked_blob.h"

#include <stdlib.h>

#include "base/scope.h"

struct checked_blob {
	struct blob blob;
	struct sealed *sealed;
};

struct blob_receiver {
	const char *what;
	struct blob blob;
	struct sealed_receiver *pieces;
	struct hasher *hasher;
};

static int new_checked(const struct blob *blob, struct sealed **bytes,
    struct checked_blob **ret_checked, struct err *err);

int
checked_blob_from_cache(const struct blob *blob, struct sealed *checked,
    const char *what, struct checked_blob **ret_checked, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *owned = checked;

	TRY(blob_check_size(blob, owned, what, err));
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

const struct blob *
checked_blob_signed(const struct checked_blob *blob)
{
	return &blob->blob;
}

int
blob_receiver_new(const struct blob *blob, const char *what,
    struct blob_receiver **ret_receiver, struct err *err)
{
	CLEANUP(blob_receiver_freep)
	struct blob_receiver *receiver = calloc(1, sizeof(*receiver));

	if (receiver == NULL)
		return err_set(err, NO_MEMORY, "blob");
	receiver->what = what;
	receiver->blob = *blob;
	TRY(sealed_receiver_new(blob->size_bytes, what, &receiver->pieces,
	    err));
	TRY(hasher_new(&receiver->hasher, err));
	*ret_receiver = take_ptr(&receiver);
	return 0;
}

int
blob_receiver_add(struct blob_receiver *receiver, int fd, struct err *err)
{
	struct bytes piece;

	TRY(sealed_receiver_add(receiver->pieces, fd, &piece, err));
	return hasher_add(receiver->hasher, piece, err);
}

int
blob_receiver_finish(struct blob_receiver *receiver,
    struct checked_blob **ret_checked, struct err *err)
{
	CLEANUP(blob_receiver_freep) struct blob_receiver *owned = receiver;
	CLEANUP(sealed_freep) struct sealed *bytes = NULL;
	struct digest digest;

	TRY(sealed_receiver_finish(take_ptr(&receiver->pieces), &bytes, err));
	TRY(hasher_end(receiver->hasher, &digest, err));
	TRY(blob_check_digest(&receiver->blob, &digest, receiver->what, err));
	return new_checked(&receiver->blob, &bytes, ret_checked, err);
}

void
blob_receiver_freep(struct blob_receiver **receiver)
{
	if (*receiver == NULL)
		return;
	sealed_receiver_freep(&(*receiver)->pieces);
	hasher_freep(&(*receiver)->hasher);
	free(*receiver);
	*receiver = NULL;
}

int
blob_check_size(const struct blob *blob, const struct sealed *raw_bytes,
    const char *what, struct err *err)
{
	size_t len = sealed_bytes(raw_bytes).len;

	if (len != blob->size_bytes)
		return err_set_field(err, IMAGE_SIZE_MISMATCH, what,
		    "%s: %zu bytes instead of %llu", what, len,
		    (unsigned long long)blob->size_bytes);
	return 0;
}

int
blob_check_digest(const struct blob *blob, const struct digest *found,
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
