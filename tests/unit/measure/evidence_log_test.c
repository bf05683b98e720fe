/* Does a log lead to its register, and is it whole? */
#include "evidence_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "measure/verify/event_log_decode.h"

static void
cut_record(struct bench *bench, size_t index)
{
	memmove(&bench->records[index], &bench->records[index + 1],
	    (bench->count - index - 1) * sizeof(bench->records[0]));
	bench->count--;
	bench_log(bench);
}

static void
a_removed_line_is_refused(void **state)
{
	struct bench *bench = *state;

	cut_record(bench, 2);
	bench_refused(bench, EVIDENCE_LOG_REMOVED);
	cut_record(bench, 0);
	bench_refused(bench, EVIDENCE_LOG_REMOVED);
	bench->count = 0;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_REMOVED);
}

/* Nothing is out of sequence, but the register says that there is more. */
static void
a_removed_last_line_is_refused(void **state)
{
	struct bench *bench = *state;

	cut_record(bench, bench->count - 1);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
}

static void
reordered_lines_are_refused(void **state)
{
	struct bench *bench = *state;
	struct record record = bench->records[2];

	bench->records[2] = bench->records[3];
	bench->records[3] = record;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_REORDERED);
}

static void
a_changed_line_is_refused(void **state)
{
	struct bench *bench = *state;
	struct record *record = &bench->records[2];
	struct event build = bench_build(2);

	build.as.build.domid = 99;
	record->len = event_encode(&build, record->event);
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_CHANGED);
	/* With digests that fit, it leads elsewhere. */
	bench->count = 2;
	bench_record(bench, &build);
	bench->count = 7;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
	/* One bank alone. */
	bench->records[2].digests.bank[PCR_SHA384].bytes[47] ^= 1;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_CHANGED);
}

static void
an_added_line_is_refused(void **state)
{
	struct bench *bench = *state;
	size_t count = bench->count;

	bench->records[count] = bench->records[3];
	bench->count++;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
	bench->records[count].type = 0x0d; /* EV_IPL */
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
	bench->records[count].type = 6;
	bench->records[count].event[0] ^= 1; /* another tag */
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
	bench->count--;
	bench->records[2].pcr = 14;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
}

/* In its place, with its number, but not as assayd writes it. */
static void
a_record_of_another_type_is_refused(void **state)
{
	struct bench *bench = *state;

	bench->records[2].type = 0x0d; /* EV_IPL */
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
	bench->records[2].type = 6;
	bench->records[0].pcr = 14;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
}

/* For whoever reads a log without a quote: it says what was extended. */
static void
an_event_that_does_not_fit_its_record_is_seen(void **state)
{
	struct bench *bench = *state;
	const struct record *good = &bench->records[2];
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
	struct bench *bench = *state;
	struct bytes log = evidence_part_bytes(&bench->evidence.log);
	struct record *hidden = &bench->records[2];
	struct err err;

	assert_refused(event_log_check_all(log, &err), 0);
	hidden->event[0] ^= 3; /* the tag */
	bench_log(bench);
	log = evidence_part_bytes(&bench->evidence.log);
	assert_refused(event_log_check_all(log, &err), EVIDENCE_LOG_ADDED);
	hidden->event[0] ^= 3;
	/* It is assayd's, and fits its digest, but nobody reads it so. */
	hidden->event[EVENT_HEADER_BYTES] = ' ';
	assert_refused(pcr_digests_of(bytes_of(hidden->event, hidden->len),
			   &hidden->digests, &err),
	    0);
	bench_log(bench);
	log = evidence_part_bytes(&bench->evidence.log);
	assert_refused(event_log_check_all(log, &err), EVENT_MALFORMED);
	/* What others extended elsewhere is nothing to it. */
	bench->records[2] = bench->records[3];
	bench->records[3] = (struct record){.pcr = 4, .type = 1, .len = 3};
	bench_log(bench);
	log = evidence_part_bytes(&bench->evidence.log);
	assert_refused(event_log_check_all(log, &err), 0);
}

static void
a_start_with_another_number_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	start.sequence = 2;
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
}

static void
starts_that_name_different_indices_are_refused(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	start.as.start.nv_name_len = TPM_NAME_BYTES;
	memcpy(start.as.start.nv_name, bench->nv_name, TPM_NAME_BYTES);
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
}

