/*
 * The signed store index: which images a store has, and of what epoch it is.
 *
 * Signatures on images say what may run; the index says what is current. When
 * the trust policy has a role that signs "store-index", an image that the
 * index does not list is refused, and so is an index whose epoch is below the
 * floor that the host remembers: an old store, each of whose images is validly
 * signed, does not start.
 *
 * For the daemon, in this order:
 *
 *	if (store_index_is_needed(policy)) {
 *		TRY(stage_store_index(stage, &raw, err));
 *		TRY(store_index_verify(policy, raw, &index, err));
 *		TRY(store_index_check_epoch(index, floor, err));
 *		TRY(store_index_check_expiry(policy, index, err));
 *	}
 *	...
 *	TRY(verified_manifest_new(..., &manifest, err));
 *	TRY(store_index_allows(index, manifest, err));
 *
 * Not done: where the floor comes from; the caller has it.
 * Format: docs/man/assay-store.5.
 */
#ifndef ASSAY_IMAGE_STORE_STORE_INDEX_H
#define ASSAY_IMAGE_STORE_STORE_INDEX_H

#include "base/digest.h"
#include "base/err.h"
#include "base/json_table.h"
#include "base/sealed.h"
#include "image-store/verified_manifest.h"
#include "keys/trust.h"

#define STORE_INDEX_SCHEMA "assay.store-index/1"

struct store_index_image {
	char name[LIMIT_NAME_BYTES + 1];
	char version[LIMIT_VERSION_BYTES + 1];
	struct digest envelope;
	struct digest payload;
};

/* Plain value, but for the list. */
struct store_index {
	int64_t epoch;
	int64_t expires; /* its last good second, or UTC_NONE */
	/* Of the payload, so that nobody makes another index of it by writing
	 * its envelope otherwise; zero if only decoded. */
	struct digest digest;
	struct store_index_image *images; /* in the order of the document */
	size_t count;
};

/* What the document holds, without the digest. */
extern const struct json_table store_index_table;

/* Does the policy have a role that signs store indexes? */
bool store_index_is_needed(const struct trust_policy *policy);

/*
 * Decode and verify an envelope. Borrows `raw_envelope` for the call only.
 * Returns owned.
 * Order: decode the envelope, verify signatures for the purpose, only then
 * parse the payload.
 * Errors: ENVELOPE_*; those of trust_verify_for(); STORE_INDEX_MALFORMED;
 * IMAGE_DUPLICATE; DESCRIPTOR_DUPLICATE; STORE_TOO_LARGE; NO_MEMORY.
 */
int store_index_verify(const struct trust_policy *policy,
    const struct sealed *raw_envelope, struct verify_budget *budget,
    struct store_index **ret_index, struct err *err);

/*
 * The payload alone, for bytes that were verified or that we made. Every member
 * is required and no other is allowed:
 * {"schema":"assay.store-index/1","epoch":n,"expires":"2026-..Z"|null,
 *  "images":[{"name","version","envelope":"sha256:..","payload":"sha256:.."}]}
 * Returns owned.
 * Errors: STORE_INDEX_MALFORMED; STORE_TOO_LARGE (the text, or more than
 * LIMIT_INDEX_IMAGES images); IMAGE_DUPLICATE (one name and version twice);
 * DESCRIPTOR_DUPLICATE (one envelope twice); NO_MEMORY.
 */
int store_index_decode(struct bytes text, struct store_index **ret_index,
    struct err *err);

void store_index_freep(struct store_index **index);

/* Errors: STORE_ROLLBACK if the epoch is below `floor`. */
int store_index_check_epoch(const struct store_index *index, int64_t floor,
    struct err *err);

/*
 * Is it still good, by the clock that the policy trusts? Without an end no
 * clock is asked. Errors: STORE_INDEX_EXPIRED; CLOCK_NOT_TRUSTED.
 */
int store_index_check_expiry(const struct trust_policy *policy,
    const struct store_index *index, struct err *err);

bool store_index_lists(const struct store_index *index,
    const struct digest *envelope);

/*
 * Does the index list this very image: envelope, payload, name and version?
 * `index` may be NULL only if none is needed; then all are allowed.
 * Errors: IMAGE_NOT_INDEXED if the index does not know it at all;
 * IMAGE_INDEXED_OTHERWISE if it lists this name and version, this payload or
 * this envelope, but not all of them together.
 */
int store_index_allows(const struct store_index *index,
    const struct verified_manifest *manifest, struct err *err);

/*
 * Why an envelope was refused, once more: `err` says that its signatures are
 * not enough. If the index lists its payload in another envelope, somebody took
 * signatures away, which is IMAGE_INDEXED_OTHERWISE and no reason to pass a
 * release over. Nothing in the envelope is believed for that. Returns the code.
 */
int store_index_blame(const struct store_index *index,
    const struct sealed *raw_envelope, struct err *err);

#endif
