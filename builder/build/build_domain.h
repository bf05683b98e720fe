/*
 * The second story: how an order is carried out, one domain or nothing. The
 * first one, which wrote the order, is builder/verify/decide_build.c.
 */
#ifndef ASSAY_BUILDER_BUILD_BUILD_DOMAIN_H
#define ASSAY_BUILDER_BUILD_BUILD_DOMAIN_H

#include "builder/build/build_record.h"
#include "builder/build/domain.h"
#include "builder/build/piece_fetch.h"
#include "builder/receipt.h"
#include "builder/request.h"

/* What a build needs; all borrowed. */
struct build_env {
	struct piece_source pieces;
	struct domain_context place;
	uint8_t handle[UUID_BYTES]; /* random: the domain is created under it */
	struct build_record record;
	/* Filled with what is loaded, for the caller to free in either case:
	 * unmapping a kernel takes as long as many of the steps, and whoever
	 * waits for the receipt need not wait for that. */
	struct image_pieces **pieces_used;
};

/*
 * Build the domain that the order and the request describe, or leave nothing
 * behind. Each step notes how long it took, for the receipt.
 * Errors: those of every step; *ret_receipt is untouched then.
 */
int build_domain(const struct build_env *env,
    const struct build_request *request, const struct order *order,
    struct receipt *ret_receipt, struct err *err);

#endif
