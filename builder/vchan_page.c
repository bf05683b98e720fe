#include "builder/vchan_page.h"

#include <stddef.h>

/* Ring sizes are powers of two, said by their exponents; a ring of 1 KiB lies
 * at 1 KiB, one of 2 KiB at 2 KiB. */
enum { IN_ORDER = 10, OUT_ORDER = 11 };

_Static_assert(1 << IN_ORDER == VCHAN_IN_BYTES, "in");
_Static_assert(1 << OUT_ORDER == VCHAN_OUT_BYTES, "out");
_Static_assert(offsetof(struct vchan_page, in_order) == 16, "layout");
_Static_assert(offsetof(struct vchan_page, client_live) == 20, "layout");
_Static_assert(sizeof(struct vchan_page) == 24, "layout");

void
vchan_format(void *memory)
{
	struct vchan_page *page = memory;

	page->in_order = IN_ORDER;
	page->out_order = OUT_ORDER;
	page->client_live = VCHAN_CLIENT_AWAITED;
	page->server_live = 1;
	page->tell_server = VCHAN_TELL_OF_BYTES;
}
