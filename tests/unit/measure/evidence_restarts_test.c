/* What a log tells of starts, crashes and ends of domains. */
#include "evidence_fixture.h"

#include <string.h>

#include "base/scope.h"

static void
a_daemon_that_stopped_may_start_again(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event stop = good_event(EVENT_STOP);
	struct event start, build = fixture_build(1);

	stop.sequence = 8;
	fixture_record(fixture, &stop);
	fixture_extend(fixture);
	start = fixture_start(fixture);
	fixture_record(fixture, &start);
	fixture_record(fixture, &build);
	fixture_remake(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.history.start_count, 2);
	assert_int_equal(verdict.history.crash_count, 0);
	assert_int_equal(verdict.history.unmeasured_count, 0);
	assert_int_equal(verdict.history.domain_count, 4);
}

static void
a_crash_is_told(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event start = fixture_start(fixture);

	fixture_record(fixture, &start);
	fixture_remake(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.history.crash_count, 1);
}

/* Logged, not extended, crashed: the next start found the value before. */
static void
a_crash_between_log_and_register_is_told(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event start = fixture_start(fixture);
	struct event build = fixture_build(7);

	fixture_record(fixture, &start);
	fixture_extend(fixture);
	fixture->records[fixture->count] = fixture->records[fixture->count - 1];
	fixture->count--;
	fixture_record(fixture, &build);
	fixture->count++;
	fixture_log(fixture);
	fixture_quote(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.history.unmeasured_count, 1);
	assert_int_equal(verdict.history.domains[3].fate, EVIDENCE_UNMEASURED);
}

/* Nothing ended by an event that was not measured: the domain still runs. */
static void
an_end_that_was_not_measured_is_not_told(void **state)
{
	static const enum event_kind ends[] = {EVENT_DESTROY, EVENT_ABANDON};
	struct fixture *fixture = *state;
	struct event start = fixture_start(fixture);
	size_t count = fixture->count;

	fixture_record(fixture, &start);
	fixture_extend(fixture);
	for (size_t i = 0; i < countof(ends); i++) {
		CLEANUP(evidence_verdict_done)
		struct evidence_verdict verdict = {.release = 9};
		struct event end = fixture_end(ends[i], 3);

		end.sequence = 8;
		fixture->count = count;
		fixture_record(fixture, &end);
		fixture_record(fixture, &start);
		fixture_log(fixture);
		fixture_quote(fixture);
		assert_refused(fixture_verify(fixture, &verdict), 0);
		assert_int_equal(verdict.history.unmeasured_count, 1);
		assert_int_equal(verdict.history.domains[0].fate,
		    EVIDENCE_DESTROYED);
		assert_int_equal(verdict.history.domains[2].fate,
		    EVIDENCE_STARTED);
	}
}

/* A measured end stays, though a start after it was not measured. */
static void
an_end_before_an_unmeasured_start_is_told(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event destroy = fixture_end(EVENT_DESTROY, 3);
	struct event start;

	destroy.sequence = 8;
	fixture_record(fixture, &destroy);
	fixture_extend(fixture);
	start = fixture_start(fixture);
	fixture_record(fixture, &start);
	fixture_extend(fixture);
	fixture_record(fixture, &start);
	fixture_log(fixture);
	fixture_quote(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.history.unmeasured_count, 1);
	assert_int_equal(verdict.history.domains[2].fate, EVIDENCE_DESTROYED);
}

/* Somebody on the way adds a build of the same uuid, which never ran, before a
 * start that follows a crash: the end after it is still that of the real one.
 */
static void
a_build_that_was_not_measured_takes_no_end(void **state)
{
	static const enum event_kind ends[] = {EVENT_DESTROY, EVENT_ABANDON};
	static const enum evidence_fate fates[] = {EVIDENCE_DESTROYED,
	    EVIDENCE_ABANDONED};
	struct fixture *fixture = *state;
	struct event start = fixture_start(fixture);
	struct event phantom = fixture_build(7);
	size_t count = fixture->count;

	phantom.as.build.uuid[15] = 3;
	for (size_t i = 0; i < countof(ends); i++) {
		CLEANUP(evidence_verdict_done)
		struct evidence_verdict verdict = {.release = 9};
		struct event end = fixture_end(ends[i], 3);

		end.sequence = 2;
		fixture->count = count;
		fixture_record(fixture, &start);
		fixture_record(fixture, &end);
		fixture_remake(fixture);
		fixture->count = count;
		fixture_record(fixture, &phantom);
		fixture_record(fixture, &start);
		fixture_record(fixture, &end);
		fixture_log(fixture);
		assert_refused(fixture_verify(fixture, &verdict), 0);
		assert_int_equal(verdict.history.domain_count, 4);
		assert_int_equal(verdict.history.domains[2].fate, fates[i]);
		assert_int_equal(verdict.history.domains[3].fate,
		    EVIDENCE_UNMEASURED);
	}
}

