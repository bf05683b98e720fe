/*
 * What is signed for an image: its manifest, or an in-toto Statement whose
 * predicate is the manifest.
 *
 * Trust: payload_decode() must only see bytes that trust_verify_for() accepted,
 * or be called by a tool that says that nothing is verified.
 * Format: docs/man/assay-manifest.5.
 */
#ifndef ASSAY_IMAGE_STORE_PAYLOAD_H
#define ASSAY_IMAGE_STORE_PAYLOAD_H

#include "base/bytes.h"
#include "base/err.h"
#include "image-store/manifest.h"

/*
 * The manifest, by the type of the payload. Every digest in the manifest of a
 * statement must be among the statement's subjects.
 * Errors: PAYLOAD_TYPE_UNKNOWN; those of manifest_decode() and, of a statement,
 * statement_decode(); STATEMENT_NOT_OF_IMAGE for another predicate type;
 * STATEMENT_SUBJECT_MISSING.
 */
int payload_decode(const char *payload_type, struct bytes payload,
    struct manifest *ret_manifest, struct err *err);

#endif
