/*
 * What a build role and its nodes role say to each other: the build role has
 * Xen, the nodes role has xenstored. It is told one thing at a time, and
 * answers each by NODES_DONE; the build role need not wait for that at once.
 *
 * What an earlier domain left may go only if Xen has no other one of that id or
 * uuid. That is asked of the build role in the middle of the removal:
 * NODES_ASK, answered by NODES_MAY.
 */
#ifndef ASSAY_BUILDER_NODES_LINK_H
#define ASSAY_BUILDER_NODES_LINK_H

#include "base/digest.h"
#include "builder/err_wire.h"
#include "builder/link_table.h"
#include "builder/request.h"
#include "grant-preload/xen_port.h"

enum nodes_call_kind {
	NODES_CHECK = 1, /* is xenstored still there that was there before? */
	NODES_FIND,      /* which of these domains has the name? */
	NODES_SEND,      /* the nodes of a new domain, after removing what an
	                  * earlier one left; nobody sees them yet */
	NODES_PUBLISH,   /* those, and where the rings are */
	NODES_INTRODUCE, /* xenstored shall serve the ring */
	NODES_REMOVE,    /* the nodes of a domain that is gone, or never was */
	NODES_MAY,       /* they may go, or must stay */
};

struct nodes_names {
	char name[LIMIT_NAME_BYTES + 1];
	uint32_t count;
	uint16_t domids[LIMIT_DOMAINS + 1];
};

/* What nodes are made of. */
struct nodes_facts {
	uint32_t domid;
	struct guest guest;
	struct digest kernel_elf;
	bool has_ramdisk;
	struct digest ramdisk;
	char cmdline[LIMIT_CMDLINE_BYTES + 1];
	uint32_t console_port;
	uint32_t xenstore_port;
};

struct nodes_rings {
	uint32_t domid;
	uint32_t xenstore_port;
	struct xen_rings rings;
};

struct nodes_claim {
	uint32_t domid;
	uint8_t uuid[UUID_BYTES];
};

struct nodes_call {
	uint32_t kind;
	union {
		struct nodes_names names; /* NODES_FIND */
		struct nodes_facts facts; /* NODES_SEND */
		struct nodes_rings rings; /* NODES_PUBLISH, NODES_INTRODUCE */
		struct nodes_claim claim; /* NODES_REMOVE */
		struct nodes_may {
			struct err_wire outcome; /* could Xen be asked? */
			bool may;
		} may; /* NODES_MAY */
	};
};

enum nodes_report_kind {
	NODES_DONE = 1,
	NODES_ASK,
};

/* Whose nodes they are. */
enum nodes_of { NODES_OF_ID, NODES_OF_UUID };

struct nodes_report {
	uint32_t kind;
	union {
		struct nodes_done {
			struct err_wire outcome;
			uint32_t found; /* NODES_FIND: the first, or `count` */
		} done;
		uint32_t of; /* NODES_ASK: enum nodes_of */
	};
};

#endif
