/*
 * The roles of assayd: a program for each, started by the supervisor with the
 * descriptors that it may have, at fixed numbers. The supervisor itself is one
 * that assayd, the program that people start, becomes.
 *
 * A role is told what it needs in one record, a struct role_start in sealed
 * memory. What it gets beside that are ends of links and, for who verifies, the
 * bytes of the trust policy as assayd found them at its own start.
 */
#ifndef ASSAY_BUILDER_ROLE_H
#define ASSAY_BUILDER_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sealed.h"
#include "builder/channel_link.h"
#include "builder/daemon_config.h"
#include "builder/fault_spec.h"

enum role {
	ROLE_FRONT,
	ROLE_STAGE,
	ROLE_VERIFY,
	ROLE_BUILD,
	ROLE_NODES,
	ROLE_LOOK,
	ROLE_WATCH,
	ROLE_CHANNEL,
	ROLE_TPM,
	ROLES
};

/* The supervisor starts these, and is started as they are: by assayd, which
 * becomes it. */
enum { ROLE_SUPERVISOR = ROLES };

/* What a build child, and its nodes role, prepare for: one that only erases
 * needs no cache, so that a destroy does not use up what waits for a build. */
enum child_kind {
	CHILD_TO_BUILD,
	CHILD_TO_ERASE,
};

struct role_start {
	uint32_t role;      /* enum role: of the program that may read this */
	int32_t parent_pid; /* but for ROLE_SUPERVISOR */
	struct daemon_config config;
	bool is_development; /* ROLE_TPM, ROLE_SUPERVISOR */
	bool has_listener; /* ROLE_SUPERVISOR: SUPERVISOR_FD_LISTEN is there */
	uint32_t kind;     /* ROLE_BUILD, ROLE_NODES: enum child_kind */
	struct channel_offer offer; /* ROLE_FRONT: of the ring that it serves;
	                             * domid 0: it has the socket */
	struct fault fault;         /* those, ROLE_SUPERVISOR */
};

/* Descriptors of a role's program. Behind the start record, in this order: */
enum {
	ROLE_FD_START = 3,
	ROLE_FD_FIRST,

	SUPERVISOR_FD_TRUST = ROLE_FD_FIRST, /* sealed: the trust policy */
	SUPERVISOR_FD_LISTEN, /* only if somebody listened before us */

	FRONT_FD_CALLS = ROLE_FD_FIRST, /* pipe, written to */
	FRONT_FD_ANSWERS,               /* socket, read from */
	FRONT_FD_LISTEN,                /* or, of a ring: */
	FRONT_FD_GRANTS = FRONT_FD_LISTEN,
	FRONT_FD_EVENTS,

	STAGE_FD_LINK = ROLE_FD_FIRST, /* to who asks */

	VERIFY_FD_LINK = ROLE_FD_FIRST, /* to the supervisor */
	VERIFY_FD_STAGE,
	VERIFY_FD_TRUST, /* sealed: the trust policy of the ramdisk */

	BUILD_FD_LINK = ROLE_FD_FIRST, /* to the supervisor */
	BUILD_FD_NODES,                /* to its nodes role */

	NODES_FD_LINK = ROLE_FD_FIRST, /* to who builds */

	LOOK_FD_LINK = ROLE_FD_FIRST, /* to the supervisor */

	WATCH_FD_LINK = ROLE_FD_FIRST, /* to the supervisor */

	CHANNEL_FD_LINK = ROLE_FD_FIRST, /* to the supervisor */

	TPM_FD_LINK = ROLE_FD_FIRST, /* to the supervisor */
	TPM_FD_TRUST,                /* sealed, as above */

	ROLE_FDS_MAX = 4, /* of one role */
};

/* "front", and the name of its program: "assayd-front". */
const char *role_name(enum role role);

#endif
