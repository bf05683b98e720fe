/*
 * The seams of Xen and xenstore without either: a model of domains, grant
 * tables and xenstore that keeps a journal of what was asked of it and can be
 * told to fail.
 *
 * It also knows the order that makes a guest safe (grants read back and store
 * introduced before it runs) and notes the first breach in `violation`.
 *
 * It lives in shared memory, so that a test sees what a forked child did.
 */
#ifndef ASSAY_TESTS_XEN_PORT_FAKE_H
#define ASSAY_TESTS_XEN_PORT_FAKE_H

#include <pthread.h>

#include "base/digest.h"
#include "builder/xen/store_port.h"
#include "grant-preload/xen_port.h"

enum {
	FAKE_CALLS = 4096,
	FAKE_DOMAINS = 80,
	FAKE_NODES = 1024,
	FAKE_GRANTS = 2 * XEN_GRANTS_PER_FRAME,
};

struct fake_domain {
	bool exists;
	uint32_t domid;
	uint8_t uuid[XEN_UUID_BYTES];
	uint32_t memory_mib;
	uint32_t vcpus;
	bool is_prepared;
	bool is_loaded;
	bool is_seeded;
	bool are_grants_read;
	bool is_introduced;
	bool is_named; /* it has the caller's uuid */
	bool is_running;
	bool is_dying;
	bool is_shutdown;
	uint8_t shutdown_reason;
	/* What was loaded; bytes by their digests. */
	struct digest elf;
	struct digest ramdisk;
	size_t ramdisk_len;
	char cmdline[1024];
	struct xen_load load; /* its pointers mean nothing */
	struct xen_rings rings;
	uint32_t introduced_port;
	struct xen_grant_entry grants[FAKE_GRANTS];
	uint32_t grant_count;
};

struct fake_node {
	bool exists;
	char path[160];
	char value[1100];
	enum store_access access;
	uint32_t owner;
	uint32_t reader;
};

struct xen_fake {
	/* The journal: "operation argument..." for each call. */
	char calls[FAKE_CALLS][120];
	uint32_t call_count;
	char violation[160];

	/* Failing: the n-th call from now (from 1; 0: none), or each call of
	 * one operation; before it has an effect, or after. */
	uint32_t fail_at;
	char fail_operation[32];
	bool fails_after;
	/* Each call of this operation waits until the name is cleared. */
	char hang_operation[32];
	/* Called after the two entries were written. */
	void (*twist_grants)(struct fake_domain *domain);

	pthread_mutex_t lock; /* one operation at a time */
	struct fake_domain domains[FAKE_DOMAINS];
	struct fake_node nodes[FAKE_NODES];
	uint32_t next_domid;
	uint32_t next_port;
	bool is_closed;
	bool is_deaf; /* xenstored answers no watch role */
	/* So often xenstored has ended since a port was opened. */
	int stale_connections;
};

struct xen_fake *xen_fake_new(void);
void xen_fake_free(struct xen_fake *fake);

struct xen_port xen_fake_port(struct xen_fake *fake);
struct store_port xen_fake_store(struct xen_fake *fake);

/* Somebody else's domain, with a name in xenstore. Its uuid is `byte`s. */
struct fake_domain *xen_fake_add(struct xen_fake *fake, uint32_t domid,
    uint8_t byte, const char *name);

struct fake_domain *xen_fake_domain(struct xen_fake *fake, uint32_t domid);
uint32_t xen_fake_domain_count(const struct xen_fake *fake);
/* The last node of this path that was written, or NULL. */
const struct fake_node *xen_fake_node(const struct xen_fake *fake,
    const char *path);
uint32_t xen_fake_node_count(const struct xen_fake *fake);
/* Somebody writes a node; or all nodes vanish. */
void xen_fake_put(struct xen_fake *fake, const char *path, const char *value);
void xen_fake_forget_nodes(struct xen_fake *fake);

/* Forget the journal; the model stays. */
void xen_fake_forget_calls(struct xen_fake *fake);
/* The first call of this operation, from 0; or -1. */
int xen_fake_call_of(const struct xen_fake *fake, const char *operation);

#endif
