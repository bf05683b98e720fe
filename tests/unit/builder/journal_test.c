#include "builder_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/journal.h"

static struct journal journal;

static int
open_journal(void **state)
{
	struct err err;

	if (enter_directory(state) != 0)
		return -1;
	umask(022);
	assert_code(journal_open("state", &journal, &err), 0);
	return 0;
}

static int
close_journal(void **state)
{
	journal_close(&journal);
	return leave_directory(state);
}

static uint32_t
read_pending(struct journal_pending ret_pending[4])
{
	uint32_t count = 77;
	struct err err = {0};

	if (journal_read_pending(&journal, ret_pending, 4, &count, &err) != 0)
		fail_msg("%s", err.text);
	return count;
}

static uint32_t
read_receipts(struct receipt ret_receipts[4])
{
	uint32_t count = 77;
	struct err err = {0};

	if (journal_read_receipts(&journal, ret_receipts, 4, &count, &err) != 0)
		fail_msg("%s", err.text);
	return count;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Others may pass through to the socket, and see no more than its name. */
static void
journal_files_are_for_root_alone(void **state)
{
	struct receipt receipt = good_receipt();
	struct err err;

	(void)state;
	assert_int_equal(mode_of("state"), 0755);
	assert_int_equal(mode_of("state/pending"), 0700);
	assert_int_equal(mode_of("state/domains"), 0700);
	assert_code(journal_begin(&journal, receipt.uuid, &err), 0);
	assert_int_equal(mode_of("state/pending/" GOOD_UUID), 0600);
	assert_code(journal_commit(&journal, &receipt, &err), 0);
	assert_int_equal(mode_of("state/domains/" GOOD_UUID), 0600);
}

/* Two daemons with one journal would undo each other's builds. */
static void
journal_has_one_daemon_at_a_time(void **state)
{
	struct journal second = {.lock_fd = -1};
	struct err err;

	(void)state;
	assert_code(journal_open("state", &second, &err), SYSTEM_FAILED);
	assert_has(err.text, "another assayd");
	assert_int_equal(second.lock_fd, -1);
	assert_code(journal_open("other", &second, &err), 0);
	journal_close(&second);
	journal_close(&journal);
	assert_code(journal_open("state", &journal, &err), 0);
}

static void
journal_open_reports_a_directory_that_cannot_be_had(void **state)
{
	struct journal second = {.lock_fd = -1};
	struct err err;

	(void)state;
	assert_code(journal_open("no/such", &second, &err), STORE_IO);
	write_file("file", bytes_of_str("x"));
	assert_code(journal_open("file", &second, &err), STORE_IO);
	assert_int_equal(second.lock_fd, -1);
}

static void
journal_remembers_a_build_from_its_begin_to_its_commit(void **state)
{
	struct receipt receipt = good_receipt();
	struct journal_pending pending[4];
	struct receipt receipts[4];
	struct err err;

	(void)state;
	assert_int_equal(read_pending(pending), 0);
	assert_code(journal_begin(&journal, receipt.uuid, &err), 0);
	assert_int_equal(read_pending(pending), 1);
	assert_memory_equal(pending[0].uuid, receipt.uuid, UUID_BYTES);
	assert_int_equal(pending[0].domid, 0);

	assert_code(journal_domid(&journal, receipt.uuid, 9, &err), 0);
	assert_int_equal(read_pending(pending), 1);
	assert_int_equal(pending[0].domid, 9);
	assert_int_equal(read_receipts(receipts), 0);

	assert_code(journal_commit(&journal, &receipt, &err), 0);
	assert_int_equal(read_pending(pending), 0);
	assert_int_equal(read_receipts(receipts), 1);
	assert_memory_equal(receipts[0].uuid, receipt.uuid, UUID_BYTES);
	assert_int_equal(receipts[0].domid, 9);
	assert_string_equal(receipts[0].name, "guest");
}

static void
journal_forgets_what_is_pending_and_what_was_built(void **state)
{
	struct receipt receipt = good_receipt();
	struct journal_pending pending[4];
	struct receipt receipts[4];
	struct err err;

	(void)state;
	assert_code(journal_begin(&journal, receipt.uuid, &err), 0);
	assert_code(journal_forget(&journal, receipt.uuid, &err), 0);
	assert_int_equal(read_pending(pending), 0);
	assert_code(journal_commit(&journal, &receipt, &err), 0);
	assert_code(journal_forget(&journal, receipt.uuid, &err), 0);
	assert_int_equal(read_receipts(receipts), 0);
	/* It never was: fine. */
	assert_code(journal_forget(&journal, receipt.uuid, &err), 0);
	assert_int_equal(count_files("state/pending"), 0);
	assert_int_equal(count_files("state/domains"), 0);
}

/* The receipt is there before the build stops being pending. */
static void
journal_commit_that_cannot_write_keeps_the_build_pending(void **state)
{
	struct receipt receipt = good_receipt();
	struct journal_pending pending[4];
	struct err err;

	(void)state;
	assert_code(journal_begin(&journal, receipt.uuid, &err), 0);
	assert_int_equal(rename("state/domains", "state/gone"), 0);
	assert_code(journal_commit(&journal, &receipt, &err), STORE_IO);
	assert_int_equal(read_pending(pending), 1);
}

static void
journal_passes_over_half_written_files(void **state)
{
	struct receipt receipt = good_receipt();
	struct journal_pending pending[4];
	struct receipt receipts[4];
	struct err err;

	(void)state;
	assert_code(journal_begin(&journal, receipt.uuid, &err), 0);
	write_file("state/pending/" GOOD_UUID ".77.new", bytes_of_str("9"));
	write_file("state/pending/README", bytes_of_str("not ours"));
	write_file("state/domains/" GOOD_UUID ".77.new",
	    bytes_of_str("{\"schema\":"));
	assert_int_equal(read_pending(pending), 1);
	assert_int_equal(read_receipts(receipts), 0);
}

static void
journal_refuses_a_pending_file_that_is_not_ours(void **state)
{
	static const char *const texts[] = {"", "\n", "7", "seven\n", "7 \n",
	    "65536\n", "99999999999999999999999\n", "-1\n", "0x7\n"};
	struct journal_pending pending[4];
	uint32_t count = 77;

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		struct err err;

		write_file("state/pending/" GOOD_UUID, bytes_of_str(texts[i]));
		assert_code(
		    journal_read_pending(&journal, pending, 4, &count, &err),
		    CONFIG_BAD);
		assert_has(err.text, GOOD_UUID);
		assert_int_equal(count, 77);
	}
}

