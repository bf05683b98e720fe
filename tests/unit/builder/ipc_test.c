#include "builder_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"

struct record {
	uint32_t number;
	char text[12];
};

static const struct record good_record = {77, "hello"};
static int ends[2];

static int
open_pair(void **state)
{
	struct err err;

	(void)state;
	return ipc_pair(ends, &err);
}

static int
close_pair(void **state)
{
	(void)state;
	closep(&ends[0]);
	closep(&ends[1]);
	return 0;
}

/* Bytes and descriptors as no honest sender would send them. */
static void
send_raw(const void *data, size_t len, const int *fds, size_t count)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)data,
	    .iov_len = len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (count > 0) {
		message.msg_control = control.room;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(ends[0], &message, 0), len);
}

static int
receive(struct record *ret_record, int *ret_fd, bool *ret_is_end,
    struct err *err)
{
	return ipc_receive(ends[1], ret_record, sizeof(*ret_record), ret_fd,
	    ret_is_end, err);
}

static void
ipc_carries_a_record(void **state)
{
	struct record record;
	bool is_end = true;
	int fd = 77;
	struct err err;

	(void)state;
	assert_code(
	    ipc_send(ends[0], &good_record, sizeof(good_record), -1, &err), 0);
	assert_code(receive(&record, &fd, &is_end, &err), 0);
	assert_memory_equal(&record, &good_record, sizeof(record));
	assert_false(is_end);
	assert_int_equal(fd, -1);
}

static void
ipc_carries_a_descriptor_that_closes_on_exec(void **state)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct record record;
	bool is_end;
	int fd = -1;
	struct err err;

	(void)state;
	assert_code(
	    ipc_send(ends[0], &good_record, sizeof(good_record), null, &err),
	    0);
	close(null);
	assert_code(receive(&record, &fd, &is_end, &err), 0);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(ends[i], F_GETFD), FD_CLOEXEC);
}

static void
ipc_refuses_a_record_of_another_size(void **state)
{
	static const size_t sizes[] = {1, sizeof(struct record) - 1,
	    sizeof(struct record) + 1, 4096};
	char data[4096] = {0};

	(void)state;
	for (size_t i = 0; i < countof(sizes); i++) {
		size_t before = count_descriptors();
		struct record record;
		bool is_end;
		int fd = -1;
		struct err err;

		/* Its descriptor must not stay behind either. */
		send_raw(data, sizes[i], &ends[0], 1);
		assert_code(receive(&record, &fd, &is_end, &err), STAGE_FAILED);
		assert_has(err.text, "instead of 16");
		assert_int_equal(fd, -1);
		assert_int_equal(count_descriptors(), before);
	}
}

static void
ipc_refuses_a_descriptor_that_nobody_asked_for(void **state)
{
	size_t before = count_descriptors();
	struct record record;
	bool is_end;
	struct err err;

	(void)state;
	send_raw(&good_record, sizeof(good_record), &ends[0], 1);
	assert_code(receive(&record, NULL, &is_end, &err), STAGE_FAILED);
	assert_has(err.text, "unexpected descriptor");
	assert_int_equal(count_descriptors(), before);
}

/* The padding of a control message has room for a second one. */
static void
ipc_refuses_several_descriptors_and_keeps_none(void **state)
{
	const int fds[] = {ends[0], ends[0], ends[0], ends[0]};

	(void)state;
	for (size_t count = 2; count <= countof(fds); count++) {
		size_t before = count_descriptors();
		struct record record;
		bool is_end;
		int fd = -1;
		struct err err = {0};

		send_raw(&good_record, sizeof(good_record), fds, count);
		assert_code(receive(&record, &fd, &is_end, &err), STAGE_FAILED);
		assert_int_equal(fd, -1);
		send_raw(&good_record, sizeof(good_record), fds, count);
		assert_code(receive(&record, NULL, &is_end, &err),
		    STAGE_FAILED);
		assert_int_equal(count_descriptors(), before);
	}
}

