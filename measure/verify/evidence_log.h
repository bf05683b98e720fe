/*
 * What assayd's log says, checked against the register that it was extended
 * into: whether each record fits its digests, whether all events are there,
 * once and in order, and whether they lead to the quoted values.
 *
 * Only a log that leads to the register tells anything; so the caller has
 * checked the quote before.
 */
#ifndef ASSAY_MEASURE_VERIFY_EVIDENCE_LOG_H
#define ASSAY_MEASURE_VERIFY_EVIDENCE_LOG_H

#include "measure/event.h"
#include "measure/verify/digest_list.h"

enum evidence_fate {
	EVIDENCE_STARTED, /* and neither of the others was logged */
	EVIDENCE_ABANDONED,
	EVIDENCE_DESTROYED,
	EVIDENCE_UNMEASURED, /* logged, but assayd crashed before it ran */
};

/* What decided from an event on, until the next such event. */
struct evidence_rules {
	struct event_rules as;
	size_t event; /* its place in the log, from 1 */
	bool is_start;
	size_t domain_count; /* built by them, and measured */
};

/* One image that was started, or nearly. */
struct evidence_domain {
	struct event_build build;
	enum evidence_fate fate;
	size_t rules; /* by which it was built: an index of the story's */
	/* It is said that a domain asked for it which the log does not have. */
	bool is_caller_unknown;
	/* Set by evidence_verify(): what the lists call it, or NULL. */
	const struct digest_list_row *image;
	const struct digest_list_row *configuration;
};

/* How many are told, of those that there may be. */
#define EVIDENCE_STRAYS 100

/* An event about a domain that fits none: an end of no domain that was built
 * and has not ended, or a build of one that has not ended either. */
struct evidence_stray {
	size_t event; /* its place in the log, from 1 */
	enum event_kind kind;
	uint8_t uuid[UUID_BYTES];
	uint32_t domid;
};

struct boot_history {
	struct event_start start;     /* the last one */
	struct evidence_rules *rules; /* in order; those now are the last */
	size_t rules_count;
	size_t event_count;
	size_t start_count;
	size_t crash_count; /* starts without a stop before them */
	size_t unmeasured_count;
	bool was_development; /* of any start */
	bool is_stopped;      /* the last event is a stop */
	struct evidence_domain *domains;
	size_t domain_count;
	struct evidence_stray strays[EVIDENCE_STRAYS]; /* the first ones */
	size_t stray_count;                            /* of all */
};

/*
 * The caller knows the register `pcr`: a log that chose it could be made up
 * beside the true one.
 * Order: structure; each record's register, type, digests and event; sequence;
 * what each start event found; the values at the end, in every quoted bank
 * (`quoted->known` has the register's bit).
 *
 * A daemon that crashed between log and register leaves one record that the
 * register never received; the next start event shows it, by what it found.
 * Such a record proves nothing, as anybody may add one: a build in it is told
 * as EVIDENCE_UNMEASURED, and nothing else of it but that it was there.
 *
 * A domain ends by an event that has its uuid and its id. One that fits no
 * domain is told as a stray: assayd writes such when it crashed around a build
 * or after an end, so that it is no reason to refuse.
 *
 * A domain that asked for another one has to be built before, by the events:
 * the one of its uuid and id, with its role and envelope, and not abandoned.
 * assayd writes nothing else; that it is not so is told, and decides nothing.
 * Errors: EVENT_LOG_MALFORMED; EVENT_MALFORMED; EVIDENCE_LOG_CHANGED,
 * _REMOVED, _REORDERED, _ADDED, _MISMATCH; EVIDENCE_REGISTER_USED;
 * EVIDENCE_NOT_MEASURED; NO_MEMORY.
 */
int evidence_log_check(struct bytes log, unsigned pcr,
    const struct pcr_values *quoted, struct boot_history *ret_history,
    struct err *err);

/* The rules that hold now. The story is one that evidence_log_check() made, and
 * so has some. Borrowed. */
const struct event_rules *boot_history_rules(
    const struct boot_history *history);

void boot_history_done(struct boot_history *history);

#endif
