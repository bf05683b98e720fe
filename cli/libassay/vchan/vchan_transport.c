#include "cli/libassay/vchan/vchan_transport.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libxenvchan.h>
#include <xenstore.h>
#include <xentoollog.h>

#include "base/scope.h"

/* assayd offers a new ring a moment after each session. The last pause is over
 * before the deadline, so that what is wrong can be told. */
enum { PAUSE_MS = 20, PATIENCE_MS = 3000 };

struct channel {
	struct libxenvchan *vchan;
	uint32_t read_cons; /* ours of the two rings, as they have to be */
	uint32_t write_prod;
};

static int open_vchan(const struct address *address, int64_t deadline_ms,
    void **ret_channel, char ret_why[TRANSPORT_WHY_BYTES]);
static struct libxenvchan *open_new(const struct address *address,
    const char *path, int64_t deadline_ms);
static bool is_new(struct libxenvchan *vchan);
static int64_t now_ms(void);
static int explain(char ret_why[TRANSPORT_WHY_BYTES], const char *what);
static int default_path(const struct address *address,
    char ret_path[ADDRESS_XENSTORE_MAX_BYTES + 1]);
static int begin(struct channel *channel);
static ssize_t read_vchan(void *channel, void *data, size_t len);
static ssize_t write_vchan(void *channel, const void *data, size_t len);
static ssize_t end_of(struct channel *channel);
static bool is_broken(const struct channel *channel);
static bool is_ring_broken(const struct libxenvchan_ring *ring);
static uint32_t load(const uint32_t *index);
static int fd_of(void *channel);
static short events_of(void *channel, int has_output);
static void wake(void *channel);
static void close_vchan(void *channel);
static void say_nothing(struct xentoollog_logger *logger,
    xentoollog_level level, int errnum, const char *context, const char *format,
    va_list args);
static void show_nothing(struct xentoollog_logger *logger, const char *context,
    const char *what, int percent, unsigned long done, unsigned long total);
static void destroy_nothing(struct xentoollog_logger *logger);

/* Without one, Xen's libraries write to standard error. */
static struct xentoollog_logger quiet = {say_nothing, show_nothing,
    destroy_nothing};

const struct transport_port assay_vchan_transport = {TRANSPORT_PORT_VERSION,
    open_vchan, read_vchan, write_vchan, fd_of, events_of, wake, close_vchan};

static int
open_vchan(const struct address *address, int64_t deadline_ms,
    void **ret_channel, char ret_why[TRANSPORT_WHY_BYTES])
{
	CLEANUP(freep) struct channel *channel = calloc(1, sizeof(*channel));
	char path[ADDRESS_XENSTORE_MAX_BYTES + 1];

	if (channel == NULL)
		return explain(ret_why, "not enough memory");
	if (address->path != NULL)
		snprintf(path, sizeof(path), "%s", address->path);
	else if (default_path(address, path) != 0)
		return explain(ret_why, "xenstore does not say which domain "
					"this is");
	channel->vchan = open_new(address, path, deadline_ms);
	if (channel->vchan == NULL) {
		snprintf(ret_why, TRANSPORT_WHY_BYTES,
		    "no channel at %s in xenstore, or it cannot be mapped",
		    path);
		return -1;
	}
	if (begin(channel) != 0) {
		libxenvchan_close(channel->vchan);
		return explain(ret_why, strerror(errno));
	}
	*ret_channel = take_ptr(&channel);
	return 0;
}

/* libxenstore knows no deadline. */
static struct libxenvchan *
open_new(const struct address *address, const char *path, int64_t deadline_ms)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
	int64_t end_ms = now_ms() + PATIENCE_MS;
	struct libxenvchan *vchan;

	if (end_ms > deadline_ms - 2 * PAUSE_MS)
		end_ms = deadline_ms - 2 * PAUSE_MS;
	for (;;) {
		vchan = libxenvchan_client_init(&quiet, address->domid, path);
		if (vchan != NULL && is_new(vchan))
			return vchan;
		if (vchan != NULL)
			libxenvchan_close(vchan);
		if (now_ms() >= end_ms)
			return NULL;
		nanosleep(&pause, NULL);
	}
}

