/*
 * The front as a process with a real socket; this test is its supervisor and
 * its callers.
 */
#include "front_process.h"
#include "link_trials.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/front/front.h"
#include "builder/supervisor/listener.h"
#include "builder/ipc.h"
#include "base/uuid_make.h"

/* --- one call -------------------------------------------------------- */

static void
front_hands_on_a_decoded_call_and_says_who_asks(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	struct front_call call;
	uint8_t uuid[UUID_BYTES];

	(void)state;
	caller_send(fd, BUILD_CALL);
	call = front_next_call(FRONT_BUILD);
	assert_string_equal(call.build.image, "web");
	assert_string_equal(call.build.guest.name, "guest");
	assert_true(uuid_from_text(GOOD_UUID, uuid));
	assert_memory_equal(call.build.guest.uuid, uuid, UUID_BYTES);
	assert_int_equal(call.build.guest.memory_mib, 256);
	assert_int_equal(call.build.guest.vcpus, 2);
	assert_int_equal(call.caller.user.uid, geteuid());
	assert_int_equal(call.caller.user.pid, getpid());
	assert_int_not_equal(call.connection, 0);
}

static void
front_gives_the_receipt_to_the_caller(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	CLEANUP(freep) char *reply = NULL;

	(void)state;
	caller_send(fd, BUILD_CALL);
	front_answer_receipt(front_next_call(FRONT_BUILD).connection);
	reply = caller_receive(fd);
	assert_non_null(reply);
	assert_has(reply, "{\"parameters\":{\"receipt\":{\"schema\":"
			  "\"assay.receipt/1\",\"domid\":9,");
	/* Delivered: closing now undoes nothing. */
	closep(&fd);
	assert_false(front_call_came(100));
}

static void
front_gives_refusals_and_failures_their_code(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	CLEANUP(freep) char *refused = NULL;
	CLEANUP(freep) char *failed = NULL;

	(void)state;
	caller_send(fd, BUILD_CALL);
	front_answer_error(front_next_call(FRONT_BUILD).connection,
	    LIMIT_EXCEEDED, "no");
	refused = caller_receive(fd);
	assert_string_equal(refused,
	    "{\"error\":\"org.assay.Builder.Refused\",\"parameters\":"
	    "{\"code\":\"LIMIT_EXCEEDED\",\"field\":\"vcpus\",\"detail\":"
	    "\"no\","
	    "\"remedy\":\"ask for a value inside the signed limits\"}}");
	caller_send(fd, BUILD_CALL);
	front_answer_error(front_next_call(FRONT_BUILD).connection, XEN_FAILED,
	    "no");
	failed = caller_receive(fd);
	assert_has(failed, "\"org.assay.Builder.Failed\"");
	assert_has(failed, "\"XEN_FAILED\"");
}

/* It comes from the tpm role, which may be taken over. */
static void
front_does_not_read_past_the_evidence_it_was_given(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	struct attest_reply quote = {.ek_certificate = {.len = SIZE_MAX}};
	size_t sizes[] = {0, 3, sizeof(quote)};

	(void)state;
	for (size_t i = 0; i < countof(sizes); i++) {
		CLEANUP(freep) char *reply = NULL;

		caller_send(fd, "{\"method\":\"org.assay.Builder.Attest\","
				"\"parameters\":{\"nonce\":"
				"\"00112233445566778899aabbccddeeff\"}}");
		front_answer_memory(front_next_call(FRONT_ATTEST).connection,
		    bytes_of(&quote, sizes[i]));
		reply = caller_receive(fd);
		assert_non_null(reply);
		assert_has(reply, "\"TPM_FAILED\"");
	}
}

static void
front_answers_by_itself_what_concerns_the_interface(void **state)
{
	CLEANUP(closep) int fd = caller_open();

	(void)state;
	assert_call(fd, "{\"method\":\"org.varlink.service.GetInfo\"}",
	    "\"product\":\"assayd\"");
	assert_call(fd,
	    "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
	    "\"parameters\":{\"interface\":\"org.assay.Builder\"}}",
	    "method BuildDomain(");
	assert_call(fd,
	    "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
	    "\"parameters\":{\"interface\":\"org.example\"}}",
	    "{\"error\":\"org.varlink.service.InterfaceNotFound\","
	    "\"parameters\":{\"interface\":\"org.example\"}}");
	assert_false(front_call_came(0));
}

