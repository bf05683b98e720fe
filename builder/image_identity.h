/*
 * Which image it is: what an order, a receipt and a listing say of one. A plain
 * value of fixed size that crosses between roles.
 */
#ifndef ASSAY_BUILDER_IMAGE_IDENTITY_H
#define ASSAY_BUILDER_IMAGE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/limits.h"

/* Strings are terminated. */
struct image_identity {
	char name[LIMIT_NAME_BYTES + 1];
	char version[LIMIT_VERSION_BYTES + 1];
	char role[LIMIT_NAME_BYTES + 1]; /* that signed it */
	bool is_debug;
	struct digest envelope;
	struct digest payload;
	struct digest signers[LIMIT_SIGNATURES]; /* ids of their keys */
	uint32_t signer_count;
	char rollback_location[LIMIT_NAME_BYTES + 1];
	int64_t rollback_index;
};

#endif
