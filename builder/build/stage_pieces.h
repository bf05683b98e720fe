/*
 * What the build role asks the stage: blobs of the store, piece by piece.
 */
#ifndef ASSAY_BUILDER_BUILD_STAGE_PIECES_H
#define ASSAY_BUILDER_BUILD_STAGE_PIECES_H

#include "builder/stage_link.h"

/*
 * What takes long is handed over piece by piece (see base/sealed.h): ask,
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
