/*
 * The tpm role when the TPM, the disk or its supervisor fail: what that costs,
 * and what the next one finds.
 */
#include "role_fake.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "measure/event_log.h"
#include "measure/recorder.h"
#include "measure_fixture.h"

/* From now on, so often or until mend(); before the effect or after it. */
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

static struct event
build_of(uint8_t number)
{
	struct event event = good_event(EVENT_BUILD);

	event.as.build.uuid[0] = number;
	return event;
}

static struct event
abandon_of(uint8_t number)
{
	struct event event = good_event(EVENT_ABANDON);

	event.as.abandon.uuid[0] = number;
	return event;
}

static void
assert_recorded(const struct event *event, enum err_code code, bool is_logged,
    bool is_broken)
{
	struct recorded recorded;

	assert_code(role_record_event(event, &recorded), code);
	assert_int_equal(recorded.is_logged, is_logged);
	assert_int_equal(recorded.is_broken, is_broken);
	/* A failure of the TPM is one of which the next event has to know. */
	if (code == TPM_UNREACHABLE || code == 0)
		assert_int_equal(recorded.is_unsure, code != 0);
	assert_int_equal(recorded.sequence != 0, is_logged);
}

/* --- in one run -------------------------------------------------------- */

static void
a_tpm_that_fails_once_costs_nothing(void **state)
{
	static const char *const operations[] = {"pcr_extend", "log_extend"};
	struct event build = build_of(1);

	(void)state;
	give_log_index();
	assert_code(role_start_code(), 0);
	for (int after = 0; after < 2; after++) {
		for (size_t i = 0; i < countof(operations); i++) {
			fail_at(operations[i], 1, after != 0);
			assert_recorded(&build, 0, true, false);
			assert_string_equal(fake->fail_operation, "");
			assert_register_is_the_log();
		}
	}
}

/* The builds of that while, and no more. */
static void
a_tpm_that_fails_for_a_while_costs_the_builds_of_that_while(void **state)
{
	struct event first = build_of(1);
	struct event second = build_of(2);
	struct event abandon = abandon_of(1);

	(void)state;
	assert_code(role_start_code(), 0);
	fail_at(FAKE_TPM_ALL, 0, false);
	fake->fail_code = TPM_UNREACHABLE;
	/* Refused, but in the log: its end must follow. */
	assert_recorded(&first, TPM_UNREACHABLE, true, false);
	assert_recorded(&second, TPM_UNREACHABLE, false, false);
	assert_recorded(&abandon, TPM_UNREACHABLE, false, false);
	assert_int_equal(role_logged("\"ev\":\"build\""), 1);
	assert_int_equal(role_logged("\"ev\":\"abandon\""), 0);
	mend();
	assert_recorded(&abandon, 0, true, false);
	assert_recorded(&second, 0, true, false);
	assert_int_equal(role_end(), 0);
	assert_int_equal(role_logged("\"ev\":\"build\""), 2);
	assert_int_equal(role_logged("\"ev\":\"abandon\",\"seq\":3"), 1);
	assert_int_equal(role_logged("\"ev\":\"stop\""), 1);
	assert_register_is_the_log();
}

static void
a_register_that_others_extended_meanwhile_ends_all_recording(void **state)
{
	struct event build = build_of(1);
	struct event abandon = abandon_of(1);

	(void)state;
	assert_code(role_start_code(), 0);
	fail_at(FAKE_TPM_ALL, 0, false);
	assert_recorded(&build, TPM_FAILED, true, false);
	fake->values.value[PCR_SHA256][ROLE_PCR].bytes[0] ^= 1;
	mend();
	assert_recorded(&abandon, LOG_REGISTER_CHANGED, false, true);
	assert_recorded(&build, LOG_REGISTER_CHANGED, false, true);
	assert_int_equal(role_end(), 0);
	assert_int_equal(role_logged("\"ev\":\"stop\""), 0);
}

static void
a_disk_that_is_full_costs_the_builds_of_that_while(void **state)
{
	struct event build = build_of(1);

	(void)state;
	assert_code(role_start_code(), 0);
	*fail_writes = 2;
	assert_recorded(&build, EVENT_LOG_IO, false, false);
	assert_recorded(&build, EVENT_LOG_IO, false, false);
	assert_int_equal(role_logged("\"ev\":\"build\""), 0);
	assert_recorded(&build, 0, true, false);
	assert_int_equal(role_end(), 0);
	assert_register_is_the_log();
}

