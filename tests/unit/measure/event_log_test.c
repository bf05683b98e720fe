#include "base_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/event_log.h"
#include "measure_fixture.h"

enum { HEADER_BYTES = 69, RECORD_BYTES = 100 };

/* So many next calls of this kind fail; or do nothing; or write this much
 * less. */
static int fail_syncs;
static bool fail_truncate;
static bool skip_truncate;
static bool fail_write;
static size_t write_less;

ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);

ssize_t
__wrap_pwrite(int fd, const void *data, size_t len, off_t offset)
{
	size_t less = write_less;

	write_less = 0;
	if (fail_write) {
		fail_write = false;
		errno = EIO;
		return -1;
	}
	return __real_pwrite(fd, data, len - less, offset);
}

int
__wrap_fdatasync(int fd)
{
	if (fail_syncs == 0)
		return __real_fdatasync(fd);
	fail_syncs--;
	errno = EIO;
	return -1;
}

int
__wrap_ftruncate(int fd, off_t len)
{
	if (skip_truncate)
		return 0;
	if (!fail_truncate)
		return __real_ftruncate(fd, len);
	fail_truncate = false;
	errno = EIO;
	return -1;
}

static struct event_log *
open_log(void)
{
	struct event_log *log = NULL;
	struct err err = {0};

	if (event_log_open("log", LIMIT_EVENT_LOG_BYTES, &log, &err) != 0)
		fail_msg("%s", err.text);
	return log;
}

static void
append(struct event_log *log, enum event_kind kind)
{
	struct event event = good_event(kind);
	uint8_t bytes[EVENT_BYTES];
	struct pcr_digests digests;
	struct err err = {0};

	if (event_log_append(log, 13,
		bytes_of(bytes, event_encode(&event, bytes)), &digests,
		&err) != 0)
		fail_msg("%s", err.text);
}

static int
try_append(struct event_log *log)
{
	struct pcr_digests digests;
	struct pcr_digests before;
	struct err err;
	int code;

	memset(&digests, 0x5c, sizeof(digests));
	before = digests;
	code = event_log_append(log, 13, bytes_of_str("event"), &digests, &err);
	if (code != 0)
		assert_memory_equal(&digests, &before, sizeof(before));
	return code;
}

static size_t
file_bytes(void)
{
	struct stat st;

	assert_int_equal(stat("log", &st), 0);
	return (size_t)st.st_size;
}

static int
try_open(void)
{
	CLEANUP(event_log_closep) struct event_log *log = NULL;
	size_t descriptors = count_descriptors();
	struct err err;
	int code = event_log_open("log", LIMIT_EVENT_LOG_BYTES, &log, &err);

	if (code != 0) {
		assert_null(log);
		assert_int_equal(count_descriptors(), descriptors);
	}
	return code;
}

static void
patch(off_t offset, uint8_t byte)
{
	CLEANUP(closep) int fd = open("log", O_WRONLY);

	assert_int_equal(__real_pwrite(fd, &byte, 1, offset), 1);
}

/* --- what it writes --------------------------------------------------- */

