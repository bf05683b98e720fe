/* Does a log lead to its register, and is it whole? */
#include "evidence_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "measure/verify/event_log_decode.h"

static void
cut_record(struct fixture *fixture, size_t index)
{
	memmove(&fixture->records[index], &fixture->records[index + 1],
	    (fixture->count - index - 1) * sizeof(fixture->records[0]));
	fixture->count--;
	fixture_log(fixture);
}

static void
a_removed_line_is_refused(void **state)
{
	struct fixture *fixture = *state;

	cut_record(fixture, 2);
	fixture_refused(fixture, EVIDENCE_LOG_REMOVED);
	cut_record(fixture, 0);
	fixture_refused(fixture, EVIDENCE_LOG_REMOVED);
	fixture->count = 0;
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_REMOVED);
}

/* Nothing is out of sequence, but the register says that there is more. */
static void
a_removed_last_line_is_refused(void **state)
{
	struct fixture *fixture = *state;

	cut_record(fixture, fixture->count - 1);
	fixture_refused(fixture, EVIDENCE_LOG_MISMATCH);
}

static void
reordered_lines_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct record record = fixture->records[2];

	fixture->records[2] = fixture->records[3];
	fixture->records[3] = record;
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_REORDERED);
}

static void
a_changed_line_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct record *record = &fixture->records[2];
	struct event build = fixture_build(2);

	build.as.build.domid = 99;
	record->len = event_encode(&build, record->event);
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_CHANGED);
	/* With digests that fit, it leads elsewhere. */
	fixture->count = 2;
	fixture_record(fixture, &build);
	fixture->count = 7;
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_MISMATCH);
	/* One bank alone. */
	fixture->records[2].digests.bank[PCR_SHA384].bytes[47] ^= 1;
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_CHANGED);
}

static void
an_added_line_is_refused(void **state)
{
	struct fixture *fixture = *state;
	size_t count = fixture->count;

	fixture->records[count] = fixture->records[3];
	fixture->count++;
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_ADDED);
	fixture->records[count].type = 0x0d; /* EV_IPL */
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_ADDED);
	fixture->records[count].type = 6;
	fixture->records[count].event[0] ^= 1; /* another tag */
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_ADDED);
	fixture->count--;
	fixture->records[2].pcr = 14;
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_ADDED);
}

/* In its place, with its number, but not as assayd writes it. */
static void
a_record_of_another_type_is_refused(void **state)
{
	struct fixture *fixture = *state;

	fixture->records[2].type = 0x0d; /* EV_IPL */
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_ADDED);
	fixture->records[2].type = 6;
	fixture->records[0].pcr = 14;
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_ADDED);
}

/* For whoever reads a log without a quote: it says what was extended. */
static void
an_event_that_does_not_fit_its_record_is_seen(void **state)
{
	struct fixture *fixture = *state;
	const struct record *good = &fixture->records[2];
	struct event_log_record record = {
	    .type = 6,
	    .banks = 3,
	    .digests = good->digests,
	    .event = bytes_of(good->event, good->len),
	};
	struct err err;

	assert_refused(event_log_check(&record, &err), 0);
	record.type = EVENT_LOG_NO_ACTION;
	assert_refused(event_log_check(&record, &err), EVIDENCE_LOG_CHANGED);
	record.type = 6;
	record.banks = 1;
	assert_refused(event_log_check(&record, &err), EVIDENCE_LOG_CHANGED);
	record.banks = 3;
	record.digests.bank[PCR_SHA384].bytes[47] ^= 1;
	assert_refused(event_log_check(&record, &err), EVIDENCE_LOG_CHANGED);
	/* Of firmware's events nobody knows. */
	record.event = bytes_of_str("EFI variable");
	assert_refused(event_log_check(&record, &err), 0);
}