/* All the pieces in one record, even the most there can be. */
static void
ipc_carries_sealed_memory(void **state)
{
	static const size_t sizes[] = {0, 5, LIMIT_MIB(5),
	    SEALED_PIECES * SEALED_PIECE_BYTES};

	(void)state;
	for (size_t i = 0; i < countof(sizes); i++) {
		CLEANUP(freep) uint8_t *data = calloc(1, sizes[i] + 1);
		CLEANUP(sealed_freep)
		struct sealed *sent = sealed_of(bytes_of(data, sizes[i]));
		CLEANUP(sealed_freep) struct sealed *got = NULL;
		size_t before = count_descriptors();
		struct record record;
		struct ipc_fds fds;
		bool is_end = true;
		struct err err;

		assert_code(ipc_send_sealed(ends[0], &good_record,
				sizeof(good_record), sent, &err),
		    0);
		assert_code(ipc_receive_fds(ends[1], &record, sizeof(record),
				&fds, &is_end, &err),
		    0);
		assert_memory_equal(&record, &good_record, sizeof(record));
		assert_false(is_end);
		assert_int_equal(fds.count, sealed_piece_count(sizes[i]));
		for (size_t j = 0; j < fds.count; j++)
			assert_int_equal(fcntl(fds.fd[j], F_GETFD), FD_CLOEXEC);
		assert_code(ipc_take_sealed(&fds, sizes[i], "blob", &got, &err),
		    0);
		assert_int_equal(fds.count, 0);
		assert_true(bytes_equal(sealed_bytes(got), sealed_bytes(sent)));
		sealed_freep(&got);
		assert_int_equal(count_descriptors(), before);
	}
}

/* To one that takes a single descriptor it is a broken protocol. */
static void
ipc_keeps_none_of_too_many_pieces(void **state)
{
	CLEANUP(freep) uint8_t *data = calloc(1, LIMIT_MIB(5));
	CLEANUP(sealed_freep)
	struct sealed *sent = sealed_of(bytes_of(data, LIMIT_MIB(5)));
	size_t before = count_descriptors();
	struct record record;
	struct ipc_fds fds;
	bool is_end;
	int fd = -1;
	struct err err;

	(void)state;
	assert_code(ipc_send_sealed(ends[0], &good_record, sizeof(good_record),
			sent, &err),
	    0);
	assert_code(receive(&record, &fd, &is_end, &err), STAGE_FAILED);
	assert_int_equal(fd, -1);
	assert_code(ipc_send_sealed(ends[0], "short", 5, sent, &err), 0);
	assert_code(ipc_receive_fds(ends[1], &record, sizeof(record), &fds,
			&is_end, &err),
	    STAGE_FAILED);
	assert_int_equal(fds.count, 0);
	assert_int_equal(count_descriptors(), before);
}

static void
ipc_knows_which_bytes_are_a_bool(void **state)
{
	(void)state;
	for (int byte = 0; byte <= 0xff; byte++) {
		bool member;

		memset(&member, byte, sizeof(member));
		assert_int_equal(ipc_is_bool(&member), byte <= 1);
	}
}

static void
ipc_says_when_the_other_side_closed(void **state)
{
	struct record record;
	bool is_end = false;
	int fd = -1;
	struct err err;

	(void)state;
	memset(&record, 0x5a, sizeof(record));
	closep(&ends[0]);
	assert_code(receive(&record, &fd, &is_end, &err), 0);
	assert_true(is_end);
	assert_int_equal(record.number, 0);
}

/* Descriptors may come without a byte: they are nobody's. */
static void
ipc_keeps_no_descriptor_of_an_empty_record(void **state)
{
	const int fds[] = {ends[0], ends[0], ends[0]};
	size_t before = count_descriptors();

	(void)state;
	for (size_t count = 0; count <= countof(fds); count++) {
		struct record record;
		struct ipc_fds passed = {.count = 77};
		bool is_end = false;
		int fd = -1;
		struct err err;

		send_raw("", 0, fds, count);
		assert_code(ipc_receive_fds(ends[1], &record, sizeof(record),
				&passed, &is_end, &err),
		    0);
		assert_true(is_end);
		assert_int_equal(passed.count, 0);
		assert_int_equal(count_descriptors(), before);

		is_end = false;
		send_raw("", 0, fds, count);
		assert_code(receive(&record, &fd, &is_end, &err), 0);
		assert_true(is_end);
		assert_int_equal(fd, -1);
		send_raw("", 0, fds, count > 1 ? 1 : count);
		assert_code(receive(&record, NULL, &is_end, &err), 0);
		assert_true(is_end);
		assert_int_equal(count_descriptors(), before);
	}
}