static void
a_new_log_is_private_and_holds_the_header(void **state)
{
	CLEANUP(event_log_closep) struct event_log *log = open_log();
	CLEANUP(freep) char *text = NULL;
	struct stat st;
	struct err err;
	size_t len = 0;

	(void)state;
	assert_int_equal(event_log_count(log), 0);
	assert_int_equal(stat("log", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_refused(file_read("log", 4096, &text, &len, &err), 0);
	assert_int_equal(len, HEADER_BYTES);
	assert_memory_equal(text + 28, "\x25\0\0\0Spec ID Event03", 20);
	assert_memory_equal(text + 56, "\x02\0\0\0\x0b\0\x20\0\x0c\0\x30\0",
	    13);
}

static void
a_record_holds_the_digests_that_come_back_and_the_event(void **state)
{
	CLEANUP(event_log_closep) struct event_log *log = open_log();
	struct pcr_digests expected, digests;
	uint8_t record[RECORD_BYTES + 3];
	struct err err;
	size_t len = 0;

	(void)state;
	assert_refused(
	    event_log_append(log, 13, bytes_of_str("abc"), &digests, &err), 0);
	assert_refused(pcr_digests_of(bytes_of_str("abc"), &expected, &err), 0);
	assert_memory_equal(&digests, &expected, sizeof(digests));
	assert_refused(event_log_read(log, HEADER_BYTES, record, sizeof(record),
			   &len, &err),
	    0);
	assert_int_equal(len, sizeof(record));
	assert_memory_equal(record, "\x0d\0\0\0\x06\0\0\0\x02\0\0\0\x0b\0", 14);
	assert_memory_equal(record + 14, expected.bank[PCR_SHA256].bytes, 32);
	assert_memory_equal(record + 46, "\x0c\0", 2);
	assert_memory_equal(record + 48, expected.bank[PCR_SHA384].bytes, 48);
	assert_memory_equal(record + 96, "\x03\0\0\0abc", 7);
	assert_int_equal(event_log_count(log), 1);
	assert_int_equal(event_log_bytes(log), HEADER_BYTES + sizeof(record));
	assert_int_equal(event_log_bytes(log), file_bytes());
}

static void
a_replay_is_what_the_log_put_into_that_register(void **state)
{
	static const struct {
		unsigned pcr;
		const char *event;
	} events[] = {{13, "one"}, {12, "other"}, {13, "two"}, {13, ""}};
	struct pcr_digests expected = {0};
	struct event_log_replay found;
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(events); i++) {
		/* Also what an earlier run wrote counts. */
		CLEANUP(event_log_closep) struct event_log *log = open_log();
		struct pcr_digests before = expected;
		struct pcr_digests digests;

		assert_refused(event_log_append(log, events[i].pcr,
				   bytes_of_str(events[i].event), &digests,
				   &err),
		    0);
		for (enum pcr_bank bank = 0;
		     bank < PCR_BANKS && events[i].pcr == 13; bank++)
			assert_refused(pcr_extend(bank, &digests.bank[bank],
					   &expected.bank[bank], &err),
			    0);
		assert_refused(event_log_replay(log, 13, &found, &err), 0);
		assert_memory_equal(&found.value, &expected, sizeof(expected));
		assert_int_equal(found.has_last, events[i].pcr == 13);
		if (!found.has_last)
			continue;
		assert_memory_equal(&found.before_last, &before,
		    sizeof(before));
		assert_memory_equal(&found.last, &digests, sizeof(digests));
	}
}

struct seen {
	char events[64];
	int left; /* before it fails */
};

static int
see(void *context, struct bytes event, struct err *err)
{
	struct seen *seen = context;

	if (seen->left-- == 0)
		return err_set(err, NO_MEMORY, "as the test says");
	strncat(seen->events, (const char *)event.ptr, event.len);
	strcat(seen->events, ";");
	return 0;
}

static void
each_event_is_shown_until_one_fails(void **state)
{
	static const char *const events[] = {"one", "", "three"};
	CLEANUP(event_log_closep) struct event_log *log = open_log();
	struct seen all = {.left = 9};
	struct seen some = {.left = 2};
	struct pcr_digests digests;
	struct err err;

	(void)state;
	for (unsigned i = 0; i < countof(events); i++)
		assert_refused(event_log_append(log, 12 + i,
				   bytes_of_str(events[i]), &digests, &err),
		    0);
	assert_refused(event_log_each(log, see, &all, &err), 0);
	assert_string_equal(all.events, "one;;three;");
	assert_refused(event_log_each(log, see, &some, &err), NO_MEMORY);
	assert_string_equal(some.events, "one;;");
	patch(HEADER_BYTES + 4, 3);
	assert_refused(event_log_each(log, see, &all, &err),
	    EVENT_LOG_MALFORMED);
}

static void
a_log_is_read_to_its_end_and_no_further(void **state)
{
	CLEANUP(event_log_closep) struct event_log *log = open_log();
	uint8_t all[HEADER_BYTES + 8];
	struct err err;
	size_t len = 99;

	(void)state;
	assert_refused(event_log_read(log, 0, all, sizeof(all), &len, &err), 0);
	assert_int_equal(len, HEADER_BYTES);
	assert_refused(event_log_read(log, HEADER_BYTES, all, 8, &len, &err),
	    0);
	assert_int_equal(len, 0);
	assert_refused(event_log_read(log, UINT64_MAX, all, 8, &len, &err), 0);
	assert_int_equal(len, 0);
}

static uint64_t
append_event(struct event_log *log, struct event *event, uint64_t sequence)
{
	uint64_t before = event_log_bytes(log);
	uint8_t bytes[EVENT_BYTES];
	struct pcr_digests digests;
	struct err err;

	event->sequence = sequence;
	assert_refused(event_log_append(log, 13,
			   bytes_of(bytes, event_encode(event, bytes)),
			   &digests, &err),
	    0);
	return event_log_bytes(log) - before;
}

/* As assayd.conf(5) says: guests that come and go fill it in the end. */
static void
a_log_has_room_for_35000_guests(void **state)
{
	CLEANUP(event_log_closep) struct event_log *log = open_log();
	struct event build = good_event(EVENT_BUILD);
	struct event destroy = good_event(EVENT_DESTROY);
	uint64_t cycle;

	(void)state;
	build.as.build.domid = destroy.as.destroy.domid = 32751;
	build.as.build.memory_mib = 65536;
	cycle = append_event(log, &build, 70000) +
	        append_event(log, &destroy, 70001);
	assert_in_range(LIMIT_EVENT_LOG_BYTES / cycle, 35000, 40000);
}

/* --- going on --------------------------------------------------------- */

static void
a_log_goes_on_where_it_was(void **state)
{
	struct event_log *log = open_log();
	uint64_t bytes;

	(void)state;
	append(log, EVENT_START);
	append(log, EVENT_BUILD);
	bytes = event_log_bytes(log);
	event_log_closep(&log);
	log = open_log();
	assert_int_equal(event_log_count(log), 2);
	assert_int_equal(event_log_bytes(log), bytes);
	append(log, EVENT_STOP);
	assert_true(event_log_bytes(log) > bytes);
	event_log_closep(&log);
	log = open_log();
	assert_int_equal(event_log_count(log), 3);
	event_log_closep(&log);
}

/* At any byte where a crash may have ended the file. */
static void
half_a_record_at_the_end_is_cut_off(void **state)
{
	struct event_log *log = open_log();
	size_t one, two;

	(void)state;
	append(log, EVENT_START);
	one = (size_t)event_log_bytes(log);
	append(log, EVENT_STOP);
	two = (size_t)event_log_bytes(log);
	event_log_closep(&log);
	while (two > one + 1) {
		two -= two > one + 30 ? 7 : 1;
		assert_int_equal(truncate("log", (off_t)two), 0);
		log = open_log();
		assert_int_equal(event_log_count(log), 1);
		assert_int_equal(file_bytes(), one);
		append(log, EVENT_STOP);
		assert_int_equal(event_log_count(log), 2);
		event_log_closep(&log);
	}
}

static void
half_a_header_is_written_anew(void **state)
{
	struct event_log *log = open_log();

	(void)state;
	event_log_closep(&log);
	for (size_t len = 0; len < HEADER_BYTES; len++) {
		assert_int_equal(truncate("log", (off_t)len), 0);
		log = open_log();
		assert_int_equal(file_bytes(), HEADER_BYTES);
		event_log_closep(&log);
	}
}

static void
a_log_that_assayd_did_not_write_is_refused(void **state)
{
	/* Header, register, type, number and kind of digests, size. */
	static const struct {
		off_t offset;
		uint8_t byte;
	} changes[] = {{0, 1}, {40, 'x'}, {68, 1}, {HEADER_BYTES, 24},
	    {HEADER_BYTES + 4, 3}, {HEADER_BYTES + 8, 1},
	    {HEADER_BYTES + 12, 4}, {HEADER_BYTES + 46, 0x0b},
	    {HEADER_BYTES + 98, 1}};

	(void)state;
	for (size_t i = 0; i < countof(changes); i++) {
		struct event_log *log = open_log();

		append(log, EVENT_START);
		event_log_closep(&log);
		patch(changes[i].offset, changes[i].byte);
		assert_refused(try_open(), EVENT_LOG_MALFORMED);
		assert_int_equal(unlink("log"), 0);
	}
}

static void
a_file_that_others_can_reach_is_refused(void **state)
{
	struct event_log *log = open_log();

	(void)state;
	event_log_closep(&log);
	assert_int_equal(chmod("log", 0640), 0);
	assert_refused(try_open(), EVENT_LOG_IO);
	assert_int_equal(chmod("log", 0600), 0);
	assert_int_equal(link("log", "other"), 0);
	assert_refused(try_open(), EVENT_LOG_IO);
	assert_int_equal(unlink("log"), 0);
	assert_int_equal(symlink("other", "log"), 0);
	assert_refused(try_open(), EVENT_LOG_IO);
	assert_int_equal(unlink("log"), 0);
	assert_int_equal(mkfifo("log", 0600), 0);
	assert_refused(try_open(), EVENT_LOG_IO);
}

static void
a_log_has_one_writer(void **state)
{
	struct event_log *log = open_log();

	(void)state;
	assert_refused(try_open(), EVENT_LOG_IO);
	event_log_closep(&log);
	assert_refused(try_open(), 0);
}

static void
a_log_over_the_limit_is_refused(void **state)
{
	struct event_log *log = open_log();

	(void)state;
	event_log_closep(&log);
	assert_int_equal(truncate("log", LIMIT_EVENT_LOG_BYTES + 1), 0);
	assert_refused(try_open(), EVENT_LOG_FULL);
}

static void
a_full_log_takes_nothing_more(void **state)
{
	struct event_log *log = NULL;
	uint8_t event[EVENT_BYTES] = {0};
	size_t record = RECORD_BYTES + EVENT_BYTES;
	struct pcr_digests digests;
	struct err err;
	uint64_t bytes;

	(void)state;
	assert_int_equal(event_log_record_bytes(EVENT_BYTES), record);
	assert_refused(
	    event_log_open("log", HEADER_BYTES + 3 * record - 1, &log, &err),
	    0);
	for (int i = 0; i < 3; i++)
		assert_refused(event_log_append(log, 13,
				   bytes_of(event, sizeof(event)), &digests,
				   &err),
		    i < 2 ? 0 : EVENT_LOG_FULL);
	assert_int_equal(event_log_count(log), 2);
	assert_int_equal(event_log_bytes(log), file_bytes());
	assert_int_equal(event_log_left(log), record - 1);
	/* A smaller one fits, to the last byte. */
	assert_refused(event_log_append(log, 13,
			   bytes_of(event, sizeof(event) - 1), &digests, &err),
	    0);
	assert_int_equal(event_log_left(log), 0);
	bytes = event_log_bytes(log);
	event_log_closep(&log);
	assert_refused(event_log_open("log", bytes - 1, &log, &err),
	    EVENT_LOG_FULL);
	assert_refused(event_log_open("log", bytes, &log, &err), 0);
	event_log_closep(&log);
}

/* --- a disk that does not do what it is told -------------------------- */

static void
a_write_that_fails_leaves_the_log_as_it_was(void **state)
{
	CLEANUP(event_log_closep) struct event_log *log = open_log();
	size_t before = file_bytes();

	(void)state;
	fail_write = true;
	assert_refused(try_append(log), EVENT_LOG_IO);
	write_less = 3;
	assert_refused(try_append(log), EVENT_LOG_IO);
	assert_int_equal(file_bytes(), before);
	assert_int_equal(event_log_count(log), 0);
	assert_refused(try_append(log), 0);
	assert_int_equal(event_log_count(log), 1);
}

/* What was there before was confirmed, and is confirmed again. */
static void
a_record_that_the_disk_did_not_confirm_is_not_in_the_log(void **state)
{
	CLEANUP(event_log_closep) struct event_log *log = open_log();
	size_t before = file_bytes();

	(void)state;
	fail_syncs = 1;
	assert_refused(try_append(log), EVENT_LOG_IO);
	assert_int_equal(file_bytes(), before);
	assert_int_equal(event_log_count(log), 0);
	assert_false(event_log_is_broken(log));
	assert_refused(try_append(log), 0);
	assert_int_equal(event_log_count(log), 1);
	assert_int_equal(event_log_bytes(log), file_bytes());
}

static void
assert_broken(struct event_log *log)
{
	size_t before = file_bytes();

	assert_true(event_log_is_broken(log));
	assert_refused(try_append(log), EVENT_LOG_IO);
	assert_int_equal(event_log_count(log), 0);
	assert_int_equal(file_bytes(), before);
}

static void
a_log_that_cannot_be_cut_back_is_broken(void **state)
{
	struct event_log *log = open_log();

	(void)state;
	write_less = 3;
	fail_truncate = true;
	assert_refused(try_append(log), EVENT_LOG_IO);
	assert_broken(log);
	event_log_closep(&log);

	/* Nobody knows whether the disk has its end. */
	log = open_log();
	fail_syncs = 2;
	assert_refused(try_append(log), EVENT_LOG_IO);
	assert_broken(log);
	event_log_closep(&log);

	/* It says that it is cut, and is not. */
	log = open_log();
	write_less = 3;
	skip_truncate = true;
	assert_refused(try_append(log), EVENT_LOG_IO);
	skip_truncate = false;
	assert_broken(log);
	event_log_closep(&log);
}

static void
a_log_that_cannot_be_made_is_an_error(void **state)
{
	(void)state;
	fail_write = true;
	assert_refused(try_open(), EVENT_LOG_IO);
	fail_syncs = 1;
	assert_refused(try_open(), EVENT_LOG_IO);
	assert_int_equal(unlink("log"), 0);
	assert_int_equal(mkdir("log", 0700), 0);
	assert_refused(try_open(), EVENT_LOG_IO);
}

int
main(void)
{
#define SCRATCH(test) \
	cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)
	const struct CMUnitTest tests[] = {
	    SCRATCH(a_new_log_is_private_and_holds_the_header),
	    SCRATCH(a_record_holds_the_digests_that_come_back_and_the_event),
	    SCRATCH(a_replay_is_what_the_log_put_into_that_register),
	    SCRATCH(each_event_is_shown_until_one_fails),
	    SCRATCH(a_log_has_room_for_35000_guests),
	    SCRATCH(a_log_is_read_to_its_end_and_no_further),
	    SCRATCH(a_log_goes_on_where_it_was),
	    SCRATCH(half_a_record_at_the_end_is_cut_off),
	    SCRATCH(half_a_header_is_written_anew),
	    SCRATCH(a_log_that_assayd_did_not_write_is_refused),
	    SCRATCH(a_file_that_others_can_reach_is_refused),
	    SCRATCH(a_log_has_one_writer),
	    SCRATCH(a_log_over_the_limit_is_refused),
	    SCRATCH(a_full_log_takes_nothing_more),
	    SCRATCH(a_write_that_fails_leaves_the_log_as_it_was),
	    SCRATCH(a_record_that_the_disk_did_not_confirm_is_not_in_the_log),
	    SCRATCH(a_log_that_cannot_be_cut_back_is_broken),
	    SCRATCH(a_log_that_cannot_be_made_is_an_error),
	};

	return cmocka_run_group_tests_name("event_log", tests, NULL, NULL);
}
