#include "builder/front/ring.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/scope.h"

/* Spec: Linux include/uapi/xen/evtchn.h, IOCTL_EVTCHN_NOTIFY. */
struct notify {
	unsigned int port;
};
#define NOTIFY _IOC(_IOC_NONE, 'E', 4, sizeof(struct notify))

static int ring_bell(void *context, struct err *err);
static void unmask(struct ring *ring);
static bool is_there(struct ring *ring);

int
ring_open(struct ring *ring, const struct channel_offer *offer,
    const int devices[static CHANNEL_FDS], struct err *err)
{
	CLEANUP(closep) int events = devices[CHANNEL_FD_EVENTS];
	void *page = mmap(NULL, VCHAN_PAGE_BYTES, PROT_READ | PROT_WRITE,
	    MAP_SHARED, devices[CHANNEL_FD_GRANTS], (off_t)offer->offset);

	if (page == MAP_FAILED)
		err_set_errno(err, SYSTEM_FAILED, "the page of a channel");
	close(devices[CHANNEL_FD_GRANTS]);
	if (page == MAP_FAILED)
		return (int)err->code;
	*ring = (struct ring){
	    .events_fd = take_fd(&events),
	    .port = offer->port,
	};
	vchan_init(&ring->vchan, page, ring_bell, ring);
	return 0;
}

void
ring_close(struct ring *ring)
{
	if (ring->events_fd < 0)
		return;
	vchan_close(&ring->vchan);
	closep(&ring->events_fd);
}

/* Who reads a port has it masked: no event comes before it is written back. */
void
ring_take_events(struct ring *ring, uint64_t now_usec)
{
	uint32_t port;

	while (
	    read(ring->events_fd, &port, sizeof(port)) == (ssize_t)sizeof(port))
		ring->is_masked = true;
	if (!ring->is_masked)
		return;
	if (ring->events_until_usec < now_usec)
		ring->events_until_usec = now_usec;
	if (ring->events_until_usec + RING_EVENT_USEC >
	    now_usec + RING_EVENTS * RING_EVENT_USEC)
		return;
	ring->events_until_usec += RING_EVENT_USEC;
	unmask(ring);
}

uint64_t
ring_deadline(const struct ring *ring)
{
	/* A tenth of them are allowed then. */
	return ring->is_masked
	           ? ring->events_until_usec -
	                 (uint64_t)RING_EVENTS * 9 / 10 * RING_EVENT_USEC
	           : UINT64_MAX;
}

ssize_t
ring_read(struct ring *ring, void *ret_bytes, size_t len)
{
	bool was_there = is_there(ring);
	size_t moved;

	if (ring->over.code != ERR_NONE ||
	    vchan_read(&ring->vchan, ret_bytes, len, &moved, &ring->over) != 0)
		return -1;
	ring->moved += moved;
	/* What it wrote before it left is read first. */
	return moved > 0 || was_there ? (ssize_t)moved : -1;
}

ssize_t
ring_write(struct ring *ring, const void *bytes, size_t len)
{
	size_t moved;

	if (!is_there(ring) ||
	    vchan_write(&ring->vchan, bytes, len, &moved, &ring->over) != 0)
		return -1;
	ring->moved += moved;
	return (ssize_t)moved;
}

bool
ring_has_client(struct ring *ring)
{
	return is_there(ring);
}

bool
ring_awaits_client(const struct ring *ring)
{
	return ring->over.code == ERR_NONE &&
	       ring->vchan.client == VCHAN_CLIENT_AWAITED;
}

/* Or may come. */
static bool
is_there(struct ring *ring)
{
	enum vchan_client client = VCHAN_CLIENT_GONE;

	return ring->over.code == ERR_NONE &&
	       vchan_look(&ring->vchan, &client, &ring->over) == 0 &&
	       client != VCHAN_CLIENT_GONE;
}

static int
ring_bell(void *context, struct err *err)
{
	struct ring *ring = context;
	struct notify notify = {ring->port};

	if (ioctl(ring->events_fd, NOTIFY, &notify) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "a channel's event");
	return 0;
}

static void
unmask(struct ring *ring)
{
	ring->is_masked =
	    write(ring->events_fd, &ring->port, sizeof(ring->port)) !=
	    (ssize_t)sizeof(ring->port);
}
