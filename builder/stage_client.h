/*
 * What a role asks the stage: bytes of the store. Nothing that it offers is
 * believed: what it says has to be legal, and the caller checks each digest.
 */
#ifndef ASSAY_BUILDER_STAGE_CLIENT_H
#define ASSAY_BUILDER_STAGE_CLIENT_H

#include "base/digest.h"
#include "base/err.h"
#include "base/sealed.h"
#include "image-store/layout_list.h"

struct stage {
	int fd; /* the link */
};

/* Give it the store's directory, before any other request. Borrows `store_fd`
 * for the call. Errors: STORE_IO, STORE_MALFORMED. */
int stage_give_store(struct stage *stage, int store_fd, struct err *err);

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

/*
 * The two that take long hand over piece by piece (see base/sealed.h): ask,
 * then take pieces until the last one, so that the caller hashes while the
 * stage works. Nothing else may be asked meanwhile.
 */

/* A blob of exactly this size. */
void stage_ask_blob(struct stage *stage, const struct digest *digest,
    uint64_t size_bytes, const char *what);

/* What the kernel unpacks to that was asked for last. Ask only after its digest
 * was found to be the signed one: before, it is not to be parsed. */
void stage_ask_unpack(struct stage *stage, uint64_t elf_bytes);

/* The next piece, owned by the caller; -1: that was all, and all is well. */
int stage_next_piece(struct stage *stage, int *ret_fd, struct err *err);

#endif
