/*
 * What the supervisor and the look role say to each other: a number, and what
 * Xen listed after that. The role is one of the trusted ones, and is believed
 * about what exists.
 */
#ifndef ASSAY_BUILDER_LOOK_LINK_H
#define ASSAY_BUILDER_LOOK_LINK_H

#include "base/limits.h"
#include "builder/err_wire.h"
#include "grant-preload/xen_port.h"

struct look_call {
	uint32_t number;
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
	struct xen_host_info host;
};

#define LOOK_BYTES (LIMIT_DOMAINS * sizeof(struct xen_domain_info))

#endif
