/*
 * The batch against a xenstored of our own at the other end of a socket: it
 * notes each request and can refuse, collide or break the protocol.
 */
#include "builder_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "base/scope.h"
#include "builder/xenstore_batch.h"

enum { REQUESTS = 1024 };

/* What the other side does, and what it saw; shared with its process. */
struct script {
	unsigned int refuse_at;     /* the n-th request, from 1 */
	const char *refusal;        /* such as "EACCES" */
	unsigned int hang_up_at;    /* instead of a reply */
	unsigned int long_reply_at; /* a reply over the protocol's limit */
	unsigned int collisions;    /* so many commits collide */
	unsigned int count;
	char seen[REQUESTS][160];
};

static struct script *script;
static struct xenstore_batch batch;
static pid_t daemon_pid;

static const struct xen_node first_nodes[] = {
    {"/local/domain/7", "", XEN_NODE_OWNED, 0, 7},
    {"/local/domain/7/name", "guest", XEN_NODE_INHERIT, 0, 0},
    {"/local/domain/7/data", "", XEN_NODE_OWNED, 7, XEN_NODE_NO_READER},
    {"/libxl/7", "", XEN_NODE_PRIVATE, 3, 4},
};
static const struct xen_node last_nodes[] = {
    {"/local/domain/7/store/ring-ref", "22136", XEN_NODE_INHERIT, 0, 0},
};

/* --- pauses, which are not slept ------------------------------------- */

static unsigned int pauses;
static unsigned int same_pauses; /* as the one before */
static long last_pause_nsec;

int __wrap_nanosleep(const struct timespec *pause, struct timespec *ret_rest);

int
__wrap_nanosleep(const struct timespec *pause, struct timespec *ret_rest)
{
	assert_null(ret_rest);
	assert_int_equal(pause->tv_sec, 0);
	assert_in_range(pause->tv_nsec, 1000000, 65000000);
	pauses++;
	same_pauses += pause->tv_nsec == last_pause_nsec;
	last_pause_nsec = pause->tv_nsec;
	return 0;
}

/* --- the other side ------------------------------------------------- */

static bool
read_whole(int fd, void *into, size_t len)
{
	return recv(fd, into, len, MSG_WAITALL) == (ssize_t)len;
}

static void
reply(int fd, const struct xsd_sockmsg *request, uint32_t type,
    const char *text, size_t len)
{
	struct xsd_sockmsg header = {
	    .type = type,
	    .req_id = request->req_id,
	    .tx_id = request->tx_id,
	    .len = (uint32_t)len,
	};

	(void)!write(fd, &header, sizeof(header));
	if (len <= XENSTORE_PAYLOAD_MAX)
		(void)!write(fd, text, len);
}

/* "TYPE tx=N payload", with '|' for each NUL. */
static void
note_request(const struct xsd_sockmsg *request, const char *payload)
{
	char *line = script->seen[script->count++];
	int len = snprintf(line, sizeof(script->seen[0]), "%u tx=%u ",
	    request->type, request->tx_id);

	for (uint32_t i = 0; i < request->len; i++)
		line[len++] = payload[i] == '\0' ? '|' : payload[i];
}

static void
serve(int fd)
{
	char payload[XENSTORE_PAYLOAD_MAX];
	struct xsd_sockmsg request;

	while (read_whole(fd, &request, sizeof(request))) {
		if (request.len > sizeof(payload) ||
		    !read_whole(fd, payload, request.len))
			_exit(1);
		note_request(&request, payload);
		if (script->count == script->hang_up_at)
			_exit(0);
		if (script->count == script->long_reply_at)
			reply(fd, &request, request.type, "",
			    XENSTORE_PAYLOAD_MAX + 1);
		else if (script->count == script->refuse_at)
			reply(fd, &request, XS_ERROR, script->refusal,
			    strlen(script->refusal) + 1);
		else if (request.type == XS_TRANSACTION_START)
			reply(fd, &request, request.type, "5", 2);
		else if (request.type == XS_TRANSACTION_END &&
			 script->collisions > 0) {
			script->collisions--;
			reply(fd, &request, XS_ERROR, "EAGAIN", 7);
		} else
			reply(fd, &request, request.type, "OK", 3);
	}
	_exit(0);
}

