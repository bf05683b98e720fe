/*
 * What the supervisor and the look role say to each other: a number, and what
 * Xen listed after that; before it looks, it may pause or unpause a domain. The
 * role is one of the trusted ones, and is believed about what exists.
 */
#ifndef ASSAY_BUILDER_LOOK_LINK_H
#define ASSAY_BUILDER_LOOK_LINK_H

#include "base/limits.h"
#include "base/uuid.h"
#include "builder/err_wire.h"
#include "grant-preload/xen_port.h"

enum look_act {
	LOOK_ONLY,
	LOOK_PAUSE,   /* unless it is paused */
	LOOK_UNPAUSE, /* if it is */
};

struct look_call {
	uint32_t number;
	uint32_t act;   /* before it looks */
	uint32_t domid; /* on which: that has both */
	uint8_t uuid[UUID_BYTES];
};

enum look_answer_kind {
	LOOK_LISTED = 1, /* sealed memory with an array of struct
	                  * xen_domain_info, and `host` */
	LOOK_FAILED,     /* `outcome` */
};

struct look_answer {
	uint32_t kind;
	uint32_t number; /* of the call */
	struct err_wire outcome;
	struct err_wire acted; /* how that ended, which is before the look */
	struct xen_host_info host;
};

#define LOOK_BYTES (LIMIT_DOMAINS * sizeof(struct xen_domain_info))

#endif
