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
		char byte;
		ssize_t got = recv(fd, &byte, 1, 0);

		if (got < 0 && errno == EAGAIN)
			fail_msg("no reply in time");
		if (got <= 0) {
			buffer_done(&message);
			return NULL;
		}
		buffer_add(&message, &byte, 1);
		if (byte == '\0')
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
