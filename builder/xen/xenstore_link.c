#include "builder/xen/xenstore_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "base/scope.h"

_Static_assert((int)XENSTORE_LINK_PAYLOAD == (int)XENSTORE_PAYLOAD_MAX,
    "the limit is that of the protocol");

static const char daemon_socket[] = "/var/run/xenstored/socket";
static const char kernel_device[] = "/dev/xen/xenbus";
static const char ended[] = "there is no connection to xenstored any more";

enum { DOUBLINGS = 6 }; /* pauses of up to 65 ms */

static int connect_to_daemon(int *ret_fd, struct err *err);
static int end_transaction(struct xenstore_link *link, uint32_t transaction,
    bool is_commit, struct xenstore_reply *ret_reply, struct err *err);
static int parse_transaction(struct xenstore_link *link,
    const struct xenstore_reply *reply, uint32_t *ret_transaction,
    struct err *err);
static int write_whole(struct xenstore_link *link, const struct iovec *parts,
    size_t count, size_t len, struct err *err);
static int read_whole(struct xenstore_link *link, void *into, size_t len,
    struct err *err);
static int check_header(struct xenstore_link *link,
    const struct xsd_sockmsg *header, uint32_t type, struct err *err);
static int end_with_errno(struct xenstore_link *link, const char *call,
    struct err *err);

int
xenstore_link_open(struct xenstore_link *ret_link, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	bool is_device;

	TRY(connect_to_daemon(&fd, err));
	/* There is no daemon here: the kernel leads to the one elsewhere. */
	is_device = fd < 0;
	if (is_device)
		fd = open(kernel_device, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, XENSTORE_FAILED, "%s and %s",
		    daemon_socket, kernel_device);
	*ret_link = (struct xenstore_link){
	    .fd = take_fd(&fd),
	    .is_device = is_device,
	};
	return 0;
}

void
xenstore_link_close(struct xenstore_link *link)
{
	closep(&link->fd);
}

bool
xenstore_link_is_alive(const struct xenstore_link *link)
{
	/* A socket says RDHUP, HUP or ERR. The device knows only IN. */
	struct pollfd end = {.fd = link->fd, .events = POLLRDHUP};
	int changed;

	if (link->fd < 0)
		return false;
	do {
		changed = poll(&end, 1, 0);
	} while (changed < 0 && errno == EINTR);
	return changed == 0;
}

int
xenstore_link_send(struct xenstore_link *link,
    const struct xenstore_request *request, struct err *err)
{
	struct xsd_sockmsg header = {
	    .type = request->type,
	    .req_id = link->sent + 1,
	    .tx_id = request->transaction,
	};
	struct iovec parts[1 + countof(request->parts)] = {
	    {&header, sizeof(header)}};
	size_t len = 0;

	for (size_t i = 0; i < countof(request->parts); i++) {
		parts[1 + i].iov_base =
		    (void *)(uintptr_t)request->parts[i].ptr;
		parts[1 + i].iov_len = request->parts[i].len;
		len += request->parts[i].len;
	}
	if (link->is_device && link->sent != link->answered)
		return err_set(err, BUG, "a request before the last reply");
	if (len > XENSTORE_PAYLOAD_MAX)
		return err_set(err, XENSTORE_FAILED, "a request of %zu bytes",
		    len);
	header.len = (uint32_t)len;
	TRY(write_whole(link, parts, countof(parts), sizeof(header) + len,
	    err));
	link->sent++;
	return 0;
}

int
xenstore_link_receive(struct xenstore_link *link, uint32_t type,
    struct xenstore_reply *ret_reply, struct err *err)
{
	struct xsd_sockmsg header;

	TRY(read_whole(link, &header, sizeof(header), err));
	TRY(check_header(link, &header, type, err));
	TRY(read_whole(link, ret_reply->text, header.len, err));
	ret_reply->text[header.len] = '\0';
	ret_reply->len = header.len;
	ret_reply->is_refusal = header.type == XS_ERROR;
	link->answered++;
	return 0;
}

int
xenstore_link_ask(struct xenstore_link *link,
    const struct xenstore_request *request, const char *what,
    struct xenstore_reply *ret_reply, struct err *err)
{
	TRY(xenstore_link_send(link, request, err));
	TRY(xenstore_link_receive(link, request->type, ret_reply, err));
	if (ret_reply->is_refusal)
		return xenstore_link_refuse(ret_reply, what, err);
	return 0;
}

int
xenstore_link_refuse(const struct xenstore_reply *reply, const char *what,
    struct err *err)
{
	return err_set(err, XENSTORE_FAILED, "%s: %s", what,
	    err_quote_str(reply->text).text);
}

int
xenstore_link_begin(struct xenstore_link *link, uint32_t *ret_transaction,
    struct err *err)
{
	const struct xenstore_request request = {
	    .type = XS_TRANSACTION_START,
	    .parts = {bytes_of("", 1)},
	};
	struct xenstore_reply reply;

	TRY(xenstore_link_ask(link, &request, "transaction", &reply, err));
	return parse_transaction(link, &reply, ret_transaction, err);
}

