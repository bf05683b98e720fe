/*
 * From an order to the bytes that it names: out of the cache, or from the stage
 * piece by piece, each hashed here when it comes. What the stage or the verify
 * role would like to be loaded is loaded only if it has the order's digest, so
 * what goes on record is what runs.
 */
#ifndef ASSAY_BUILDER_BUILD_PIECE_FETCH_H
#define ASSAY_BUILDER_BUILD_PIECE_FETCH_H

#include "builder/build/kept_blobs.h"
#include "builder/order.h"
#include "builder/build/stage_pieces.h"

/* What fetching needs; all borrowed. */
struct piece_source {
	struct kept_blobs *kept; /* is taken from */
	struct stage *stage;
	int link; /* where newly checked blobs are reported, or -1 */
	struct timing *timing;
};

/*
 * Returns owned. *ret_was_cached: no blob had to be fetched.
 * Errors: STAGE_FAILED and the stage's; IMAGE_SIZE_MISMATCH,
 * IMAGE_DIGEST_MISMATCH; those of image_pieces_new().
 */
int piece_fetch(const struct piece_source *source, const struct order *order,
    struct image_pieces **ret_pieces, bool *ret_was_cached, struct err *err);

#endif
