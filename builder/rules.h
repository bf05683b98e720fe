/*
 * By which rules something was decided, as plain values that cross between
 * roles, and what became of it when it was put on record.
 */
#ifndef ASSAY_BUILDER_RULES_H
#define ASSAY_BUILDER_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "builder/err_wire.h"
#include "builder/link_table.h"

/* A trust policy: the one in the measured ramdisk, or the end of a chain of
 * updates. */
struct trust_id {
	struct digest chain;  /* of its bytes, which may be none */
	struct digest policy; /* trust_digest() */
	int64_t version;
};

/* A signed store index that was verified. */
struct store_epoch {
	struct digest index; /* of its envelope */
	int64_t epoch;
};

/* What decided about one image. */
struct decided_by {
	struct digest policy; /* trust_digest() */
	bool has_store;       /* it asks for a store index */
	int64_t epoch;        /* of that index */
};

/* What became of an event; a child waits for it. */
struct recorded {
	struct err_wire outcome;
	bool is_outdated;  /* newer rules hold: it was not logged */
	bool is_logged;    /* it is in the log, and so in the TPM now or later,
	                    * whatever the outcome: a build needs its end */
	bool is_broken;    /* nothing is put on record any more, whatever is
	                    * asked; else what failed may work later */
	bool is_unsure;    /* the TPM may miss what the log has: it did not
	                    * answer; the next event waits for it */
	uint64_t sequence; /* of the event, in the log */
	struct digest measurement; /* SHA-256 of the event */
};

/* The one thing that a child is answered by the supervisor. */
enum rules_answer_kind { RULES_RECORDED = 1 };

struct rules_answer {
	uint32_t kind;
	struct recorded recorded;
};

extern const struct link_table rules_answers;

/*
 * Wait on a link until what was asked is on record: in the log, on disk and in
 * the TPM. Errors: what the tpm role says; SYSTEM_FAILED.
 */
int rules_await_recorded(int link, struct recorded *ret_recorded,
    struct err *err);

#endif
