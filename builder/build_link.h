/*
 * What a build child tells the supervisor, over its one link.
 *
 * The supervisor believes these reports: build children are the trusted role.
 */
#ifndef ASSAY_BUILDER_BUILD_LINK_H
#define ASSAY_BUILDER_BUILD_LINK_H

#include "base/digest.h"
#include "base/sealed.h"
#include "builder/outcome.h"
#include "builder/receipt.h"
#include "keys/trust.h"
#include "measure/event.h"

enum report_kind {
	REPORT_DOMAIN = 1, /* a domain exists now: `domid` */
	REPORT_BLOB,       /* this sealed memory has `digest`: for the cache */
	REPORT_VERDICT, /* of the policy `digest`, on an envelope: likewise */
	REPORT_IMAGES,  /* sealed memory: the rows of a listing */
	REPORT_BUILD,   /* put `build` on record; a struct recorded returns */
	REPORT_EPOCH,   /* `store` holds from now on; likewise */
	REPORT_TRUST,   /* and the policy at the end of this chain, likewise */
	REPORT_DONE,    /* the last one: `outcome`, and `receipt` if 0 */
	REPORT_UNFIT,   /* nothing was done: let another child do it */
};

/* One image of the store: verified, or why not. */
struct image_row {
	char name[LIMIT_NAME_BYTES + 1];
	char version[LIMIT_VERSION_BYTES + 1];
	char role[LIMIT_NAME_BYTES + 1];
	struct digest envelope;
	struct digest payload; /* of what was verified */
	bool is_debug;
	int64_t rollback_index;
	uint32_t memory_min_mib;
	uint32_t memory_max_mib;
	uint32_t vcpus_min;
	uint32_t vcpus_max;
	struct outcome outcome;
};

/* A signed store index that was verified. */
struct store_epoch {
	struct digest index; /* of its envelope */
	int64_t epoch;
};

/* By which rules something was decided. */
struct basis {
	struct digest policy; /* trust_digest() */
	bool has_store;       /* it asks for a store index */
	int64_t epoch;        /* of that index */
};

struct report {
	uint32_t kind;
	uint32_t domid;
	struct digest digest;
	struct trust_verdict verdict;
	struct event_build build;
	struct store_epoch store;
	struct basis basis; /* of a build, and of a store index */
	struct outcome outcome;
	struct receipt receipt;
};

/* What became of an event; a child waits for it. */
struct recorded {
	struct outcome outcome;
	bool is_outdated;  /* newer rules hold: it was not logged */
	bool is_logged;    /* it is in the log, and so in the TPM now or later,
	                    * whatever the outcome: a build needs its end */
	bool is_broken;    /* nothing is put on record any more, whatever is
	                    * asked; else what failed may work later */
	uint64_t sequence; /* of the event, in the log */
	struct digest measurement; /* SHA-256 of the event */
};

/* Errors: SYSTEM_FAILED if the supervisor is gone. */
int build_link_domain(int link, uint32_t domid, struct err *err);
int build_link_blob(int link, const struct digest *digest,
    const struct sealed *checked, struct err *err);
int build_link_verdict(int link, const struct digest *policy,
    const struct trust_verdict *verdict, struct err *err);
int build_link_images(int link, const struct sealed *rows, struct err *err);

/*
 * Ask, and wait until it is done: in the log, on disk and in the TPM.
 * A build or an index that older rules decided about is refused.
 * Errors: what the tpm role says; SYSTEM_FAILED.
 */
int build_link_record(int link, const struct basis *basis,
    const struct event_build *build, uint64_t *ret_sequence,
    struct digest *ret_measurement, struct err *err);
int build_link_adopt_store(int link, const struct basis *basis,
    const struct store_epoch *store, struct err *err);
int build_link_adopt_trust(int link, const struct sealed *chain,
    struct err *err);

/* xenstored ended since this child opened it. */
int build_link_unfit(int link, struct err *err);

int build_link_done(int link, int code, const struct err *outcome,
    const struct receipt *receipt, struct err *err);

#endif
