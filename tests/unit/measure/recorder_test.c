/*
 * Log and TPM together: the log is real, on a disk that fails as the test says;
 * the TPM is the fake.
 */
#include "base_fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/scope.h"
#include "measure/recorder.h"
#include "measure_fixture.h"
#include "tpm_port_fake.h"

enum { PCR = 13 };

static struct tpm_fake *fake;
static struct tpm_port tpm;
static struct event_log *log_file;
static struct recorder recorder;
static uint64_t limit;

/* So many next calls of this kind fail. */
static int fail_writes;
static int fail_truncates;

ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t offset);
int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);

/* A disk that is full takes the first bytes. */
ssize_t
__wrap_pwrite(int fd, const void *data, size_t len, off_t offset)
{
	if (fail_writes == 0)
		return __real_pwrite(fd, data, len, offset);
	fail_writes--;
	return __real_pwrite(fd, data, len / 2, offset);
}

int
__wrap_ftruncate(int fd, off_t len)
{
	if (fail_truncates == 0)
		return __real_ftruncate(fd, len);
	fail_truncates--;
	errno = EIO;
	return -1;
}

/* As another run of assayd does it. */
static int
resume(struct err *err)
{
	struct pcr_values values;

	recorder_done(&recorder);
	event_log_closep(&log_file);
	if (event_log_open("log", limit, &log_file, err) != 0)
		fail_msg("%s", err->text);
	recorder = (struct recorder){
	    .log = log_file,
	    .tpm = &tpm,
	    .pcr = PCR,
	    .has_log_index = fake->has_log,
	};
	assert_refused(tpm.ops->pcr_read(tpm.tpm, &values, err), 0);
	return recorder_resume(&recorder, &values, err);
}

static int
setup(void **state)
{
	if (enter_scratch(state) != 0)
		return -1;
	fake = tpm_fake_new();
	fake->has_log = fake->is_launched = true;
	tpm = tpm_fake_port(fake);
	limit = LIMIT_EVENT_LOG_BYTES;
	recorder = (struct recorder){.log = NULL};
	fail_writes = fail_truncates = 0;
	return 0;
}

static int
teardown(void **state)
{
	recorder_done(&recorder);
	event_log_closep(&log_file);
	tpm_fake_free(fake);
	return leave_scratch(state);
}

/* Its number in the log, or 0, and what was said. */
static int
record_event(struct event *event)
{
	struct digest measurement;
	struct digest before;
	struct err err = {0};
	int code;

	memset(&measurement, 0x5c, sizeof(measurement));
	before = measurement;
	code = recorder_record(&recorder, event, &measurement, &err);
	if (code != 0)
		assert_memory_equal(&measurement, &before, sizeof(before));
	assert_int_equal(code, code == 0 ? 0 : (int)err.code);
	return code;
}

static int
record(enum event_kind kind)
{
	struct event event = good_event(kind);

	return record_event(&event);
}

/* A build or an end of one of many domains. */
static int
record_of(enum event_kind kind, unsigned number)
{
	struct event event = good_event(kind);
	uint8_t *uuid = kind == EVENT_BUILD     ? event.as.build.uuid
	                : kind == EVENT_DESTROY ? event.as.destroy.uuid
	                                        : event.as.abandon.uuid;

	uuid[0] = (uint8_t)number;
	uuid[1] = (uint8_t)(number >> 8);
	return record_event(&event);
}

static void
begin(void)
{
	struct err err = {0};

	if (resume(&err) != 0)
		fail_msg("%s", err.text);
	assert_refused(record(EVENT_START), 0);
}

static int
calls_of(const char *operation)
{
	int count = 0;

	for (uint32_t i = 0; i < fake->call_count; i++)
		count +=
		    strncmp(fake->calls[i], operation, strlen(operation)) == 0;
	return count;
}

/* Do register and index hold what the log leads to, but for the last event? */
static void
assert_missing_in_tpm(bool register_misses, bool index_misses)
{
	struct event_log_replay replay;
	const struct pcr_digests *wanted;
	struct err err;

	assert_refused(event_log_replay(log_file, PCR, &replay, &err), 0);
	wanted = register_misses ? &replay.before_last : &replay.value;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		assert_true(pcr_digest_equal(bank, &wanted->bank[bank],
		    &fake->values.value[bank][PCR]));
	wanted = index_misses ? &replay.before_last : &replay.value;
	assert_true(pcr_digest_equal(PCR_SHA256, &wanted->bank[PCR_SHA256],
	    &fake->log));
}

