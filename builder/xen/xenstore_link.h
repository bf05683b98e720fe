/*
 * A connection to xenstored: requests go out in order and their replies come
 * back in that order. Each reply is matched to its request.
 *
 * libxenstore is not used: it waits for each reply, and it cannot tell whether
 * its connection has ended (docs/decisions/0011). No watches are set here, so
 * that no events come. A request may wait for as long as xenstored does.
 *
 * xenstored is trusted to be there and not with what it says: replies are
 * bounded, and their texts quoted. When the other side ends the connection or
 * breaks the protocol it is closed, and all later calls fail.
 * Spec: Xen docs/misc/xenstore.txt, xen/include/public/io/xs_wire.h.
 */
#ifndef ASSAY_BUILDER_XEN_XENSTORE_LINK_H
#define ASSAY_BUILDER_XEN_XENSTORE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* XENSTORE_PAYLOAD_MAX of xs_wire.h, for both directions. */
enum { XENSTORE_LINK_PAYLOAD = 4096 };

/* So often is a transaction begun that collides, some two seconds in all. */
enum { XENSTORE_LINK_ATTEMPTS = 64 };

struct xenstore_link {
	int fd;            /* -1: never opened, or ended */
	bool is_device;    /* of the kernel: one request at a time */
	uint32_t sent;     /* the req_id of the last request */
	uint32_t answered; /* the req_id of the last reply */
};

#define XENSTORE_LINK_NONE ((struct xenstore_link){.fd = -1})

struct xenstore_request {
	uint32_t type;        /* XS_* */
	uint32_t transaction; /* 0: none */
	struct bytes parts[3];
};

struct xenstore_reply {
	bool is_refusal; /* `text` says why: "EACCES" */
	uint32_t len;
	char text[XENSTORE_LINK_PAYLOAD + 1]; /* one NUL more than `len` */
};

/* Errors: XENSTORE_FAILED. */
int xenstore_link_open(struct xenstore_link *ret_link, struct err *err);
void xenstore_link_close(struct xenstore_link *link);

/*
 * Has nobody ended the connection? Does not wait, does not read. A xenstored
 * behind /dev/xen/xenbus can end without a sign of it: true.
 */
bool xenstore_link_is_alive(const struct xenstore_link *link);

/*
 * On the device all requests before must have their replies: the kernel passes
 * its buffer on, which the next request would fill (Linux
 * drivers/xen/xenbus/xenbus_xs.c xenbus_dev_request_and_reply).
 * Errors: XENSTORE_FAILED, BUG.
 */
int xenstore_link_send(struct xenstore_link *link,
    const struct xenstore_request *request, struct err *err);

/*
 * The reply to the oldest request that has none; `type` is that request's. A
 * refusal is a reply, and no error.
 * Errors: XENSTORE_FAILED.
 */
int xenstore_link_receive(struct xenstore_link *link, uint32_t type,
    struct xenstore_reply *ret_reply, struct err *err);

/* Send and receive; a refusal is XENSTORE_FAILED: "<what>: EACCES". */
int xenstore_link_ask(struct xenstore_link *link,
    const struct xenstore_request *request, const char *what,
    struct xenstore_reply *ret_reply, struct err *err);

/* Set that error for a reply that is a refusal. */
int xenstore_link_refuse(const struct xenstore_reply *reply, const char *what,
    struct err *err);

/* Errors: XENSTORE_FAILED. */
int xenstore_link_begin(struct xenstore_link *link, uint32_t *ret_transaction,
    struct err *err);

/*
 * *ret_collided: nothing was written, since somebody else changed the same
 * nodes. Begin again after xenstore_link_pause().
 * Errors: XENSTORE_FAILED.
 */
int xenstore_link_commit(struct xenstore_link *link, uint32_t transaction,
    bool *ret_collided, struct err *err);

/* Nothing is written. Errors: XENSTORE_FAILED. */
int xenstore_link_abort(struct xenstore_link *link, uint32_t transaction,
    struct err *err);

/* After the attempt of this number, from 0. */
void xenstore_link_pause(unsigned int attempt);

#endif
