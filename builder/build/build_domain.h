/*
 * The story: one domain from one signed image, or nothing.
 */
#ifndef ASSAY_BUILDER_BUILD_BUILD_DOMAIN_H
#define ASSAY_BUILDER_BUILD_BUILD_DOMAIN_H

#include "builder/config.h"
#include "builder/build/domain.h"
#include "builder/verify/image_fetch.h"
#include "builder/receipt.h"
#include "builder/request.h"

/* What a build needs; all borrowed. */
struct build_env {
	const struct config *config;
	struct image_source images;
	struct domain_place place;
	uint8_t handle[UUID_BYTES]; /* random: the domain is created under it */
	int record_link; /* to the supervisor, who asks the tpm role */
};

/*
 * Build one domain from a signed image, or leave nothing behind.
 * `timing` is running; its phases end up in the receipt.
 * Errors: those of every step; *ret_receipt is untouched then.
 */
int build_domain(const struct build_env *env,
    const struct build_request *request, struct timing *timing,
    struct receipt *ret_receipt, struct err *err);

#endif
