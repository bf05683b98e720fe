#include "image-store/image_pieces.h"

#include <stdlib.h>

#include "base/scope.h"
#include "image-store/elf_check.h"
#include "image-store/ramdisk.h"

struct image_pieces {
	struct checked_blob *elf;
	struct checked_blob *ramdisk; /* NULL if there is none */
};

static int check_meant(const struct blob *meant,
    const struct checked_blob *checked, const char *what, struct err *err);
static int check_ramdisk(const struct image_shape *shape,
    const struct checked_blob *ramdisk, struct err *err);

int
image_pieces_new(const struct image_shape *shape, struct checked_blob *elf,
    struct checked_blob *ramdisk, struct image_pieces **ret_pieces,
    struct err *err)
{
	CLEANUP(checked_blob_freep) struct checked_blob *owned_elf = elf;
	CLEANUP(checked_blob_freep)
	struct checked_blob *owned_ramdisk = ramdisk;
	CLEANUP(freep)
	struct image_pieces *pieces = calloc(1, sizeof(*pieces));

	if (pieces == NULL)
		return err_set(err, NO_MEMORY, "image");
	TRY(check_meant(&shape->elf, elf, "unpacked kernel", err));
	TRY(check_ramdisk(shape, ramdisk, err));
	TRY(elf_check(sealed_bytes(checked_blob_sealed(elf)), err));
	if (ramdisk != NULL)
		TRY(ramdisk_check(sealed_bytes(checked_blob_sealed(ramdisk)),
		    err));
	pieces->elf = take_ptr(&owned_elf);
	pieces->ramdisk = take_ptr(&owned_ramdisk);
	*ret_pieces = take_ptr(&pieces);
	return 0;
}

void
image_pieces_freep(struct image_pieces **pieces)
{
	if (*pieces == NULL)
		return;
	checked_blob_freep(&(*pieces)->elf);
	checked_blob_freep(&(*pieces)->ramdisk);
	free(*pieces);
	*pieces = NULL;
}

struct bytes
image_pieces_elf(const struct image_pieces *pieces)
{
	return sealed_bytes(checked_blob_sealed(pieces->elf));
}

struct bytes
image_pieces_ramdisk(const struct image_pieces *pieces)
{
	if (pieces->ramdisk == NULL)
		return bytes_of(NULL, 0);
	return sealed_bytes(checked_blob_sealed(pieces->ramdisk));
}

/* A blob was checked against some digest; is that the one that is meant? */
static int
check_meant(const struct blob *meant, const struct checked_blob *checked,
    const char *what, struct err *err)
{
	const struct blob *blob = checked_blob_signed(checked);

	if (blob->size_bytes != meant->size_bytes ||
	    !digest_equal(&blob->digest, &meant->digest))
		return err_set(err, IMAGE_DIGEST_MISMATCH,
		    "%s: not the one that the manifest names", what);
	return 0;
}

static int
check_ramdisk(const struct image_shape *shape,
    const struct checked_blob *ramdisk, struct err *err)
{
	if (shape->has_ramdisk != (ramdisk != NULL))
		return err_set(err, IMAGE_DIGEST_MISMATCH,
		    "ramdisk: %s, but the manifest names %s",
		    ramdisk != NULL ? "given" : "missing",
		    shape->has_ramdisk ? "one" : "none");
	if (ramdisk == NULL)
		return 0;
	return check_meant(&shape->ramdisk, ramdisk, "ramdisk", err);
}
