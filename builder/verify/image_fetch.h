/*
 * From an image's name to a verified image: ask the stage for bytes, check
 * each of them, use the cache for what was checked before.
 */
#ifndef ASSAY_BUILDER_VERIFY_IMAGE_FETCH_H
#define ASSAY_BUILDER_VERIFY_IMAGE_FETCH_H

#include "builder/build_link.h"
#include "builder/image_cache.h"
#include "builder/request.h"
#include "builder/stage_client.h"
#include "builder/timing.h"
#include "image-store/image_choice.h"
#include "image-store/store_index.h"
#include "image-store/verified_image.h"

/* What fetching needs; all borrowed. */
struct image_source {
	const struct trust_policy *policy;
	struct image_cache *cache;
	struct stage *stage;
	int link; /* where newly checked blobs are reported, or -1 */
	const struct store_index *index; /* NULL: the policy asks for none */
	struct verify_budget *budget;    /* of the request */
};

/* How an image was come by. */
struct fetched {
	bool was_cached; /* no blob had to be fetched */
	struct passed_over passed;
};

/*
 * If the request names no manifest digest, all envelopes that the index lists
 * under the name are verified and image-store/image_choice.h says which is
 * taken: what the policy does not let run is passed over, and what is damaged
 * or forged refuses the request. If it names one, only envelopes of this
 * digest, or else with a payload of this digest, are candidates.
 * Returns owned.
 * Envelopes are charged to the budget before they are fetched, those of
 * candidates and of statements alike, and their signatures before they are
 * verified; a verdict that is known costs nothing.
 * Errors: IMAGE_UNKNOWN, IMAGE_AMBIGUOUS, VERIFY_BUDGET_SPENT, those of
 * verified_manifest_new(), IMAGE_NOT_INDEXED, checked_blob_new() and
 * verified_image_new(), STAGE_FAILED and the stage's.
 */
int image_fetch(const struct image_source *source,
    const struct build_request *request, struct timing *timing,
    struct verified_image **ret_image, struct fetched *ret_fetched,
    struct err *err);

/*
 * Verify every image of the store and report a row for each. Each has a budget
 * to itself, so that one image does not keep others from being looked at.
 */
int image_fetch_rows(const struct image_source *source, struct err *err);

#endif
