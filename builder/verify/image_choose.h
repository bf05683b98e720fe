/*
 * From an image's name to a verified manifest: ask the stage for envelopes and
 * check each of them. No blob is looked at here.
 */
#ifndef ASSAY_BUILDER_VERIFY_IMAGE_CHOOSE_H
#define ASSAY_BUILDER_VERIFY_IMAGE_CHOOSE_H

#include "builder/request.h"
#include "builder/verify/stage_client.h"
#include "builder/verdict_cache.h"
#include "image-store/image_choice.h"
#include "image-store/store_index.h"
#include "image-store/verified_manifest.h"

/* What choosing needs; all borrowed. */
struct image_source {
	const struct trust_policy *policy;
	const struct verdict_cache *known;
	struct stage *stage;
	int link; /* where new verdicts are reported, or -1 */
	const struct store_index *index; /* NULL: the policy asks for none */
	struct verify_budget *budget;    /* of the request */
	struct timing *timing;
};

/*
 * If the request names no manifest digest, all envelopes that the index lists
 * under the name are verified and image-store/image_choice.h says which is
 * taken: what the policy does not let run is passed over, and what is damaged
 * or forged refuses the request. If it names one, only envelopes of this
 * digest, or else with a payload of this digest, are candidates.
 * Returns owned: signed, not revoked, of the day, listed, and proven by the
 * provenance that its role demands.
 * Envelopes are charged to the budget before they are fetched, those of
 * candidates and of statements alike, and their signatures before they are
 * verified; a verdict that is known costs nothing.
 * Errors: IMAGE_UNKNOWN, IMAGE_AMBIGUOUS, VERIFY_BUDGET_SPENT, those of
 * verified_manifest_new(), IMAGE_NOT_INDEXED, STAGE_FAILED and the stage's.
 */
int image_choose(const struct image_source *source,
    const struct build_request *request,
    struct verified_manifest **ret_manifest, struct passed_over *ret_passed,
    struct err *err);

/*
 * Verify every image of the store: rows of struct image_row, as sealed memory.
 * Each has a budget to itself, so that one image does not keep others from
 * being looked at. Returns owned.
 */
int image_choose_rows(const struct image_source *source,
    struct sealed **ret_rows, struct err *err);

#endif
