#include "libxc_script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <xenforeignmemory.h>

#include "base_fixture.h"

struct libxc_script xen;

static bool fails(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void complain(const char *words);
static void *hold(void);
static int let_go(const void *handle);

void
libxc_script_reset(void)
{
	static const domid_t domids[] = {3, SCRIPT_DOMID, 9};

	memset(&xen, 0, sizeof(xen));
	xen.event_port = 11;
	xen.version = 1;
	xen.frames = 1;
	xen.xenstore_pfn = 2;
	for (size_t i = 0; i < countof(domids); i++)
		xen.infos[i].domain = domids[i];
	xen.info_count = countof(domids);
	xen.listed_for = 1;
	for (size_t i = 0; i < countof(xen.p2m); i++)
		xen.p2m[i] = (i + 1) << 12;
}

void
libxc_script_forget(void)
{
	xen.count = 0;
}

void
assert_calls_are(const char *const *expected, unsigned int count)
{
	for (unsigned int i = 0; i < count && i < xen.count; i++)
		assert_string_equal(xen.seen[i], expected[i]);
	assert_int_equal(xen.count, count);
}

/* Note a call: is it the one that fails? */
static bool
fails(const char *name, const char *format, ...)
{
	char *line = xen.seen[xen.count++ % SCRIPT_CALLS];
	int len = snprintf(line, sizeof(xen.seen[0]), "%s ", name);
	va_list args;

	va_start(args, format);
	vsnprintf(line + len, sizeof(xen.seen[0]) - (size_t)len, format, args);
	va_end(args);
	/* Less than a warning is no complaint. */
	xtl_log(xen.logger, XTL_NOTICE, -1, "xc", "%s is called", name);
	if (xen.count != xen.fail_at)
		return false;
	xen.failed = name;
	if (xen.words != NULL)
		complain(xen.words);
	if (xen.sys != SCRIPT_ERRNO_LEFT_ALONE)
		errno = xen.sys;
	return true;
}

/* The cause, and what follows from it. */
static void
complain(const char *words)
{
	xtl_log(xen.logger, XTL_ERROR, -1, "xc", "%s", words);
	xtl_log(xen.logger, XTL_ERROR, -1, "xc", "cannot go on");
}

/* One of libxc's handles: an address that nobody looks at. */
static void *
hold(void)
{
	xen.held++;
	return &xen;
}

static int
let_go(const void *handle)
{
	assert_ptr_equal(handle, &xen);
	xen.held--;
	return 0;
}

xc_interface *__wrap_xc_interface_open(xentoollog_logger *logger,
    xentoollog_logger *dombuild_logger, unsigned int flags);
int __wrap_xc_interface_close(xc_interface *xch);
xenforeignmemory_handle *__wrap_xenforeignmemory_open(xentoollog_logger *logger,
    unsigned int flags);
int __wrap_xenforeignmemory_close(xenforeignmemory_handle *memory);

xc_interface *
__wrap_xc_interface_open(xentoollog_logger *logger,
    xentoollog_logger *dombuild_logger, unsigned int flags)
{
	xen.logger = logger;
	assert_ptr_equal(dombuild_logger, logger);
	return fails("xc_interface_open", "%u", flags) ? NULL : hold();
}

int
__wrap_xc_interface_close(xc_interface *xch)
{
	return let_go(xch);
}

xenforeignmemory_handle *
__wrap_xenforeignmemory_open(xentoollog_logger *logger, unsigned int flags)
{
	assert_ptr_equal(logger, xen.logger);
	return fails("xenforeignmemory_open", "%u", flags) ? NULL : hold();
}

int
__wrap_xenforeignmemory_close(xenforeignmemory_handle *memory)
{
	return let_go(memory);
}

int __wrap_xc_domain_create(xc_interface *xch, uint32_t *domid,
    struct xen_domctl_createdomain *config);
int __wrap_xc_domain_max_vcpus(xc_interface *xch, uint32_t domid,
    unsigned int max);
int __wrap_xc_domain_setmaxmem(xc_interface *xch, uint32_t domid,
    uint64_t max_kib);
int __wrap_xc_domain_set_memmap_limit(xc_interface *xch, uint32_t domid,
    unsigned long limit_kib);
int __wrap_xc_domain_set_tsc_info(xc_interface *xch, uint32_t domid,
    uint32_t tsc_mode, uint64_t elapsed_nsec, uint32_t gtsc_khz,
    uint32_t incarnation);
int __wrap_xc_cpuid_apply_policy(xc_interface *xch, uint32_t domid,
    bool restore, const uint32_t *featureset, unsigned int nr_features,
    bool pae, bool itsc, bool nested_virt, const struct xc_xend_cpuid *xend,
    const struct xc_msr *msr);
int __wrap_xc_evtchn_alloc_unbound(xc_interface *xch, uint32_t domid,
    uint32_t remote);

int
__wrap_xc_domain_create(xc_interface *xch, uint32_t *domid,
    struct xen_domctl_createdomain *config)
{
	assert_ptr_equal(xch, &xen);
	if (fails("xc_domain_create",
		"%u handle=%02x%02x flags=%u vcpus=%u ports=%u grants=%u/%d/%d",
		*domid, config->handle[0], config->handle[1], config->flags,
		config->max_vcpus, config->max_evtchn_port, config->grant_opts,
		config->max_grant_frames, config->max_maptrack_frames))
		return -1;
	*domid = SCRIPT_DOMID;
	return 0;
}

int
__wrap_xc_domain_max_vcpus(xc_interface *xch, uint32_t domid, unsigned int max)
{
	assert_ptr_equal(xch, &xen);
	return -fails("xc_domain_max_vcpus", "d%u %u", domid, max);
}

int
__wrap_xc_domain_setmaxmem(xc_interface *xch, uint32_t domid, uint64_t max_kib)
{
	assert_ptr_equal(xch, &xen);
	return -fails("xc_domain_setmaxmem", "d%u %llu", domid,
	    (unsigned long long)max_kib);
}

int
__wrap_xc_domain_set_memmap_limit(xc_interface *xch, uint32_t domid,
    unsigned long limit_kib)
{
	assert_ptr_equal(xch, &xen);
	return -fails("xc_domain_set_memmap_limit", "d%u %lu", domid,
	    limit_kib);
}

int
__wrap_xc_domain_set_tsc_info(xc_interface *xch, uint32_t domid,
    uint32_t tsc_mode, uint64_t elapsed_nsec, uint32_t gtsc_khz,
    uint32_t incarnation)
{
	assert_ptr_equal(xch, &xen);
	return -fails("xc_domain_set_tsc_info", "d%u %u %llu %u %u", domid,
	    tsc_mode, (unsigned long long)elapsed_nsec, gtsc_khz, incarnation);
}

int
__wrap_xc_cpuid_apply_policy(xc_interface *xch, uint32_t domid, bool restore,
    const uint32_t *featureset, unsigned int nr_features, bool pae, bool itsc,
    bool nested_virt, const struct xc_xend_cpuid *xend,
    const struct xc_msr *msr)
{
	assert_ptr_equal(xch, &xen);
	assert_null(featureset);
	assert_null(xend);
	assert_null(msr);
	return -fails("xc_cpuid_apply_policy", "d%u %d %u %d %d %d", domid,
	    restore, nr_features, pae, itsc, nested_virt);
}

int
__wrap_xc_evtchn_alloc_unbound(xc_interface *xch, uint32_t domid,
    uint32_t remote)
{
	assert_ptr_equal(xch, &xen);
	if (fails("xc_evtchn_alloc_unbound", "d%u d%u", domid, remote))
		return -1;
	return xen.event_port;
}

struct xc_dom_image *__wrap_xc_dom_allocate(xc_interface *xch,
    const char *cmdline, const char *features);
void __wrap_xc_dom_release(struct xc_dom_image *dom);
int __wrap_xc_dom_kernel_max_size(struct xc_dom_image *dom, size_t size);
int __wrap_xc_dom_module_max_size(struct xc_dom_image *dom, size_t size);
int __wrap_xc_dom_kernel_mem(struct xc_dom_image *dom, const void *mem,
    size_t size);
int __wrap_xc_dom_module_mem(struct xc_dom_image *dom, const void *mem,
    size_t size, const char *cmdline);
int __wrap_xc_dom_boot_xen_init(struct xc_dom_image *dom, xc_interface *xch,
    uint32_t domid);
int __wrap_xc_dom_parse_image(struct xc_dom_image *dom);
int __wrap_xc_dom_mem_init(struct xc_dom_image *dom, unsigned int mib);
int __wrap_xc_dom_boot_mem_init(struct xc_dom_image *dom);
int __wrap_xc_dom_build_image(struct xc_dom_image *dom);
int __wrap_xc_dom_boot_image(struct xc_dom_image *dom);

struct xc_dom_image *
__wrap_xc_dom_allocate(xc_interface *xch, const char *cmdline,
    const char *features)
{
	assert_ptr_equal(xch, &xen);
	assert_null(features);
	assert_null(xen.image);
	if (fails("xc_dom_allocate", "%s", cmdline))
		return NULL;
	xen.held++;
	xen.image = calloc(1, sizeof(*xen.image));
	assert_non_null(xen.image);
	xen.image->pv_p2m = xen.p2m;
	xen.image->total_pages = countof(xen.p2m);
	xen.image->console_pfn = 1;
	xen.image->xenstore_pfn = xen.xenstore_pfn;
	return xen.image;
}

void
__wrap_xc_dom_release(struct xc_dom_image *dom)
{
	assert_ptr_equal(dom, xen.image);
	free(xen.image);
	xen.image = NULL;
	xen.held--;
}

int
__wrap_xc_dom_kernel_max_size(struct xc_dom_image *dom, size_t size)
{
	assert_ptr_equal(dom, xen.image);
	return -fails("xc_dom_kernel_max_size", "%zu", size);
}

int
__wrap_xc_dom_module_max_size(struct xc_dom_image *dom, size_t size)
{
	assert_ptr_equal(dom, xen.image);
	return -fails("xc_dom_module_max_size", "%zu", size);
}

int
__wrap_xc_dom_kernel_mem(struct xc_dom_image *dom, const void *mem, size_t size)
{
	assert_ptr_equal(dom, xen.image);
	return -fails("xc_dom_kernel_mem", "%s %zu", (const char *)mem, size);
}

int
__wrap_xc_dom_module_mem(struct xc_dom_image *dom, const void *mem, size_t size,
    const char *cmdline)
{
	assert_ptr_equal(dom, xen.image);
	assert_null(cmdline);
	return -fails("xc_dom_module_mem", "%s %zu", (const char *)mem, size);
}

int
__wrap_xc_dom_boot_xen_init(struct xc_dom_image *dom, xc_interface *xch,
    uint32_t domid)
{
	assert_ptr_equal(dom, xen.image);
	assert_ptr_equal(xch, &xen);
	return -fails("xc_dom_boot_xen_init",
	    "d%u pv=%d vcpus=%u console=d%u:%u xenstore=d%u:%u", domid,
	    dom->container_type == XC_DOM_PV_CONTAINER, dom->max_vcpus,
	    dom->console_domid, dom->console_evtchn, dom->xenstore_domid,
	    dom->xenstore_evtchn);
}

int
__wrap_xc_dom_parse_image(struct xc_dom_image *dom)
{
	assert_ptr_equal(dom, xen.image);
	return -fails("xc_dom_parse_image", "-");
}

int
__wrap_xc_dom_mem_init(struct xc_dom_image *dom, unsigned int mib)
{
	assert_ptr_equal(dom, xen.image);
	return -fails("xc_dom_mem_init", "%u", mib);
}

int
__wrap_xc_dom_boot_mem_init(struct xc_dom_image *dom)
{
	assert_ptr_equal(dom, xen.image);
	return -fails("xc_dom_boot_mem_init", "-");
}

int
__wrap_xc_dom_build_image(struct xc_dom_image *dom)
{
	assert_ptr_equal(dom, xen.image);
	return -fails("xc_dom_build_image", "-");
}

int
__wrap_xc_dom_boot_image(struct xc_dom_image *dom)
{
	assert_ptr_equal(dom, xen.image);
	return -fails("xc_dom_boot_image", "-");
}

int __wrap_xc_domain_sethandle(xc_interface *xch, uint32_t domid,
    xen_domain_handle_t handle);
int __wrap_xc_domain_unpause(xc_interface *xch, uint32_t domid);
int __wrap_xc_domain_destroy(xc_interface *xch, uint32_t domid);
int __wrap_xc_domain_getinfolist(xc_interface *xch, uint32_t first,
    unsigned int max, xc_domaininfo_t *ret_infos);
int __wrap_xc_version(xc_interface *xch, int command, void *arg);
int __wrap_xc_physinfo(xc_interface *xch, xc_physinfo_t *ret_info);

int
__wrap_xc_domain_sethandle(xc_interface *xch, uint32_t domid,
    xen_domain_handle_t handle)
{
	assert_ptr_equal(xch, &xen);
	return -fails("xc_domain_sethandle", "d%u %02x..%02x", domid, handle[0],
	    handle[15]);
}

int
__wrap_xc_domain_unpause(xc_interface *xch, uint32_t domid)
{
	assert_ptr_equal(xch, &xen);
	return -fails("xc_domain_unpause", "d%u", domid);
}

int
__wrap_xc_domain_destroy(xc_interface *xch, uint32_t domid)
{
	assert_ptr_equal(xch, &xen);
	return -fails("xc_domain_destroy", "d%u", domid);
}

/* As xc_domain.c: the first `max` domains from `first` on, 0 if there are
 * none, -1 if it could not ask. */
int
__wrap_xc_domain_getinfolist(xc_interface *xch, uint32_t first,
    unsigned int max, xc_domaininfo_t *ret_infos)
{
	int count = 0;

	assert_ptr_equal(xch, &xen);
	if (fails("xc_domain_getinfolist", "%u %u", first, max))
		return -1;
	if (xen.list_fails_for > 0) {
		xen.list_fails_for--;
		errno = ENOMEM;
		return -1;
	}
	for (uint32_t i = 0; i < xen.info_count && (uint32_t)count < max; i++) {
		if (xen.infos[i].domain < first ||
		    (xen.infos[i].domain == SCRIPT_DOMID &&
			xen.listed_for == 0))
			continue;
		ret_infos[count++] = xen.infos[i];
	}
	if (xen.listed_for > 0)
		xen.listed_for--;
	return count;
}

int
__wrap_xc_version(xc_interface *xch, int command, void *arg)
{
	assert_ptr_equal(xch, &xen);
	assert_null(arg);
	return fails("xc_version", "%d", command) ? -1 : 0x40011;
}

int
__wrap_xc_physinfo(xc_interface *xch, xc_physinfo_t *ret_info)
{
	assert_ptr_equal(xch, &xen);
	ret_info->total_pages = 1000;
	ret_info->free_pages = 10;
	return -fails("xc_physinfo", "-");
}

int __wrap_xc_dom_gnttab_seed(xc_interface *xch, uint32_t domid, bool is_hvm,
    xen_pfn_t console, xen_pfn_t xenstore, uint32_t console_domid,
    uint32_t xenstore_domid);
int __wrap_xc_gnttab_op(xc_interface *xch, int command, void *op, int size,
    int count);
int __wrap_xc_gnttab_query_size(xc_interface *xch,
    struct gnttab_query_size *query);
xenforeignmemory_resource_handle *__wrap_xenforeignmemory_map_resource(
    xenforeignmemory_handle *memory, domid_t domid, unsigned int type,
    unsigned int id, unsigned long frame, unsigned long frames, void **address,
    int protection, int flags);
int __wrap_xenforeignmemory_unmap_resource(xenforeignmemory_handle *memory,
    xenforeignmemory_resource_handle *resource);

int
__wrap_xc_dom_gnttab_seed(xc_interface *xch, uint32_t domid, bool is_hvm,
    xen_pfn_t console, xen_pfn_t xenstore, uint32_t console_domid,
    uint32_t xenstore_domid)
{
	assert_ptr_equal(xch, &xen);
	return -fails("xc_dom_gnttab_seed", "d%u %d d%u:%lx d%u:%lx", domid,
	    is_hvm, console_domid, console, xenstore_domid, xenstore);
}

int
__wrap_xc_gnttab_op(xc_interface *xch, int command, void *op, int size,
    int count)
{
	struct gnttab_get_version *query = op;

	assert_ptr_equal(xch, &xen);
	assert_int_equal(command, GNTTABOP_get_version);
	assert_int_equal(size, sizeof(*query));
	assert_int_equal(count, 1);
	if (fails("GNTTABOP_get_version", "d%u", query->dom))
		return -1;
	if (xen.count != xen.not_made_at)
		query->version = xen.version;
	return 0;
}

int
__wrap_xc_gnttab_query_size(xc_interface *xch, struct gnttab_query_size *query)
{
	assert_ptr_equal(xch, &xen);
	if (fails("GNTTABOP_query_size", "d%u", query->dom))
		return -1;
	if (xen.count == xen.not_made_at)
		return 0;
	query->status = xen.size_status;
	query->nr_frames = xen.frames;
	return 0;
}

xenforeignmemory_resource_handle *
__wrap_xenforeignmemory_map_resource(xenforeignmemory_handle *memory,
    domid_t domid, unsigned int type, unsigned int id, unsigned long frame,
    unsigned long frames, void **address, int protection, int flags)
{
	assert_ptr_equal(memory, &xen);
	assert_int_equal(type, XENMEM_resource_grant_table);
	assert_int_equal(id, XENMEM_resource_grant_table_id_shared);
	assert_int_equal(protection, PROT_READ);
	assert_int_equal(flags, 0);
	assert_null(*address);
	if (fails("XENMEM_acquire_resource", "d%u %lu+%lu", domid, frame,
		frames))
		return NULL;
	*address = xen.table;
	return hold();
}

int
__wrap_xenforeignmemory_unmap_resource(xenforeignmemory_handle *memory,
    xenforeignmemory_resource_handle *resource)
{
	assert_ptr_equal(memory, &xen);
	return let_go(resource);
}

int __wrap_nanosleep(const struct timespec *pause, struct timespec *ret_rest);

int
__wrap_nanosleep(const struct timespec *pause, struct timespec *ret_rest)
{
	assert_null(ret_rest);
	assert_int_equal(pause->tv_sec, 0);
	assert_int_equal(pause->tv_nsec, 5000000);
	xen.pauses++;
	return 0;
}
