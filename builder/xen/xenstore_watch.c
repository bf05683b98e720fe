#include "builder/xen/xenstore_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "base/scope.h"
#include "builder/xen/xenstore_link.h"

/* The second one also says when a domain begins to be served. */
static const char *const watched[] = {"@releaseDomain", "@introduceDomain"};

static int add_watch(struct xenstore_link *link, const char *path,
    struct err *err);
static int await_reply(struct xenstore_link *link, const char *path,
    struct err *err);
static int read_whole(int fd, void *into, size_t len, struct err *err);

int
xenstore_watch_open(int *ret_fd, struct err *err)
{
	CLEANUP(xenstore_link_close)
	struct xenstore_link link = XENSTORE_LINK_NONE;

	TRY(xenstore_link_open(&link, err));
	for (size_t i = 0; i < countof(watched); i++)
		TRY(add_watch(&link, watched[i], err));
	if (fcntl(link.fd, F_SETFL, O_RDWR | O_NONBLOCK) != 0)
		return err_set_errno(err, XENSTORE_FAILED, "O_NONBLOCK");
	*ret_fd = take_fd(&link.fd);
	return 0;
}

int
xenstore_watch_take(int fd, struct err *err)
{
	char ignored[XENSTORE_LINK_PAYLOAD];
	ssize_t n = read(fd, ignored, sizeof(ignored));

	/* What is left wakes the caller again. */
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return 0;
	if (n < 0)
		return err_set_errno(err, XENSTORE_FAILED, "read");
	return err_set(err, XENSTORE_FAILED, "xenstored closed the connection");
}

static int
add_watch(struct xenstore_link *link, const char *path, struct err *err)
{
	static const char token[] = "assay";
	const struct xenstore_request request = {
	    .type = XS_WATCH,
	    .parts = {bytes_of(path, strlen(path) + 1),
		bytes_of(token, sizeof(token))},
	};

	TRY(xenstore_link_send(link, &request, err));
	TRY(await_reply(link, path, err));
	link->answered++;
	return 0;
}

/* The first event of a watch may come before the reply to it. */
static int
await_reply(struct xenstore_link *link, const char *path, struct err *err)
{
	char payload[XENSTORE_LINK_PAYLOAD];
	struct xsd_sockmsg header;

	do {
		TRY(read_whole(link->fd, &header, sizeof(header), err));
		if (header.len > sizeof(payload))
			return err_set(err, XENSTORE_FAILED,
			    "a reply of %u bytes", header.len);
		TRY(read_whole(link->fd, payload, header.len, err));
	} while (header.type == XS_WATCH_EVENT);
	if (header.type != XS_WATCH)
		return err_set(err, XENSTORE_FAILED,
		    "watch %s: a reply of type %u", path, header.type);
	return 0;
}

static int
read_whole(int fd, void *into, size_t len, struct err *err)
{
	char *at = into;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, XENSTORE_FAILED, "read");
		if (n == 0)
			return err_set(err, XENSTORE_FAILED,
			    "xenstored closed the connection");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}
