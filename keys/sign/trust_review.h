/*
 * Looking back: would an image that was started be started again, now that the
 * trust policy is another one?
 *
 * Judges what a receipt says about signers; verifies no signature, and so
 * trusts the receipt.
 */
#ifndef ASSAY_KEYS_SIGN_TRUST_REVIEW_H
#define ASSAY_KEYS_SIGN_TRUST_REVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "keys/trust.h"

/* What was started. Everything is borrowed. */
struct trust_past {
	const char *image;
	bool is_debug;
	struct digest envelope;
	struct digest payload;
	const char *rollback_location;
	int64_t rollback_index;
	const struct digest *signers;
	size_t signer_count;
};

/*
 * 0 if nothing that it descends from was taken back. Otherwise the first of
 * IMAGE_REVOKED; IMAGE_ROLLBACK; KEY_REVOKED (a signer's key, even if the other
 * signers would do); KEY_UNKNOWN (so many signers left the policy that no role
 * signed any more); ROLE_NOT_ALLOWED (those roles lost the image's name).
 */
int trust_review(const struct trust_policy *policy,
    const struct trust_past *past, struct err *err);

#endif