/* The last one names none: nobody would ask for what the first one extended. */
static void
an_index_that_a_later_start_leaves_out_is_missed(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	memset(start.as.start.found, 0, sizeof(start.as.start.found));
	start.as.start.nv_name_len = TPM_NAME_BYTES;
	memcpy(start.as.start.nv_name, bench->nv_name, TPM_NAME_BYTES);
	bench->count = 0;
	bench_record(bench, &start);
	bench_extend(bench);
	start = bench_start(bench);
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
}

/* As after a crash, but what it found is neither of the two values. */
static void
a_start_after_a_crash_cannot_lie_about_the_register(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);
	struct event build = bench_build(7);

	start.as.start.found[PCR_SHA384].bytes[47] ^= 1;
	bench_record(bench, &start);
	bench_extend(bench);
	bench->count--;
	bench_record(bench, &build);
	bench_record(bench, &start);
	bench_log(bench);
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
}

/* A size over the limit is refused before anything is read. */
static void
what_is_too_large_is_refused_unread(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	struct event_log_reader reader;
	struct err err;

	assert_refused(event_log_reader_init(bytes_of(bench->evidence.log.ptr,
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
	struct bench *bench = *state;
	struct event stop = good_event(EVENT_STOP);
	struct event build = bench_build(8);

	stop.sequence = 8;
	bench_record(bench, &stop);
	bench_record(bench, &build);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
}

/* It has a tag, digests and a place, but assayd writes no such thing. */
static void
an_event_of_another_form_is_refused(void **state)
{
	struct bench *bench = *state;
	struct record *record = &bench->records[6];
	struct err err;

	record->event[record->len - 2] = ' ';
	assert_refused(pcr_digests_of(bytes_of(record->event, record->len),
			   &record->digests, &err),
	    0);
	bench_remake(bench);
	bench_refused(bench, EVENT_MALFORMED);
}

static void
a_quote_from_before_a_build_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event build = bench_build(7);

	bench_record(bench, &build);
	bench_log(bench);
	bench_refused(bench, EVIDENCE_NOT_MEASURED);
}

/* The host claims an image that never ran, and knows the digests. */
static void
an_event_that_was_never_measured_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event build = bench_build(7);

	bench->count--;
	bench_remake(bench);
	bench->count++;
	bench->count--;
	build.sequence = 7;
	bench_record(bench, &build);
	bench_log(bench);
	bench_refused(bench, EVIDENCE_NOT_MEASURED);
	/* Nothing at all was measured. */
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		memset(&bench->evidence.pcrs.value[bank][13], 0, PCR_MAX_BYTES);
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_NOT_MEASURED);
}

/* One evidence cannot tell a quote before a build from an invented build, two
 * can: docs/decisions/0017. */
static void
asking_again_tells_a_late_build_from_an_invented_one(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event build = bench_build(7);

	bench_record(bench, &build);
	bench_log(bench);
	bench_refused(bench, EVIDENCE_NOT_MEASURED);
	bench->nonce[0] ^= 1;
	bench_refused(bench, EVIDENCE_NONCE_MISMATCH);
	/* Nothing ran: the register is as it was. */
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_NOT_MEASURED);
	/* It ran. */
	bench_extend(bench);
	bench_quote(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
}

static void
a_register_that_others_extended_before_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	bench->count = 0;
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_REGISTER_USED);
}

/* And if assayd's own start event lies about it, nothing leads there. */
static void
a_register_that_others_extended_unseen_is_refused(void **state)
{
	struct bench *bench = *state;
	struct pcr_digest other = {{1}};
	struct err err;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		assert_refused(pcr_extend(bank, &other,
				   &bench->evidence.pcrs.value[bank][13], &err),
		    0);
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
}

static void
both_banks_are_replayed(void **state)
{
	struct bench *bench = *state;
	struct pcr_digest *value = bench->evidence.pcrs.value[PCR_SHA384];

	value[13].bytes[0] ^= 1;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
}

static void
a_firmware_log_that_lies_is_refused(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct record record = bench->records[0];

	bench->evidence.firmware_log = bench_pack(&record, 1);
	bench->evidence.firmware_log.len = 69;
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_true(verdict.has_firmware_log);
	evidence_verdict_done(&verdict);
	free(bench->evidence.firmware_log.ptr);
	record.pcr = 4;
	bench->evidence.firmware_log = bench_pack(&record, 1);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
	bench->evidence.firmware_log.len--;
	bench_refused(bench, EVENT_LOG_MALFORMED);
}

int
main(void)
{
#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_new, bench_free)
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
