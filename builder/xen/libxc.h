/*
 * libxenctrl, as each program of ours uses it: one handle, and its own words
 * about what went wrong as our errors.
 */
#ifndef ASSAY_BUILDER_XEN_LIBXC_H
#define ASSAY_BUILDER_XEN_LIBXC_H

#include <xenctrl.h>
#include <xentoollog.h>

#include "grant-preload/xen_port.h"

/* libxc tells what went wrong only to its logger: what it said first. */
struct last_words {
	xentoollog_logger vtable; /* first: libxc casts */
	char text[192];
};

/* May not move once it is open: libxc has the logger's address. */
struct libxc {
	struct last_words last_words;
	xc_interface *xch;
};

/* Errors: XEN_FAILED. Close it in either case. */
int libxc_open(struct libxc *libxc, struct err *err);
void libxc_close(struct libxc *libxc);

/* Each operation on Xen begins here: what libxc said before is not its cause,
 * and neither is an old errno. */
struct libxc *libxc_begin(void *xen);

/* XEN_FAILED: what `call` said, or else errno. */
int libxc_failed(struct libxc *libxc, struct err *err, const char *call);

/* For struct xen_ops; `xen` begins with a struct libxc. */
int libxc_domain_list(void *xen, struct xen_domain_info *ret_infos,
    uint32_t max, uint32_t *ret_count, struct err *err);

#endif
