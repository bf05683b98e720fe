#include "builder/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"
#include "builder/timing.h"

struct outbox_item {
	size_t size;             /* of the record */
	struct sealed *attached; /* owned, or NULL */
};

static void drop_first(struct outbox *outbox);

int
outbox_init(struct outbox *outbox, size_t record_bytes, uint32_t capacity,
    bool is_pipe, struct err *err)
{
	*outbox = (struct outbox){
	    .fd = -1,
	    .is_pipe = is_pipe,
	    .record_bytes = record_bytes,
	    .capacity = capacity,
	    .items = calloc(capacity, sizeof(*outbox->items)),
	    .records = calloc(capacity, record_bytes),
	};
	if (outbox->items != NULL && outbox->records != NULL)
		return 0;
	outbox_done(outbox);
	return err_set(err, NO_MEMORY, "a queue");
}

void
outbox_done(struct outbox *outbox)
{
	if (outbox->items != NULL)
		outbox_attach(outbox, -1);
	free(outbox->items);
	free(outbox->records);
	*outbox = (struct outbox){.fd = -1};
}

void
outbox_attach(struct outbox *outbox, int fd)
{
	while (outbox->count > 0)
		drop_first(outbox);
	outbox->full_usec = 0;
	outbox->fd = fd;
}

int
outbox_put(struct outbox *outbox, const void *record, size_t size,
    struct sealed *attached, struct err *err)
{
	uint32_t at;

	bug_unless(size <= outbox->record_bytes);
	if (outbox->fd < 0) {
		sealed_free(attached);
		return 0;
	}
	if (outbox->count == outbox->capacity) {
		sealed_free(attached);
		return err_set(err, RPC_BUSY, "%u records wait to be read",
		    outbox->count);
	}
	at = (outbox->first + outbox->count) % outbox->capacity;
	memcpy(outbox->records + at * outbox->record_bytes, record, size);
	outbox->items[at].size = size;
	outbox->items[at].attached = attached;
	outbox->count++;
	outbox->attached += attached != NULL;
	return 0;
}

int
outbox_flush(struct outbox *outbox, struct err *err)
{
	while (outbox->count > 0 && outbox->fd >= 0) {
		const void *record =
		    outbox->records + outbox->first * outbox->record_bytes;
		const struct sealed *attached =
		    outbox->items[outbox->first].attached;
		const size_t size = outbox->items[outbox->first].size;
		bool is_full = false;

		if (outbox->is_pipe)
			TRY(ipc_pipe_send(outbox->fd, record, size, &is_full,
			    err));
		else
			TRY(ipc_send_now(outbox->fd, record, size, attached,
			    &is_full, err));
		if (is_full) {
			if (outbox->full_usec == 0)
				outbox->full_usec = timing_now_usec();
			return 0;
		}
		drop_first(outbox);
	}
	return 0;
}

bool
outbox_is_stuck(const struct outbox *outbox, uint64_t for_usec)
{
	return outbox->full_usec != 0 &&
	       timing_now_usec() - outbox->full_usec >= for_usec;
}

static void
drop_first(struct outbox *outbox)
{
	struct outbox_item *item = &outbox->items[outbox->first];

	outbox->attached -= item->attached != NULL;
	sealed_freep(&item->attached);
	outbox->first = (outbox->first + 1) % outbox->capacity;
	outbox->count--;
	outbox->full_usec = 0;
}