/* One that a session was on may be there for a moment longer. */
static bool
is_new(struct libxenvchan *vchan)
{
	return libxenvchan_is_open(vchan) &&
	       load(&vchan->read.shr->cons) == 0 &&
	       load(&vchan->write.shr->prod) == 0;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
explain(char ret_why[TRANSPORT_WHY_BYTES], const char *what)
{
	snprintf(ret_why, TRANSPORT_WHY_BYTES, "%s", what);
	return -1;
}

static int
default_path(const struct address *address,
    char ret_path[ADDRESS_XENSTORE_MAX_BYTES + 1])
{
	CLEANUP(freep) char *text = NULL;
	struct xs_handle *xs = xs_open(0);
	unsigned int own;
	char end;

	if (xs == NULL)
		return -1;
	text = xs_read(xs, XBT_NULL, "domid", NULL);
	xs_close(xs);
	if (text == NULL || sscanf(text, "%5u%c", &own, &end) != 1 ||
	    own > ADDRESS_DOMID_MAX)
		return -1;
	snprintf(ret_path, ADDRESS_XENSTORE_MAX_BYTES + 1,
	    "/local/domain/%u/data/assay/%u", (unsigned int)address->domid,
	    own);
	return 0;
}

/* libxenvchan leaves `blocking` as malloc gave it, and waits in read(2). */
static int
begin(struct channel *channel)
{
	int fd = libxenvchan_fd_for_select(channel->vchan);
	int flags = fcntl(fd, F_GETFL);

	channel->vchan->blocking = 0;
	channel->read_cons = load(&channel->vchan->read.shr->cons);
	channel->write_prod = load(&channel->vchan->write.shr->prod);
	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static ssize_t
read_vchan(void *opaque, void *data, size_t len)
{
	struct channel *channel = opaque;
	int n;

	if (is_broken(channel))
		return TRANSPORT_BROKEN;
	n = libxenvchan_read(channel->vchan, data, len);
	if (n > 0)
		channel->read_cons += (uint32_t)n;
	if (is_broken(channel))
		return TRANSPORT_BROKEN;
	return n < 0 ? end_of(channel) : n;
}

static ssize_t
write_vchan(void *opaque, const void *data, size_t len)
{
	struct channel *channel = opaque;
	int n;

	if (is_broken(channel))
		return TRANSPORT_BROKEN;
	n = libxenvchan_write(channel->vchan, data, len);
	if (n > 0)
		channel->write_prod += (uint32_t)n;
	if (is_broken(channel))
		return TRANSPORT_BROKEN;
	return n < 0 ? end_of(channel) : n;
}

/* -1 of libxenvchan is an end, or an event that could not be sent. */
static ssize_t
end_of(struct channel *channel)
{
	int why = errno;

	if (!libxenvchan_is_open(channel->vchan))
		return TRANSPORT_ENDED;
	errno = why;
	return TRANSPORT_FAILED;
}

static bool
is_broken(const struct channel *channel)
{
	const struct libxenvchan *vchan = channel->vchan;

	return load(&vchan->read.shr->cons) != channel->read_cons ||
	       load(&vchan->write.shr->prod) != channel->write_prod ||
	       is_ring_broken(&vchan->read) || is_ring_broken(&vchan->write);
}

/* More in it than there is room for? */
static bool
is_ring_broken(const struct libxenvchan_ring *ring)
{
	uint32_t used = load(&ring->shr->prod) - load(&ring->shr->cons);

	return used > (uint32_t)1 << ring->order;
}

static uint32_t
load(const uint32_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static int
fd_of(void *opaque)
{
	return libxenvchan_fd_for_select(((struct channel *)opaque)->vchan);
}

/* An event says that something can be read, or written, or has ended. */
static short
events_of(void *opaque, int has_output)
{
	(void)opaque;
	(void)has_output;
	return POLLIN;
}

/* Without one that is pending it does nothing: the descriptor does not wait. */
static void
wake(void *opaque)
{
	(void)libxenvchan_wait(((struct channel *)opaque)->vchan);
}

static void
close_vchan(void *opaque)
{
	struct channel *channel = opaque;

	libxenvchan_close(channel->vchan);
	free(channel);
}

static void
say_nothing(struct xentoollog_logger *logger, xentoollog_level level,
    int errnum, const char *context, const char *format, va_list args)
{
	(void)logger, (void)level, (void)errnum;
	(void)context, (void)format, (void)args;
}

static void
show_nothing(struct xentoollog_logger *logger, const char *context,
    const char *what, int percent, unsigned long done, unsigned long total)
{
	(void)logger, (void)context, (void)what;
	(void)percent, (void)done, (void)total;
}

static void
destroy_nothing(struct xentoollog_logger *logger)
{
	(void)logger;
}
