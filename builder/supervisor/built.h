/*
 * What is kept of a domain that was built: its receipt, and what it takes to
 * build it once more.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_BUILT_H
#define ASSAY_BUILDER_SUPERVISOR_BUILT_H

#include "builder/receipt.h"
#include "builder/request.h"
#include "measure/event.h"

/* Plain value of fixed size. */
struct lineage {
	struct build_request request; /* as its caller sent it */
	uint64_t born_usec;           /* on the monotonic clock */
	uint32_t first_domid;         /* of the one that was delivered */
	uint32_t restarts;            /* that led to this one */
	uint32_t quick; /* the last ones of these, in a row, after too short
	                 * a life */
	struct event_after after; /* why this one was built; or zero */
};

struct built {
	struct receipt receipt;
	struct lineage lineage;
};

#endif
