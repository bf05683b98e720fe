#include "builder_fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"

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

#define pair_test(test) \
	cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

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
	    pair_test(ipc_gives_the_last_record_before_the_end),
	    pair_test(ipc_takes_a_reset_for_an_end),
	    pair_test(ipc_cannot_send_to_a_side_that_closed),
	    pair_test(ipc_reports_what_is_no_socket),
	};

	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
