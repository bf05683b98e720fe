/*
 * What the supervisor and the watch role say to each other. The role tells that
 * domains came or went, and not which: what there is now the supervisor asks of
 * Xen, through the look role. Over the same connection to xenstored it asks a
 * guest to shut down.
 */
#ifndef ASSAY_BUILDER_WATCH_LINK_H
#define ASSAY_BUILDER_WATCH_LINK_H

#include "base/uuid.h"
#include "builder/err_wire.h"
#include "builder/link_table.h"

enum watch_report_kind {
	WATCH_CHANGED = 1, /* a domain came, went or shut down; also the first
	                    * one: from now on none is missed */
	WATCH_ASKED,       /* the guest was asked, or `outcome` */
};

struct watch_report {
	uint32_t kind;
	uint32_t number; /* WATCH_ASKED: of the call */
	struct err_wire outcome;
};

enum watch_call_kind {
	WATCH_ASK_SHUTDOWN = 1, /* if xenstored knows it by id and uuid */
};

struct watch_call {
	uint32_t kind;
	uint32_t number;
	uint32_t domid;
	uint8_t uuid[UUID_BYTES];
};

#endif
