/*
 * What the supervisor and the tpm role say to each other. The supervisor sends
 * calls, also on behalf of build children; the role answers each of them, in
 * this order, after a first answer of its own: what it found at start.
 */
#ifndef ASSAY_BUILDER_TPM_LINK_H
#define ASSAY_BUILDER_TPM_LINK_H

#include "builder/link_table.h"
#include "builder/platform.h"
#include "builder/attest_reply.h"
#include "builder/rules.h"
#include "measure/event.h"

enum tpm_request_kind {
	TPM_REQUEST_START = 1, /* only as an answer: `platform` */
	TPM_REQUEST_EVENT,     /* log, then extend: `event` */
	TPM_REQUEST_EPOCH,     /* `store` holds from now on */
	TPM_REQUEST_TRUST,     /* the policy `trust` does */
	TPM_REQUEST_QUOTE,     /* sealed memory with a struct attest_reply comes
	                          back */
	TPM_REQUEST_LOG,       /* sealed memory: the log from `log_offset` on */
};

struct tpm_request {
	uint32_t kind;
	uint32_t tag;                 /* the answer repeats it */
	struct decided_by decided_by; /* of a build, and of a store index */
	union {
		struct event event;
		struct store_epoch store;
		struct trust_id trust;
		struct attest_request attest_request;
		uint64_t log_offset;
	};
};

/* How long a call of this kind is; 0: there is none. */
static inline size_t
tpm_request_bytes(uint32_t kind)
{
	static const size_t bytes[] = {
	    [TPM_REQUEST_EVENT] = LINK_BYTES(tpm_request, event),
	    [TPM_REQUEST_EPOCH] = LINK_BYTES(tpm_request, store),
	    [TPM_REQUEST_TRUST] = LINK_BYTES(tpm_request, trust),
	    [TPM_REQUEST_QUOTE] = LINK_BYTES(tpm_request, attest_request),
	    [TPM_REQUEST_LOG] = LINK_BYTES(tpm_request, log_offset),
	};

	return kind < sizeof(bytes) / sizeof(*bytes) ? bytes[kind] : 0;
}

struct tpm_answer {
	uint32_t kind;
	uint32_t tag; /* TPM_REQUEST_START: 0 */
	uint64_t log_used_bytes;
	uint64_t log_build_bytes_left; /* recorder_build_bytes_left() */
	union {
		struct platform platform; /* TPM_REQUEST_START */
		struct recorded recorded; /* its outcome is that of every
		                           * call; this alone goes on to a
		                           * child */
	};
};

#endif