/* --- rules ------------------------------------------------------------- */

static int
adopt_store(uint8_t index, int64_t epoch, struct recorded *ret_recorded)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_EPOCH,
	    .store = {.epoch = epoch},
	};
	struct tpm_answer answer;
	int code;

	memset(call.store.index.bytes, index, DIGEST_BYTES);
	code = role_ask(&call, &answer, NULL);
	*ret_recorded = answer.recorded;
	return code;
}

static int
adopt_policy(uint8_t fill, int64_t version, struct recorded *ret_recorded)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_TRUST,
	    .trust = {.version = version},
	};
	struct tpm_answer answer;
	int code;

	memset(call.trust.policy.bytes, fill, DIGEST_BYTES);
	code = role_ask(&call, &answer, NULL);
	*ret_recorded = answer.recorded;
	return code;
}

/* It needs no event, so nothing fails: and yet none can follow it. */
static void
a_broken_recorder_says_so_to_who_asks_for_what_holds(void **state)
{
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(adopt_policy(0xbb, 5, &recorded), 0);
	assert_code(adopt_policy(0xbb, 5, &recorded), 0);
	fail_at(FAKE_TPM_ALL, 0, false);
	assert_code(adopt_policy(0xcc, 6, &recorded), TPM_FAILED);
	fake->values.value[PCR_SHA256][ROLE_PCR].bytes[0] ^= 1;
	mend();
	assert_code(adopt_policy(0xdd, 7, &recorded), LOG_REGISTER_CHANGED);
	assert_true(recorded.is_broken);
	assert_code(adopt_policy(0xcc, 6, &recorded), LOG_REGISTER_CHANGED);
	assert_true(recorded.is_broken);
}

/* Else the next one would be told that they hold, and nobody could see it. */
static void
rules_that_are_not_in_the_log_do_not_hold(void **state)
{
	struct event build = build_of(1);
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	*fail_writes = 1;
	assert_code(adopt_store(0xaa, 9, &recorded), EVENT_LOG_IO);
	assert_false(recorded.is_logged);
	*fail_writes = 1;
	assert_code(adopt_policy(0xbb, 5, &recorded), EVENT_LOG_IO);
	assert_false(recorded.is_logged);
	assert_recorded(&build, 0, true, false);
	assert_code(adopt_store(0xaa, 9, &recorded), 0);
	assert_true(recorded.is_logged);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 1);
	assert_code(adopt_policy(0xbb, 5, &recorded), 0);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 2);
	/* Each of them with the other. */
	assert_int_equal(role_logged("\"epoch\":9"), 2);
}

static void
rules_that_are_in_the_log_hold_although_the_tpm_failed(void **state)
{
	struct event build = build_of(1);
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	fail_at("pcr_extend", 0, false);
	assert_code(adopt_policy(0xbb, 5, &recorded), TPM_FAILED);
	assert_true(recorded.is_logged);
	mend();
	/* What older rules decided comes too late. */
	assert_recorded(&build, TRUST_DOWNGRADE, false, false);
	assert_code(adopt_policy(0xbb, 5, &recorded), 0);
	memset(role.decided_by.policy.bytes, 0xbb, DIGEST_BYTES);
	assert_recorded(&build, 0, true, false);
	assert_int_equal(role_end(), 0);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 1);
	assert_register_is_the_log();
}

/* --- the start --------------------------------------------------------- */

static void
a_tpm_that_fails_once_at_the_start_costs_nothing(void **state)
{
	static const char *const operations[] = {"pcr_read", "counter_read",
	    "pcr_extend", "log_read", "log_extend"};

	(void)state;
	give_log_index();
	for (size_t i = 0; i < countof(operations); i++) {
		fail_at(operations[i], 1, false);
		assert_code(role_start_code(), 0);
		assert_string_equal(fake->fail_operation, "");
		assert_int_equal(role_end(), 0);
		assert_register_is_the_log();
	}
	assert_int_equal(role_logged("\"ev\":\"start\""), 5);
}

static void
a_forged_answer_at_the_start_is_not_asked_for_again(void **state)
{
	(void)state;
	fail_at("pcr_read", 1, false);
	fake->fail_code = TPM_RESPONSE_FORGED;
	assert_code(role_start_code(), TPM_RESPONSE_FORGED);
}