static void
front_refuses_bad_calls_and_keeps_the_connection(void **state)
{
	CLEANUP(closep) int fd = caller_open();

	(void)state;
	assert_call(fd, CALL("Reboot"),
	    "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":"
	    "{\"method\":\"org.assay.Builder.Reboot\"}}");
	assert_call(fd, "{\"method\":\"io.systemd.Manager.Reboot\"}",
	    "{\"error\":\"org.varlink.service.InterfaceNotFound\","
	    "\"parameters\":{\"interface\":\"io.systemd.Manager\"}}");
	assert_call(fd, CALL("BuildDomain"),
	    "{\"error\":\"org.varlink.service.InvalidParameter\","
	    "\"parameters\":{\"parameter\":\"image\"}}");
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.DestroyDomain\",\"parameters\":"
	    "{\"domid\":7,\"name\":\"x\"}}",
	    "InvalidParameter");
	assert_false(front_call_came(0));
}

static void
front_makes_a_reply_of_the_rows_of_a_listing(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	CLEANUP(freep) char *reply = NULL;
	struct image_row rows[] = {{.name = "web", .version = "1"},
	    {.name = "web", .version = "2"}};

	(void)state;
	caller_send(fd, CALL("ListImages"));
	front_answer_memory(front_next_call(FRONT_LIST_IMAGES).connection,
	    bytes_of(rows, sizeof(rows)));
	reply = caller_receive(fd);
	assert_has(reply, "{\"parameters\":{\"images\":[{\"name\":\"web\","
			  "\"version\":\"1\",");
	assert_has(reply, "{\"name\":\"web\",\"version\":\"2\",");
}

/* A build child makes them, and may be taken over. */
static void
front_refuses_half_a_row(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	struct image_row rows[2] = {{.name = "web", .version = "1"}};
	const size_t sizes[] = {1, sizeof(rows[0]) - 1, sizeof(rows) - 1};

	(void)state;
	for (size_t i = 0; i < countof(sizes); i++) {
		CLEANUP(freep) char *reply = NULL;

		caller_send(fd, CALL("ListImages"));
		front_answer_memory(
		    front_next_call(FRONT_LIST_IMAGES).connection,
		    bytes_of(rows, sizes[i]));
		reply = caller_receive(fd);
		assert_has(reply, "\"TPM_FAILED\"");
	}
}

static void
front_hands_on_the_other_calls(void **state)
{
	static const struct {
		const char *text;
		uint32_t kind;
		const char *reply;
	} rows[] = {
	    {CALL("ListDomains"), FRONT_LIST_DOMAINS,
		"{\"parameters\":{\"domains\":[]}}"},
	    {CALL("GetStatus"), FRONT_STATUS, "\"builds_done\":0"},
	    {"{\"method\":\"org.assay.Builder.DestroyDomain\","
	     "\"parameters\":{\"domid\":7}}",
		FRONT_DESTROY, "{\"parameters\":{}}"},
	};
	CLEANUP(closep) int fd = caller_open();

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		CLEANUP(freep) char *reply = NULL;
		struct front_answer answer = {0};

		caller_send(fd, rows[i].text);
		answer.connection = front_next_call(rows[i].kind).connection;
		front_answer_with(&answer);
		reply = caller_receive(fd);
		assert_has(reply, rows[i].reply);
	}
}

/* --- several calls --------------------------------------------------- */

static void
front_serves_pipelined_calls_one_after_the_other(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	static const char both[] = CALL("GetStatus") "\0" CALL("ListDomains");
	CLEANUP(freep) char *first = NULL;
	CLEANUP(freep) char *second = NULL;
	struct front_answer answer = {0};

	(void)state;
	assert_int_equal(send(fd, both, sizeof(both), 0), sizeof(both));
	answer.connection = front_next_call(FRONT_STATUS).connection;
	assert_false(front_call_came(50));
	front_answer_with(&answer);
	first = caller_receive(fd);
	assert_has(first, "builds_done");
	front_next_call(FRONT_LIST_DOMAINS);
	front_answer_with(&answer);
	second = caller_receive(fd);
	assert_has(second, "domains");
}

