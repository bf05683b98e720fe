/*
 * What the supervisor and the channel role say to each other: channels for
 * domains that may call. The supervisor says for whom, and opens the devices;
 * the role answers each call, in their order.
 *
 * The role keeps neither device: a ring lasts as long as whoever serves it.
 */
#ifndef ASSAY_BUILDER_CHANNEL_LINK_H
#define ASSAY_BUILDER_CHANNEL_LINK_H

#include "base/limits.h"
#include "builder/err_wire.h"
#include "builder/link_table.h"

enum channel_call_kind {
	CHANNEL_CLEAR = 1, /* what an earlier assayd offered is over */
	CHANNEL_OFFER,     /* a new ring, in two devices that are open */
	CHANNEL_WITHDRAW,  /* its session is over */
	CHANNEL_FORGET,    /* the domain is gone, and so is what it held */
};

struct channel_call {
	uint32_t kind;
	uint32_t domid; /* CHANNEL_CLEAR: 0 */
};

/* Descriptors of CHANNEL_OFFER, and of who serves the ring. */
enum { CHANNEL_FD_GRANTS, CHANNEL_FD_EVENTS, CHANNEL_FDS };

enum channel_answer_kind {
	CHANNEL_OFFERED = 1, /* `offer` */
	CHANNEL_DONE,        /* of the other calls */
	CHANNEL_REFUSED,     /* `outcome` */
};

/* One page, and one port that only the domain can bind. */
struct channel_offer {
	uint64_t offset; /* of the page, in the device of grants */
	uint32_t port;   /* in the device of events */
	uint32_t domid;
};

struct channel_answer {
	uint32_t kind;
	uint32_t domid;
	union {
		struct channel_offer offer;
		struct err_wire outcome;
	};
};

/* In which state the role may answer, and be asked. */
enum channel_state { CHANNEL_SERVES };

/* So many rings may a domain still have mapped that it uses no more. */
enum { CHANNEL_HELD = 8 };

#endif