static void
assert_tpm_has_all(uint64_t events)
{
	assert_int_equal(event_log_count(log_file), events);
	assert_missing_in_tpm(false, false);
}

static void
fail_at(const char *operation, uint32_t times, bool after)
{
	strcpy(fake->fail_operation, operation);
	fake->fail_times = times;
	fake->fails_after = after;
}

static void
mend(void)
{
	fail_at("", 0, false);
}

/* --- a TPM that fails for a moment ---------------------------------------- */

static void
an_extend_that_fails_up_to_three_times_is_done_in_the_end(void **state)
{
	static const char *const operations[] = {"pcr_extend", "log_extend"};
	uint64_t events = 1;

	(void)state;
	begin();
	for (size_t i = 0; i < countof(operations); i++) {
		for (uint32_t times = 1; times <= 3; times++) {
			fail_at(operations[i], times, false);
			assert_refused(record(EVENT_BUILD), 0);
			assert_string_equal(fake->fail_operation, "");
			assert_tpm_has_all(++events);
		}
	}
}

/* It must not be there twice. */
static void
an_extend_whose_answer_is_lost_is_not_done_again(void **state)
{
	(void)state;
	begin();
	fail_at("pcr_extend", 1, true);
	assert_refused(record(EVENT_BUILD), 0);
	assert_int_equal(calls_of("pcr_extend"), 2);
	assert_tpm_has_all(2);
	fail_at("log_extend", 1, true);
	assert_refused(record(EVENT_BUILD), 0);
	assert_int_equal(calls_of("log_extend"), 3);
	assert_tpm_has_all(3);
}

/* One of all the calls that it takes to find out. */
static void
any_call_that_fails_once_costs_nothing(void **state)
{
	uint64_t events = 1;

	(void)state;
	begin();
	for (int after = 0; after < 2; after++) {
		for (uint32_t n = 1; n <= 6; n++) {
			fake->fails_after = after != 0;
			strcpy(fake->fail_operation, "log_extend");
			fake->fail_times = 1;
			fake->fail_at = n;
			assert_refused(record(EVENT_BUILD), 0);
			fake->fail_at = 0;
			mend();
			assert_tpm_has_all(++events);
		}
	}
}

/* --- a TPM that fails longer ---------------------------------------------- */

static void
what_the_tpm_did_not_take_comes_before_the_next_event(void **state)
{
	static const char *const operations[] = {"pcr_extend", "log_extend",
	    FAKE_TPM_ALL};
	uint64_t events = 1;

	(void)state;
	begin();
	for (size_t i = 0; i < countof(operations); i++) {
		struct event build = good_event(EVENT_BUILD);
		struct event abandon = good_event(EVENT_ABANDON);

		fail_at(operations[i], 0, false);
		fake->fail_code = TPM_UNREACHABLE;
		assert_refused(record_event(&build), TPM_UNREACHABLE);
		/* It is in the log, and needs its end. */
		assert_int_equal(build.sequence, ++events);
		assert_missing_in_tpm(i != 1, true);
		/* No second event may be missing in the TPM. */
		assert_refused(record_event(&abandon), TPM_UNREACHABLE);
		assert_int_equal(abandon.sequence, 0);
		assert_int_equal(event_log_count(log_file), events);
		assert_false(recorder_is_broken(&recorder));
		mend();
		assert_refused(record_event(&abandon), 0);
		assert_int_equal(abandon.sequence, ++events);
		assert_tpm_has_all(events);
	}
}

static void
what_the_tpm_took_without_an_answer_is_not_given_again(void **state)
{
	int extends;

	(void)state;
	begin();
	fail_at(FAKE_TPM_ALL, 0, true);
	assert_refused(record(EVENT_BUILD), TPM_FAILED);
	mend();
	extends = calls_of("pcr_extend");
	assert_refused(record(EVENT_ABANDON), 0);
	assert_int_equal(calls_of("pcr_extend"), extends + 1);
	assert_tpm_has_all(3);
}

/* For evidence: there may be no next event for long. */
static void
what_the_tpm_did_not_take_can_be_settled_without_an_event(void **state)
{
	struct err err;

	(void)state;
	begin();
	fail_at("pcr_extend", 0, false);
	assert_refused(record(EVENT_BUILD), TPM_FAILED);
	assert_refused(recorder_settle(&recorder, &err), TPM_FAILED);
	mend();
	assert_refused(recorder_settle(&recorder, &err), 0);
	assert_tpm_has_all(2);
	fake->call_count = 0;
	assert_refused(recorder_settle(&recorder, &err), 0);
	assert_int_equal(fake->call_count, 0);
}