static void
front_joins_a_call_that_comes_in_pieces(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	static const char text[] = CALL("GetStatus");

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		assert_int_equal(send(fd, text + i, 1, 0), 1);
	front_next_call(FRONT_STATUS);
}

static void
front_sends_no_reply_to_a_oneway_call(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	struct front_answer answer = {0};

	(void)state;
	caller_send(fd, "{\"method\":\"org.assay.Builder.GetStatus\","
			"\"oneway\":true}");
	answer.connection = front_next_call(FRONT_STATUS).connection;
	front_answer_with(&answer);
	caller_send(fd, "{\"method\":\"org.assay.Builder.Nothing\","
			"\"oneway\":true}");
	caller_send(fd, "{\"method\":\"org.varlink.service.GetInfo\","
			"\"oneway\":true}");
	assert_call(fd, "{\"method\":\"org.varlink.service.GetInfo\"}",
	    "{\"parameters\":{\"vendor\":");
}

/* Its domain would be nobody's. */
static void
front_refuses_a_build_whose_receipt_nobody_reads(void **state)
{
	CLEANUP(closep) int fd = caller_open();

	(void)state;
	caller_send(fd,
	    "{\"method\":\"org.assay.Builder.BuildDomain\",\"oneway\":true,"
	    "\"parameters\":{\"image\":\"web\",\"name\":\"guest\","
	    "\"memory_mib\":256,\"vcpus\":2}}");
	assert_call(fd, "{\"method\":\"org.varlink.service.GetInfo\"}",
	    "{\"parameters\":{\"vendor\":");
	assert_false(front_call_came(0));
}

/* All of it is in one read: nothing more comes to wake the front. */
static void
front_goes_on_after_oneway_calls_in_the_same_write(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	static const char text[] =
	    "{\"method\":\"org.varlink.service.GetInfo\",\"oneway\":true}\0"
	    "{\"method\":\"org.assay.Builder.Nothing\",\"oneway\":true}\0"
	    "{\"method\":\"org.assay.Builder.GetStatus\",\"oneway\":true}\0"
	    "{\"method\":\"org.varlink.service.GetInfo\"}";
	CLEANUP(freep) char *reply = NULL;
	struct front_answer answer = {0};

	(void)state;
	assert_int_equal(send(fd, text, sizeof(text), 0), sizeof(text));
	answer.connection = front_next_call(FRONT_STATUS).connection;
	front_answer_with(&answer);
	reply = caller_receive(fd);
	assert_non_null(reply);
	assert_has(reply, "\"vendor\"");
}

static void
front_gives_each_caller_its_own_answer(void **state)
{
	CLEANUP(closep) int one = caller_open();
	CLEANUP(closep) int other = caller_open();
	CLEANUP(freep) char *to_one = NULL;
	CLEANUP(freep) char *to_other = NULL;
	uint32_t first;
	uint32_t second;

	(void)state;
	caller_send(one, BUILD_CALL);
	first = front_next_call(FRONT_BUILD).connection;
	caller_send(other, BUILD_CALL);
	second = front_next_call(FRONT_BUILD).connection;
	assert_int_not_equal(first, second);
	front_answer_error(second, DOMAIN_EXISTS, "second");
	front_answer_error(first, IMAGE_UNKNOWN, "first");
	to_one = caller_receive(one);
	to_other = caller_receive(other);
	assert_has(to_one, "IMAGE_UNKNOWN");
	assert_has(to_other, "DOMAIN_EXISTS");
}

/* --- callers that go away -------------------------------------------- */

static void
front_cancels_the_call_of_a_caller_that_closes(void **state)
{
	int fd = caller_open();
	uint32_t connection;

	(void)state;
	caller_send(fd, BUILD_CALL);
	connection = front_next_call(FRONT_BUILD).connection;
	close(fd);
	assert_int_equal(front_next_call(FRONT_CANCEL).connection, connection);
}

static void
front_returns_a_domain_whose_caller_left_before_the_answer(void **state)
{
	int fd = caller_open();
	struct front_call call;
	struct receipt receipt = good_receipt();
	uint32_t connection;

	(void)state;
	caller_send(fd, BUILD_CALL);
	connection = front_next_call(FRONT_BUILD).connection;
	close(fd);
	front_next_call(FRONT_CANCEL);
	/* The build was done already: the answer crosses the cancel. */
	front_answer_receipt(connection);
	call = front_next_call(FRONT_UNDELIVERED);
	assert_true(call.selector.has_uuid);
	assert_memory_equal(call.selector.uuid, receipt.guest.uuid, UUID_BYTES);
}