/* With its digest it leads to the same register. */
static void
an_event_that_a_changed_byte_hides_is_seen(void **state)
{
	struct fixture *fixture = *state;
	struct bytes log = evidence_part_bytes(&fixture->evidence.log);
	struct record *hidden = &fixture->records[2];
	struct err err;

	assert_refused(event_log_check_all(log, &err), 0);
	hidden->event[0] ^= 3; /* the tag */
	fixture_log(fixture);
	log = evidence_part_bytes(&fixture->evidence.log);
	assert_refused(event_log_check_all(log, &err), EVIDENCE_LOG_ADDED);
	hidden->event[0] ^= 3;
	/* It is assayd's, and fits its digest, but nobody reads it so. */
	hidden->event[EVENT_HEADER_BYTES] = ' ';
	assert_refused(pcr_digests_of(bytes_of(hidden->event, hidden->len),
			   &hidden->digests, &err),
	    0);
	fixture_log(fixture);
	log = evidence_part_bytes(&fixture->evidence.log);
	assert_refused(event_log_check_all(log, &err), EVENT_MALFORMED);
	/* What others extended elsewhere is nothing to it. */
	fixture->records[2] = fixture->records[3];
	fixture->records[3] = (struct record){.pcr = 4, .type = 1, .len = 3};
	fixture_log(fixture);
	log = evidence_part_bytes(&fixture->evidence.log);
	assert_refused(event_log_check_all(log, &err), 0);
}

static void
a_start_with_another_number_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct event start = fixture_start(fixture);

	start.sequence = 2;
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_ADDED);
}

static void
starts_that_name_different_indices_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct event start = fixture_start(fixture);

	start.as.start.nv_name_len = TPM_NAME_BYTES;
	memcpy(start.as.start.nv_name, fixture->nv_name, TPM_NAME_BYTES);
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
}

/* The last one names none: nobody would ask for what the first one extended. */
static void
an_index_that_a_later_start_leaves_out_is_missed(void **state)
{
	struct fixture *fixture = *state;
	struct event start = fixture_start(fixture);

	memset(start.as.start.found, 0, sizeof(start.as.start.found));
	start.as.start.nv_name_len = TPM_NAME_BYTES;
	memcpy(start.as.start.nv_name, fixture->nv_name, TPM_NAME_BYTES);
	fixture->count = 0;
	fixture_record(fixture, &start);
	fixture_extend(fixture);
	start = fixture_start(fixture);
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
}

/* As after a crash, but what it found is neither of the two values. */
static void
a_start_after_a_crash_cannot_lie_about_the_register(void **state)
{
	struct fixture *fixture = *state;
	struct event start = fixture_start(fixture);
	struct event build = fixture_build(7);

	start.as.start.found[PCR_SHA384].bytes[47] ^= 1;
	fixture_record(fixture, &start);
	fixture_extend(fixture);
	fixture->count--;
	fixture_record(fixture, &build);
	fixture_record(fixture, &start);
	fixture_log(fixture);
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_MISMATCH);
}

/* A size over the limit is refused before anything is read. */
static void
what_is_too_large_is_refused_unread(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	struct event_log_reader reader;
	struct err err;

	assert_refused(event_log_reader_init(bytes_of(fixture->evidence.log.ptr,
						 LIMIT_EVENT_LOG_BYTES + 1),
			   &reader, &err),
	    EVENT_LOG_MALFORMED);
	assert_refused(evidence_decode(bytes_of("{}", LIMIT_EVIDENCE_BYTES + 1),
			   &evidence, &err),
	    EVIDENCE_MALFORMED);
}

static void
an_event_after_the_stop_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct event stop = good_event(EVENT_STOP);
	struct event build = fixture_build(8);

	stop.sequence = 8;
	fixture_record(fixture, &stop);
	fixture_record(fixture, &build);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_ADDED);
}

/* It has a tag, digests and a place, but assayd writes no such thing. */
static void
an_event_of_another_form_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct record *record = &fixture->records[6];
	struct err err;

	record->event[record->len - 2] = ' ';
	assert_refused(pcr_digests_of(bytes_of(record->event, record->len),
			   &record->digests, &err),
	    0);
	fixture_remake(fixture);
	fixture_refused(fixture, EVENT_MALFORMED);
}

static void
a_quote_from_before_a_build_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct event build = fixture_build(7);

	fixture_record(fixture, &build);
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_NOT_MEASURED);
}