/* Anybody between host and verifier can add one, before any start. */
static void
a_start_that_was_not_measured_tells_nothing(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event start = fixture_start(fixture);
	struct event added = start;

	added.as.start.is_development = true;
	added.as.start.nv_name_len = TPM_NAME_BYTES;
	memcpy(added.as.start.nv_name, fixture->nv_name, TPM_NAME_BYTES);
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture->count--;
	fixture_record(fixture, &added);
	fixture_record(fixture, &start);
	fixture_log(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.history.start_count, 2);
	assert_int_equal(verdict.history.crash_count, 1);
	assert_int_equal(verdict.history.unmeasured_count, 1);
	assert_false(verdict.history.was_development);
}

/* Domain ids and uuids are used again; a pair that lives is one domain. */
static void
a_domain_ends_by_its_uuid_and_its_id(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event build = fixture_build(7);
	struct event end = fixture_end(EVENT_DESTROY, 3);
	struct boot_history *history = &verdict.history;

	/* Another domain of the same uuid, and the end of the older one. */
	build.sequence = 8;
	build.as.build.uuid[15] = 3;
	fixture_record(fixture, &build);
	end.sequence = 9;
	fixture_record(fixture, &end);
	/* An id that neither of them has. */
	end.sequence = 10;
	end.as.destroy.domid = 99;
	fixture_record(fixture, &end);
	fixture_remake(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(history->domains[2].fate, EVIDENCE_DESTROYED);
	assert_int_equal(history->domains[3].fate, EVIDENCE_STARTED);
	assert_int_equal(history->stray_count, 1);
	assert_int_equal(history->strays[0].event, 10);
	assert_int_equal(history->strays[0].kind, EVENT_DESTROY);
	assert_int_equal(history->strays[0].domid, 99);
}

static void
events_that_fit_no_domain_are_told(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	const struct boot_history *history = &verdict.history;
	struct event never = fixture_end(EVENT_ABANDON, 8);
	struct event again = fixture_end(EVENT_ABANDON, 1);
	struct event twice = fixture_build(3);

	never.sequence = 8;
	fixture_record(fixture, &never);
	again.sequence = 9; /* it was destroyed, and stays so */
	fixture_record(fixture, &again);
	twice.sequence = 10;
	fixture_record(fixture, &twice);
	fixture_remake(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(history->stray_count, 3);
	assert_int_equal(history->strays[0].kind, EVENT_ABANDON);
	assert_int_equal(history->strays[0].domid, 8);
	assert_int_equal(history->strays[1].event, 9);
	assert_int_equal(history->strays[2].kind, EVENT_BUILD);
	assert_int_equal(history->domains[0].fate, EVIDENCE_DESTROYED);
	assert_int_equal(history->domain_count, 4);
}

static void
a_stop_that_was_not_measured_is_a_crash(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event start = fixture_start(fixture);
	struct event stop = good_event(EVENT_STOP);

	fixture_record(fixture, &start);
	fixture_extend(fixture);
	fixture->count--;
	stop.sequence = 8;
	fixture_record(fixture, &stop);
	fixture_record(fixture, &start);
	fixture_log(fixture);
	fixture_quote(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.history.crash_count, 1);
}

/* The whole log made up, extended into a register beside assayd's. */
static void
a_log_that_chose_its_register_is_refused(void **state)
{
	static const unsigned others[] = {14, 16, 23};
	struct fixture *fixture = *state;
	struct pcr_values *pcrs = &fixture->evidence.pcrs;
	struct event start = fixture_start(fixture);

	memset(start.as.start.found, 0, sizeof(start.as.start.found));
	fixture->count = 0;
	fixture_record(fixture, &start);
	fixture_extend(fixture);
	for (size_t i = 0; i < countof(others); i++) {
		unsigned pcr = others[i];

		start.as.start.pcr = pcr;
		fixture->count = 0;
		fixture_record(fixture, &start);
		fixture->records[0].pcr = pcr;
		for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
			struct err err;

			memset(&pcrs->value[bank][pcr], 0, PCR_MAX_BYTES);
			assert_refused(
			    pcr_extend(bank,
				&fixture->records[0].digests.bank[bank],
				&pcrs->value[bank][pcr], &err),
			    0);
		}
		fixture_log(fixture);
		fixture_quote(fixture);
		fixture_refused(fixture, EVIDENCE_LOG_ADDED);
	}
	/* Nor may the event name another register than its record. */
	fixture->records[0].pcr = 13;
	fixture_extend(fixture);
	fixture_log(fixture);
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_ADDED);
}