/* The answer and the end of the caller come in one turn of the loop. */
static void
front_returns_a_domain_whose_receipt_could_not_be_written(void **state)
{
	int fd = caller_open();
	struct front_call call;
	struct receipt receipt = good_receipt();
	uint32_t connection;

	(void)state;
	caller_send(fd, BUILD_CALL);
	connection = front_next_call(FRONT_BUILD).connection;
	assert_int_equal(kill(front.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(front.pid, NULL, WUNTRACED), front.pid);
	front_answer_receipt(connection);
	close(fd);
	assert_int_equal(kill(front.pid, SIGCONT), 0);
	call = front_next_call(FRONT_UNDELIVERED);
	assert_true(call.selector.has_uuid);
	assert_memory_equal(call.selector.uuid, receipt.guest.uuid, UUID_BYTES);
}

static void
front_returns_nothing_when_there_is_no_domain(void **state)
{
	int fd = caller_open();
	uint32_t connection;

	(void)state;
	caller_send(fd, BUILD_CALL);
	connection = front_next_call(FRONT_BUILD).connection;
	close(fd);
	front_next_call(FRONT_CANCEL);
	front_answer_error(connection, BUILD_CANCELLED, "gone");
	assert_false(front_call_came(100));
}

static void
front_forgets_a_caller_that_closes_without_a_call(void **state)
{
	int fd = caller_open();

	(void)state;
	send(fd, "{\"meth", 7, 0);
	close(fd);
	assert_false(front_call_came(100));
	fd = caller_open();
	assert_call(fd, "{\"method\":\"org.varlink.service.GetInfo\"}", "{");
	close(fd);
}

/* --- callers that are not welcome ------------------------------------ */

static void
assert_turned_away(int fd, const char *code)
{
	CLEANUP(freep) char *reply = caller_receive(fd);
	CLEANUP(freep) char *end = NULL;

	assert_non_null(reply);
	assert_has(reply, "org.assay.Builder.Refused");
	assert_has(reply, code);
	end = caller_receive(fd);
	assert_null(end);
}

static void
front_refuses_a_user_who_is_not_on_the_list(void **state)
{
	int fd;

	front_leave();
	front.config.allow_uids[0] = geteuid() + 1;
	front_start();
	fd = caller_open();
	assert_turned_away(fd, "RPC_NOT_PERMITTED");
	close(fd);
	assert_false(front_call_came(0));
	{
		CLEANUP(buffer_done) struct buffer log = read_file("front.log");

		buffer_add(&log, "", 1);
		assert_has((char *)log.ptr, "refused connection uid=");
		assert_has((char *)log.ptr, "RPC_NOT_PERMITTED");
	}
	(void)state;
}

static void
front_refuses_a_seventeenth_connection_of_one_user(void **state)
{
	int fds[LIMIT_RPC_CONNECTIONS / 2];
	int one_more;

	(void)state;
	for (size_t i = 0; i < countof(fds); i++)
		fds[i] = caller_open();
	one_more = caller_open();
	assert_turned_away(one_more, "RPC_BUSY");
	close(one_more);
	/* A place that was left can be had again. */
	close(fds[3]);
	for (int attempt = 0; attempt < 100; attempt++) {
		CLEANUP(freep) char *reply = NULL;

		one_more = caller_open();
		caller_send(one_more,
		    "{\"method\":\"org.varlink.service.GetInfo\"}");
		reply = caller_receive(one_more);
		close(one_more);
		if (reply != NULL && strstr(reply, "vendor") != NULL)
			break;
		assert_int_not_equal(attempt, 99);
		usleep(10000);
	}
	for (size_t i = 0; i < countof(fds); i++) {
		if (i != 3)
			close(fds[i]);
	}
}

static int
caller_open_as(uid_t uid)
{
	int fd;

	assert_int_equal(seteuid(uid), 0);
	fd = caller_open();
	assert_int_equal(seteuid(0), 0);
	return fd;
}

static void
front_refuses_a_thirty_third_connection(void **state)
{
	static const uid_t users[] = {1001, 1002};
	int fds[LIMIT_RPC_CONNECTIONS];
	size_t count = 0;
	int one_more;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: needs root to call as others\n");
		skip();
	}
	front_leave();
	front.config.allow_uids[1] = users[0];
	front.config.allow_uids[2] = users[1];
	front.config.allow_uid_count = 3;
	front_start();
	for (size_t u = 0; u < countof(users); u++) {
		for (int i = 0; i < LIMIT_RPC_CONNECTIONS / 2; i++)
			fds[count++] = caller_open_as(users[u]);
	}
	one_more = caller_open();
	assert_turned_away(one_more, "32 connections are open");
	close(one_more);
	while (count > 0)
		close(fds[--count]);
}