static int
setup(void **state)
{
	int ends[2];

	(void)state;
	script = mmap(NULL, sizeof(*script), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(script, MAP_FAILED);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	signal(SIGPIPE, SIG_IGN);
	alarm(20);
	pauses = same_pauses = 0;
	batch = (struct xenstore_batch){.fd = ends[0]};
	daemon_pid = fork();
	if (daemon_pid == 0) {
		close(ends[0]);
		/* The script is written before the first request. */
		serve(ends[1]);
	}
	close(ends[1]);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	xenstore_batch_close(&batch);
	assert_int_equal(batch.fd, -1);
	waitpid(daemon_pid, NULL, 0);
	alarm(0);
	return munmap(script, sizeof(*script));
}

static int
write_all(struct err *err)
{
	TRY(xenstore_batch_begin(&batch, first_nodes, countof(first_nodes),
	    err));
	return xenstore_batch_write(&batch, last_nodes, countof(last_nodes),
	    err);
}

static void
batch_is_one_transaction_of_exactly_these_requests(void **state)
{
	/* 6 start, 7 end, 11 write, 14 set_perms: xs_wire.h */
	static const char *const expected[] = {
	    "6 tx=0 |",
	    "11 tx=5 /local/domain/7|",
	    "14 tx=5 /local/domain/7|n0|r7|",
	    "11 tx=5 /local/domain/7/name|guest",
	    "11 tx=5 /local/domain/7/data|",
	    "14 tx=5 /local/domain/7/data|n7|",
	    "11 tx=5 /libxl/7|",
	    "14 tx=5 /libxl/7|n0|",
	    "11 tx=5 /local/domain/7/store/ring-ref|22136",
	    "7 tx=5 T|",
	};
	struct err err = {0};

	(void)state;
	assert_code(write_all(&err), 0);
	for (size_t i = 0; i < countof(expected); i++)
		assert_string_equal(script->seen[i], expected[i]);
	assert_int_equal(script->count, countof(expected));
}

static void
batch_aborts_and_names_the_node_that_was_refused(void **state)
{
	struct err err = {0};

	(void)state;
	script->refuse_at = 6; /* the permissions of data */
	script->refusal = "EACCES";
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_string_equal(err.text, "/local/domain/7/data: EACCES");
	assert_string_equal(script->seen[script->count - 1], "7 tx=5 F|");
}

static void
batch_that_collides_is_written_again_whole(void **state)
{
	struct err err = {0};

	(void)state;
	script->collisions = 3;
	assert_code(write_all(&err), 0);
	assert_int_equal(script->count, 4 * 10);
	for (unsigned int i = 10; i < script->count; i++)
		assert_string_equal(script->seen[i], script->seen[i - 10]);
	assert_int_equal(pauses, 3);
	/* One that was not begun before. */
	script->collisions = 1;
	assert_code(
	    xenstore_batch_write(&batch, last_nodes, countof(last_nodes), &err),
	    0);
	assert_int_equal(script->count, 4 * 10 + 2 * 3);
}

static void
batch_that_collides_for_ever_is_given_up(void **state)
{
	struct err err = {0};

	(void)state;
	script->collisions = 1000;
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_has(err.text, "collided 64 times in a row");
	assert_int_equal(script->count, 64 * 10);
	assert_int_equal(pauses, 64);
	/* Two that collided with each other do not stay in step. */
	assert_in_range(same_pauses, 0, 8);
}

static void
batch_reports_a_commit_that_was_refused(void **state)
{
	struct err err = {0};

	(void)state;
	script->refuse_at = 10;
	script->refusal = "ENOSPC\x1b[31m";
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_has(err.text, "ENOSPC\\x1b[31m");
}

static void
batch_reports_a_transaction_that_cannot_be_started(void **state)
{
	struct err err = {0};

	(void)state;
	script->refuse_at = 1;
	script->refusal = "EBUSY";
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_has(err.text, "EBUSY");
	assert_int_equal(script->count, 1);
}

static void
batch_reports_a_xenstored_that_hangs_up_at_any_request(void **state)
{
	for (unsigned int n = 1; n <= 10; n++) {
		struct err err = {0};

		script->hang_up_at = n;
		assert_code(write_all(&err), XENSTORE_FAILED);
		teardown(state);
		setup(state);
	}
}

static void
batch_refuses_a_reply_over_the_limit(void **state)
{
	struct err err = {0};

	(void)state;
	script->long_reply_at = 1;
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_has(err.text, "a reply of 4097 bytes");
}

static void
batch_refuses_a_request_over_the_limit(void **state)
{
	char value[XENSTORE_PAYLOAD_MAX + 1];
	const struct xen_node node = {.path = "/x", .value = value};
	struct err err = {0};

	(void)state;
	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	assert_code(xenstore_batch_begin(&batch, &node, 1, &err),
	    XENSTORE_FAILED);
	assert_has(err.text, "a request of 4099 bytes");
}

static void
batch_of_nothing_commits_nothing(void **state)
{
	struct err err = {0};

	(void)state;
	assert_code(xenstore_batch_begin(&batch, NULL, 0, &err), 0);
	assert_code(xenstore_batch_write(&batch, NULL, 0, &err), 0);
	assert_int_equal(script->count, 2);
}

#define batch_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    batch_test(batch_is_one_transaction_of_exactly_these_requests),
	    batch_test(batch_aborts_and_names_the_node_that_was_refused),
	    batch_test(batch_that_collides_is_written_again_whole),
	    batch_test(batch_that_collides_for_ever_is_given_up),
	    batch_test(batch_reports_a_commit_that_was_refused),
	    batch_test(batch_reports_a_transaction_that_cannot_be_started),
	    batch_test(batch_reports_a_xenstored_that_hangs_up_at_any_request),
	    batch_test(batch_refuses_a_reply_over_the_limit),
	    batch_test(batch_refuses_a_request_over_the_limit),
	    batch_test(batch_of_nothing_commits_nothing),
	};

	return cmocka_run_group_tests_name("xenstore_batch", tests, NULL, NULL);
}
