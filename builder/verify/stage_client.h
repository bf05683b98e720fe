/*
 * What the verify role asks the stage: what is in the store, and documents of
 * it. Nothing that it offers is believed: what it says has to be legal, and the
 * caller checks each digest. What the build role asks is in
 * builder/build/stage_pieces.h.
 */
#ifndef ASSAY_BUILDER_VERIFY_STAGE_CLIENT_H
#define ASSAY_BUILDER_VERIFY_STAGE_CLIENT_H

#include "base/digest.h"
#include "base/err.h"
#include "base/sealed.h"
#include "builder/stage_link.h"

/* Give it the store's directory, before any other request. Borrows `store_fd`
 * for the call, and does not wait: what the stage does with it and with the
 * first request goes on while others are made. */
void stage_give_store(struct stage *stage, int store_fd);

/* What became of that, if nobody was told before. The requests below ask first.
 * Errors: STORE_IO, STORE_MALFORMED, STAGE_FAILED. */
int stage_has_store(struct stage *stage, struct err *err);

/*
 * Requests. Each returns the stage's own refusal, or STAGE_FAILED when it died
 * or broke the protocol.
 */

/* What the index claims for a name, or for all if `name` is NULL. Free with
 * layout_list_done(). */
int stage_list(struct stage *stage, const char *name,
    struct layout_list *ret_list, struct err *err);

/* A blob of any size up to a limit, which is at most SEALED_PIECE_BYTES.
 * Returns owned. */
int stage_blob_max(struct stage *stage, const struct digest *digest,
    uint64_t max_bytes, const char *what, struct sealed **ret_raw,
    struct err *err);

/* The envelope of the signed store index, for store_index_verify(). Returns
 * owned. Also STORE_INDEX_MISSING. */
int stage_store_index(struct stage *stage, struct sealed **ret_raw,
    struct err *err);

#endif
