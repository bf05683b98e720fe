/*
 * What a verdict leaves for the next one over the same host: whose it is, how
 * far its TPM had counted, what assayd's register held, and by which rules it
 * decided. It is the member `mark` of a verdict in JSON.
 *
 * The verifier kept it, so it is believed; it is decoded strictly all the same.
 * Whoever can write the file decides what the host is compared with.
 * Format: assay-evidence(1), `verify --json`.
 */
#ifndef ASSAY_MEASURE_VERIFY_EVIDENCE_MARK_H
#define ASSAY_MEASURE_VERIFY_EVIDENCE_MARK_H

#include <jansson.h>

#include "measure/event.h"
#include "measure/tpm_identity.h" /* struct tpm_name */

#define VERDICT_SCHEMA "assay.verdict/1"

/* Plain value. */
struct evidence_mark {
	struct tpm_name ak;
	uint64_t clock_msec;
	uint32_t reset_count;
	uint32_t restart_count;
	unsigned pcr;            /* that assayd extends */
	struct pcr_digest value; /* of SHA-256, which is always quoted */
	uint64_t event_count;    /* of the log that led there */
	/* Those in force, but with the last store index that this verdict or
	 * one before it saw; the boot policy is not in it. */
	struct event_rules rules;
};

/* Returns owned; NULL if memory is short. */
json_t *evidence_mark_encode(const struct evidence_mark *mark);

/*
 * Of a whole verdict in JSON, of which nothing else is read.
 * Errors: REFERENCE_MALFORMED; those of json_parse().
 */
int evidence_mark_decode(struct bytes verdict, struct evidence_mark *ret_mark,
    struct err *err);

#endif
