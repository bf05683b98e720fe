#include "builder/xen/xen_port_libxc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <xenctrl.h>
#include <xenforeignmemory.h>
#include <xenguest.h>
#include <xentoollog.h>

#include "base/scope.h"
#include "builder/xen/libxc.h"

enum { DESTROY_POLLS = 1000, DESTROY_POLL_USEC = 5000 };

/* From 4.22 on 0 asks for domid 0: xen/common/domid.c. */
#ifdef DOMID_ANY
enum { DOMID_AUTOMATIC = DOMID_ANY };
#else
enum { DOMID_AUTOMATIC = 0 };
#endif

struct xen_port_libxc {
	struct libxc libxc; /* first: libxc_domain_list() has this alone */
	xenforeignmemory_handle *memory;
};

static const struct xen_ops libxc_ops;

static void port_close(void *xen);
static void release(struct xen_port_libxc **port);
static int start_load(struct libxc *libxc, const struct xen_load *load,
    struct xc_dom_image **ret_dom, struct err *err);
static void release_image(struct xc_dom_image **dom);
static int find_rings(struct xc_dom_image *dom, struct xen_rings *ret_rings,
    struct err *err);
static int await_end(struct libxc *libxc, uint32_t domid, struct err *err);
static int ask_is_listed(struct libxc *libxc, uint32_t domid,
    bool *ret_is_listed, struct err *err);
static int check_grant_version(struct libxc *libxc, uint32_t domid,
    struct err *err);
static int count_grant_frames(struct libxc *libxc, uint32_t domid,
    uint32_t max_frames, uint32_t *ret_frames, struct err *err);

int
xen_port_libxc_open(struct xen_port *ret_port, struct err *err)
{
	CLEANUP(release)
	struct xen_port_libxc *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return err_set(err, NO_MEMORY, "xen port");
	TRY(libxc_open(&port->libxc, err));
	port->memory = xenforeignmemory_open(&port->libxc.last_words.vtable, 0);
	if (port->memory == NULL)
		return libxc_failed(&port->libxc, err, "xenforeignmemory_open");
	*ret_port =
	    (struct xen_port){.ops = &libxc_ops, .xen = take_ptr(&port)};
	return 0;
}

static void
port_close(void *xen)
{
	struct xen_port_libxc *port = xen;

	release(&port);
}

static void
release(struct xen_port_libxc **port)
{
	struct xen_port_libxc *old = *port;

	if (old == NULL)
		return;
	if (old->memory != NULL)
		xenforeignmemory_close(old->memory);
	libxc_close(&old->libxc);
	free(old);
	*port = NULL;
}

/* Domains */

static int
port_domain_create(void *xen, const struct xen_domain_spec *spec,
    uint32_t *ret_domid, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);
	struct xen_domctl_createdomain config = {
	    .flags = spec->flags,
	    .max_vcpus = spec->vcpus,
	    .max_evtchn_port = spec->max_event_port,
	    .max_grant_frames = spec->max_grant_frames,
	    .max_maptrack_frames = spec->max_maptrack_frames,
	    .grant_opts = XEN_DOMCTL_GRANT_version(spec->grant_version),
	};
	uint32_t domid = DOMID_AUTOMATIC;

	memcpy(config.handle, spec->handle, sizeof(config.handle));
	if (xc_domain_create(libxc->xch, &domid, &config) != 0)
		return libxc_failed(libxc, err, "xc_domain_create");
	*ret_domid = domid;
	return 0;
}

/* What libxl does for a PV guest: libxl_dom.c libxl__build_pre,
 * libxl_x86.c libxl__arch_domain_create, libxl_cpuid.c. */
static int
port_domain_prepare(void *xen, uint32_t domid,
    const struct xen_domain_spec *spec, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);
	uint64_t memory_kib = (uint64_t)spec->memory_mib << 10;

	if (xc_domain_max_vcpus(libxc->xch, domid, spec->vcpus) != 0)
		return libxc_failed(libxc, err, "xc_domain_max_vcpus");
	if (xc_domain_setmaxmem(libxc->xch, domid,
		memory_kib + spec->memory_slack_kib) != 0)
		return libxc_failed(libxc, err, "xc_domain_setmaxmem");
	if (xc_domain_set_memmap_limit(libxc->xch, domid, memory_kib) != 0)
		return libxc_failed(libxc, err, "xc_domain_set_memmap_limit");
	if (xc_domain_set_tsc_info(libxc->xch, domid, spec->tsc_mode, 0, 0,
		0) != 0)
		return libxc_failed(libxc, err, "xc_domain_set_tsc_info");
	if (xc_cpuid_apply_policy(libxc->xch, domid, false, NULL, 0, true,
		false, false, NULL, NULL) != 0)
		return libxc_failed(libxc, err, "xc_cpuid_apply_policy");
	return 0;
}

static int
port_evtchn_alloc(void *xen, uint32_t domid, uint16_t remote,
    uint32_t *ret_port, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);
	int port = xc_evtchn_alloc_unbound(libxc->xch, domid, remote);

	if (port <= 0)
		return libxc_failed(libxc, err, "xc_evtchn_alloc_unbound");
	*ret_port = (uint32_t)port;
	return 0;
}

