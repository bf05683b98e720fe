#include "builder/xen/channel_device.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <xen/xen.h>

#include <xen/evtchn.h>
#include <xen/gntalloc.h>

#include "base/scope.h"
#include "builder/vchan_page.h"

static const char grants_device[] = "/dev/xen/gntalloc";

/* What is granted to it is granted to ourselves. */
enum { NOBODY = 0 };

static int give_back(int grants_fd, uint64_t offset, uint32_t count,
    struct err *err);

int
channel_device_open_grants(int *ret_fd, struct err *err)
{
	int fd = open(grants_device, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(err, XEN_FAILED, "%s", grants_device);
	*ret_fd = fd;
	return 0;
}

int
channel_device_grant(int grants_fd, uint32_t domid,
    struct channel_page *ret_page, struct err *err)
{
	struct ioctl_gntalloc_alloc_gref grant = {
	    .domid = (uint16_t)domid,
	    .flags = GNTALLOC_FLAG_WRITABLE,
	    .count = 1,
	};

	if (ioctl(grants_fd, IOCTL_GNTALLOC_ALLOC_GREF, &grant) != 0)
		return err_set_errno(err, XEN_FAILED, "a page for d%u", domid);
	*ret_page = (struct channel_page){grant.index, grant.gref_ids[0]};
	return 0;
}

int
channel_device_format(int grants_fd, const struct channel_page *page,
    struct err *err)
{
	void *memory = mmap(NULL, VCHAN_PAGE_BYTES, PROT_READ | PROT_WRITE,
	    MAP_SHARED, grants_fd, (off_t)page->offset);

	if (memory == MAP_FAILED)
		return err_set_errno(err, XEN_FAILED, "map grant %u",
		    page->ref);
	vchan_format(memory);
	munmap(memory, VCHAN_PAGE_BYTES);
	return 0;
}

int
channel_device_bind(int events_fd, uint32_t domid, uint32_t *ret_port,
    struct err *err)
{
	struct ioctl_evtchn_bind_unbound_port bind = {
	    .remote_domain = domid,
	};
	struct ioctl_evtchn_restrict_domid restrict_to = {
	    .domid = (domid_t)domid,
	};
	int port;

	port = ioctl(events_fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
	if (port < 0)
		return err_set_errno(err, XEN_FAILED, "a port for d%u", domid);
	/* Afterwards no port at all could be made. */
	if (ioctl(events_fd, IOCTL_EVTCHN_RESTRICT_DOMID, &restrict_to) != 0)
		return err_set_errno(err, XEN_FAILED, "restrict events to d%u",
		    domid);
	*ret_port = (uint32_t)port;
	return 0;
}

int
channel_device_say_end(int grants_fd, const struct channel_page *page,
    uint32_t port, struct err *err)
{
	struct ioctl_gntalloc_unmap_notify notify = {
	    .index = page->offset + offsetof(struct vchan_page, server_live),
	    .action = UNMAP_NOTIFY_CLEAR_BYTE | UNMAP_NOTIFY_SEND_EVENT,
	    .event_channel_port = port,
	};

	if (ioctl(grants_fd, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &notify) != 0)
		return err_set_errno(err, XEN_FAILED, "the end of grant %u",
		    page->ref);
	return 0;
}

int
channel_device_probe(int grants_fd, uint32_t count, uint32_t *ret_refs,
    struct err *err)
{
	const size_t ids = offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids);
	CLEANUP(freep)
	struct ioctl_gntalloc_alloc_gref *grant =
	    calloc(1, sizeof(*grant) + count * sizeof(*ret_refs));

	if (grant == NULL)
		return err_set(err, NO_MEMORY, "grants");
	grant->domid = NOBODY;
	grant->count = count;
	if (ioctl(grants_fd, IOCTL_GNTALLOC_ALLOC_GREF, grant) != 0)
		return err_set_errno(err, XEN_FAILED, "%u grants", count);
	memcpy(ret_refs, (const uint8_t *)grant + ids,
	    count * sizeof(*ret_refs));
	return give_back(grants_fd, grant->index, count, err);
}

static int
give_back(int grants_fd, uint64_t offset, uint32_t count, struct err *err)
{
	struct ioctl_gntalloc_dealloc_gref grants = {
	    .index = offset,
	    .count = count,
	};

	if (ioctl(grants_fd, IOCTL_GNTALLOC_DEALLOC_GREF, &grants) != 0)
		return err_set_errno(err, XEN_FAILED, "give back %u grants",
		    count);
	return 0;
}
