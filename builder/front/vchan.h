/*
 * The server's side of a channel as libxenvchan's clients speak it: two rings
 * in one page that a domain shares with us and can rewrite at any moment.
 *
 * What is ours is kept beside the page and only published there: a client that
 * rewrites our indices changes nothing. What is the client's is loaded once,
 * and may only move forward, by no more than there is: anything else breaks
 * the channel by name, where libxenvchan would wait for ever.
 *
 * Spec: xen/include/public/io/libxenvchan.h; tools/libs/vchan/io.c for when a
 * side is told.
 */
#ifndef ASSAY_BUILDER_FRONT_VCHAN_H
#define ASSAY_BUILDER_FRONT_VCHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "builder/vchan_page.h"

struct vchan {
	struct vchan_page *page; /* borrowed: VCHAN_PAGE_BYTES, shared */
	/* Rings the client's event channel. Errors: SYSTEM_FAILED. */
	int (*ring_bell)(void *context, struct err *err);
	void *context; /* borrowed */
	/* Never read from the page again. */
	uint32_t in_cons;
	uint32_t in_prod;  /* last seen */
	uint32_t out_cons; /* last seen */
	uint32_t out_prod;
	enum vchan_client client; /* last seen */
};

/* The channel of a page that vchan_format() laid out, before any client. */
void vchan_init(struct vchan *vchan, void *page,
    int (*ring_bell)(void *context, struct err *err), void *context);

/*
 * Is the client there? It comes once, and goes once.
 * Errors: VCHAN_RING_BROKEN.
 */
int vchan_look(struct vchan *vchan, enum vchan_client *ret_client,
    struct err *err);

/*
 * Move what there is, at most `len` bytes; never waits. When less than `len`
 * was moved the client was asked to ring when there is more, or more room.
 * Errors: VCHAN_RING_BROKEN; those of the bell.
 */
int vchan_read(struct vchan *vchan, void *ret_bytes, size_t len,
    size_t *ret_moved, struct err *err);
int vchan_write(struct vchan *vchan, const void *bytes, size_t len,
    size_t *ret_moved, struct err *err);

/* Say that we are gone. The page stays mapped. */
void vchan_close(struct vchan *vchan);

#endif