/* Follows init-xenstore-domain.c, the in-tree builder without libxl. */
static int
port_domain_load(void *xen, uint32_t domid, const struct xen_load *load,
    struct xen_rings *ret_rings, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);
	CLEANUP(release_image) struct xc_dom_image *dom = NULL;

	TRY(start_load(libxc, load, &dom, err));
	if (xc_dom_boot_xen_init(dom, libxc->xch, domid) != 0)
		return libxc_failed(libxc, err, "xc_dom_boot_xen_init");
	if (xc_dom_parse_image(dom) != 0)
		return libxc_failed(libxc, err, "xc_dom_parse_image");
	if (xc_dom_mem_init(dom, load->memory_mib) != 0)
		return libxc_failed(libxc, err, "xc_dom_mem_init");
	if (xc_dom_boot_mem_init(dom) != 0)
		return libxc_failed(libxc, err, "xc_dom_boot_mem_init");
	if (xc_dom_build_image(dom) != 0)
		return libxc_failed(libxc, err, "xc_dom_build_image");
	if (xc_dom_boot_image(dom) != 0)
		return libxc_failed(libxc, err, "xc_dom_boot_image");
	return find_rings(dom, ret_rings, err);
}

static int
start_load(struct libxc *libxc, const struct xen_load *load,
    struct xc_dom_image **ret_dom, struct err *err)
{
	CLEANUP(release_image)
	struct xc_dom_image *dom =
	    xc_dom_allocate(libxc->xch, load->cmdline, NULL);

	if (dom == NULL)
		return libxc_failed(libxc, err, "xc_dom_allocate");
	dom->container_type = XC_DOM_PV_CONTAINER;
	dom->console_evtchn = load->console_port;
	dom->console_domid = load->console_domid;
	dom->xenstore_evtchn = load->xenstore_port;
	dom->xenstore_domid = load->xenstore_domid;
	dom->max_vcpus = load->vcpus;
	/* With its own size as the limit a ramdisk is passed on as it is:
	 * xc_dom_build_module then has no room to unpack it. The one case
	 * that it still would is refused as RAMDISK_UNPACKABLE. */
	if (xc_dom_kernel_max_size(dom, load->elf.len) != 0)
		return libxc_failed(libxc, err, "xc_dom_kernel_max_size");
	if (xc_dom_module_max_size(dom, load->ramdisk.len) != 0)
		return libxc_failed(libxc, err, "xc_dom_module_max_size");
	if (xc_dom_kernel_mem(dom, load->elf.ptr, load->elf.len) != 0)
		return libxc_failed(libxc, err, "xc_dom_kernel_mem");
	if (load->ramdisk.len > 0 && xc_dom_module_mem(dom, load->ramdisk.ptr,
					 load->ramdisk.len, NULL) != 0)
		return libxc_failed(libxc, err, "xc_dom_module_mem");
	*ret_dom = take_ptr(&dom);
	return 0;
}

static void
release_image(struct xc_dom_image **dom)
{
	if (*dom != NULL)
		xc_dom_release(*dom);
	*dom = NULL;
}

/* xc_dom_p2m knows no frame of a page that it did not make. */
static int
find_rings(struct xc_dom_image *dom, struct xen_rings *ret_rings,
    struct err *err)
{
	const struct xen_rings rings = {
	    .console_frame = xc_dom_p2m(dom, dom->console_pfn),
	    .xenstore_frame = xc_dom_p2m(dom, dom->xenstore_pfn),
	};

	if (rings.console_frame == INVALID_MFN ||
	    rings.xenstore_frame == INVALID_MFN)
		return err_set(err, XEN_FAILED,
		    "xc_dom_p2m: no page for a ring");
	*ret_rings = rings;
	return 0;
}

static int
port_domain_set_uuid(void *xen, uint32_t domid,
    const uint8_t uuid[XEN_UUID_BYTES], struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);
	xen_domain_handle_t handle;

	memcpy(handle, uuid, sizeof(handle));
	if (xc_domain_sethandle(libxc->xch, domid, handle) != 0)
		return libxc_failed(libxc, err, "xc_domain_sethandle");
	return 0;
}

static int
port_domain_unpause(void *xen, uint32_t domid, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);

	if (xc_domain_unpause(libxc->xch, domid) != 0)
		return libxc_failed(libxc, err, "xc_domain_unpause");
	return 0;
}

static int
port_domain_destroy(void *xen, uint32_t domid, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);

	if (xc_domain_destroy(libxc->xch, domid) == 0)
		return await_end(libxc, domid, err);
	/* Of all that can go wrong this alone says that there is none:
	 * xen/common/domctl.c do_domctl. */
	if (errno == ESRCH)
		return 0;
	libxc_failed(libxc, err, "xc_domain_destroy");
	return err_prefix(err, "d%u may still exist", domid);
}

/* It is listed until the last mapping of its memory is gone. Not to be able to
 * ask may pass too: there is no memory for a hypercall's buffer, say. */
