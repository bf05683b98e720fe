/*
 * A nonce that a verifier made and keeps, so that it is used once:
 *
 *	{"schema":"assay.nonce/1","nonce":"<64 hex digits>","made":...,
 *	 "expires":...,"used":null}
 *
 * See measure/verify/once.h. The verifier's own file; nothing of it is a
 *host's.
 */
#ifndef ASSAY_MEASURE_VERIFY_KEPT_NONCE_H
#define ASSAY_MEASURE_VERIFY_KEPT_NONCE_H

#include "measure/verify/once.h"

#define KEPT_NONCE_BYTES 32

struct kept_nonce {
	uint8_t nonce[KEPT_NONCE_BYTES];
	struct once once;
};

/* Errors: REFERENCE_MALFORMED; those of json_parse(). */
int kept_nonce_decode(struct bytes text, struct kept_nonce *ret_nonce,
    struct err *err);

/* Returns owned; NULL if memory is short. */
json_t *kept_nonce_encode(const struct kept_nonce *nonce);

#endif