static void
another_run_goes_on_where_the_tpm_failed(void **state)
{
	struct err err = {0};

	(void)state;
	begin();
	fail_at("log_extend", 0, false);
	assert_refused(record(EVENT_BUILD), TPM_FAILED);
	assert_refused(resume(&err), TPM_FAILED);
	/* A run that does not know what the TPM holds says nothing. */
	assert_refused(record(EVENT_START), TPM_FAILED);
	assert_int_equal(event_log_count(log_file), 2);
	mend();
	begin();
	assert_tpm_has_all(3);
}

/* In the log it is not, and in the TPM neither. */
static void
a_run_whose_start_was_not_logged_logs_nothing(void **state)
{
	struct err err;

	(void)state;
	assert_refused(resume(&err), 0);
	fail_writes = 1;
	assert_refused(record(EVENT_START), EVENT_LOG_IO);
	assert_refused(record(EVENT_BUILD), EVENT_LOG_IO);
	assert_true(recorder_is_broken(&recorder));
	assert_int_equal(calls_of("pcr_extend"), 0);
	begin();
	assert_refused(record(EVENT_BUILD), 0);
	assert_tpm_has_all(2);
}

static void
a_start_that_the_tpm_did_not_take_comes_first(void **state)
{
	struct event start = good_event(EVENT_START);
	struct err err;

	(void)state;
	assert_refused(resume(&err), 0);
	fail_at("pcr_extend", 0, false);
	assert_refused(record_event(&start), TPM_FAILED);
	assert_int_equal(start.sequence, 1);
	assert_refused(record(EVENT_BUILD), TPM_FAILED);
	assert_int_equal(event_log_count(log_file), 1);
	mend();
	assert_refused(record(EVENT_BUILD), 0);
	assert_tpm_has_all(2);
}

/* --- what ends all recording ---------------------------------------------- */

static void
assert_nothing_is_taken(enum err_code code)
{
	uint64_t events = event_log_count(log_file);
	struct pcr_values values = fake->values;

	mend();
	fake->is_launched = true;
	assert_true(recorder_is_broken(&recorder));
	assert_refused(record(EVENT_BUILD), code);
	assert_refused(record(EVENT_DESTROY), code);
	assert_int_equal(event_log_count(log_file), events);
	assert_memory_equal(&values, &fake->values, sizeof(values));
}

static void
extend_as_somebody_else(bool register_too, bool index_too)
{
	struct pcr_digest other = {{0x77}};
	struct err err;

	for (enum pcr_bank bank = 0; register_too && bank < PCR_BANKS; bank++)
		assert_refused(pcr_extend(bank, &other,
				   &fake->values.value[bank][PCR], &err),
		    0);
	if (index_too)
		assert_refused(pcr_extend(PCR_SHA256, &other, &fake->log, &err),
		    0);
}

/* Before our event, or after it. */
static void
a_register_that_somebody_else_extended_meanwhile_is_found_out(void **state)
{
	(void)state;
	for (int after = 0; after < 2; after++) {
		for (int index = 0; index < 2; index++) {
			assert_int_equal(after + index > 0 ? unlink("log") : 0,
			    0);
			memset(&fake->values.value, 0,
			    sizeof(fake->values.value));
			memset(&fake->log, 0, sizeof(fake->log));
			begin();
			fail_at(FAKE_TPM_ALL, 0, after != 0);
			assert_refused(record(EVENT_BUILD), TPM_FAILED);
			mend();
			extend_as_somebody_else(index == 0, index != 0);
			assert_refused(record(EVENT_DESTROY),
			    LOG_REGISTER_CHANGED);
			assert_nothing_is_taken(LOG_REGISTER_CHANGED);
		}
	}
}

/* Somebody is in between, or in the TPM's place. */
static void
an_answer_that_is_not_the_tpms_ends_all_recording(void **state)
{
	static const enum err_code codes[] = {TPM_RESPONSE_FORGED,
	    TPM_KEY_NOT_PINNED};

	(void)state;
	for (size_t i = 0; i < countof(codes); i++) {
		begin();
		fail_at("pcr_extend", 1, true);
		fake->fail_code = codes[i];
		assert_refused(record(EVENT_BUILD), codes[i]);
		fake->fail_code = ERR_NONE;
		assert_nothing_is_taken(codes[i]);
		assert_refused(recorder_settle(&recorder, &(struct err){0}),
		    codes[i]);
		/* Only the index misses the event. */
		assert_missing_in_tpm(false, true);
	}
}

