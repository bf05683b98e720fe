#include "builder/front/stream.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/scope.h"
#include "builder/front/ring.h"

static bool of_ring(ssize_t moved, size_t *ret_moved);
static bool of_socket(ssize_t moved, size_t *ret_moved);

bool
stream_read(const struct stream *stream, void *ret_bytes, size_t len,
    size_t *ret_moved)
{
	ssize_t got;

	if (stream->ring != NULL)
		return of_ring(ring_read(stream->ring, ret_bytes, len),
		    ret_moved);
	got = recv(stream->fd, ret_bytes, len, MSG_DONTWAIT);
	return of_socket(got, ret_moved) && got != 0;
}

bool
stream_write(const struct stream *stream, const void *bytes, size_t len,
    size_t *ret_moved)
{
	if (stream->ring != NULL)
		return of_ring(ring_write(stream->ring, bytes, len), ret_moved);
	return of_socket(
	    send(stream->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL),
	    ret_moved);
}

/* On a ring the client goes on reading what is there. */
void
stream_finish(const struct stream *stream)
{
	if (stream->ring == NULL)
		shutdown(stream->fd, SHUT_WR);
}

void
stream_close(struct stream *stream)
{
	if (stream->ring != NULL)
		ring_close(stream->ring);
	else
		closep(&stream->fd);
	*stream = STREAM_NONE;
}

static bool
of_ring(ssize_t moved, size_t *ret_moved)
{
	*ret_moved = moved > 0 ? (size_t)moved : 0;
	return moved >= 0;
}

static bool
of_socket(ssize_t moved, size_t *ret_moved)
{
	*ret_moved = moved > 0 ? (size_t)moved : 0;
	return moved >= 0 || errno == EAGAIN || errno == EINTR;
}