/* What was sent before the end is still read. */
static void
ipc_gives_the_last_record_before_the_end(void **state)
{
	struct record record;
	bool is_end = true;
	struct err err;

	(void)state;
	assert_code(
	    ipc_send(ends[0], &good_record, sizeof(good_record), -1, &err), 0);
	closep(&ends[0]);
	assert_code(receive(&record, NULL, &is_end, &err), 0);
	assert_false(is_end);
	assert_int_equal(record.number, 77);
	assert_code(receive(&record, NULL, &is_end, &err), 0);
	assert_true(is_end);
}

/* A reset is an end too: the peer died with our record unread. */
static void
ipc_takes_a_reset_for_an_end(void **state)
{
	struct record record;
	bool is_end = false;
	struct err err;

	(void)state;
	assert_code(
	    ipc_send(ends[1], &good_record, sizeof(good_record), -1, &err), 0);
	closep(&ends[0]);
	assert_code(receive(&record, NULL, &is_end, &err), 0);
	assert_true(is_end);
}

/* Without a signal. */
static void
ipc_cannot_send_to_a_side_that_closed(void **state)
{
	struct err err;

	(void)state;
	closep(&ends[1]);
	assert_code(
	    ipc_send(ends[0], &good_record, sizeof(good_record), -1, &err),
	    SYSTEM_FAILED);
}