/* No build is in the TPM before it, so the host can be trusted. */
static void
a_start_that_the_tpm_did_not_take_is_made_up_for(void **state)
{
	struct event build = build_of(1);

	(void)state;
	fail_at("pcr_extend", 0, false);
	assert_code(role_start_code(), 0);
	assert_int_equal(role_logged("\"ev\":\"start\""), 1);
	assert_recorded(&build, TPM_FAILED, false, false);
	mend();
	assert_recorded(&build, 0, true, false);
	assert_int_equal(role_end(), 0);
	assert_register_is_the_log();
}

static void
a_start_that_is_not_in_the_log_is_no_start(void **state)
{
	struct event build = build_of(1);

	(void)state;
	assert_code(role_start_code(), 0);
	assert_int_equal(role_end(), 0);
	*fail_writes = 1;
	assert_code(role_start_code(), EVENT_LOG_IO);
	assert_recorded(&build, EVENT_LOG_IO, false, true);
	assert_int_equal(role_logged("\"ev\":\"start\""), 1);
	assert_int_equal(role_logged("\"ev\":\"build\""), 0);
}

/* --- evidence ---------------------------------------------------------- */

static int
ask_for_quote(struct sealed **ret_quote)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_QUOTE,
	    .attest_request = {.nonce_len = 16},
	};
	struct tpm_answer answer;

	return role_ask(&call, &answer, ret_quote);
}

/* Else nobody would believe it until the next event. */
static void
evidence_brings_to_the_tpm_what_it_missed(void **state)
{
	CLEANUP(sealed_freep) struct sealed *quote = NULL;
	struct event build = build_of(1);

	(void)state;
	assert_code(role_start_code(), 0);
	fail_at("pcr_extend", 0, false);
	assert_recorded(&build, TPM_FAILED, true, false);
	mend();
	assert_code(ask_for_quote(&quote), 0);
	assert_register_is_the_log();
}

/* A TPM that was reset says no to what goes on in an old session. */
static void
a_tpm_that_was_reset_is_found_out_after_a_quote_that_failed(void **state)
{
	struct event build = build_of(1);

	(void)state;
	assert_code(role_start_code(), 0);
	fail_at("quote", 1, false);
	memset(&fake->values.value, 0, sizeof(fake->values.value));
	assert_code(ask_for_quote(NULL), TPM_FAILED);
	assert_recorded(&build, LOG_REGISTER_CHANGED, false, true);
}

/* --- room -------------------------------------------------------------- */

static size_t
log_file_bytes(void)
{
	struct stat st;

	assert_int_equal(stat("measure.log", &st), 0);
	return (size_t)st.st_size;
}

static void
every_answer_says_what_is_left_of_the_log(void **state)
{
	struct event build = build_of(1);
	struct tpm_request call = {.kind = TPM_REQUEST_EVENT, .event = build};
	struct tpm_answer before, after;
	uint64_t record;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(role_ask(&call, &before, NULL), 0);
	call.event.as.build.uuid[0]++;
	assert_code(role_ask(&call, &after, NULL), 0);
	record = after.log_used_bytes - before.log_used_bytes;
	assert_int_equal(after.log_used_bytes, log_file_bytes());
	assert_int_equal(after.log_build_bytes_left,
	    before.log_build_bytes_left - record - RECORDER_END_BYTES);
	assert_int_equal(after.log_build_bytes_left,
	    LIMIT_EVENT_LOG_BYTES - LIMIT_EVENT_LOG_KEPT_BYTES -
		after.log_used_bytes - 2 * RECORDER_END_BYTES);
	call = (struct tpm_request){.kind = TPM_REQUEST_LOG};
	{
		CLEANUP(sealed_freep) struct sealed *log = NULL;

		assert_code(role_ask(&call, &before, &log), 0);
	}
	assert_int_equal(before.log_used_bytes, after.log_used_bytes);
	assert_int_equal(before.log_build_bytes_left,
	    after.log_build_bytes_left);
}