static void
another_launch_ends_all_recording(void **state)
{
	(void)state;
	begin();
	fake->is_launched = false;
	assert_refused(record(EVENT_BUILD), TPM_POLICY_UNMET);
	assert_nothing_is_taken(TPM_POLICY_UNMET);
}

/* Its registers are zeros then: what is extended now would lead to nothing that
 * the log says. */
static void
a_tpm_that_was_reset_meanwhile_is_found_out(void **state)
{
	(void)state;
	begin();
	assert_refused(record(EVENT_BUILD), 0);
	memset(&fake->values.value, 0, sizeof(fake->values.value));
	recorder_doubt(&recorder); /* a quote failed */
	assert_refused(record(EVENT_BUILD), LOG_REGISTER_CHANGED);
	assert_nothing_is_taken(LOG_REGISTER_CHANGED);
}

/* The register before the last event is what no doubt but a failed extend may
 * explain. */
static void
a_register_that_went_back_is_found_out(void **state)
{
	struct pcr_values before;

	(void)state;
	begin();
	before = fake->values;
	assert_refused(record(EVENT_BUILD), 0);
	fake->values = before;
	recorder_doubt(&recorder);
	assert_refused(record(EVENT_BUILD), LOG_REGISTER_CHANGED);
	assert_nothing_is_taken(LOG_REGISTER_CHANGED);
}

static void
a_doubt_that_was_none_costs_a_look_at_the_register(void **state)
{
	(void)state;
	begin();
	fake->call_count = 0;
	recorder_doubt(&recorder);
	assert_refused(record(EVENT_BUILD), 0);
	assert_int_equal(calls_of("pcr_read"), 1);
	assert_refused(record(EVENT_BUILD), 0);
	assert_int_equal(calls_of("pcr_read"), 1);
	assert_int_equal(calls_of("pcr_extend"), 2);
	assert_tpm_has_all(3);
}

/* --- a disk that fails -----------------------------------------------------
 */

static void
an_event_that_the_disk_did_not_take_costs_that_event(void **state)
{
	struct event build = good_event(EVENT_BUILD);

	(void)state;
	begin();
	fail_writes = 2;
	fake->call_count = 0;
	assert_refused(record_event(&build), EVENT_LOG_IO);
	assert_int_equal(build.sequence, 0);
	assert_refused(record(EVENT_DESTROY), EVENT_LOG_IO);
	assert_int_equal(fake->call_count, 0);
	assert_false(recorder_is_broken(&recorder));
	assert_tpm_has_all(1);
	assert_int_equal(recorder.builds.count, 0);
	/* There is room again. */
	assert_refused(record_event(&build), 0);
	assert_int_equal(build.sequence, 2);
	assert_tpm_has_all(2);
}

static void
a_log_that_cannot_be_cut_back_ends_all_recording(void **state)
{
	(void)state;
	begin();
	fail_writes = fail_truncates = 1;
	assert_refused(record(EVENT_BUILD), EVENT_LOG_IO);
	assert_nothing_is_taken(EVENT_LOG_IO);
	/* The next run cuts it. */
	begin();
	assert_refused(record(EVENT_BUILD), 0);
	assert_tpm_has_all(3);
}

/* --- a full log ------------------------------------------------------------
 */

/* Room for some builds, and what is kept. */
static void
begin_small(void)
{
	fake->has_log = false;
	limit = LIMIT_EVENT_LOG_KEPT_BYTES + 16 * 1024;
	begin();
}

static unsigned
build_until_it_is_full(void)
{
	unsigned count = 0;
	int code;

	while ((code = record_of(EVENT_BUILD, count + 1)) == 0)
		count++;
	assert_int_equal(code, EVENT_LOG_FULL);
	assert_in_range(count, 10, 20);
	assert_false(recorder_is_broken(&recorder));
	return count;
}

static void
a_log_that_takes_no_build_takes_all_ends_and_the_stop(void **state)
{
	unsigned count;
	uint64_t before;

	(void)state;
	begin_small();
	count = build_until_it_is_full();
	/* Others use what is kept for them to the brim. */
	while (record(EVENT_POLICY) == 0)
		before = event_log_left(log_file);
	assert_refused(record(EVENT_POLICY), EVENT_LOG_FULL);
	/* What ends nothing takes nothing that others need. */
	while (record_of(EVENT_ABANDON, 999) == 0)
		continue;
	assert_refused(record_of(EVENT_ABANDON, 999), EVENT_LOG_FULL);
	before = event_log_left(log_file);
	assert_in_range(before, (count + 1) * RECORDER_END_BYTES,
	    (count + 2) * RECORDER_END_BYTES);
	for (unsigned i = 1; i <= count; i++)
		assert_refused(
		    record_of(i % 2 == 0 ? EVENT_DESTROY : EVENT_ABANDON, i),
		    0);
	assert_int_equal(recorder.builds.count, 0);
	/* None of them may cost the stop. */
	while (record_of(EVENT_DESTROY, 999) == 0)
		continue;
	assert_refused(record(EVENT_STOP), 0);
	assert_true(event_log_bytes(log_file) <= limit);
}