static void
ipc_reports_what_is_no_socket(void **state)
{
	CLEANUP(closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct record record;
	bool is_end;
	struct err err;

	(void)state;
	assert_code(
	    ipc_receive(null, &record, sizeof(record), NULL, &is_end, &err),
	    SYSTEM_FAILED);
	assert_code(ipc_send(null, &record, sizeof(record), -1, &err),
	    SYSTEM_FAILED);
}

/* --- without waiting -------------------------------------------------- */

static void
ipc_send_now_says_that_the_other_side_has_to_read(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *memory = sealed_of(bytes_of_str("rows"));
	const struct sealed *attached[] = {NULL, memory};

	(void)state;
	for (size_t i = 0; i < countof(attached); i++) {
		size_t before = count_descriptors();
		struct record record = {0};
		uint32_t count = 0;
		bool is_full = false;
		struct err err = {0};

		while (!is_full) {
			record.number = count;
			if (ipc_send_now(ends[0], &record, sizeof(record),
				attached[i], &is_full, &err) != 0)
				fail_msg("%s", err.text);
			count += !is_full;
		}
		assert_true(count > 0);
		/* All that it took, in order, and the refused one not. */
		for (uint32_t n = 0; n < count; n++) {
			CLEANUP(ipc_fds_done) struct ipc_fds fds = {0};
			bool is_end = true;

			assert_code(ipc_receive_fds(ends[1], &record,
					sizeof(record), &fds, &is_end, &err),
			    0);
			assert_int_equal(record.number, n);
			assert_int_equal(fds.count, i);
		}
		assert_int_equal(
		    recv(ends[1], &record, sizeof(record), MSG_DONTWAIT), -1);
		assert_int_equal(errno, EAGAIN);
		assert_code(ipc_send_now(ends[0], &record, sizeof(record),
				attached[i], &is_full, &err),
		    0);
		assert_false(is_full);
		send_raw("", 0, NULL, 0);
		while (recv(ends[1], &record, sizeof(record), 0) > 0)
			continue;
		assert_int_equal(count_descriptors(), before);
	}
}

/* In a process whose user may have few descriptors under way. */
static int
send_beyond_the_share(void)
{
	enum { SHARE = 64 };

	const struct rlimit share = {SHARE, SHARE};
	CLEANUP(sealed_freep)
	struct sealed *memory = sealed_of(bytes_of_str("rows"));
	bool is_full = false;
	uint32_t count = 0;
	struct err err;

	if (setrlimit(RLIMIT_NOFILE, &share) != 0 ||
	    setresuid(54321, 54321, 54321) != 0)
		return 2;
	while (!is_full) {
		if (ipc_send_now(ends[0], &good_record, sizeof(good_record),
			memory, &is_full, &err) != 0)
			return 3;
		count++;
	}
	/* Of records alone the socket holds more. */
	return count <= SHARE + 2 &&
	               ipc_send_now(ends[0], &good_record, sizeof(good_record),
			   NULL, &is_full, &err) == 0 &&
	               !is_full
	           ? 0
	           : 4;
}

/* It is no failure: the other side has only to read. */
static void
ipc_send_now_takes_the_users_share_of_descriptors_for_full(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: needs root to be another user\n");
		skip();
	}
	pid = fork();
	if (pid == 0)
		_exit(send_beyond_the_share());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
ipc_send_now_reports_a_side_that_closed(void **state)
{
	bool is_full = true;
	struct err err;

	(void)state;
	closep(&ends[1]);
	assert_code(ipc_send_now(ends[0], &good_record, sizeof(good_record),
			NULL, &is_full, &err),
	    SYSTEM_FAILED);
	assert_false(is_full);
}

/* --- a pipe of packets ------------------------------------------------ */

static int
open_pipe(void **state)
{
	struct err err;

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return ipc_pipe(ends, &err);
}

static int
pipe_send(uint32_t number, bool *ret_is_full, struct err *err)
{
	struct record record = good_record;

	record.number = number;
	return ipc_pipe_send(ends[1], &record, sizeof(record), ret_is_full,
	    err);
}

static int
pipe_receive(struct record *ret_record, bool *ret_is_end, struct err *err)
{
	return ipc_pipe_receive(ends[0], ret_record, sizeof(*ret_record),
	    ret_is_end, err);
}

/* Also the longest one is a packet. */
static void
ipc_pipe_carries_records_one_by_one(void **state)
{
	char sent[IPC_PIPE_BYTES];
	char got[IPC_PIPE_BYTES];
	bool is_full = true;
	bool is_end = true;
	struct record record;
	struct err err;

	(void)state;
	memset(sent, 0x5a, sizeof(sent));
	for (uint32_t i = 0; i < 3; i++)
		assert_code(pipe_send(i, &is_full, &err), 0);
	assert_code(ipc_pipe_send(ends[1], sent, sizeof(sent), &is_full, &err),
	    0);
	assert_false(is_full);
	for (uint32_t i = 0; i < 3; i++) {
		assert_code(pipe_receive(&record, &is_end, &err), 0);
		assert_false(is_end);
		assert_int_equal(record.number, i);
		assert_string_equal(record.text, good_record.text);
	}
	assert_code(ipc_pipe_receive(ends[0], got, sizeof(got), &is_end, &err),
	    0);
	assert_memory_equal(got, sent, sizeof(got));
}

/* Whoever is not believed can make nobody hold a descriptor of its choice. */
static void
ipc_pipe_carries_no_descriptor(void **state)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {
	    .header = {.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int))},
	};
	struct iovec part = {.iov_base = (void *)(uintptr_t)&good_record,
	    .iov_len = sizeof(good_record)};
	struct msghdr message = {
	    .msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room),
	};

	(void)state;
	memcpy(CMSG_DATA(&control.header), &ends[1], sizeof(int));
	errno = 0;
	assert_int_equal(sendmsg(ends[1], &message, 0), -1);
	assert_int_equal(errno, ENOTSOCK);
	/* Nor the other way. */
	errno = 0;
	assert_int_equal(sendmsg(ends[0], &message, 0), -1);
	assert_int_equal(errno, ENOTSOCK);
}

static void
ipc_pipe_makes_neither_end_wait(void **state)
{
	struct record record;
	uint32_t count = 0;
	bool is_full = false;
	bool is_end;
	struct err err = {0};

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fcntl(ends[i], F_GETFD), FD_CLOEXEC);
		assert_true((fcntl(ends[i], F_GETFL) & O_NONBLOCK) != 0);
	}
	assert_code(pipe_receive(&record, &is_end, &err), SYSTEM_FAILED);
	while (!is_full) {
		if (pipe_send(count, &is_full, &err) != 0)
			fail_msg("%s", err.text);
		count += !is_full;
	}
	assert_true(count > 1);
	for (uint32_t i = 0; i < count; i++) {
		assert_code(pipe_receive(&record, &is_end, &err), 0);
		assert_int_equal(record.number, i);
	}
	assert_code(pipe_receive(&record, &is_end, &err), SYSTEM_FAILED);
	assert_code(pipe_send(count, &is_full, &err), 0);
	assert_false(is_full);
}