int
xenstore_link_commit(struct xenstore_link *link, uint32_t transaction,
    bool *ret_collided, struct err *err)
{
	struct xenstore_reply reply;

	TRY(end_transaction(link, transaction, true, &reply, err));
	*ret_collided = reply.is_refusal && strcmp(reply.text, "EAGAIN") == 0;
	if (reply.is_refusal && !*ret_collided)
		return xenstore_link_refuse(&reply, "transaction", err);
	return 0;
}

int
xenstore_link_abort(struct xenstore_link *link, uint32_t transaction,
    struct err *err)
{
	struct xenstore_reply reply;

	TRY(end_transaction(link, transaction, false, &reply, err));
	if (reply.is_refusal)
		return xenstore_link_refuse(&reply, "transaction", err);
	return 0;
}

/* Longer from time to time, and for each process another while: those who
 * collided once would do it again and again. */
void
xenstore_link_pause(unsigned int attempt)
{
	unsigned int doublings = attempt < DOUBLINGS ? attempt : DOUBLINGS;
	struct timespec pause;

	clock_gettime(CLOCK_MONOTONIC, &pause);
	pause.tv_sec = 0;
	pause.tv_nsec = 1000000L + pause.tv_nsec % (1000000L << doublings);
	nanosleep(&pause, NULL);
}

/*
 * *ret_fd is -1 if there is no such socket. One that nobody answers is not
 * passed over as libxenstore does (xs.c xs_open): it belongs to a daemon that
 * is dead, and requests to the kernel's device would wait for the same one.
 */
static int
connect_to_daemon(int *ret_fd, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, daemon_socket, sizeof(daemon_socket));
	if (fd < 0)
		return err_set_errno(err, XENSTORE_FAILED, "socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		*ret_fd = take_fd(&fd);
	else if (errno != ENOENT)
		return err_set_errno(err, XENSTORE_FAILED, "%s", daemon_socket);
	return 0;
}

static int
end_transaction(struct xenstore_link *link, uint32_t transaction,
    bool is_commit, struct xenstore_reply *ret_reply, struct err *err)
{
	const struct xenstore_request request = {
	    .type = XS_TRANSACTION_END,
	    .transaction = transaction,
	    .parts = {bytes_of(is_commit ? "T" : "F", 2)},
	};

	TRY(xenstore_link_send(link, &request, err));
	return xenstore_link_receive(link, XS_TRANSACTION_END, ret_reply, err);
}

/* Number 0 would be no transaction: each request would have effect at once. */
static int
parse_transaction(struct xenstore_link *link,
    const struct xenstore_reply *reply, uint32_t *ret_transaction,
    struct err *err)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(reply->text, &end, 10);
	if (reply->text[0] < '0' || reply->text[0] > '9' || *end != '\0' ||
	    errno != 0 || number == 0 || number > UINT32_MAX) {
		xenstore_link_close(link);
		return err_set(err, XENSTORE_FAILED, "transaction \"%s\"",
		    err_quote_str(reply->text).text);
	}
	*ret_transaction = (uint32_t)number;
	return 0;
}

static int
write_whole(struct xenstore_link *link, const struct iovec *parts, size_t count,
    size_t len, struct err *err)
{
	ssize_t n;

	if (link->fd < 0)
		return err_set(err, XENSTORE_FAILED, "%s", ended);
	do {
		n = writev(link->fd, parts, (int)count);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return end_with_errno(link, "write", err);
	if ((size_t)n != len) {
		xenstore_link_close(link);
		return err_set(err, XENSTORE_FAILED,
		    "xenstored took %zd of %zu bytes of a request", n, len);
	}
	return 0;
}

static int
read_whole(struct xenstore_link *link, void *into, size_t len, struct err *err)
{
	char *at = into;

	if (link->fd < 0)
		return err_set(err, XENSTORE_FAILED, "%s", ended);
	while (len > 0) {
		ssize_t n = read(link->fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return end_with_errno(link, "read", err);
		if (n == 0) {
			xenstore_link_close(link);
			return err_set(err, XENSTORE_FAILED,
			    "xenstored closed the connection");
		}
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Is this the reply to the oldest request that has none? */
static int
check_header(struct xenstore_link *link, const struct xsd_sockmsg *header,
    uint32_t type, struct err *err)
{
	if (header->len > XENSTORE_PAYLOAD_MAX)
		err_set(err, XENSTORE_FAILED, "a reply of %u bytes",
		    header->len);
	else if (header->req_id != link->answered + 1)
		err_set(err, XENSTORE_FAILED,
		    "a reply to request %u instead of %u", header->req_id,
		    link->answered + 1);
	else if (header->type != type && header->type != XS_ERROR)
		err_set(err, XENSTORE_FAILED,
		    "a reply of type %u to a request of type %u", header->type,
		    type);
	else
		return 0;
	xenstore_link_close(link);
	return (int)err->code;
}

static int
end_with_errno(struct xenstore_link *link, const char *call, struct err *err)
{
	int code = err_set_errno(err, XENSTORE_FAILED, "%s", call);

	xenstore_link_close(link);
	return code;
}
