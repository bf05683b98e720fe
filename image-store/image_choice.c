#include "image-store/image_choice.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"

static int refuse_all(const struct image_choice *choice, const char *name,
    struct err *err);

bool
image_choice_offer(struct image_choice *choice, const char *location,
    int64_t index)
{
	/* Indexes of different locations cannot be compared. */
	if (choice->has_one && strcmp(location, choice->location) != 0)
		choice->has_two_locations = true;
	if (choice->has_one && index <= choice->index) {
		choice->is_tie = choice->is_tie || index == choice->index;
		return false;
	}
	choice->has_one = true;
	choice->is_tie = false;
	choice->index = index;
	snprintf(choice->location, sizeof(choice->location), "%s", location);
	return true;
}

/*
 * What the policy, its clock or its store index say of a payload that the
 * policy knows by its digest or by a good signature of one of its keys. Not
 * VERIFY_BUDGET_SPENT or CLOCK_NOT_TRUSTED, which say that nobody knows.
 */
bool
image_choice_is_policy(enum err_code code)
{
	static const enum err_code codes[] = {IMAGE_REVOKED, KEY_REVOKED,
	    THRESHOLD_NOT_MET, ROLE_NOT_ALLOWED, IMAGE_ROLLBACK, IMAGE_EXPIRED,
	    IMAGE_NOT_YET_VALID, IMAGE_NOT_INDEXED, PROVENANCE_MISSING,
	    PROVENANCE_MISMATCH};

	for (size_t i = 0; i < countof(codes); i++) {
		if (codes[i] == code)
			return true;
	}
	return false;
}

int
image_choice_pass(struct image_choice *choice, const char *claimed_version,
    struct err *err)
{
	struct passed_over *passed = &choice->passed;
	uint32_t at = passed->count;

	if (!image_choice_is_policy(err->code))
		return (int)err->code;
	if (at == 0)
		choice->first = *err;
	if (at < countof(passed->images)) {
		snprintf(passed->images[at].version,
		    sizeof(passed->images[at].version), "%s", claimed_version);
		passed->images[at].code = err->code;
	}
	passed->count++;
	return 0;
}

int
image_choice_make(const struct image_choice *choice, const char *name,
    struct err *err)
{
	if (!choice->has_one)
		return refuse_all(choice, name, err);
	if (choice->has_two_locations)
		return err_set_field(err, IMAGE_AMBIGUOUS, "manifest",
		    "image %s: several rollback locations", name);
	if (choice->is_tie)
		return err_set_field(err, IMAGE_AMBIGUOUS, "manifest",
		    "image %s: several with rollback index %lld", name,
		    (long long)choice->index);
	return 0;
}

static int
refuse_all(const struct image_choice *choice, const char *name, struct err *err)
{
	const struct passed_over *passed = &choice->passed;

	if (passed->count == 0)
		return err_set_field(err, IMAGE_UNKNOWN, "image",
		    "image %s: not in the store", name);
	*err = choice->first;
	if (passed->count == 1)
		return (int)err->code;
	return err_prefix(err, "image %s: none of %u may run: %s", name,
	    passed->count, passed->images[0].version);
}
