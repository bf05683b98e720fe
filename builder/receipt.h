/*
 * The receipt: what was built, from what, under which limits, and what was
 * read back. It is the reply to the caller and, as a file in assayd's state
 * directory, what a restarted assayd knows about its domains.
 */
#ifndef ASSAY_BUILDER_RECEIPT_H
#define ASSAY_BUILDER_RECEIPT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json_table.h"
#include "base/limits.h"
#include "base/uuid.h"
#include "builder/configuration.h"
#include "builder/image_identity.h"
#include "builder/timing.h"
#include "grant-preload/grant_plan.h"
#include "image-store/image_choice.h"

#define RECEIPT_SCHEMA "assay.receipt/1"

/* Plain value of fixed size: it crosses between roles. */
struct receipt {
	uint32_t domid;
	struct guest guest;
	struct image_identity image;
	bool was_cached; /* no blob had to be copied, unpacked or hashed */
	char configuration[CONFIGURATION_BYTES + 1]; /* its text */
	struct digest config;                        /* of that */
	struct digest measurement;
	uint64_t sequence;
	struct passed_over passed_over; /* what else has the name */
	struct grant_plan grants;
	struct timing timing;
};

/* Its members, also as a part of replies. */
extern const struct json_table receipt_table;

/* As a JSON object. Returns owned, NULL if memory is short. */
json_t *receipt_encode(const struct receipt *receipt);

/*
 * Read back what receipt_encode() made. Timing is not read back. The
 * configuration is text here, and has to have its digest.
 * Errors: CONFIG_BAD.
 */
int receipt_decode(struct bytes text, struct receipt *ret_receipt,
    struct err *err);

#endif
