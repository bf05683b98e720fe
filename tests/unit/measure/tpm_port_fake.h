/*
 * The TPM seam without a TPM: registers, a counter and a log index that behave,
 * a journal of what was asked, and a failure at any call. What it signs is no
 * signature.
 *
 * It lives in shared memory, so that a test sees what a forked child did.
 */
#ifndef ASSAY_TESTS_TPM_PORT_FAKE_H
#define ASSAY_TESTS_TPM_PORT_FAKE_H

#include "measure/tpm_port.h"

enum { FAKE_TPM_CALLS = 256 };
#define FAKE_TPM_ALL "*"

struct tpm_fake {
	/* The journal: "pcr_extend 13 <hex of the SHA-256 digest>", ... */
	char calls[FAKE_TPM_CALLS][96];
	uint32_t call_count;

	/* Fail the n-th call from now (from 1; 0: none), or each call of one
	 * operation or of FAKE_TPM_ALL, so many times (0: always), with this
	 * code; before it has an effect, or after. */
	uint32_t fail_at;
	char fail_operation[32];
	uint32_t fail_times;
	enum err_code fail_code; /* TPM_FAILED unless set */
	bool fails_after;

	/* A call of this operation does not end as long as this is here. */
	char hang_operation[32];

	struct pcr_values values; /* all known; zeros at first */
	bool has_identity;        /* true at first */
	bool has_log;             /* false at first */
	bool is_launched;         /* the log index may be written */
	struct pcr_digest log;
	uint64_t counter;
	int limit_seconds; /* that was given last, and how often one was */
	uint32_t limit_count;
	bool is_closed;
};

struct tpm_fake *tpm_fake_new(void);
void tpm_fake_free(struct tpm_fake *fake);

struct tpm_port tpm_fake_port(struct tpm_fake *fake);

#endif