/* Written by hand, up to what is kept, with records of the largest size. */
static void
fill_log(void)
{
	CLEANUP(event_log_closep) struct event_log *log = NULL;
	CLEANUP(freep) uint8_t *record = NULL;
	struct event_log_replay replay;
	const uint8_t bytes[EVENT_BYTES] = {0};
	size_t len = (size_t)event_log_record_bytes(sizeof(bytes));
	struct pcr_digests digests;
	size_t got = 0;
	FILE *file;
	struct err err;

	assert_code(
	    event_log_open("measure.log", LIMIT_EVENT_LOG_BYTES, &log, &err),
	    0);
	assert_code(event_log_append(log, ROLE_PCR,
			bytes_of(bytes, sizeof(bytes)), &digests, &err),
	    0);
	record = malloc(len);
	assert_code(event_log_read(log, event_log_bytes(log) - len, record, len,
			&got, &err),
	    0);
	file = fopen("measure.log", "a");
	for (uint64_t left = event_log_left(log);
	     left >= LIMIT_EVENT_LOG_KEPT_BYTES + len; left -= len)
		assert_int_equal(fwrite(record, len, 1, file), 1);
	assert_int_equal(fclose(file), 0);
	event_log_closep(&log);
	assert_code(
	    event_log_open("measure.log", LIMIT_EVENT_LOG_BYTES, &log, &err),
	    0);
	assert_code(event_log_replay(log, ROLE_PCR, &replay, &err), 0);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		fake->values.value[bank][ROLE_PCR] = replay.value.bank[bank];
}

static void
a_full_log_refuses_builds_and_takes_ends(void **state)
{
	struct event build = build_of(1);
	struct event abandon = abandon_of(1);
	struct tpm_request call = {.kind = TPM_REQUEST_EVENT,
	    .event = build_of(2)};
	struct tpm_answer answer;
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_recorded(&build, 0, true, false);
	assert_int_equal(role_end(), 0);
	fill_log();
	assert_code(role_start_code(), 0);
	assert_code(role_ask(&call, &answer, NULL), EVENT_LOG_FULL);
	assert_false(answer.recorded.is_logged);
	assert_false(answer.recorded.is_broken);
	assert_int_equal(answer.log_build_bytes_left, 0);
	assert_recorded(&abandon, 0, true, false);
	assert_code(adopt_store(0xaa, 9, &recorded), 0);
	assert_int_equal(role_end(), 0);
	assert_true(log_file_bytes() <= LIMIT_EVENT_LOG_BYTES);
	assert_register_is_the_log();
}

/* --- time -------------------------------------------------------------- */

