/*
 * The Xen seam: all that assay asks of the hypervisor and of libxenguest, as
 * one table of functions.
 *
 * builder/xen/xen_port_libxc.c is the real thing, and xen_look.c beside it for
 * who only looks. Tests use a journal-keeping fake; debug builds can put
 * a fault-injecting layer in between.
 *
 * Every function returns 0 or an error code that it stored in `err`
 * (XEN_FAILED, NO_MEMORY). On failure outputs are untouched.
 * Domains are x86-64 PV.
 */
#ifndef ASSAY_GRANT_PRELOAD_XEN_PORT_H
#define ASSAY_GRANT_PRELOAD_XEN_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define XEN_UUID_BYTES 16
#define XEN_PAGE_BYTES 4096u

/* What a domain is made with. */
struct xen_domain_spec {
	uint8_t handle[XEN_UUID_BYTES]; /* until domain_set_uuid() */
	uint32_t memory_mib;
	uint32_t memory_slack_kib; /* that it may have above that */
	uint32_t vcpus;
	uint32_t flags; /* XEN_DOMCTL_CDF_* */
	uint32_t max_event_port;
	uint32_t grant_version;
	int32_t max_grant_frames; /* -1: as many as Xen allows */
	int32_t max_maptrack_frames;
	uint32_t tsc_mode;
};

/* What is loaded into it. All bytes are sealed and outlive the call. */
struct xen_load {
	struct bytes elf;     /* unpacked kernel */
	struct bytes ramdisk; /* empty: none; passed on byte for byte */
	const char *cmdline;
	uint32_t memory_mib;
	uint32_t vcpus;
	uint32_t console_port;
	uint32_t xenstore_port;
	uint16_t console_domid;
	uint16_t xenstore_domid;
};

/* Where the two rings are: machine frame numbers, for a PV guest. */
struct xen_rings {
	uint64_t console_frame;
	uint64_t xenstore_frame;
};

/* One entry of a version 1 grant table: xen/include/public/grant_table.h. */
struct xen_grant_entry {
	uint16_t flags;
	uint16_t domid;
	uint32_t frame;
};

#define XEN_GRANTS_PER_FRAME 512u
#define XEN_GRANT_PERMIT     1u /* GTF_permit_access */

struct xen_domain_info {
	uint32_t domid;
	uint8_t uuid[XEN_UUID_BYTES];
	bool is_dying;
	bool is_paused;
	bool is_shutdown;
	uint8_t shutdown_reason; /* SHUTDOWN_*, or whatever the guest said */
	uint32_t vcpus;
	uint64_t memory_kib;
};

struct xen_host_info {
	uint32_t version_major;
	uint32_t version_minor;
	uint64_t total_kib;
	uint64_t free_kib;
};

struct xen_ops {
	/* A domain with these properties, paused, without memory or vcpus. */
	int (*domain_create)(void *xen, const struct xen_domain_spec *spec,
	    uint32_t *ret_domid, struct err *err);
	/* Limits, vcpus and the CPUID policy. */
	int (*domain_prepare)(void *xen, uint32_t domid,
	    const struct xen_domain_spec *spec, struct err *err);
	/* A port of `domid` that only `remote` can bind. */
	int (*evtchn_alloc)(void *xen, uint32_t domid, uint16_t remote,
	    uint32_t *ret_port, struct err *err);
	/* Memory, kernel, ramdisk, start info, page tables, vcpu 0. */
	int (*domain_load)(void *xen, uint32_t domid,
	    const struct xen_load *load, struct xen_rings *ret_rings,
	    struct err *err);
	/* Write the two reserved entries. */
	int (*grants_seed)(void *xen, uint32_t domid,
	    const struct xen_grant_entry *console,
	    const struct xen_grant_entry *xenstore, struct err *err);
	/* All entries of the table as Xen has them; at most `max_entries`,
	 * more is an error. */
	int (*grants_read)(void *xen, uint32_t domid,
	    struct xen_grant_entry *ret_entries, uint32_t max_entries,
	    uint32_t *ret_count, struct err *err);
	/* What Xen and its tools know it by; Xen allows the same one twice. */
	int (*domain_set_uuid)(void *xen, uint32_t domid,
	    const uint8_t uuid[XEN_UUID_BYTES], struct err *err);
	int (*domain_unpause)(void *xen, uint32_t domid, struct err *err);
	/* For who looks alone. */
	int (*domain_pause)(void *xen, uint32_t domid, struct err *err);
	/* Done when Xen no longer lists it; succeeds if it never did. That Xen
	 * could not be asked is an error. */
	int (*domain_destroy)(void *xen, uint32_t domid, struct err *err);
	/* Domains from domid 1 up; more than `max` is an error, and what
	 * `ret_infos` holds then is not said. */
	int (*domain_list)(void *xen, struct xen_domain_info *ret_infos,
	    uint32_t max, uint32_t *ret_count, struct err *err);
	int (*host_info)(void *xen, struct xen_host_info *ret_info,
	    struct err *err);
	void (*close)(void *xen);
};

/* An open port. `xen` belongs to the implementation; one that is for looking
 * only has NULL for what it cannot do. */
struct xen_port {
	const struct xen_ops *ops;
	void *xen;
};

static inline void
xen_port_close(struct xen_port *port)
{
	if (port->ops != NULL)
		port->ops->close(port->xen);
	port->ops = NULL;
}

#endif
