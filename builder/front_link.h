/*
 * What the front and the supervisor say to each other: calls through a pipe,
 * which can carry no descriptor, answers through a socket. The supervisor
 * checks every call again: the front parses foreign bytes and may be taken
 * over.
 */
#ifndef ASSAY_BUILDER_FRONT_LINK_H
#define ASSAY_BUILDER_FRONT_LINK_H

#include "builder/link_table.h"
#include "builder/verify_link.h"
#include "builder/err_wire.h"
#include "builder/platform.h"
#include "builder/attest_reply.h"
#include "builder/receipt.h"
#include "builder/request.h"
#include "measure/caller.h"

enum front_call_kind {
	FRONT_BUILD = 1,
	FRONT_LIST_IMAGES,
	FRONT_LIST_DOMAINS,
	FRONT_DESTROY,
	FRONT_STATUS,
	FRONT_ATTEST,
	FRONT_LOG,
	FRONT_CANCEL,      /* the caller of `connection` is gone */
	FRONT_UNDELIVERED, /* the receipt of that domain reached nobody */
	FRONT_ALIVE,       /* each second: no call */
	FRONT_DESCRIBE,    /* one domain */
	FRONT_PAUSE,
	FRONT_UNPAUSE,
	FRONT_SHUTDOWN, /* ask its guest */
	FRONT_WAIT,     /* until it is so */
};

/* A domain by one of these, the others are zero; FRONT_UNDELIVERED: by id and
 * uuid together. */
struct domain_selector {
	uint32_t domid;
	bool has_uuid;
	uint8_t uuid[UUID_BYTES];
	char name[LIMIT_NAME_BYTES + 1];
};

/* Until when, and so many seconds at most. Who waits for a domain to run hears
 * of its end too. */
enum wait_until { WAIT_RUNNING = 1, WAIT_SHUTDOWN };

struct wait_request {
	struct domain_selector selector;
	uint32_t until;
	uint32_t seconds;
};

#define NO_CONNECTION        0u /* nobody waits for the answer */
#define FRONT_CONNECTION_MAX 0xffffffu

struct front_call {
	uint32_t kind;
	uint32_t connection;  /* the front's number for it; answers repeat it */
	struct caller caller; /* whose call it is: a user, or whoever the
	                       * front of one domain is for */
	union {
		struct build_request build;
		struct domain_selector selector;      /* of one domain */
		struct wait_request wait;             /* FRONT_WAIT */
		struct attest_request attest_request; /* FRONT_ATTEST */
		uint64_t log_offset;                  /* FRONT_LOG */
	};
};

/* How long a call of this kind is; 0: there is none. */
static inline size_t
front_call_bytes(uint32_t kind)
{
	static const size_t bytes[] = {
	    [FRONT_BUILD] = LINK_BYTES(front_call, build),
	    [FRONT_LIST_IMAGES] = LINK_BYTES(front_call, caller),
	    [FRONT_LIST_DOMAINS] = LINK_BYTES(front_call, caller),
	    [FRONT_DESTROY] = LINK_BYTES(front_call, selector),
	    [FRONT_STATUS] = LINK_BYTES(front_call, caller),
	    [FRONT_ATTEST] = LINK_BYTES(front_call, attest_request),
	    [FRONT_LOG] = LINK_BYTES(front_call, log_offset),
	    [FRONT_CANCEL] = LINK_BYTES(front_call, caller),
	    [FRONT_UNDELIVERED] = LINK_BYTES(front_call, selector),
	    [FRONT_ALIVE] = LINK_BYTES(front_call, caller),
	    [FRONT_DESCRIBE] = LINK_BYTES(front_call, selector),
	    [FRONT_PAUSE] = LINK_BYTES(front_call, selector),
	    [FRONT_UNPAUSE] = LINK_BYTES(front_call, selector),
	    [FRONT_SHUTDOWN] = LINK_BYTES(front_call, selector),
	    [FRONT_WAIT] = LINK_BYTES(front_call, wait),
	};

	return kind < sizeof(bytes) / sizeof(*bytes) ? bytes[kind] : 0;
}

struct domain_row {
	struct receipt receipt;
	bool is_paused;
	bool is_dying;
	bool is_shutdown;
	uint8_t shutdown_reason; /* as the guest gave it: any number */
	uint64_t memory_kib;
	struct life life;
	uint32_t restarts; /* that led to it */
};

enum domain_state_kind {
	DOMAIN_RUNNING = 1,
	DOMAIN_PAUSED,
	DOMAIN_DYING,
	DOMAIN_SHUT_DOWN, /* with `reason` */
	DOMAIN_GONE,
};

struct domain_state {
	uint32_t state;
	uint32_t domid;
	uint8_t uuid[UUID_BYTES];
	uint8_t reason; /* as in struct domain_row */
};

struct status {
	uint32_t xen_major;
	uint32_t xen_minor;
	uint64_t total_kib;
	uint64_t free_kib;
	uint64_t uptime_seconds;
	uint64_t builds_done;
	uint64_t builds_refused;
	uint32_t builds_running;
	uint32_t domains;
	int64_t trust_version;
	uint64_t cached_bytes;
	struct platform platform;
};

/* A domain that has to go and has not gone yet. */
struct pending_row {
	uint8_t uuid[UUID_BYTES];
	uint32_t domid;          /* 0: none was reported */
	bool is_gone;            /* what is missing is the event that says so */
	uint32_t tries;          /* so far */
	uint32_t again_in;       /* seconds */
	struct err_wire outcome; /* of the last one */
};

/*
 * Rows and evidence come along as sealed memory: an array of struct image_row,
 * domain_row or pending_row; a struct attest_reply; a piece of the log.
 */
enum front_answer_kind {
	ANSWER_OUTCOME = 1, /* a refusal of anything; or it was done */
	ANSWER_RECEIPT,     /* of FRONT_BUILD */
	ANSWER_STATUS,      /* of FRONT_STATUS, with rows */
	ANSWER_MEMORY,      /* rows or evidence alone */
	ANSWER_STATE,       /* of FRONT_WAIT */
};

struct front_answer {
	uint32_t kind;
	uint32_t connection;
	struct err_wire outcome;
	union {
		struct receipt receipt;
		struct status status;
		struct domain_state state;
	};
};

/* How long an answer of this kind is; 0: there is none. */
static inline size_t
front_answer_bytes(uint32_t kind)
{
	static const size_t bytes[] = {
	    [ANSWER_OUTCOME] = LINK_BYTES(front_answer, outcome),
	    [ANSWER_RECEIPT] = LINK_BYTES(front_answer, receipt),
	    [ANSWER_STATUS] = LINK_BYTES(front_answer, status),
	    [ANSWER_MEMORY] = LINK_BYTES(front_answer, outcome),
	    [ANSWER_STATE] = LINK_BYTES(front_answer, state),
	};

	return kind < sizeof(bytes) / sizeof(*bytes) ? bytes[kind] : 0;
}

/* The most that comes along: LIMIT_INDEX_IMAGES or LIMIT_DOMAINS rows. */
#define FRONT_ATTACHED_BYTES LIMIT_MIB(8)

#endif