static void
front_says_who_the_caller_is_whatever_it_claims(void **state)
{
	struct front_call call;
	int fd;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: needs root to call as others\n");
		skip();
	}
	front_leave();
	front.config.allow_uids[1] = 1001;
	front.config.allow_uid_count = 2;
	front_start();
	fd = caller_open_as(1001);
	caller_send(fd, BUILD_CALL);
	call = front_next_call(FRONT_BUILD);
	assert_int_equal(call.caller.user.uid, 1001);
	close(fd);
}

static void
front_refuses_garbage_and_hangs_up(void **state)
{
	static const char *const texts[][2] = {
	    {"", "RPC_MALFORMED"},
	    {"GET / HTTP/1.1\r\n\r\n", "RPC_MALFORMED"},
	    {"[]", "RPC_MALFORMED"},
	    {"{\"method\":7}", "RPC_MALFORMED"},
	    {"{\"method\":\"a\",\"upgrade\":true}", "RPC_MALFORMED"},
	    {"{\"method\":\"a\",\"method\":\"b\"}", "MEMBER_DUPLICATE"},
	    {"{\"method\":\"a\"}{}", "BYTES_TRAILING"},
	};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		CLEANUP(closep) int fd = caller_open();

		caller_send(fd, texts[i][0]);
		assert_turned_away(fd, texts[i][1]);
	}
	assert_false(front_call_came(0));
}

static void
front_refuses_a_message_without_end(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	size_t len = LIMIT_RPC_MESSAGE_BYTES + 1;
	CLEANUP(freep) char *text = malloc(len);

	(void)state;
	memset(text, '{', len);
	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
	assert_turned_away(fd, "RPC_TOO_LARGE");
}

/* Also when the last call needed no reply. */
static void
front_refuses_a_message_without_end_after_a_oneway_call(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	size_t len = LIMIT_RPC_MESSAGE_BYTES + 1;
	CLEANUP(freep) char *text = malloc(len);

	(void)state;
	caller_send(fd, "{\"method\":\"org.varlink.service.GetInfo\","
			"\"oneway\":true}");
	memset(text, '{', len);
	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
	assert_turned_away(fd, "RPC_TOO_LARGE");
}

/* --- the process ----------------------------------------------------- */

static void
front_ends_when_its_supervisor_does(void **state)
{
	(void)state;
	front_leave();
	assert_int_equal(front.status, 0);
}

/* A supervisor that breaks the protocol is none. */
static void
front_ends_on_a_record_of_another_size(void **state)
{
	(void)state;
	assert_int_equal(send(front.answers_fd, "x", 1, 0), 1);
	assert_int_equal(waitpid(front.pid, &front.status, 0), front.pid);
	front.pid = 0;
	assert_true(WIFEXITED(front.status));
}

static void
front_runs_in_its_sandbox(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	CLEANUP(buffer_done) struct buffer status = {0};
	char path[64];

	(void)state;
	assert_call(fd, "{\"method\":\"org.varlink.service.GetInfo\"}", "{");
	snprintf(path, sizeof(path), "/proc/%d/status", (int)front.pid);
	status = read_file(path);
	buffer_add(&status, "", 1);
	assert_has((char *)status.ptr, "Seccomp:\t2\n");
	assert_has((char *)status.ptr, "NoNewPrivs:\t1\n");
	if (geteuid() == 0)
		assert_has((char *)status.ptr,
		    "Uid:\t65520\t65520\t65520\t65520\n");
	/* Standard streams, the listening socket, both links, this caller. */
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)front.pid);
	if (geteuid() == 0)
		assert_int_equal(count_files(path), 3 + 3 + 1);
}