/* Somebody who has the log, for so long; -1: until he is killed. */
static pid_t
hold_log(int seconds)
{
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open("measure.log", O_RDWR | O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (flock(fd, LOCK_EX) != 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		poll(NULL, 0, seconds < 0 ? -1 : seconds * 1000);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* Longer than the five seconds that were once thought to be enough. */
static void
a_start_waits_for_a_predecessor_with_a_slow_tpm(void **state)
{
	pid_t holder;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_int_equal(role_end(), 0);
	holder = hold_log(7);
	assert_code(role_start_code(), 0);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
}

static void
a_start_does_not_wait_for_ever(void **state)
{
	pid_t holder;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_int_equal(role_end(), 0);
	holder = hold_log(-1);
	seconds_a_look = 1;
	assert_code(role_start_code(), EVENT_LOG_IO);
	seconds_a_look = 0;
	assert_int_equal(kill(holder, SIGKILL), 0);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
}

static void
every_call_has_its_time_until_the_supervisor_is_gone(void **state)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_EVENT,
	    .event = {.kind = EVENT_DESTROY},
	};
	struct recorded recorded;
	struct err err;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_in_range(fake->limit_seconds, LIMIT_TPM_START_SECONDS - 20,
	    LIMIT_TPM_START_SECONDS);
	for (uint32_t n = 2; n < 5; n++) {
		assert_code(role_record(EVENT_DESTROY, &recorded), 0);
		assert_int_equal(fake->limit_seconds, LIMIT_TPM_SECONDS);
		assert_int_equal(fake->limit_count, n);
	}
	/* Each step of a counter counts as a call. */
	assert_code(adopt_store(0xaa, 17, &recorded), 0);
	assert_int_equal(fake->limit_count, 5 + 10);
	/* All the rest has a time together. */
	assert_int_equal(kill(role.pid, SIGSTOP), 0);
	for (int i = 0; i < 4; i++)
		assert_code(ipc_send(role.link, &call, sizeof(call), -1, &err),
		    0);
	close(role.link);
	role.link = -1;
	assert_int_equal(kill(role.pid, SIGCONT), 0);
	role_end();
	assert_int_equal(fake->limit_seconds, LIMIT_TPM_END_SECONDS);
	assert_int_equal(fake->limit_count, 5 + 10 + 1);
	assert_int_equal(role_logged("\"ev\":\"destroy\""), 3 + 4);
	assert_int_equal(role_logged("\"ev\":\"stop\""), 1);
}

/* A role, its successor and all that they wait for fit into the time that the
 * supervisor waits for the first answer:
 * builder/supervisor/supervisor_tpm.c. */
static void
the_times_fit(void **state)
{
	(void)state;
	assert_true(LIMIT_TPM_HANDOVER_SECONDS >=
		    LIMIT_TPM_SECONDS + LIMIT_TPM_END_SECONDS);
	assert_true(LIMIT_TPM_START_SECONDS >=
		    LIMIT_TPM_HANDOVER_SECONDS + LIMIT_TPM_SECONDS);
	assert_true(LIMIT_TPM_START_SECONDS < 60);
}

/* --- what the next run makes up for ----------------------------------- */

/* The role fails in a build, as the test says, and another one starts. */
static int
start_after_a_failure_of(const char *operation, bool after)
{
	struct recorded recorded;

	assert_code(role_start_code(), 0);
	fail_at(operation, 0, after);
	assert_code(role_record(EVENT_BUILD, &recorded), TPM_FAILED);
	assert_int_equal(kill(role.pid, SIGKILL), 0);
	mend();
	role_end();
	return role_start_code();
}

static void
the_one_event_that_the_tpm_missed_is_made_up_for(void **state)
{
	struct recorded recorded;

	(void)state;
	assert_code(start_after_a_failure_of("pcr_extend", false), 0);
	assert_code(role_record(EVENT_ABANDON, &recorded), 0);
	assert_int_equal(role_end(), 0);
	assert_int_equal(role_logged("\"ev\":\"build\""), 1);
	assert_int_equal(role_logged("\"ev\":\"start\""), 2);
	assert_register_is_the_log();
}

static void
an_event_that_the_tpm_got_without_saying_so_is_not_extended_again(void **state)
{
	(void)state;
	assert_code(start_after_a_failure_of(FAKE_TPM_ALL, true), 0);
	assert_int_equal(role_end(), 0);
	assert_int_equal(calls_of("pcr_extend"), 4);
	assert_register_is_the_log();
}

static void
a_log_index_that_missed_the_last_event_gets_it(void **state)
{
	(void)state;
	give_log_index();
	assert_code(start_after_a_failure_of("log_extend", false), 0);
	assert_int_equal(role_end(), 0);
	assert_register_is_the_log();
	assert_code(start_after_a_failure_of("pcr_extend", false), 0);
	assert_int_equal(role_end(), 0);
	assert_register_is_the_log();
	assert_code(start_after_a_failure_of(FAKE_TPM_ALL, true), 0);
	assert_int_equal(role_end(), 0);
	assert_register_is_the_log();
}

static void
a_log_index_that_somebody_else_extended_is_found_out(void **state)
{
	struct recorded recorded;

	(void)state;
	give_log_index();
	fake->log.bytes[0] = 1;
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
	role_end();
	reset_tpm();
	assert_code(role_start_code(), 0);
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
	assert_int_equal(role_end(), 0);
	/* As if it had been made anew meanwhile. */
	memset(&fake->log, 0, sizeof(fake->log));
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
}

static void
add_to_log(const char *event)
{
	CLEANUP(event_log_closep) struct event_log *log = NULL;
	struct pcr_digests digests;
	struct err err;

	assert_code(
	    event_log_open("measure.log", LIMIT_EVENT_LOG_BYTES, &log, &err),
	    0);
	assert_code(event_log_append(log, ROLE_PCR, bytes_of_str(event),
			&digests, &err),
	    0);
}

static void
a_register_that_misses_more_than_one_event_is_refused(void **state)
{
	int extends;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_int_equal(role_end(), 0);
	add_to_log("one");
	add_to_log("two");
	extends = calls_of("pcr_extend");
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
	/* Only that it started. */
	assert_int_equal(calls_of("pcr_extend"), extends + 1);
}

/* Only the TPM may miss an event, not the log. */
static void
a_log_that_misses_its_last_event_is_refused(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	int extends;

	(void)state;
	assert_code(role_start_code(), 0);
	log = read_file("measure.log");
	assert_int_equal(role_end(), 0);
	write_file("measure.log", buffer_bytes(&log));
	extends = calls_of("pcr_extend");
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
	assert_int_equal(calls_of("pcr_extend"), extends + 1);
}

/* An extend is of both at once: this is somebody else's. */
static void
an_event_that_one_bank_alone_misses_is_not_extended(void **state)
{
	struct pcr_digest before;
	int extends;

	(void)state;
	assert_code(role_start_code(), 0);
	before = fake->values.value[PCR_SHA384][ROLE_PCR];
	assert_int_equal(role_end(), 0);
	fake->values.value[PCR_SHA384][ROLE_PCR] = before;
	extends = calls_of("pcr_extend");
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
	assert_int_equal(calls_of("pcr_extend"), extends + 1);
}

/* What was made up for would be another event than the log has. */
static void
a_last_record_with_the_digests_of_another_event_is_not_extended(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	int extends;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_int_equal(role_end(), 0);
	add_to_log("event");
	log = read_file("measure.log");
	log.ptr[log.len - 1] ^= 1;
	write_file("measure.log", buffer_bytes(&log));
	extends = calls_of("pcr_extend");
	assert_code(role_start_code(), EVENT_LOG_MALFORMED);
	/* Only that it started. */
	assert_int_equal(calls_of("pcr_extend"), extends + 1);
}

static void
a_tpm_that_fails_while_it_is_made_up_for_can_be_asked_again(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	CLEANUP(buffer_done) struct buffer same = {0};
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	strcpy(fake->fail_operation, "pcr_extend");
	assert_code(role_record(EVENT_BUILD, &recorded), TPM_FAILED);
	assert_int_equal(role_end(), 0);
	log = read_file("measure.log");
	assert_code(role_start_code(), TPM_FAILED);
	assert_code(role_record(EVENT_DESTROY, &recorded), TPM_FAILED);
	assert_int_equal(role_end(), 0);
	same = read_file("measure.log");
	assert_true(bytes_equal(buffer_bytes(&log), buffer_bytes(&same)));
	fake->fail_operation[0] = '\0';
	assert_code(role_start_code(), 0);
	assert_int_equal(role_end(), 0);
	assert_register_is_the_log();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    role_test(a_tpm_that_fails_once_costs_nothing),
	    role_test(
		a_tpm_that_fails_for_a_while_costs_the_builds_of_that_while),
	    role_test(
		a_register_that_others_extended_meanwhile_ends_all_recording),
	    role_test(a_disk_that_is_full_costs_the_builds_of_that_while),
	    role_test(rules_that_are_not_in_the_log_do_not_hold),
	    role_test(a_broken_recorder_says_so_to_who_asks_for_what_holds),
	    role_test(rules_that_are_in_the_log_hold_although_the_tpm_failed),
	    role_test(a_tpm_that_fails_once_at_the_start_costs_nothing),
	    role_test(a_forged_answer_at_the_start_is_not_asked_for_again),
	    role_test(a_start_that_the_tpm_did_not_take_is_made_up_for),
	    role_test(a_start_that_is_not_in_the_log_is_no_start),
	    role_test(evidence_brings_to_the_tpm_what_it_missed),
	    role_test(
		a_tpm_that_was_reset_is_found_out_after_a_quote_that_failed),
	    role_test(every_answer_says_what_is_left_of_the_log),
	    role_test(a_full_log_refuses_builds_and_takes_ends),
	    role_test(a_start_waits_for_a_predecessor_with_a_slow_tpm),
	    role_test(a_start_does_not_wait_for_ever),
	    role_test(every_call_has_its_time_until_the_supervisor_is_gone),
	    role_test(the_times_fit),
	    role_test(the_one_event_that_the_tpm_missed_is_made_up_for),
	    role_test(
		an_event_that_the_tpm_got_without_saying_so_is_not_extended_again),
	    role_test(a_log_index_that_missed_the_last_event_gets_it),
	    role_test(a_log_index_that_somebody_else_extended_is_found_out),
	    role_test(a_register_that_misses_more_than_one_event_is_refused),
	    role_test(a_log_that_misses_its_last_event_is_refused),
	    role_test(an_event_that_one_bank_alone_misses_is_not_extended),
	    role_test(
		a_last_record_with_the_digests_of_another_event_is_not_extended),
	    role_test(
		a_tpm_that_fails_while_it_is_made_up_for_can_be_asked_again),
	};

	return cmocka_run_group_tests_name("tpm_role_fault", tests, NULL, NULL);
}
