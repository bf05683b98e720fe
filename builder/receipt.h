/*
 * The receipt: what was built, from what, under which limits, and what was
 * read back. It is the reply to the caller (builder/front/receipt_json.h) and,
 * as a file in assayd's state directory (builder/supervisor/receipt_file.h),
 * what a restarted assayd knows about its domains.
 */
#ifndef ASSAY_BUILDER_RECEIPT_H
#define ASSAY_BUILDER_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/uuid.h"
#include "builder/image_identity.h"
#include "builder/request.h"
#include "builder/timing.h"
#include "grant-preload/grant_plan.h"
#include "image-store/image_choice.h"
#include "measure/caller.h"

/* No text of a configuration is longer: builder/build/domain_spec.h. */
#define DOMAIN_SPEC_BYTES 512

/* Plain value of fixed size: it crosses between roles. */
struct receipt {
	uint32_t domid;
	struct caller caller; /* who asked: the supervisor's, not who built */
	struct guest guest;
	struct image_identity image;
	bool was_cached; /* no blob had to be copied, unpacked or hashed */
	char configuration[DOMAIN_SPEC_BYTES + 1]; /* its text */
	struct digest config;                      /* of that */
	struct digest measurement;
	uint64_t sequence;
	struct passed_over passed_over; /* what else has the name */
	struct grant_plan grants;
	struct timing timing;
};

#endif
