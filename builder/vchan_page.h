/*
 * The page that a channel has in common with its client: fixed layout, as
 * libxenvchan's clients expect it.
 *
 * Spec: xen/include/public/io/libxenvchan.h.
 */
#ifndef ASSAY_BUILDER_VCHAN_PAGE_H
#define ASSAY_BUILDER_VCHAN_PAGE_H

#include <stdint.h>

#define VCHAN_PAGE_BYTES 4096

/* What fits into the page: so one grant is all that a client can keep. */
#define VCHAN_IN_BYTES  1024
#define VCHAN_OUT_BYTES 2048

/* The page's head. The client's words are volatile. */
struct vchan_page {
	volatile uint32_t in_cons; /* ours */
	volatile uint32_t in_prod; /* the client's */
	volatile uint32_t out_cons;
	volatile uint32_t out_prod;
	uint16_t in_order;
	uint16_t out_order;
	volatile uint8_t client_live;
	volatile uint8_t server_live;
	volatile uint8_t tell_server; /* what the server wants to be told */
	volatile uint8_t tell_client;
};

enum vchan_client {
	VCHAN_CLIENT_GONE,
	VCHAN_CLIENT_THERE,
	VCHAN_CLIENT_AWAITED, /* it has not been there yet */
};

/* Bits of tell_server and tell_client. */
enum { VCHAN_TELL_OF_BYTES = 1, VCHAN_TELL_OF_ROOM = 2 };

/* Lay out a page of zeros that nobody else has yet. */
void vchan_format(void *page);

#endif
