/*
 * Records that wait until another role reads: a bounded queue before a link, so
 * that no role makes its sender wait.
 *
 * Whoever puts something in calls outbox_flush() when poll(2) says that the
 * link takes more. What does not fit any more the caller has to refuse, or it
 * has to stop asking for work in time.
 */
#ifndef ASSAY_BUILDER_OUTBOX_H
#define ASSAY_BUILDER_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sealed.h"

struct outbox_item;

struct outbox {
	int fd;       /* borrowed; -1: nobody is there, records are dropped */
	bool is_pipe; /* ipc_pipe(), else a socket */
	size_t record_bytes; /* at most */
	uint32_t capacity;
	struct outbox_item *items; /* a ring; owned */
	uint8_t *records;          /* of the items; owned */
	uint32_t first;
	uint32_t count;
	uint32_t attached;  /* items with sealed memory */
	uint64_t full_usec; /* since when the link takes nothing; 0: it does */
};

/* Errors: NO_MEMORY. */
int outbox_init(struct outbox *outbox, size_t record_bytes, uint32_t capacity,
    bool is_pipe, struct err *err);
void outbox_done(struct outbox *outbox);

/* Drop what waits; the link is another one now, or -1. */
void outbox_attach(struct outbox *outbox, int fd);

/*
 * Copies the record, of at most outbox.record_bytes; takes `attached` (or
 * NULL), also on failure. Errors: RPC_BUSY if the queue is full.
 */
int outbox_put(struct outbox *outbox, const void *record, size_t size,
    struct sealed *attached, struct err *err);

/* Send what the link takes now. Errors: SYSTEM_FAILED: the other side is gone.
 */
int outbox_flush(struct outbox *outbox, struct err *err);

/* Has the link taken nothing for as long, although something waits? */
bool outbox_is_stuck(const struct outbox *outbox, uint64_t for_usec);

static inline uint32_t
outbox_room(const struct outbox *outbox)
{
	return outbox->capacity - outbox->count;
}

#endif
