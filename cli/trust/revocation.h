/*
 * What `trust revoke --image` names, as digests for a trust policy.
 *
 * A digest that is revoked has to be one of what was signed: one of an envelope
 * is another as soon as somebody writes its JSON in another way or adds a
 * signature. Which of the two a bare digest is, only a store can tell.
 */
#ifndef ASSAY_CLI_TRUST_REVOCATION_H
#define ASSAY_CLI_TRUST_REVOCATION_H

#include <stdbool.h>

#include "base/digest.h"
#include "base/err.h"
#include "image-store/layout.h"

/* One argument. A statement brings the manifest that it is about. */
struct revocation {
	struct digest digests[2];
	size_t count;
	/* The image of the store that the argument is of, by its payload or
	 * by something around it; NULL if it came from elsewhere. Borrowed. */
	const struct layout_entry *image;
	bool is_around;
};

/* An open store. */
struct revocation_store {
	struct layout_list list;
	struct digest *payloads; /* of each image, or zero */
	int fd;
};

/* Free with revocation_store_done(), also after a failure. Errors: those of
 * layout_open_list(); NO_MEMORY. */
int revocation_store_open(const char *path, struct revocation_store *store,
    struct err *err);
void revocation_store_done(struct revocation_store *store);

/*
 * An image directory: what its envelope signs or, if it has none, its manifest.
 * Errors: those of dsse_decode() and payload_decode(); ENVELOPE_TOO_LARGE;
 * STORE_IO.
 */
int revocation_of_dir(const char *dir, struct revocation *ret_revocation,
    struct err *err);

/*
 * A digest, of the payload, the envelope or the OCI manifest of an image of the
 * store: it becomes that of the payload. Errors: IMAGE_UNKNOWN.
 */
int revocation_in_store(const struct revocation_store *store,
    const struct digest *digest, struct revocation *ret_revocation,
    struct err *err);

#endif
