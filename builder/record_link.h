/*
 * What the supervisor and the tpm role say to each other. The supervisor sends
 * calls, also on behalf of build children; the role answers each of them, in
 * this order, after a first answer of its own: what it found at start.
 */
#ifndef ASSAY_BUILDER_RECORD_LINK_H
#define ASSAY_BUILDER_RECORD_LINK_H

#include "builder/link_table.h"
#include "builder/platform.h"
#include "builder/quote.h"
#include "builder/rules.h"
#include "measure/event.h"

enum record_kind {
	RECORD_START = 1, /* only as an answer: `platform` */
	RECORD_EVENT,     /* log, then extend: `event` */
	RECORD_EPOCH,     /* `store` holds from now on */
	RECORD_TRUST,     /* the policy `trust` does */
	RECORD_QUOTE,     /* sealed memory with a struct quote comes back */
	RECORD_LOG,       /* sealed memory: the log from `log_offset` on */
};

struct record_call {
	uint32_t kind;
	uint32_t tag;       /* the answer repeats it */
	struct basis basis; /* of a build, and of a store index */
	union {
		struct event event;
		struct store_epoch store;
		struct trust_mark trust;
		struct quote_request quote_request;
		uint64_t log_offset;
	};
};

/* How long a call of this kind is; 0: there is none. */
static inline size_t
record_call_bytes(uint32_t kind)
{
	static const size_t bytes[] = {
	    [RECORD_EVENT] = LINK_BYTES(record_call, event),
	    [RECORD_EPOCH] = LINK_BYTES(record_call, store),
	    [RECORD_TRUST] = LINK_BYTES(record_call, trust),
	    [RECORD_QUOTE] = LINK_BYTES(record_call, quote_request),
	    [RECORD_LOG] = LINK_BYTES(record_call, log_offset),
	};

	return kind < sizeof(bytes) / sizeof(*bytes) ? bytes[kind] : 0;
}

struct record_answer {
	uint32_t kind;
	uint32_t tag; /* RECORD_START: 0 */
	uint64_t log_used_bytes;
	uint64_t log_build_bytes_left; /* recorder_build_bytes_left() */
	union {
		struct platform platform; /* RECORD_START */
		struct recorded recorded; /* its outcome is that of every
		                           * call; this alone goes on to a
		                           * child */
	};
};

#endif