static void
a_start_that_found_something_else_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct event start = fixture_start(fixture);

	start.as.start.found[PCR_SHA256].bytes[0] ^= 1;
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_MISMATCH);
}

static void
a_start_in_another_register_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct event start = fixture_start(fixture);

	start.as.start.pcr = 14;
	fixture_record(fixture, &start);
	fixture->records[fixture->count - 1].pcr = 14;
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_ADDED);
}

/* A host may write any number of them: what is told is bounded. */
static void
the_first_hundred_that_fit_no_domain_are_told(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	const struct boot_history *history = &verdict.history;
	struct event end = fixture_end(EVENT_DESTROY, 8);

	for (size_t i = 0; i < EVIDENCE_STRAYS + 3; i++) {
		end.sequence = 8 + i;
		fixture_record(fixture, &end);
	}
	fixture_remake(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(history->stray_count, EVIDENCE_STRAYS + 3);
	assert_int_equal(history->strays[0].event, 8);
	assert_int_equal(history->strays[EVIDENCE_STRAYS - 1].event, 107);
}

/* Domain number n of the good log asks. */
static struct caller
client_of(unsigned n)
{
	const struct event client = fixture_build(n);
	struct caller by = good_client();

	by.domain.domid = n;
	memcpy(by.domain.uuid, client.as.build.uuid, UUID_BYTES);
	strcpy(by.domain.role, client.as.build.role);
	by.domain.envelope = client.as.build.envelope;
	return by;
}

/* assayd knows its clients by its own builds: here it could not have. */
static void
a_caller_that_the_log_does_not_have_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct event build = fixture_build(4);
	const size_t count = fixture->count;

	build.sequence = 8;
	for (unsigned wrong = 0; wrong <= 5; wrong++) {
		CLEANUP(evidence_verdict_done)
		struct evidence_verdict verdict = {.release = 9};
		struct caller *by = &build.as.build.by;

		*by = client_of(3);
		if (wrong == 1)
			by->domain.domid = 4; /* its own, which is not before */
		else if (wrong == 2)
			by->domain.uuid[0] ^= 1;
		else if (wrong == 3)
			strcpy(by->domain.role, "other");
		else if (wrong == 4)
			by->domain.envelope.bytes[0] ^= 1;
		else if (wrong == 5) /* it was abandoned */
			*by = client_of(2);
		fixture->count = count;
		fixture_record(fixture, &build);
		fixture_remake(fixture);
		assert_refused(fixture_verify(fixture, &verdict), 0);
		assert_int_equal(verdict.history.domains[3].is_caller_unknown,
		    wrong != 0);
		assert_false(verdict.history.domains[2].is_caller_unknown);
	}
}

/* Which ended by now, and asked before. */
static void
a_caller_that_ended_is_known(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event build = fixture_build(4);

	build.sequence = 8;
	build.as.build.by = client_of(1);
	fixture_record(fixture, &build);
	fixture_remake(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.history.domains[0].fate, EVIDENCE_DESTROYED);
	assert_false(verdict.history.domains[3].is_caller_unknown);
}

int
main(void)
{
#define BENCH(test) \
	cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
	    BENCH(a_daemon_that_stopped_may_start_again),
	    BENCH(a_crash_is_told),
	    BENCH(a_crash_between_log_and_register_is_told),
	    BENCH(an_end_that_was_not_measured_is_not_told),
	    BENCH(an_end_before_an_unmeasured_start_is_told),
	    BENCH(a_build_that_was_not_measured_takes_no_end),
	    BENCH(a_start_that_was_not_measured_tells_nothing),
	    BENCH(a_domain_ends_by_its_uuid_and_its_id),
	    BENCH(events_that_fit_no_domain_are_told),
	    BENCH(a_stop_that_was_not_measured_is_a_crash),
	    BENCH(a_log_that_chose_its_register_is_refused),
	    BENCH(a_start_that_found_something_else_is_refused),
	    BENCH(a_start_in_another_register_is_refused),
	    BENCH(the_first_hundred_that_fit_no_domain_are_told),
	    BENCH(a_caller_that_the_log_does_not_have_is_told),
	    BENCH(a_caller_that_ended_is_known),
	};

	return cmocka_run_group_tests_name("evidence_restarts", tests, NULL,
	    NULL);
}