/* The host claims an image that never ran, and knows the digests. */
static void
an_event_that_was_never_measured_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct event build = fixture_build(7);

	fixture->count--;
	fixture_remake(fixture);
	fixture->count++;
	fixture->count--;
	build.sequence = 7;
	fixture_record(fixture, &build);
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_NOT_MEASURED);
	/* Nothing at all was measured. */
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		memset(&fixture->evidence.pcrs.value[bank][13], 0,
		    PCR_MAX_BYTES);
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_NOT_MEASURED);
}

/* One evidence cannot tell a quote before a build from an invented build, two
 * can: docs/decisions/0017. */
static void
asking_again_tells_a_late_build_from_an_invented_one(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event build = fixture_build(7);

	fixture_record(fixture, &build);
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_NOT_MEASURED);
	fixture->nonce[0] ^= 1;
	fixture_refused(fixture, EVIDENCE_NONCE_MISMATCH);
	/* Nothing ran: the register is as it was. */
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_NOT_MEASURED);
	/* It ran. */
	fixture_extend(fixture);
	fixture_quote(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
}

static void
a_register_that_others_extended_before_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct event start = fixture_start(fixture);

	fixture->count = 0;
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_REGISTER_USED);
}

/* And if assayd's own start event lies about it, nothing leads there. */
static void
a_register_that_others_extended_unseen_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct pcr_digest other = {{1}};
	struct err err;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		assert_refused(pcr_extend(bank, &other,
				   &fixture->evidence.pcrs.value[bank][13],
				   &err),
		    0);
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_MISMATCH);
}

static void
both_banks_are_replayed(void **state)
{
	struct fixture *fixture = *state;
	struct pcr_digest *value = fixture->evidence.pcrs.value[PCR_SHA384];

	value[13].bytes[0] ^= 1;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_LOG_MISMATCH);
}

static void
a_firmware_log_that_lies_is_refused(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct record record = fixture->records[0];

	fixture->evidence.firmware_log = fixture_pack(&record, 1);
	fixture->evidence.firmware_log.len = 69;
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_true(verdict.has_firmware_log);
	evidence_verdict_done(&verdict);
	free(fixture->evidence.firmware_log.ptr);
	record.pcr = 4;
	fixture->evidence.firmware_log = fixture_pack(&record, 1);
	fixture_refused(fixture, EVIDENCE_LOG_MISMATCH);
	fixture->evidence.firmware_log.len--;
	fixture_refused(fixture, EVENT_LOG_MALFORMED);
}

int
main(void)
{
#define BENCH(test) \
	cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
	    BENCH(a_removed_line_is_refused),
	    BENCH(a_removed_last_line_is_refused),
	    BENCH(reordered_lines_are_refused),
	    BENCH(a_changed_line_is_refused),
	    BENCH(an_added_line_is_refused),
	    BENCH(a_record_of_another_type_is_refused),
	    BENCH(an_event_that_does_not_fit_its_record_is_seen),
	    BENCH(an_event_that_a_changed_byte_hides_is_seen),
	    BENCH(a_start_with_another_number_is_refused),
	    BENCH(starts_that_name_different_indices_are_refused),
	    BENCH(an_index_that_a_later_start_leaves_out_is_missed),
	    BENCH(a_start_after_a_crash_cannot_lie_about_the_register),
	    BENCH(what_is_too_large_is_refused_unread),
	    BENCH(an_event_after_the_stop_is_refused),
	    BENCH(an_event_of_another_form_is_refused),
	    BENCH(a_quote_from_before_a_build_is_refused),
	    BENCH(an_event_that_was_never_measured_is_refused),
	    BENCH(asking_again_tells_a_late_build_from_an_invented_one),
	    BENCH(a_register_that_others_extended_before_is_refused),
	    BENCH(a_register_that_others_extended_unseen_is_refused),
	    BENCH(both_banks_are_replayed),
	    BENCH(a_firmware_log_that_lies_is_refused),
	};

	return cmocka_run_group_tests_name("evidence_log", tests, NULL, NULL);
}
