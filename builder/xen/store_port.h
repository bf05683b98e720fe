/*
 * The xenstore seam: what the nodes role asks of xenstored, as one table of
 * functions. store_xenstored.c is the real thing; tests use a fake.
 *
 * Every function returns 0 or an error code that it stored in `err`
 * (XENSTORE_FAILED, NO_MEMORY). On failure outputs are untouched.
 */
#ifndef ASSAY_BUILDER_XEN_STORE_PORT_H
#define ASSAY_BUILDER_XEN_STORE_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A node to write; children inherit unless they say otherwise. */
enum store_access {
	STORE_INHERIT, /* as the parent */
	STORE_PRIVATE, /* dom0 alone */
	STORE_OWNED,   /* `owner` reads and writes, `reader` reads */
};
#define STORE_NO_READER UINT32_MAX

struct store_node {
	const char *path;
	const char *value;
	enum store_access access;
	uint32_t owner;
	uint32_t reader; /* or STORE_NO_READER */
};

/*
 * May these nodes be removed? Asked inside the transaction that removes them:
 * whoever writes one of them after the answer makes it begin again.
 */
struct store_guard {
	int (*ask)(void *context, bool *ret_may, struct err *err);
	void *context;
};

struct store_ops {
	/* Begin a transaction with these nodes and do not wait for xenstored.
	 * Nobody sees them before write(), and if that is never called nobody
	 * ever does. The nodes must stay where they are until then. At most
	 * once before each write(). */
	int (*send)(void *store, const struct store_node *nodes, uint32_t count,
	    struct err *err);
	/* Add these nodes and commit, all in one transaction, in this order. */
	int (*write)(void *store, const struct store_node *nodes,
	    uint32_t count, struct err *err);
	/* The first of these nodes with this value, or `count`. */
	int (*find)(void *store, const char *const *paths, uint32_t count,
	    const char *value, uint32_t *ret_index, struct err *err);
	/* Remove nodes and all below them; succeeds if there are none. With a
	 * guard all of them go or none, and none, without an error, if it says
	 * no; it is not asked where there is nothing. NULL: they are the
	 * caller's. */
	int (*remove)(void *store, const char *const *paths, uint32_t count,
	    const struct store_guard *guard, struct err *err);
	/* Tell xenstored to serve the domain's ring. */
	int (*introduce)(void *store, uint32_t domid, uint64_t frame,
	    uint32_t port, struct err *err);
	/* Is the xenstored still there that answered when the port was
	 * opened? Asks nobody. */
	bool (*is_connected)(void *store);
	void (*close)(void *store);
};

/* An open port. `store` belongs to the implementation. On `fds`, which may be
 * -1, poll(2) says POLLRDHUP, POLLHUP or POLLERR once xenstored has ended, if
 * they are sockets: /dev/xen/xenbus says nothing. */
struct store_port {
	const struct store_ops *ops;
	void *store;
	int fds[2];
};

#endif
