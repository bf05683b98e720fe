/*
 * What the supervisor and a build role say to each other, over its one link:
 * what was checked before, and a task; then reports, and whether the build is
 * on record (builder/rules.h).
 *
 * The supervisor believes these reports: the build role is the trusted one. It
 * still takes each only in its turn: builder/supervisor/supervisor_reports.c.
 */
#ifndef ASSAY_BUILDER_BUILD_LINK_H
#define ASSAY_BUILDER_BUILD_LINK_H

#include "base/sealed.h"
#include "base/uuid.h"
#include "builder/link_table.h"
#include "builder/order.h"
#include "builder/err_wire.h"
#include "builder/receipt.h"
#include "builder/rules.h"
#include "measure/event.h"

enum build_call_kind {
	BUILD_CACHED = 1, /* sealed memory that has `cached` */
	BUILD_DOMAIN,     /* the task: carry out an order; with a link to the
	                   * stage */
	BUILD_ERASE,      /* the task: remove a domain, or what is left of it */
};

/* What is known of a domain that may exist. */
struct domain_claim {
	uint8_t handle[UUID_BYTES]; /* it was created under; zero: unknown */
	uint8_t uuid[UUID_BYTES];   /* the caller's */
	uint32_t domid;             /* 0: none was reported */
	bool may_have_uuid;         /* it may have got the caller's uuid */
};

/* The most that the cache holds. */
enum { IMAGE_CACHE_BLOBS = 64 };
#define IMAGE_CACHE_BYTES LIMIT_MIB(1024)

struct build_task {
	struct build_request request; /* as the caller sent it */
	uint8_t handle[UUID_BYTES];   /* random, for this one */
	struct order order;           /* the verify role's */
};

struct build_call {
	uint32_t kind;
	union {
		struct digest cached;
		struct build_task task;
		struct domain_claim claim;
	};
};

enum build_report_kind {
	BUILD_MADE = 1, /* a domain exists now: `domid` */
	BUILD_BLOB,     /* this sealed memory has `digest`: for the cache */
	BUILD_RECORD,   /* put `record.build` on record; RULES_RECORDED
	                 * returns */
	BUILD_DONE,  /* the last one: `done.outcome`; if 0, `done.receipt` of a
	              * build, or the `done.domid` of what was erased and has
	              * that no more */
	BUILD_UNFIT, /* nothing was done: let another child do it; the last */
};

struct build_report {
	uint32_t kind;
	union {
		uint32_t domid;
		struct digest digest;
		struct record_report {
			struct event_build build;
			struct decided_by decided_by; /* of a build */
		} record;
		struct done_report {
			struct err_wire outcome;
			uint32_t domid;
			struct receipt receipt;
		} done;
	};
};

/* Room in a link for the whole cache, so that its sender does not wait. */
#define BUILD_LINK_BYTES LIMIT_MIB(1)

#endif
