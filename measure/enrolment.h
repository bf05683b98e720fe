/*
 * What a verifier keeps: the challenge that it sent to a host, and after the
 * right answer the record that says which attestation key the host has.
 *
 *	{"schema":"assay.enrolment/1","ak":"<base64 TPM2B_PUBLIC>",
 *	 "ak_name":"000b...","ek":"sha256:<of its SubjectPublicKeyInfo>",
 *	 "ek_certified":true}
 *
 * A challenge, "assay.challenge/1", has "secret" besides, as hex.
 */
#ifndef ASSAY_MEASURE_ENROLMENT_H
#define ASSAY_MEASURE_ENROLMENT_H

#include <jansson.h>

#include "base/digest.h"
#include "measure/credential.h"

#define ENROLMENT_AK_BYTES 1024

struct enrolment {
	uint8_t ak[ENROLMENT_AK_BYTES]; /* TPM2B_PUBLIC */
	size_t ak_len;
	struct tpm_name ak_name;
	struct digest ek;
	bool is_ek_certified; /* an authority stood behind it */
	bool is_record;       /* of a right answer */
	bool is_challenge;    /* the secret is set: not yet answered */
	uint8_t secret[CREDENTIAL_SECRET_BYTES];
};

/* Take an attestation key and compute its Name. Errors: those of
 * tpm_public_decode(); EVIDENCE_AK_NOT_RESTRICTED. */
int enrolment_set_ak(struct enrolment *enrolment, struct bytes ak,
    struct err *err);

/*
 * Errors: REFERENCE_MALFORMED, also for a Name that is not the key's; those of
 * json_parse(), json_base64_in() and enrolment_set_ak().
 */
int enrolment_decode(struct bytes text, struct enrolment *ret_enrolment,
    struct err *err);

/* Returns owned; NULL if memory is short. */
json_t *enrolment_encode(const struct enrolment *enrolment);

/* Fixed to its TPM, restricted, and for signing only.
 * Errors: EVIDENCE_AK_NOT_RESTRICTED. */
int enrolment_check_ak(const struct tpm_public *ak, struct err *err);

#endif
