/*
 * Event logs: what is read can be replayed and exported, and its events that
 * decode are the bytes that encoding makes again.
 */
#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "measure/verify/cel_json.h"
#include "measure/event_decode.h"
#include "measure/verify/evidence_log.h"
#include "tests/fuzz/fuzz.h"

static void
check_event(struct bytes raw)
{
	uint8_t again[EVENT_BYTES];
	struct event event;
	struct err err;

	if (event_decode(raw, &event, &err) == 0)
		bug_unless(bytes_equal(raw,
		    bytes_of(again, event_encode(&event, again))));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(boot_history_done)
	struct boot_history story = {.domains = NULL};
	struct bytes log = bytes_of(data, len);
	struct event_log_reader reader;
	struct pcr_values values = {{0}, {{{{0}}}}};
	struct err err;

	check_event(log);
	evidence_log_check(log, 13, &values, &story, &err);
	if (event_log_registers(log, &values, &err) != 0)
		return 0;
	bug_unless(event_log_reader_init(log, &reader, &err) == 0);
	while (!event_log_is_at_end(&reader)) {
		CLEANUP(json_freep) json_t *object = NULL;
		struct event_log_record record;

		bug_unless(event_log_next(&reader, &record, &err) == 0);
		check_event(record.event);
		object = cel_json_of(&record);
		bug_unless(object != NULL);
	}
	return 0;
}