static void
ipc_pipe_refuses_a_packet_of_another_size(void **state)
{
	static const size_t sizes[] = {1, sizeof(struct record) - 1,
	    sizeof(struct record) + 1, IPC_PIPE_BYTES};
	static const char data[IPC_PIPE_BYTES];

	(void)state;
	for (size_t i = 0; i < countof(sizes); i++) {
		struct record record;
		bool is_end = false;
		struct err err;

		assert_int_equal(write(ends[1], data, sizes[i]), sizes[i]);
		assert_code(pipe_receive(&record, &is_end, &err), STAGE_FAILED);
		assert_has(err.text, "instead of 16");
	}
}

/* Its own end is the sender's: it can make a stream of it. */
static void
ipc_pipe_refuses_records_that_run_together(void **state)
{
	struct record record;
	bool is_full = true;
	bool is_end = false;
	struct err err;

	(void)state;
	assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
	assert_code(pipe_send(1, &is_full, &err), 0);
	assert_code(pipe_send(2, &is_full, &err), 0);
	assert_code(pipe_receive(&record, &is_end, &err), STAGE_FAILED);
	/* The reader's end is as it was: it does not wait. */
	assert_code(pipe_receive(&record, &is_end, &err), SYSTEM_FAILED);
}

static void
ipc_pipe_says_when_the_other_side_closed(void **state)
{
	struct record record;
	bool is_full = true;
	bool is_end = true;
	struct err err;

	(void)state;
	assert_code(pipe_send(77, &is_full, &err), 0);
	closep(&ends[1]);
	assert_code(pipe_receive(&record, &is_end, &err), 0);
	assert_false(is_end);
	assert_int_equal(record.number, 77);
	assert_code(pipe_receive(&record, &is_end, &err), 0);
	assert_true(is_end);
	assert_int_equal(record.number, 0);
}

static void
ipc_pipe_cannot_send_to_a_side_that_closed(void **state)
{
	bool is_full = true;
	struct err err;

	(void)state;
	closep(&ends[0]);
	assert_code(pipe_send(1, &is_full, &err), SYSTEM_FAILED);
	assert_false(is_full);
}

#define pair_test(test) \
	cmocka_unit_test_setup_teardown(test, open_pair, close_pair)
#define pipe_test(test) \
	cmocka_unit_test_setup_teardown(test, open_pipe, close_pair)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    pair_test(ipc_carries_a_record),
	    pair_test(ipc_carries_a_descriptor_that_closes_on_exec),
	    pair_test(ipc_refuses_a_record_of_another_size),
	    pair_test(ipc_refuses_a_descriptor_that_nobody_asked_for),
	    pair_test(ipc_refuses_several_descriptors_and_keeps_none),
	    pair_test(ipc_carries_sealed_memory),
	    pair_test(ipc_keeps_none_of_too_many_pieces),
	    cmocka_unit_test(ipc_knows_which_bytes_are_a_bool),
	    pair_test(ipc_says_when_the_other_side_closed),
	    pair_test(ipc_keeps_no_descriptor_of_an_empty_record),
	    pair_test(ipc_gives_the_last_record_before_the_end),
	    pair_test(ipc_takes_a_reset_for_an_end),
	    pair_test(ipc_cannot_send_to_a_side_that_closed),
	    pair_test(ipc_reports_what_is_no_socket),
	    pair_test(ipc_send_now_says_that_the_other_side_has_to_read),
	    pair_test(
		ipc_send_now_takes_the_users_share_of_descriptors_for_full),
	    pair_test(ipc_send_now_reports_a_side_that_closed),
	    pipe_test(ipc_pipe_carries_records_one_by_one),
	    pipe_test(ipc_pipe_carries_no_descriptor),
	    pipe_test(ipc_pipe_makes_neither_end_wait),
	    pipe_test(ipc_pipe_refuses_a_packet_of_another_size),
	    pipe_test(ipc_pipe_refuses_records_that_run_together),
	    pipe_test(ipc_pipe_says_when_the_other_side_closed),
	    pipe_test(ipc_pipe_cannot_send_to_a_side_that_closed),
	};

	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
