#include "front_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/scope.h"

int
caller_open(void)
{
	const struct timeval patience = {.tv_sec = 10};
	struct sockaddr_un address = {.sun_family = AF_UNIX,
	    .sun_path = "run/socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail_msg("connect: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

void
caller_send(int fd, const char *text)
{
	size_t len = strlen(text) + 1;

	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

char *
caller_receive(int fd)
{
	struct buffer message = {0};

	for (;;) {
		char part[4096]; /* looked at, then taken as far as the NUL */
		ssize_t there = recv(fd, part, sizeof(part), MSG_PEEK);
		const char *end =
		    there > 0 ? memchr(part, '\0', (size_t)there) : NULL;

		if (there < 0 && errno == EAGAIN)
			fail_msg("no reply in time");
		if (end != NULL)
			there = end - part + 1;
		if (there <= 0 ||
		    recv(fd, part, (size_t)there, MSG_WAITALL) != there) {
			buffer_done(&message);
			return NULL;
		}
		buffer_add(&message, part, (size_t)there);
		if (end != NULL)
			return (char *)message.ptr;
	}
}

void
assert_call(int fd, const char *text, const char *part)
{
	CLEANUP(freep) char *reply = NULL;

	caller_send(fd, text);
	reply = caller_receive(fd);
	assert_non_null(reply);
	assert_has(reply, part);
}
