#include "image-store/checked_blob.h"

#include <stdlib.h>

#include "base/scope.h"

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
	TRY(blob_check_digest(&intake->blob, &digest, intake->what, err));
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
