#include "builder_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/supervisor/journal.h"
#include "base/uuid_make.h"

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

#define HANDLE "00000000-1111-4111-8111-222222222222"

/* Of the domain of good_receipt(), under the handle above. */
static struct journal_pending
good_pending(void)
{
	struct journal_pending pending = {.domid = 0};

	assert_true(uuid_from_text(HANDLE, pending.handle));
	assert_true(uuid_from_text(GOOD_UUID, pending.uuid));
	return pending;
}

static void
begin(void)
{
	struct journal_pending pending = good_pending();
	struct err err = {0};

	if (journal_begin(&journal, &pending, &err) != 0)
		fail_msg("%s", err.text);
}

static int
commit(struct err *err)
{
	struct journal_pending pending = good_pending();
	struct receipt receipt = good_receipt();

	return journal_commit(&journal, pending.handle,
	    &(struct built){.receipt = receipt}, err);
}

/* As the next daemon does. */
static void
reopen(void)
{
	struct err err = {0};

	journal_close(&journal);
	if (journal_open("state", &journal, &err) != 0)
		fail_msg("%s", err.text);
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
read_built(struct built ret_built[4])
{
	uint32_t count = 77;
	struct err err = {0};

	if (journal_read_built(&journal, ret_built, 4, &count, &err) != 0)
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

/* Others may pass through to the socket, and see nothing. */
static void
journal_files_are_for_root_alone(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(mode_of("state"), 0711);
	assert_int_equal(mode_of("state/pending"), 0700);
	assert_int_equal(mode_of("state/domains"), 0700);
	assert_int_equal(mode_of("state/boot"), 0600);
	begin();
	assert_int_equal(mode_of("state/pending/" HANDLE), 0600);
	assert_code(commit(&err), 0);
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
	struct journal_pending wanted = good_pending();
	struct journal_pending pending[4];
	struct built built[4];
	struct err err;

	(void)state;
	assert_int_equal(read_pending(pending), 0);
	begin();
	assert_int_equal(read_pending(pending), 1);
	assert_memory_equal(pending[0].handle, wanted.handle, UUID_BYTES);
	assert_memory_equal(pending[0].uuid, wanted.uuid, UUID_BYTES);
	assert_int_equal(pending[0].domid, 0);
	assert_int_equal(pending[0].state, JOURNAL_MADE);
	assert_int_equal(read_built(built), 0);

	assert_code(commit(&err), 0);
	assert_int_equal(read_pending(pending), 0);
	assert_int_equal(read_built(built), 1);
	assert_memory_equal(built[0].receipt.guest.uuid, receipt.guest.uuid,
	    UUID_BYTES);
	assert_int_equal(built[0].receipt.domid, 9);
	assert_string_equal(built[0].receipt.guest.name, "guest");
}

/* The text is what a person reads after a crash. */
static void
journal_says_how_far_a_domain_got(void **state)
{
	static const struct {
		enum journal_state state;
		uint32_t domid;
		const char *text;
	} rows[] = {
	    {JOURNAL_MADE, 0, GOOD_UUID " 0 made\n"},
	    {JOURNAL_MADE, 7, GOOD_UUID " 7 made\n"},
	    {JOURNAL_RECORDED, 7, GOOD_UUID " 7 recorded\n"},
	    {JOURNAL_BUILT, 65535, GOOD_UUID " 65535 built\n"},
	};
	struct journal_pending pending = good_pending();
	struct journal_pending got[4];
	struct err err;

	(void)state;
	begin();
	for (size_t i = 0; i < countof(rows); i++) {
		CLEANUP(buffer_done) struct buffer text = {0};

		pending.state = rows[i].state;
		pending.domid = rows[i].domid;
		assert_code(journal_update(&journal, &pending, &err), 0);
		text = read_file("state/pending/" HANDLE);
		buffer_add(&text, "", 1);
		assert_string_equal((char *)text.ptr, rows[i].text);
		assert_int_equal(read_pending(got), 1);
		assert_int_equal(got[0].state, rows[i].state);
		assert_int_equal(got[0].domid, rows[i].domid);
		assert_memory_equal(got[0].uuid, pending.uuid, UUID_BYTES);
	}
}

/* Two builds under one handle would be taken for one. */
static void
journal_begin_refuses_a_handle_that_is_there(void **state)
{
	struct journal_pending second = good_pending();
	struct journal_pending pending[4];
	struct err err;

	(void)state;
	begin();
	second.domid = 8;
	assert_code(journal_begin(&journal, &second, &err), FILE_EXISTS);
	assert_int_equal(read_pending(pending), 1);
	assert_int_equal(pending[0].domid, 0);
	assert_int_equal(count_files("state/pending"), 1);
}

/* A caller chooses the uuid, and may choose the same one twice. */
static void
journal_keeps_two_builds_of_one_uuid_apart(void **state)
{
	struct journal_pending second = good_pending();
	struct journal_pending pending[4];
	struct err err;

	(void)state;
	begin();
	second.handle[0] = 0xff;
	assert_code(journal_begin(&journal, &second, &err), 0);
	assert_int_equal(read_pending(pending), 2);
	assert_code(journal_forget_pending(&journal, second.handle, &err), 0);
	assert_int_equal(read_pending(pending), 1);
	assert_int_equal(pending[0].handle[0], 0);
}

static void
journal_forgets_either_half(void **state)
{
	struct journal_pending entry = good_pending();
	struct journal_pending pending[4];
	struct built built[4];
	struct err err;

	(void)state;
	assert_code(commit(&err), 0);
	begin();
	assert_code(journal_forget_receipt(&journal, entry.uuid, &err), 0);
	assert_int_equal(read_built(built), 0);
	assert_int_equal(read_pending(pending), 1);
	assert_code(commit(&err), 0);
	begin();
	assert_code(journal_forget_pending(&journal, entry.handle, &err), 0);
	assert_int_equal(read_pending(pending), 0);
	assert_int_equal(read_built(built), 1);
}

/* The receipt is there before the build stops being pending. */
static void
journal_commit_that_cannot_write_keeps_the_build_pending(void **state)
{
	struct journal_pending pending[4];
	struct err err;

	(void)state;
	begin();
	assert_int_equal(rename("state/domains", "state/gone"), 0);
	assert_code(commit(&err), STORE_IO);
	assert_int_equal(read_pending(pending), 1);
}

static void
leave_half_written_files(void)
{
	write_file("state/pending/" HANDLE ".77.new", bytes_of_str("9"));
	write_file("state/pending/README", bytes_of_str("not ours"));
	write_file("state/domains/" GOOD_UUID ".77.new",
	    bytes_of_str("{\"schema\":"));
}

static void
journal_passes_over_half_written_files(void **state)
{
	struct journal_pending pending[4];
	struct built built[4];

	(void)state;
	begin();
	leave_half_written_files();
	assert_int_equal(read_pending(pending), 1);
	assert_int_equal(read_built(built), 0);
}

/* A daemon that is killed leaves one each time: they must not pile up. */
static void
journal_open_removes_half_written_files_and_nothing_else(void **state)
{
	struct journal_pending pending[4];
	struct built built[4];
	struct err err;

	(void)state;
	assert_code(commit(&err), 0);
	begin();
	leave_half_written_files();
	reopen();
	assert_int_equal(count_files("state/pending"), 1);
	assert_int_equal(count_files("state/domains"), 1);
	assert_int_equal(read_pending(pending), 1);
	assert_int_equal(read_built(built), 1);
}

/* Ids of that boot are other domains now. */
static void
journal_open_removes_what_another_boot_left(void **state)
{
	static const char *const boots[] = {NULL, "", "\n",
	    "00000000-0000-4000-8000-000000000000"};
	CLEANUP(buffer_done) struct buffer boot = read_file("state/boot");

	(void)state;
	assert_int_equal(boot.len, UUID_TEXT_SIZE - 1);
	for (size_t i = 0; i < countof(boots); i++) {
		CLEANUP(buffer_done) struct buffer now = {0};
		struct err err;

		assert_code(commit(&err), 0);
		begin();
		if (boots[i] == NULL)
			assert_int_equal(remove("state/boot"), 0);
		else
			write_file("state/boot", bytes_of_str(boots[i]));
		reopen();
		assert_int_equal(count_files("state/pending"), 0);
		assert_int_equal(count_files("state/domains"), 0);
		now = read_file("state/boot");
		assert_true(bytes_equal(bytes_of(now.ptr, now.len),
		    bytes_of(boot.ptr, boot.len)));
		/* It is known from now on. */
		begin();
		reopen();
		assert_int_equal(count_files("state/pending"), 1);
		assert_int_equal(remove("state/pending/" HANDLE), 0);
	}
}

/* Or else it would be taken for this boot's. */
static void
journal_open_reports_what_it_cannot_remove(void **state)
{
	struct err err;

	(void)state;
	journal_close(&journal);
	assert_int_equal(mkdir("state/domains/" GOOD_UUID, 0700), 0);
	assert_int_equal(remove("state/boot"), 0);
	assert_code(journal_open("state", &journal, &err), STORE_IO);
	assert_has(err.text, "state/domains/" GOOD_UUID);
	assert_int_equal(rmdir("state/domains/" GOOD_UUID), 0);
	assert_code(journal_open("state", &journal, &err), 0);
}

static void
journal_refuses_a_pending_file_that_is_not_ours(void **state)
{
	static const char *const texts[] = {"", "\n", "7", "7\n", GOOD_UUID,
	    GOOD_UUID "\n", GOOD_UUID " 7\n", GOOD_UUID " 7 \n",
	    GOOD_UUID " 7 made", GOOD_UUID " 7 made\n\n",
	    GOOD_UUID " 7 made 8\n", GOOD_UUID " seven made\n",
	    GOOD_UUID " 65536 made\n", GOOD_UUID " 99999999999999999 made\n",
	    GOOD_UUID " -1 made\n", GOOD_UUID " 0x7 made\n",
	    GOOD_UUID " 7 mad\n", GOOD_UUID " 7 madeup\n",
	    GOOD_UUID " 7 Made\n", GOOD_UUID " 7 recordedrecorded\n",
	    "00000000-0000-0000-0000 7 made\n",
	    "6A2F3F1C-0B6E-4A54-9A55-8A7F2F3B9D11 7 made\n"};
	struct journal_pending pending[4];
	uint32_t count = 77;

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		struct err err = {0};

		write_file("state/pending/" HANDLE, bytes_of_str(texts[i]));
		if (journal_read_pending(&journal, pending, 4, &count, &err) ==
		    0)
			fail_msg("taken: \"%s\"", texts[i]);
		assert_code((int)err.code, CONFIG_BAD);
		assert_has(err.text, HANDLE);
		assert_int_equal(count, 77);
	}
}

static void
journal_refuses_a_receipt_that_is_not_ours(void **state)
{
	struct built built[4];
	uint32_t count = 77;
	struct err err;

	(void)state;
	write_file("state/domains/" GOOD_UUID, bytes_of_str("{}"));
	assert_code(journal_read_built(&journal, built, 4, &count, &err),
	    CONFIG_BAD);
	assert_has(err.text, "state/domains/" GOOD_UUID ": a receipt in JSON");
	assert_int_equal(count, 77);
}

/* What is removed, and for whom, goes by the name of the file. */
static void
journal_refuses_a_receipt_under_the_name_of_another_domain(void **state)
{
	struct built built[4];
	uint32_t count = 77;
	struct err err;

	(void)state;
	assert_code(commit(&err), 0);
	assert_int_equal(
	    rename("state/domains/" GOOD_UUID, "state/domains/" HANDLE), 0);
	assert_code(journal_read_built(&journal, built, 4, &count, &err),
	    CONFIG_BAD);
	assert_has(err.text,
	    "state/domains/" HANDLE ": the receipt of another domain");
	assert_int_equal(count, 77);
}

static void
journal_refuses_more_than_its_reader_has_room_for(void **state)
{
	struct journal_pending entry = good_pending();
	struct journal_pending pending[4];
	uint32_t count = 77;
	struct err err;

	(void)state;
	for (entry.handle[0] = 1; entry.handle[0] <= 5; entry.handle[0]++) {
		assert_code(journal_begin(&journal, &entry, &err), 0);
		if (entry.handle[0] <= 4)
			assert_int_equal(read_pending(pending),
			    entry.handle[0]);
	}
	assert_code(journal_read_pending(&journal, pending, 4, &count, &err),
	    STORE_IO);
	assert_has(err.text, "over 4 files");
	assert_int_equal(count, 77);
}

static void
journal_reports_directories_that_are_gone(void **state)
{
	struct journal_pending entry = good_pending();
	struct journal_pending pending[4];
	uint32_t count;
	struct err err;

	(void)state;
	assert_int_equal(rmdir("state/pending"), 0);
	assert_code(journal_begin(&journal, &entry, &err), STORE_IO);
	assert_code(journal_update(&journal, &entry, &err), STORE_IO);
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
	    journal_test(journal_says_how_far_a_domain_got),
	    journal_test(journal_begin_refuses_a_handle_that_is_there),
	    journal_test(journal_keeps_two_builds_of_one_uuid_apart),
	    journal_test(journal_forgets_either_half),
	    journal_test(
		journal_commit_that_cannot_write_keeps_the_build_pending),
	    journal_test(journal_passes_over_half_written_files),
	    journal_test(
		journal_open_removes_half_written_files_and_nothing_else),
	    journal_test(journal_open_removes_what_another_boot_left),
	    journal_test(journal_open_reports_what_it_cannot_remove),
	    journal_test(journal_refuses_a_pending_file_that_is_not_ours),
	    journal_test(journal_refuses_a_receipt_that_is_not_ours),
	    journal_test(
		journal_refuses_a_receipt_under_the_name_of_another_domain),
	    journal_test(journal_refuses_more_than_its_reader_has_room_for),
	    journal_test(journal_reports_directories_that_are_gone),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
