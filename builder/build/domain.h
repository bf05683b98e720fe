/*
 * A domain being made. It stays paused and dies with its scope unless it is
 * committed:
 *
 *	CLEANUP(domain_abortp) struct domain *dom = NULL;
 *
 * Aborting destroys the domain and removes its xenstore nodes. If that itself
 *fails, or the process is killed, the supervisor lets another child do the
 *same: builder/build/domain_erase.h.
 *
 * It is created under a random handle that the supervisor drew, and gets the
 * caller's uuid last: until then nobody else's domain can be taken for it.
 */
#ifndef ASSAY_BUILDER_BUILD_DOMAIN_H
#define ASSAY_BUILDER_BUILD_DOMAIN_H

#include "builder/build/nodes.h"
#include "builder/order.h"
#include "grant-preload/grant_plan.h"
#include "image-store/image_pieces.h"

struct domain;

/* Where a domain is made; all borrowed for the domain's life. */
struct domain_context {
	const struct xen_port *xen;
	struct nodes *nodes;
	const struct grant_daemons *daemons;
	int link;              /* to the supervisor, or -1 */
	bool *left_behind;     /* set if an abort failed; NULL: nobody asks */
	struct timing *timing; /* of who makes one; each step marks it */
};

/*
 * Is the name free, and the uuid? Names are compared with all domains that
 * Xen lists, as xl does.
 * Errors: DOMAIN_EXISTS, XEN_FAILED, XENSTORE_FAILED.
 */
int domain_check_free(const struct domain_context *place,
    const struct guest *guest, struct err *err);

/*
 * Create it under `handle`, tell the supervisor, set limits, make the two event
 * channels. Borrows place and guest for the domain's life. Returns owned.
 */
int domain_create(const struct domain_context *place, const struct guest *guest,
    const uint8_t handle[UUID_BYTES], struct domain **ret_domain,
    struct err *err);

/*
 * Begin to write its xenstore nodes, so that xenstored is busy with them while
 * we load. Nobody sees them before domain_publish().
 */
int domain_announce(struct domain *domain, const struct order *order,
    struct err *err);

/* Load exactly these bytes, and the command line of the order. */
int domain_load(struct domain *domain, const struct order *order,
    const struct image_pieces *pieces, struct err *err);

/*
 * Write the two grants that the daemons need, and read the whole table back: it
 * has these and no others. *ret_found is what was read.
 * Errors: GRANT_MISMATCH, XEN_FAILED.
 */
int domain_preload(struct domain *domain, struct grant_plan *ret_found,
    struct err *err);

uint32_t domain_id(const struct domain *domain);

/* Complete and commit the xenstore nodes. */
int domain_publish(struct domain *domain, struct err *err);

/* Let xenstored serve it: it maps the ring through the preloaded grant. */
int domain_introduce(struct domain *domain, struct err *err);

/* Give it the uuid that the caller wants, if still no other domain has it.
 * Errors: DOMAIN_EXISTS, XEN_FAILED. */
int domain_name(struct domain *domain, struct err *err);

int domain_unpause(struct domain *domain, struct err *err);

/* It shall live; the pointer becomes NULL. */
void domain_commit(struct domain **domain);

/* For CLEANUP: undo everything. Does nothing for NULL. */
void domain_abortp(struct domain **domain);

#endif
