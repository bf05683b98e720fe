#include "cli/libassay/transport.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "base/scope.h"

static int open_socket(const struct address *address, int64_t deadline_ms,
    void **ret_channel, char ret_why[TRANSPORT_WHY_BYTES]);
static int explain(char ret_why[TRANSPORT_WHY_BYTES], const char *what);
static int connect_until(int fd, const struct sockaddr_un *address,
    int64_t deadline_ms);
static ssize_t read_socket(void *channel, void *data, size_t len);
static ssize_t write_socket(void *channel, const void *data, size_t len);
static int fd_of(void *channel);
static short events_of(void *channel, int has_output);
static void wake(void *channel);
static void close_socket(void *channel);

const struct transport_port transport_unix = {TRANSPORT_PORT_VERSION,
    open_socket, read_socket, write_socket, fd_of, events_of, wake,
    close_socket};

int64_t
transport_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
open_socket(const struct address *where, int64_t deadline_ms,
    void **ret_channel, char ret_why[TRANSPORT_WHY_BYTES])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP(closep) int fd = -1;
	CLEANUP(freep) int *channel = NULL;

	if (strlen(where->path) >= sizeof(address.sun_path)) {
		snprintf(ret_why, TRANSPORT_WHY_BYTES,
		    "over %zu bytes, which no socket's path can have",
		    sizeof(address.sun_path) - 1);
		return -1;
	}
	memcpy(address.sun_path, where->path, strlen(where->path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect_until(fd, &address, deadline_ms) != 0)
		return explain(ret_why, strerror(errno));
	channel = malloc(sizeof(*channel));
	if (channel == NULL)
		return explain(ret_why, strerror(ENOMEM));
	*channel = take_fd(&fd);
	*ret_channel = take_ptr(&channel);
	return 0;
}

static int
explain(char ret_why[TRANSPORT_WHY_BYTES], const char *what)
{
	snprintf(ret_why, TRANSPORT_WHY_BYTES, "%s", what);
	return -1;
}

/*
 * A socket that does not wait would fail at once where the listener's queue is
 * full; one with a limit for sending waits so long: Linux's
 * unix_stream_connect().
 */
static int
connect_until(int fd, const struct sockaddr_un *address, int64_t deadline_ms)
{
	int code;

	do {
		int64_t left_ms = deadline_ms - transport_now_ms();
		struct timeval left = {.tv_sec = (time_t)(left_ms / 1000),
		    .tv_usec = (suseconds_t)(left_ms % 1000 * 1000)};

		if (left_ms <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left,
			sizeof(left)) != 0)
			return -1;
		code = connect(fd, (const struct sockaddr *)address,
		    sizeof(*address));
	} while (code != 0 && (errno == EINTR || errno == EAGAIN));
	return code;
}

static ssize_t
read_socket(void *channel, void *data, size_t len)
{
	ssize_t n;

	do
		n = recv(*(int *)channel, data, len, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n == 0 || errno == ECONNRESET)
		return TRANSPORT_ENDED;
	return errno == EAGAIN ? TRANSPORT_AGAIN : TRANSPORT_FAILED;
}

static ssize_t
write_socket(void *channel, const void *data, size_t len)
{
	ssize_t n;

	do
		n = send(*(int *)channel, data, len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EPIPE || errno == ECONNRESET)
		return TRANSPORT_ENDED;
	return errno == EAGAIN ? TRANSPORT_AGAIN : TRANSPORT_FAILED;
}

static int
fd_of(void *channel)
{
	return *(int *)channel;
}

static short
events_of(void *channel, int has_output)
{
	(void)channel;
	return has_output ? POLLIN | POLLOUT : POLLIN;
}

static void
wake(void *channel)
{
	(void)channel;
}

static void
close_socket(void *channel)
{
	close(*(int *)channel);
	free(channel);
}
