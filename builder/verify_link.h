/*
 * What the supervisor and a verify role say to each other, over its one link: a
 * task with the directory of the store and, if there is one, the chain of
 * policies as descriptors, but at the start; then reports.
 *
 * The verify role has parsed a hostile store, so each report is checked for
 * what it may be: builder/supervisor/supervisor_reports.c. It says what may
 * run, and with what on record; it cannot say that anything was done.
 */
#ifndef ASSAY_BUILDER_VERIFY_LINK_H
#define ASSAY_BUILDER_VERIFY_LINK_H

#include "base/sealed.h"
#include "builder/link_table.h"
#include "builder/order.h"
#include "builder/err_wire.h"
#include "builder/request.h"
#include "builder/rules.h"
#include "builder/verdict_cache.h"
#include "measure/caller.h"

enum verify_task_kind {
	VERIFY_BUILD = 1, /* decide about `build` */
	VERIFY_LIST,      /* all images of the store */
	VERIFY_START,     /* which policy is in force when assayd begins: by the
	                   * chain as this process found it; without a store */
};

struct verify_task {
	uint32_t kind;
	struct store_epoch store; /* the index in force: the floor */
	struct trust_id trust;    /* the policy in force, likewise */
	struct verdict_cache known;
	struct caller caller;       /* VERIFY_BUILD: who asks */
	struct build_request build; /* VERIFY_BUILD */
};

/* The descriptors that come with it. */
enum { VERIFY_STORE_FD, VERIFY_CHAIN_FD, VERIFY_FDS };

enum verify_report_kind {
	VERIFY_VERDICT = 1, /* `known`: need not be found out again */
	VERIFY_EPOCH,       /* `epoch.store` holds from now on; a struct
	                     * recorded returns */
	VERIFY_TRUST,       /* the policy `trust` does; likewise */
	VERIFY_IMAGES,      /* sealed memory: the rows of a listing; the last */
	VERIFY_ORDER,       /* `order`; the last */
	VERIFY_REFUSED,     /* `outcome`; the last */
	VERIFY_MARK,        /* `trust` is in force, at a start; the last */
};

struct verify_report {
	uint32_t kind;
	union {
		struct known_verdict known;
		struct epoch_report {
			struct store_epoch store;
			struct decided_by decided_by; /* of a store index */
		} epoch;
		struct trust_id trust;
		struct order order;
		struct err_wire outcome;
	};
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
	struct err_wire outcome;
};

#endif
