/*
 * What evidence is bound to besides a nonce: a file that the host and the
 * verifier have both, such as the certificate of the channel between them.
 *
 * Not done: saying what a good one is. A context that the host is told by who
 * asks binds to nothing: assay-evidence(5).
 */
#ifndef ASSAY_CLI_EVIDENCE_CONTEXT_H
#define ASSAY_CLI_EVIDENCE_CONTEXT_H

#include "base/digest.h"

/*
 * The SHA-256 of a file, or of no bytes if `path` is NULL.
 * Errors: REFERENCE_MALFORMED for an empty file, which would bind to nothing;
 * those of file_read(), over LIMIT_CONTEXT_BYTES.
 */
int context_read(const char *path, struct digest *ret_context, struct err *err);

#endif
