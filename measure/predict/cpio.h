/*
 * Archives as the Linux kernel unpacks them into its first file system: "newc",
 * written so that the same entries give the same bytes, and checked.
 *
 * Everything belongs to root and has one time. Hard links and devices are not
 * written; kernels make the devices that they need.
 *
 * Spec: Linux Documentation/driver-api/early-userspace/buffer-format.rst.
 */
#ifndef ASSAY_MEASURE_PREDICT_CPIO_H
#define ASSAY_MEASURE_PREDICT_CPIO_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/err.h"

#define CPIO_NAME_BYTES 1023 /* Linux takes 4095 */

/* All zero is an archive without entries. */
struct cpio {
	uint8_t *data;
	size_t len;
	size_t room;
	size_t max_bytes; /* the limit of the whole */
	uint32_t mtime;   /* of every entry, seconds since 1970 */
	uint32_t entries;
};

/*
 * Append an entry: S_IFREG with its bytes, S_IFLNK with where it points, or
 * S_IFDIR with none; permissions are in `mode` too. The caller has checked the
 * name: relative, up to CPIO_NAME_BYTES.
 * Errors: IMAGE_TOO_LARGE over `max_bytes`; NO_MEMORY.
 */
int cpio_add(struct cpio *cpio, const char *name, mode_t mode,
    struct bytes data, struct err *err);

/* Append a whole archive that cpio_check() took. Errors: as above. */
int cpio_add_archive(struct cpio *cpio, struct bytes archive, struct err *err);

/* Append the trailer, and zeros up to 512 bytes. Errors: as above. */
int cpio_end(struct cpio *cpio, struct err *err);

void cpio_done(struct cpio *cpio);

/*
 * Is this one newc archive, or several with zeros between them, to the last
 * byte? The names and what the files hold are not looked at.
 * Errors: CPIO_MALFORMED.
 */
int cpio_check(struct bytes archive, struct err *err);

#endif
