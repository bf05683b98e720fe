/*
 * A channel to one domain as a stream of bytes: the rings of vchan.h, the event
 * device that tells of them, and how often it may.
 *
 * The domain can send events without end. Its port stays masked when it has
 * sent more than some in a time: then the rings are looked at by the clock.
 */
#ifndef ASSAY_BUILDER_FRONT_RING_H
#define ASSAY_BUILDER_FRONT_RING_H

#include <sys/types.h>

#include "builder/channel_link.h"
#include "builder/front/vchan.h"

/* So many events at once, and one more each time. */
enum { RING_EVENTS = 100, RING_EVENT_USEC = 1000 };

struct ring {
	struct vchan vchan;
	int events_fd; /* owned */
	uint32_t port;
	uint64_t events_until_usec; /* they would last, one each such time */
	bool is_masked;
	uint64_t moved;  /* bytes, both ways */
	struct err over; /* what broke it; no code: nothing */
};

/*
 * Map the page and close the device of grants, of which nothing else is wanted.
 * Takes both descriptors. Errors: SYSTEM_FAILED.
 */
int ring_open(struct ring *ring, const struct channel_offer *offer,
    const int devices[static CHANNEL_FDS], struct err *err);

/* Our end is closed, and the domain told so. The page goes with the process. */
void ring_close(struct ring *ring);

/* Take the events that are there, and let more come if it is time for that. */
void ring_take_events(struct ring *ring, uint64_t now_usec);

/* When to look although no event may come; UINT64_MAX: one may. */
uint64_t ring_deadline(const struct ring *ring);

/*
 * Bytes moved, which may be none; -1 once the session is over: the client left,
 * or ring->over says why, by VCHAN_RING_BROKEN or SYSTEM_FAILED.
 */
ssize_t ring_read(struct ring *ring, void *ret_bytes, size_t len);
ssize_t ring_write(struct ring *ring, const void *bytes, size_t len);

/* Is the client still there, or may it come? Has it not come yet, when we last
 * looked? */
bool ring_has_client(struct ring *ring);
bool ring_awaits_client(const struct ring *ring);

#endif
