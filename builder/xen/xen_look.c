#include "builder/xen/xen_look.h"

#include <stdlib.h>

#include <xenctrl.h>

#include "base/scope.h"
#include "builder/xen/libxc.h"

static const struct xen_ops look_ops;

static void release(struct libxc **libxc);

int
xen_look_open(struct xen_port *ret_port, struct err *err)
{
	CLEANUP(release) struct libxc *libxc = calloc(1, sizeof(*libxc));
	struct err cause;

	if (libxc == NULL)
		return err_set(err, NO_MEMORY, "xen port");
	if (libxc_open(libxc, &cause) != 0)
		return err_set(err, XEN_UNREACHABLE, "%s", cause.text);
	*ret_port =
	    (struct xen_port){.ops = &look_ops, .xen = take_ptr(&libxc)};
	return 0;
}

static void
release(struct libxc **libxc)
{
	if (*libxc == NULL)
		return;
	libxc_close(*libxc);
	free(*libxc);
	*libxc = NULL;
}

static void
look_close(void *xen)
{
	struct libxc *libxc = xen;

	release(&libxc);
}

static int
look_host_info(void *xen, struct xen_host_info *ret_info, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);
	xc_physinfo_t physinfo = {0};
	int version = xc_version(libxc->xch, XENVER_version, NULL);

	if (version < 0)
		return libxc_failed(libxc, err, "xc_version");
	if (xc_physinfo(libxc->xch, &physinfo) != 0)
		return libxc_failed(libxc, err, "xc_physinfo");
	*ret_info = (struct xen_host_info){
	    .version_major = (uint32_t)version >> 16,
	    .version_minor = (uint32_t)version & 0xffff,
	    .total_kib = physinfo.total_pages * (XEN_PAGE_BYTES / 1024),
	    .free_kib = physinfo.free_pages * (XEN_PAGE_BYTES / 1024),
	};
	return 0;
}

static int
look_domain_pause(void *xen, uint32_t domid, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);

	if (xc_domain_pause(libxc->xch, domid) != 0)
		return libxc_failed(libxc, err, "xc_domain_pause");
	return 0;
}

static int
look_domain_unpause(void *xen, uint32_t domid, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);

	if (xc_domain_unpause(libxc->xch, domid) != 0)
		return libxc_failed(libxc, err, "xc_domain_unpause");
	return 0;
}

static const struct xen_ops look_ops = {
    .domain_pause = look_domain_pause,
    .domain_unpause = look_domain_unpause,
    .domain_list = libxc_domain_list,
    .host_info = look_host_info,
    .close = look_close,
};
