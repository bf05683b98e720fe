/*
 * Where a caller's bytes come from and go to: a socket, or a ring that it has
 * in common with us. Nothing here waits.
 */
#ifndef ASSAY_BUILDER_FRONT_STREAM_H
#define ASSAY_BUILDER_FRONT_STREAM_H

#include <stdbool.h>
#include <stddef.h>

struct ring;

struct stream {
	int fd; /* the socket, or where events of the ring are told */
	struct ring *ring; /* NULL: a socket; borrowed */
};

#define STREAM_NONE ((struct stream){.fd = -1})

/* *ret_moved may be 0. False if the other side has ended, or it failed. */
bool stream_read(const struct stream *stream, void *ret_bytes, size_t len,
    size_t *ret_moved);
bool stream_write(const struct stream *stream, const void *bytes, size_t len,
    size_t *ret_moved);

/* Nothing more will be written. */
void stream_finish(const struct stream *stream);

/* It is STREAM_NONE afterwards. A ring's descriptor is closed with it. */
void stream_close(struct stream *stream);

#endif