/* What one run built another one ends. */
static void
a_restart_keeps_room_for_the_ends_too(void **state)
{
	unsigned count;
	struct err err;

	(void)state;
	begin_small();
	count = build_until_it_is_full();
	assert_refused(record_of(EVENT_DESTROY, 1), 0);
	assert_refused(record(EVENT_STOP), 0);
	begin();
	assert_int_equal(recorder.builds.count, count - 1);
	while (record(EVENT_POLICY) == 0)
		continue;
	/* Nor may a start take it. */
	assert_refused(resume(&err), 0);
	assert_refused(record(EVENT_START), EVENT_LOG_FULL);
	/* As if it had started when there was room. */
	assert_refused(resume(&err), 0);
	for (unsigned i = 2; i <= count; i++)
		assert_refused(record_of(EVENT_DESTROY, i), 0);
	assert_refused(record(EVENT_STOP), 0);
}

static void
an_end_gives_its_room_back_to_builds(void **state)
{
	uint64_t left, build;

	(void)state;
	begin_small();
	left = recorder_build_bytes_left(&recorder);
	assert_int_equal(left,
	    event_log_left(log_file) - LIMIT_EVENT_LOG_KEPT_BYTES);
	build = event_log_bytes(log_file);
	assert_refused(record_of(EVENT_BUILD, 1), 0);
	build = event_log_bytes(log_file) - build;
	/* Its record, and its end. */
	assert_int_equal(recorder_build_bytes_left(&recorder),
	    left - build - RECORDER_END_BYTES);
	assert_refused(record_of(EVENT_DESTROY, 1), 0);
	assert_true(recorder_build_bytes_left(&recorder) >
		    left - build - RECORDER_END_BYTES);
	build_until_it_is_full();
	assert_in_range(recorder_build_bytes_left(&recorder), 0,
	    build + RECORDER_END_BYTES);
	while (record(EVENT_POLICY) == 0)
		continue;
	assert_int_equal(recorder_build_bytes_left(&recorder), 0);
}

static void
without_a_log_there_is_nothing_left_for_builds(void **state)
{
	(void)state;
	assert_int_equal(recorder_build_bytes_left(&recorder), 0);
	/* But all is taken: there is no TPM, in development. */
	assert_refused(record(EVENT_START), 0);
	assert_refused(record(EVENT_BUILD), 0);
	recorder_doubt(&recorder);
	assert_refused(record(EVENT_BUILD), 0);
	assert_int_equal(recorder.sequence, 3);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(an_extend_that_fails_up_to_three_times_is_done_in_the_end),
	    TEST(an_extend_whose_answer_is_lost_is_not_done_again),
	    TEST(any_call_that_fails_once_costs_nothing),
	    TEST(what_the_tpm_did_not_take_comes_before_the_next_event),
	    TEST(what_the_tpm_took_without_an_answer_is_not_given_again),
	    TEST(what_the_tpm_did_not_take_can_be_settled_without_an_event),
	    TEST(another_run_goes_on_where_the_tpm_failed),
	    TEST(a_run_whose_start_was_not_logged_logs_nothing),
	    TEST(a_start_that_the_tpm_did_not_take_comes_first),
	    TEST(a_register_that_somebody_else_extended_meanwhile_is_found_out),
	    TEST(an_answer_that_is_not_the_tpms_ends_all_recording),
	    TEST(another_launch_ends_all_recording),
	    TEST(a_tpm_that_was_reset_meanwhile_is_found_out),
	    TEST(a_register_that_went_back_is_found_out),
	    TEST(a_doubt_that_was_none_costs_a_look_at_the_register),
	    TEST(an_event_that_the_disk_did_not_take_costs_that_event),
	    TEST(a_log_that_cannot_be_cut_back_ends_all_recording),
	    TEST(a_log_that_takes_no_build_takes_all_ends_and_the_stop),
	    TEST(a_restart_keeps_room_for_the_ends_too),
	    TEST(an_end_gives_its_room_back_to_builds),
	    TEST(without_a_log_there_is_nothing_left_for_builds),
	};

	return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