static void
journal_refuses_a_receipt_that_is_not_ours(void **state)
{
	struct receipt receipts[4];
	uint32_t count = 77;
	struct err err;

	(void)state;
	write_file("state/domains/" GOOD_UUID, bytes_of_str("{}"));
	assert_code(journal_read_receipts(&journal, receipts, 4, &count, &err),
	    CONFIG_BAD);
	assert_has(err.text, "state/domains/" GOOD_UUID ": schema");
	assert_int_equal(count, 77);
}

static void
journal_refuses_more_than_its_reader_has_room_for(void **state)
{
	struct journal_pending pending[4];
	uint8_t uuid[UUID_BYTES] = {0};
	uint32_t count = 77;
	struct err err;

	(void)state;
	for (uuid[0] = 1; uuid[0] <= 5; uuid[0]++) {
		assert_code(journal_begin(&journal, uuid, &err), 0);
		if (uuid[0] <= 4)
			assert_int_equal(read_pending(pending), uuid[0]);
	}
	assert_code(journal_read_pending(&journal, pending, 4, &count, &err),
	    STORE_IO);
	assert_has(err.text, "over 4 files");
}

static void
journal_reports_directories_that_are_gone(void **state)
{
	struct receipt receipt = good_receipt();
	struct journal_pending pending[4];
	uint32_t count;
	struct err err;

	(void)state;
	assert_int_equal(rmdir("state/pending"), 0);
	assert_code(journal_begin(&journal, receipt.uuid, &err), STORE_IO);
	assert_code(journal_read_pending(&journal, pending, 4, &count, &err),
	    STORE_IO);
}

#define journal_test(test) \
	cmocka_unit_test_setup_teardown(test, open_journal, close_journal)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    journal_test(journal_files_are_for_root_alone),
	    journal_test(journal_has_one_daemon_at_a_time),
	    journal_test(journal_open_reports_a_directory_that_cannot_be_had),
	    journal_test(
		journal_remembers_a_build_from_its_begin_to_its_commit),
	    journal_test(journal_forgets_what_is_pending_and_what_was_built),
	    journal_test(
		journal_commit_that_cannot_write_keeps_the_build_pending),
	    journal_test(journal_passes_over_half_written_files),
	    journal_test(journal_refuses_a_pending_file_that_is_not_ours),
	    journal_test(journal_refuses_a_receipt_that_is_not_ours),
	    journal_test(journal_refuses_more_than_its_reader_has_room_for),
	    journal_test(journal_reports_directories_that_are_gone),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
