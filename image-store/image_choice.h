/*
 * Which of several images of one name is meant: the rule of builds by name, for
 * assayd and for the commands that say beforehand what a build would get.
 *
 *	for each candidate:
 *		verified   -> image_choice_offer()
 *		refused    -> TRY(image_choice_pass())
 *	TRY(image_choice_make())
 *
 * The highest rollback index is taken. A candidate that the policy does not let
 * run is passed over, and remembered so that it can be told; one that is
 * damaged, forged or could not be judged refuses the request. Why, and what an
 * attacker gains from either: docs/decisions/0033.
 *
 * Not done: verifying. Offer only what was.
 */
#ifndef ASSAY_IMAGE_STORE_IMAGE_CHOICE_H
#define ASSAY_IMAGE_STORE_IMAGE_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

struct passed_image {
	char version[LIMIT_VERSION_BYTES + 1]; /* as the store claims */
	enum err_code code;
};

/* Plain value of fixed size: it crosses between roles, in a receipt. */
struct passed_over {
	uint32_t count; /* of all; the first of them are told */
	struct passed_image images[LIMIT_PASSED_OVER];
};

/* Zero-initialise. */
struct image_choice {
	bool has_one;
	bool is_tie;
	bool has_two_locations;
	char location[LIMIT_NAME_BYTES + 1];
	int64_t index;
	struct passed_over passed;
	struct err first; /* why the first was passed over */
};

/* True if this is the best so far: then keep it, and drop what was. */
bool image_choice_offer(struct image_choice *choice, const char *location,
    int64_t index);

/*
 * Is this why the policy alone keeps an image from running, which is what was
 * signed? IMAGE_REVOKED, KEY_REVOKED, THRESHOLD_NOT_MET, ROLE_NOT_ALLOWED,
 * IMAGE_ROLLBACK, IMAGE_EXPIRED, IMAGE_NOT_YET_VALID, IMAGE_NOT_INDEXED,
 * PROVENANCE_MISSING and PROVENANCE_MISMATCH.
 */
bool image_choice_is_policy(enum err_code code);

/*
 * Pass over a candidate that `err` is about, if the policy is why.
 * Errors: any other that `err` holds, which it keeps.
 */
int image_choice_pass(struct image_choice *choice, const char *claimed_version,
    struct err *err);

/*
 * Is the best one clearly the best?
 * Errors: IMAGE_AMBIGUOUS if two share the highest index, or indexes are of
 * several locations; if all were passed over, why the first was; IMAGE_UNKNOWN
 * if there was none.
 */
int image_choice_make(const struct image_choice *choice, const char *name,
    struct err *err);

#endif
