/*
 * One page and one event channel, shared with one domain: by two devices of the
 * kernel, without a hypercall of our own. Both are opened for one ring, and
 * hold nothing else.
 *
 * Spec: Linux include/uapi/xen/gntalloc.h, include/uapi/xen/evtchn.h.
 */
#ifndef ASSAY_BUILDER_XEN_CHANNEL_DEVICE_H
#define ASSAY_BUILDER_XEN_CHANNEL_DEVICE_H

#include <stdint.h>

#include "base/err.h"

struct channel_page {
	uint64_t offset; /* in the device of grants, for mmap(2) */
	uint32_t ref;    /* the grant's number, for the domain */
};

/* A device of grants for channel_device_probe(). Errors: XEN_FAILED. */
int channel_device_open_grants(int *ret_fd, struct err *err);

/*
 * A page of zeros that the domain may map and write from now on, if it guesses
 * its number. It stays until the device and all its mappings are gone, and then
 * until the domain has let go of it. Errors: XEN_FAILED.
 */
int channel_device_grant(int grants_fd, uint32_t domid,
    struct channel_page *ret_page, struct err *err);

/* Lay it out as a channel, before anybody is told of it. Errors: XEN_FAILED. */
int channel_device_format(int grants_fd, const struct channel_page *page,
    struct err *err);

/*
 * A port that the domain, and no other, can bind. From then on the device of
 * events can bind nothing of any other domain. Errors: XEN_FAILED.
 */
int channel_device_bind(int events_fd, uint32_t domid, uint32_t *ret_port,
    struct err *err);

/* When our last mapping is gone, however that comes, the kernel tells the
 * domain so: the server is no longer there. Errors: XEN_FAILED. */
int channel_device_say_end(int grants_fd, const struct channel_page *page,
    uint32_t port, struct err *err);

/*
 * The numbers of grants that the kernel would give away next, first those that
 * became free last: up to `count` of them. They are given back.
 * Errors: XEN_FAILED.
 */
int channel_device_probe(int grants_fd, uint32_t count, uint32_t *ret_refs,
    struct err *err);

#endif