static int
await_end(struct libxc *libxc, uint32_t domid, struct err *err)
{
	static const struct timespec pause = {
	    .tv_nsec = DESTROY_POLL_USEC * 1000L};
	bool is_listed = true;
	int code = 0;

	for (int i = 0; i < DESTROY_POLLS; i++) {
		code =
		    ask_is_listed(libxc_begin(libxc), domid, &is_listed, err);
		if (code == 0 && !is_listed)
			return 0;
		nanosleep(&pause, NULL);
	}
	if (code != 0)
		return err_prefix(err, "d%u may still exist", domid);
	return err_set(err, XEN_FAILED,
	    "d%u is dead but somebody still maps its memory", domid);
}

/* Xen answers with the first domain from `domid` on, or with none. */
static int
ask_is_listed(struct libxc *libxc, uint32_t domid, bool *ret_is_listed,
    struct err *err)
{
	xc_domaininfo_t info;
	int count = xc_domain_getinfolist(libxc->xch, domid, 1, &info);

	if (count < 0)
		return libxc_failed(libxc, err, "xc_domain_getinfolist");
	*ret_is_listed = count > 0 && info.domain == domid;
	return 0;
}

/* Grants */

static int
port_grants_seed(void *xen, uint32_t domid,
    const struct xen_grant_entry *console,
    const struct xen_grant_entry *xenstore, struct err *err)
{
	struct libxc *libxc = libxc_begin(xen);

	if (xc_dom_gnttab_seed(libxc->xch, domid, false, console->frame,
		xenstore->frame, console->domid, xenstore->domid) != 0)
		return libxc_failed(libxc, err, "xc_dom_gnttab_seed");
	return 0;
}

static int
port_grants_read(void *xen, uint32_t domid, struct xen_grant_entry *ret_entries,
    uint32_t max_entries, uint32_t *ret_count, struct err *err)
{
	struct xen_port_libxc *port = xen;
	struct libxc *libxc = libxc_begin(xen);
	xenforeignmemory_resource_handle *resource;
	void *table = NULL;
	uint32_t frames = 0;

	TRY(check_grant_version(libxc, domid, err));
	TRY(count_grant_frames(libxc, domid, max_entries / XEN_GRANTS_PER_FRAME,
	    &frames, err));
	resource = xenforeignmemory_map_resource(port->memory, (domid_t)domid,
	    XENMEM_resource_grant_table, XENMEM_resource_grant_table_id_shared,
	    0, frames, &table, PROT_READ, 0);
	if (resource == NULL)
		return libxc_failed(libxc, err, "XENMEM_acquire_resource");
	_Static_assert(sizeof(struct xen_grant_entry) ==
			   sizeof(grant_entry_v1_t),
	    "the seam's entry has the layout of Xen's");
	*ret_count = frames * XEN_GRANTS_PER_FRAME;
	memcpy(ret_entries, table, *ret_count * sizeof(*ret_entries));
	xenforeignmemory_unmap_resource(port->memory, resource);
	return 0;
}

/*
 * xc_gnttab_op says success when it had no memory to ask (xc_gnttab.c), and
 * xc_gnttab_get_version then returns what lay on its stack: so neither answer
 * counts if it is still what was put there before.
 */
static int
check_grant_version(struct libxc *libxc, uint32_t domid, struct err *err)
{
	struct gnttab_get_version query = {.dom = (domid_t)domid};

	if (xc_gnttab_op(libxc->xch, GNTTABOP_get_version, &query,
		sizeof(query), 1) != 0 ||
	    query.version == 0)
		return libxc_failed(libxc, err, "GNTTABOP_get_version");
	if (query.version != 1)
		return err_set(err, GRANT_MISMATCH,
		    "grant table version %u instead of 1", query.version);
	return 0;
}

static int
count_grant_frames(struct libxc *libxc, uint32_t domid, uint32_t max_frames,
    uint32_t *ret_frames, struct err *err)
{
	struct gnttab_query_size query = {
	    .dom = (domid_t)domid,
	    .status = GNTST_general_error,
	};

	if (xc_gnttab_query_size(libxc->xch, &query) != 0 ||
	    query.status != GNTST_okay)
		return libxc_failed(libxc, err, "GNTTABOP_query_size");
	/* For no frames the mapping would be a question for the size. */
	if (query.nr_frames == 0 || query.nr_frames > max_frames)
		return err_set(err, GRANT_MISMATCH,
		    "a grant table of %u frames", query.nr_frames);
	*ret_frames = query.nr_frames;
	return 0;
}

static const struct xen_ops libxc_ops = {
    .domain_create = port_domain_create,
    .domain_prepare = port_domain_prepare,
    .evtchn_alloc = port_evtchn_alloc,
    .domain_load = port_domain_load,
    .grants_seed = port_grants_seed,
    .grants_read = port_grants_read,
    .domain_set_uuid = port_domain_set_uuid,
    .domain_unpause = port_domain_unpause,
    .domain_destroy = port_domain_destroy,
    .domain_list = libxc_domain_list,
    .close = port_close,
};
