#include "builder/channel/channel_rings.h"

#include "base/log.h"
#include "base/scope.h"

/* All that could have become free after one that is looked for. */
enum { PROBES = LIMIT_CLIENTS * (CHANNEL_HELD + 1) };

static struct channel_ring *find(struct channel_rings *rings, uint32_t domid);
static struct channel_ring *allot(struct channel_rings *rings, uint32_t domid);
static void probe(struct channel_rings *rings);
static void note_free(struct channel_rings *rings, uint32_t ref);

int
channel_rings_offer(struct channel_rings *rings, uint32_t domid, int grants_fd,
    struct channel_page *ret_page, struct err *err)
{
	struct channel_ring *ring = allot(rings, domid);

	if (ring == NULL)
		return err_set(err, RPC_BUSY, "%zu domains have channels",
		    countof(rings->rings));
	bug_unless(!ring->is_offered);
	if (ring->held_count == CHANNEL_HELD)
		probe(rings);
	if (ring->held_count == CHANNEL_HELD)
		return err_set(err, CHANNEL_RINGS_HELD,
		    "d%u has %u rings mapped whose sessions are over", domid,
		    ring->held_count);
	TRY(channel_device_grant(grants_fd, domid, ret_page, err));
	note_free(rings, ret_page->ref);
	ring->is_offered = true;
	ring->ref = ret_page->ref;
	return 0;
}

void
channel_rings_withdraw(struct channel_rings *rings, uint32_t domid)
{
	struct channel_ring *ring = find(rings, domid);

	if (ring == NULL || !ring->is_offered)
		return;
	ring->is_offered = false;
	/* There is room: no ring is offered without. */
	ring->held[ring->held_count++] = ring->ref;
}

void
channel_rings_forget(struct channel_rings *rings, uint32_t domid)
{
	struct channel_ring *ring = find(rings, domid);

	if (ring != NULL)
		*ring = (struct channel_ring){.domid = 0};
}

bool
channel_rings_has(const struct channel_rings *rings, uint32_t domid)
{
	for (size_t i = 0; i < countof(rings->rings); i++) {
		if (rings->rings[i].domid == domid)
			return rings->rings[i].is_offered;
	}
	return false;
}

static struct channel_ring *
find(struct channel_rings *rings, uint32_t domid)
{
	for (size_t i = 0; i < countof(rings->rings); i++) {
		if (rings->rings[i].domid == domid)
			return &rings->rings[i];
	}
	return NULL;
}

/* Its place, or one for it; NULL: there is none. */
static struct channel_ring *
allot(struct channel_rings *rings, uint32_t domid)
{
	struct channel_ring *ring = find(rings, domid);

	if (ring == NULL)
		ring = find(rings, 0);
	if (ring != NULL)
		ring->domid = domid;
	return ring;
}

/* Which of the numbers that are held would come back? */
static void
probe(struct channel_rings *rings)
{
	uint32_t refs[PROBES];
	struct err err;

	if (channel_device_probe(rings->probe_fd, PROBES, refs, &err) != 0) {
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
		return;
	}
	for (size_t i = 0; i < PROBES; i++)
		note_free(rings, refs[i]);
}

static void
note_free(struct channel_rings *rings, uint32_t ref)
{
	for (size_t i = 0; i < countof(rings->rings); i++) {
		struct channel_ring *ring = &rings->rings[i];

		for (uint32_t j = 0; j < ring->held_count; j++) {
			if (ring->held[j] == ref)
				ring->held[j--] =
				    ring->held[--ring->held_count];
		}
	}
}
