#include "builder/front/vchan.h"

#include <stdatomic.h>
#include <string.h>

#include "base/scope.h"

static int see_bytes(struct vchan *vchan, struct err *err);
static int see_room(struct vchan *vchan, struct err *err);
static uint32_t room(const struct vchan *vchan);
static void ask_to_be_told(struct vchan *vchan, uint8_t what);
static int tell(struct vchan *vchan, uint8_t what, struct err *err);
static uint32_t load_once(volatile uint32_t *word);

void
vchan_init(struct vchan *vchan, void *page,
    int (*ring_bell)(void *context, struct err *err), void *context)
{
	*vchan = (struct vchan){
	    .page = page,
	    .ring_bell = ring_bell,
	    .context = context,
	    .client = VCHAN_CLIENT_AWAITED,
	};
}

int
vchan_look(struct vchan *vchan, enum vchan_client *ret_client, struct err *err)
{
	uint8_t live = vchan->page->client_live;
	bool has_been = vchan->client != VCHAN_CLIENT_AWAITED;

	if (live > VCHAN_CLIENT_AWAITED ||
	    (live == VCHAN_CLIENT_AWAITED && has_been) ||
	    (live == VCHAN_CLIENT_THERE && vchan->client == VCHAN_CLIENT_GONE))
		return err_set(err, VCHAN_RING_BROKEN,
		    "the client's state goes from %d to %u", (int)vchan->client,
		    live);
	vchan->client = (enum vchan_client)live;
	*ret_client = vchan->client;
	return 0;
}

int
vchan_read(struct vchan *vchan, void *ret_bytes, size_t len, size_t *ret_moved,
    struct err *err)
{
	const uint8_t *ring = (const uint8_t *)vchan->page + VCHAN_IN_BYTES;
	uint32_t at = vchan->in_cons & (VCHAN_IN_BYTES - 1);
	size_t moved;
	size_t first;

	*ret_moved = 0;
	TRY(see_bytes(vchan, err));
	if (vchan->in_prod - vchan->in_cons < len) {
		ask_to_be_told(vchan, VCHAN_TELL_OF_BYTES);
		TRY(see_bytes(vchan, err));
	}
	moved = vchan->in_prod - vchan->in_cons;
	if (moved > len)
		moved = len;
	if (moved == 0)
		return 0;
	first = VCHAN_IN_BYTES - at < moved ? VCHAN_IN_BYTES - at : moved;
	memcpy(ret_bytes, ring + at, first);
	memcpy((uint8_t *)ret_bytes + first, ring, moved - first);
	/* The bytes are taken before their room is given back. */
	atomic_thread_fence(memory_order_seq_cst);
	vchan->in_cons += (uint32_t)moved;
	vchan->page->in_cons = vchan->in_cons;
	*ret_moved = moved;
	return tell(vchan, VCHAN_TELL_OF_ROOM, err);
}

int
vchan_write(struct vchan *vchan, const void *bytes, size_t len,
    size_t *ret_moved, struct err *err)
{
	uint8_t *ring = (uint8_t *)vchan->page + VCHAN_OUT_BYTES;
	uint32_t at = vchan->out_prod & (VCHAN_OUT_BYTES - 1);
	size_t moved;
	size_t first;

	*ret_moved = 0;
	TRY(see_room(vchan, err));
	if (room(vchan) < len) {
		ask_to_be_told(vchan, VCHAN_TELL_OF_ROOM);
		TRY(see_room(vchan, err));
	}
	moved = room(vchan) < len ? room(vchan) : len;
	if (moved == 0)
		return 0;
	first = VCHAN_OUT_BYTES - at < moved ? VCHAN_OUT_BYTES - at : moved;
	memcpy(ring + at, bytes, first);
	memcpy(ring, (const uint8_t *)bytes + first, moved - first);
	/* The bytes are there before they are announced. */
	atomic_thread_fence(memory_order_seq_cst);
	vchan->out_prod += (uint32_t)moved;
	vchan->page->out_prod = vchan->out_prod;
	*ret_moved = moved;
	return tell(vchan, VCHAN_TELL_OF_BYTES, err);
}

void
vchan_close(struct vchan *vchan)
{
	struct err ignored;

	vchan->page->server_live = 0;
	atomic_thread_fence(memory_order_seq_cst);
	(void)vchan->ring_bell(vchan->context, &ignored);
}

/* How far the client has written. */
static int
see_bytes(struct vchan *vchan, struct err *err)
{
	uint32_t prod = load_once(&vchan->page->in_prod);

	if (prod - vchan->in_cons > VCHAN_IN_BYTES ||
	    prod - vchan->in_cons < vchan->in_prod - vchan->in_cons)
		return err_set(err, VCHAN_RING_BROKEN,
		    "the client says that it wrote up to %u, after %u of which "
		    "%u were read",
		    prod, vchan->in_prod, vchan->in_cons);
	vchan->in_prod = prod;
	return 0;
}

/* How far the client has read. */
static int
see_room(struct vchan *vchan, struct err *err)
{
	uint32_t cons = load_once(&vchan->page->out_cons);

	if (vchan->out_prod - cons > vchan->out_prod - vchan->out_cons)
		return err_set(err, VCHAN_RING_BROKEN,
		    "the client says that it read up to %u, after %u and of %u",
		    cons, vchan->out_cons, vchan->out_prod);
	vchan->out_cons = cons;
	return 0;
}

static uint32_t
room(const struct vchan *vchan)
{
	return VCHAN_OUT_BYTES - (vchan->out_prod - vchan->out_cons);
}

/* Whoever asked looks once more: the client may have moved before it saw that.
 */
static void
ask_to_be_told(struct vchan *vchan, uint8_t what)
{
	__atomic_fetch_or(&vchan->page->tell_server, what, __ATOMIC_SEQ_CST);
}

/* Only if it asked for that, and once. */
static int
tell(struct vchan *vchan, uint8_t what, struct err *err)
{
	uint8_t asked;

	atomic_thread_fence(memory_order_seq_cst);
	asked = __atomic_fetch_and(&vchan->page->tell_client, (uint8_t)~what,
	    __ATOMIC_SEQ_CST);
	return (asked & what) != 0 ? vchan->ring_bell(vchan->context, err) : 0;
}

/* One load, before whatever is read because of it. */
static uint32_t
load_once(volatile uint32_t *word)
{
	uint32_t value = *word;

	atomic_thread_fence(memory_order_seq_cst);
	return value;
}
