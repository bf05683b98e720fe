/*
 * What a verifier keeps: the challenge that it sent to a host, and after the
 * right answer the record that says which attestation key the host has.
 *
 *	{"schema":"assay.enrolment/1","ak":"<base64 TPM2B_PUBLIC>",
 *	 "ak_name":"000b...","ek":"sha256:<of its SubjectPublicKeyInfo>",
 *	 "ek_certified":true,"label":"web-7.example",
 *	 "enrolled":"2026-11-23T16:00:00Z"}
 *
 * The label, the host's name, may be missing; so may the time, in records from
 * before it. A challenge, "assay.challenge/2", has no time and the members of
 * measure/verify/once.h, and "secret", as hex, which is null after use.
 */
#ifndef ASSAY_MEASURE_VERIFY_ENROLMENT_H
#define ASSAY_MEASURE_VERIFY_ENROLMENT_H

#include <jansson.h>

#include "base/digest.h"
#include "measure/verify/credential.h"
#include "measure/verify/once.h"

#define ENROLMENT_AK_BYTES    1024
#define ENROLMENT_LABEL_BYTES 253 /* the longest name of a host */

struct enrolment {
	uint8_t ak[ENROLMENT_AK_BYTES]; /* TPM2B_PUBLIC */
	size_t ak_len;
	struct tpm_name ak_name;
	struct digest ek;
	bool is_ek_certified; /* an authority stood behind it */
	bool is_record;       /* of a right answer */
	char label[ENROLMENT_LABEL_BYTES + 1]; /* "" if there is none */
	int64_t enrolled; /* UTC_NONE if unknown, or a challenge */
	bool is_challenge;
	struct once once;                        /* of a challenge */
	uint8_t secret[CREDENTIAL_SECRET_BYTES]; /* zeros once it was used */
};

/* 1 to ENROLMENT_LABEL_BYTES letters, digits, dots, dashes and underscores; the
 * first is a letter or a digit. */
bool enrolment_is_label(const char *text);

/*
 * The host has opened the credential: the challenge is used up, and has no
 * secret any more. Errors: CHALLENGE_USED, CHALLENGE_EXPIRED; CREDENTIAL_WRONG,
 * after which it may be tried again.
 */
int enrolment_answer(struct enrolment *challenge, struct bytes answer,
    int64_t now, struct err *err);

/* What is on record from a used challenge on. */
struct enrolment enrolment_of(const struct enrolment *challenge);

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