/* --- the socket ------------------------------------------------------ */

static int
listen_at(const char *path, int *ret_fd, struct err *err)
{
	struct daemon_config config = good_config();

	snprintf(config.socket, sizeof(config.socket), "%s", path);
	return listener_open(&config, ret_fd, err);
}

static void
listen_makes_a_socket_that_does_not_wait(void **state)
{
	struct stat st;
	struct err err;
	int fd = -1;

	(void)state;
	assert_code(listen_at("new/socket", &fd, &err), 0);
	assert_int_equal(stat("new/socket", &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	close(fd);
}

/* Whatever the umask: who else may call is told by name that he may not. */
static void
listen_lets_others_connect_only_if_somebody_but_root_may_call(void **state)
{
	static const struct {
		uint32_t uids[3];
		uint32_t count;
		mode_t mode;
	} rows[] = {
	    {{0}, 0, 0600}, {{0}, 1, 0600}, {{0, 0}, 2, 0600},
	    {{1001}, 1, 0666}, {{0, 0, 1001}, 3, 0666},
	    {{0, 1001}, 1, 0600}, /* the second one is not in the list */
	};
	mode_t old = umask(0077);

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct daemon_config config = good_config();
		struct stat st;
		struct err err;
		int fd = -1;

		if (i == 3)
			umask(0);
		memcpy(config.allow_uids, rows[i].uids, sizeof(rows[i].uids));
		config.allow_uid_count = rows[i].count;
		assert_code(listener_open(&config, &fd, &err), 0);
		assert_int_equal(stat(config.socket, &st), 0);
		assert_int_equal(st.st_mode & 07777, rows[i].mode);
		close(fd);
	}
	umask(old);
}

static void
listen_replaces_the_socket_of_an_earlier_run(void **state)
{
	struct err err;
	int old = -1;
	int new = -1;

	(void)state;
	assert_code(listen_at("socket", &old, &err), 0);
	close(old);
	assert_code(listen_at("socket", &new, &err), 0);
	close(new);
}

static void
listen_reports_a_place_that_cannot_be_had(void **state)
{
	struct err err;
	int fd = -1;

	(void)state;
	assert_code(listen_at("no/such/place/socket", &fd, &err),
	    SYSTEM_FAILED);
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_int_equal(mkdir("dir/socket", 0700), 0);
	assert_code(listen_at("dir/socket", &fd, &err), CONFIG_BAD);
	assert_int_equal(fd, -1);
}

/* The path of a file, or of another daemon, was written by mistake. */
static void
listen_replaces_nothing_else(void **state)
{
	CLEANUP(buffer_done) struct buffer file = {0};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat before, after;
	struct err err;
	int other = -1;
	int fd = -1;

	(void)state;
	write_file("precious", bytes_of_str("precious"));
	assert_code(listen_at("precious", &fd, &err), CONFIG_BAD);
	assert_string_equal(err.field, "socket");
	file = read_file("precious");
	assert_int_equal(file.len, 8);
	assert_int_equal(symlink("precious", "link"), 0);
	assert_code(listen_at("link", &fd, &err), CONFIG_BAD);
	assert_int_equal(lstat("link", &before), 0);
	assert_true(S_ISLNK(before.st_mode));

	assert_code(listen_at("socket", &other, &err), 0);
	assert_int_equal(stat("socket", &before), 0);
	assert_code(listen_at("socket", &fd, &err), SYSTEM_FAILED);
	assert_has(err.text, "another program listens");
	assert_int_equal(stat("socket", &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(fd, -1);
	close(other);

	/* One of another kind, as a log's. */
	other = socket(AF_UNIX, SOCK_DGRAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "datagrams");
	assert_int_equal(
	    bind(other, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_code(listen_at("datagrams", &fd, &err), SYSTEM_FAILED);
	close(other);
	assert_code(listen_at("datagrams", &fd, &err), 0);
	close(fd);
}

static int
begin_front(pid_t *ret_pid)
{
	front_leave();
	front_start();
	*ret_pid = front.pid;
	front.pid = 0;
	return take_fd(&front.answers_fd);
}

static void
front_that_is_answered_what_its_table_does_not_have_ends(void **state)
{
	(void)state;
	trials_at_role(&front_answers, FRONT_WAITS, begin_front);
}

/* A receipt for who asked for a list would be a domain that nobody knows. */
static void
front_that_is_answered_what_nobody_asked_for_ends(void **state)
{
	static const struct {
		const char *text;
		uint32_t kind;
		uint32_t answer;
	} rows[] = {
	    {CALL("GetStatus"), FRONT_STATUS, ANSWER_RECEIPT},
	    {CALL("GetStatus"), FRONT_STATUS, ANSWER_OUTCOME},
	    {CALL("ListImages"), FRONT_LIST_IMAGES, ANSWER_OUTCOME},
	    {BUILD_CALL, FRONT_BUILD, ANSWER_OUTCOME},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct front_answer answer = {.kind = rows[i].answer};
		CLEANUP(closep) int fd = -1;
		struct err err;

		front_leave();
		front_start();
		fd = caller_open();
		caller_send(fd, rows[i].text);
		answer.connection = front_next_call(rows[i].kind).connection;
		assert_code(ipc_send(front.answers_fd, &answer,
				front_answer_bytes(answer.kind), -1, &err),
		    0);
		assert_int_equal(waitpid(front.pid, &front.status, 0),
		    front.pid);
		assert_true(WIFEXITED(front.status));
		assert_int_equal(WEXITSTATUS(front.status), 1);
		front.pid = 0;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    front_test(front_hands_on_a_decoded_call_and_says_who_asks),
	    front_test(front_that_is_answered_what_nobody_asked_for_ends),
	    front_test(
		front_that_is_answered_what_its_table_does_not_have_ends),
	    front_test(front_gives_the_receipt_to_the_caller),
	    front_test(front_gives_refusals_and_failures_their_code),
	    front_test(front_does_not_read_past_the_evidence_it_was_given),
	    front_test(front_answers_by_itself_what_concerns_the_interface),
	    front_test(front_refuses_bad_calls_and_keeps_the_connection),
	    front_test(front_makes_a_reply_of_the_rows_of_a_listing),
	    front_test(front_refuses_half_a_row),
	    front_test(front_hands_on_the_other_calls),
	    front_test(front_serves_pipelined_calls_one_after_the_other),
	    front_test(front_joins_a_call_that_comes_in_pieces),
	    front_test(front_sends_no_reply_to_a_oneway_call),
	    front_test(front_refuses_a_build_whose_receipt_nobody_reads),
	    front_test(front_goes_on_after_oneway_calls_in_the_same_write),
	    front_test(front_gives_each_caller_its_own_answer),
	    front_test(front_cancels_the_call_of_a_caller_that_closes),
	    front_test(
		front_returns_a_domain_whose_caller_left_before_the_answer),
	    front_test(
		front_returns_a_domain_whose_receipt_could_not_be_written),
	    front_test(front_returns_nothing_when_there_is_no_domain),
	    front_test(front_forgets_a_caller_that_closes_without_a_call),
	    front_test(front_refuses_a_user_who_is_not_on_the_list),
	    front_test(front_refuses_a_seventeenth_connection_of_one_user),
	    front_test(front_refuses_a_thirty_third_connection),
	    front_test(front_says_who_the_caller_is_whatever_it_claims),
	    front_test(front_refuses_garbage_and_hangs_up),
	    front_test(front_refuses_a_message_without_end),
	    front_test(front_refuses_a_message_without_end_after_a_oneway_call),
	    front_test(front_ends_when_its_supervisor_does),
	    front_test(front_ends_on_a_record_of_another_size),
	    front_test(front_runs_in_its_sandbox),
	    directory_test(listen_makes_a_socket_that_does_not_wait),
	    directory_test(
		listen_lets_others_connect_only_if_somebody_but_root_may_call),
	    directory_test(listen_replaces_the_socket_of_an_earlier_run),
	    directory_test(listen_reports_a_place_that_cannot_be_had),
	    directory_test(listen_replaces_nothing_else),
	};

	return cmocka_run_group_tests_name("front", tests, NULL, NULL);
}
