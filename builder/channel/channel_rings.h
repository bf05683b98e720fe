/*
 * The rings that were offered to client domains: which one each domain has now,
 * and which older ones it may still have mapped.
 *
 * Linux does not say whether a domain has let go of a page. But it gives the
 * grant's number away again only then, and those first that became free last: a
 * number that comes back is free. What is not known to be free counts as held.
 */
#ifndef ASSAY_BUILDER_CHANNEL_CHANNEL_RINGS_H
#define ASSAY_BUILDER_CHANNEL_CHANNEL_RINGS_H

#include <stdbool.h>

#include "builder/channel_link.h"
#include "builder/xen/channel_device.h"

struct channel_ring {
	uint32_t domid; /* 0: none */
	bool is_offered;
	uint32_t ref; /* of its page, if so */
	uint32_t held[CHANNEL_HELD];
	uint32_t held_count;
};

struct channel_rings {
	int probe_fd; /* a device of grants; borrowed */
	struct channel_ring rings[LIMIT_CLIENTS];
};

/*
 * A new page for this domain, out of this device, which has none now.
 * Errors: CHANNEL_RINGS_HELD; RPC_BUSY if there are LIMIT_CLIENTS domains;
 * XEN_FAILED.
 */
int channel_rings_offer(struct channel_rings *rings, uint32_t domid,
    int grants_fd, struct channel_page *ret_page, struct err *err);

/* Its page is used no more: the domain may still have it. */
void channel_rings_withdraw(struct channel_rings *rings, uint32_t domid);

/* The domain is gone, and with it all that it had mapped. */
void channel_rings_forget(struct channel_rings *rings, uint32_t domid);

/* Does it have a page now? */
bool channel_rings_has(const struct channel_rings *rings, uint32_t domid);

#endif
