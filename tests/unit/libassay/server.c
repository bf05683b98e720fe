#include "server.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct assay *caller;
int server = -1;
static int listener = -1;

static void
listen_here(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX,
	    .sun_path = SERVER_SOCKET};

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(listener, -1);
	assert_int_equal(
	    bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
}

int
server_setup(void **state)
{
	enter_scratch(state);
	listen_here();
	caller = assay_new();
	assert_non_null(caller);
	server_connect();
	return 0;
}

int
server_teardown(void **state)
{
	assay_free(caller);
	caller = NULL;
	server_hang_up();
	close(listener);
	return leave_scratch(state);
}

void
server_connect(void)
{
	server_hang_up();
	assert_int_equal(assay_open(caller, SERVER_SOCKET, PATIENCE_MS),
	    ASSAY_DONE);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_not_equal(server, -1);
}

void
server_hang_up(void)
{
	if (server >= 0)
		close(server);
	server = -1;
}

void
server_say(const void *data, size_t len)
{
	assert_int_equal(send(server, data, len, MSG_NOSIGNAL), len);
}

void
server_reply(const char *text)
{
	server_say(text, strlen(text) + 1);
}

const char *
server_hears(void)
{
	static char heard[1 << 20];
	ssize_t n = recv(server, heard, sizeof(heard) - 1, MSG_DONTWAIT);

	heard[n > 0 ? n : 0] = '\0';
	return heard;
}

void
server_is_called(unsigned int flags)
{
	assert_int_equal(
	    assay_begin(caller, "GetStatus", NULL, flags, PATIENCE_MS),
	    ASSAY_DONE);
	assert_waiting();
	assert_non_null(strstr(server_hears(), "GetStatus"));
}

void
assert_waiting(void)
{
	const char *reply = "untouched";

	assert_int_equal(assay_process(caller, &reply), ASSAY_WAITING);
	assert_string_equal(reply, "untouched");
	assert_string_equal(assay_error_name(caller), "");
	assert_true(assay_is_open(caller));
	assert_int_equal(assay_events(caller) & POLLIN, POLLIN);
	assert_true(assay_wait_ms(caller) > 0);
}

void
assert_answered(int result, const char *text)
{
	const char *reply = NULL;

	assert_int_equal(assay_next(caller, &reply), result);
	assert_string_equal(reply, text);
	assert_string_equal(assay_error_name(caller), "");
	assert_string_equal(assay_error_remedy(caller), "");
	assert_true(assay_is_open(caller));
	assert_int_equal(assay_wait_ms(caller) == -1, result == ASSAY_DONE);
}

void
assert_failed(const char *name, const char *part_of_detail)
{
	const char *reply = "untouched";

	assert_int_equal(assay_next(caller, &reply), ASSAY_FAILED);
	assert_string_equal(reply, "untouched");
	assert_string_equal(assay_error_name(caller), name);
	assert_non_null(strstr(assay_error_detail(caller), part_of_detail));
	assert_string_not_equal(assay_error_remedy(caller), "");
	assert_int_equal(assay_wait_ms(caller), -1);
}
