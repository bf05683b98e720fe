#include "base_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "measure/event_decode.h"
#include "measure_fixture.h"

static void
assert_malformed(struct bytes raw)
{
	struct event event = {.sequence = 77};
	struct err err;

	assert_refused(event_decode(raw, &event, &err), EVENT_MALFORMED);
	assert_int_equal(event.sequence, 77);
}

static void
assert_same_again(const struct event *event)
{
	uint8_t bytes[EVENT_BYTES], again[EVENT_BYTES];
	size_t len = event_encode(event, bytes);
	struct event found;
	struct err err = {0};

	if (event_decode(bytes_of(bytes, len), &found, &err) != 0)
		fail_msg("%s: %.*s", err.text, (int)len - 8, (char *)bytes + 8);
	assert_int_equal(found.kind, event->kind);
	assert_true(bytes_equal(bytes_of(bytes, len),
	    bytes_of(again, event_encode(&found, again))));
}

static void
every_event_is_read_as_it_was_written(void **state)
{
	struct event event;

	(void)state;
	for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
		event = good_event(kind);
		assert_same_again(&event);
	}
	event = good_event(EVENT_START);
	event.as.start.rules.has_store = false;
	event.as.start.rules.has_boot_policy = false;
	event.as.start.rules.trust_version = INT64_MIN;
	event.as.start.rules.epoch = INT64_MAX;
	event.as.start.nv_name_len = 0;
	event.as.start.is_development = true;
	memset(event.as.start.version, 'v', LIMIT_VERSION_BYTES);
	assert_same_again(&event);
	event = good_event(EVENT_BUILD);
	event.as.build.has_ramdisk = false;
	event.as.build.is_debug = true;
	event.as.build.domid = UINT32_MAX;
	memset(event.as.build.role, 'r', LIMIT_NAME_BYTES);
	assert_same_again(&event);
	event.as.build.by = (struct caller){
	    .kind = CALLER_USER,
	    .user = {UINT32_MAX, UINT32_MAX, 0},
	};
	assert_same_again(&event);
	event.as.build.by = good_client();
	event.as.build.by.domain.domid = UINT16_MAX;
	memset(event.as.build.by.domain.image, 'i', LIMIT_NAME_BYTES);
	assert_same_again(&event);
}

static void
every_error_is_read_by_its_name(void **state)
{
	(void)state;
	for (int code = 1; code <= BUG; code++) {
		struct event event = good_event(EVENT_ABANDON);

		event.as.abandon.why = (enum err_code)code;
		if (err_is_known(code))
			assert_same_again(&event);
	}
}

/* Put `text` in place of `old`, with the length that fits. */
static void
assert_text_refused(enum event_kind kind, const char *old, const char *text)
{
	struct event event = good_event(kind);
	uint8_t bytes[2 * EVENT_BYTES] = {0};
	size_t len = event_encode(&event, bytes);
	char *at = memmem(bytes, len, old, strlen(old));
	size_t rest;

	assert_non_null(at);
	rest = len - (size_t)(at - (char *)bytes) - strlen(old);
	memmove(at + strlen(text), at + strlen(old), rest);
	memcpy(at, text, strlen(text));
	len = len - strlen(old) + strlen(text);
	bytes_put_le(bytes + 4, len - EVENT_HEADER_BYTES, 4);
	assert_malformed(bytes_of(bytes, len));
}

static void
an_event_in_any_other_form_is_refused(void **state)
{
	char many[400];

	(void)state;
	memset(many, 'a', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	assert_text_refused(EVENT_STOP, "\"v\":1", "\"v\":2");
	assert_text_refused(EVENT_STOP, "}", "}}");
	assert_text_refused(EVENT_STOP, "}", ",\"more\":1}");
	assert_text_refused(EVENT_STOP, "stop", "halt");
	assert_text_refused(EVENT_STOP, "\"seq\":7", "\"seq\":07");
	assert_text_refused(EVENT_STOP, "\"seq\":7", "\"seq\":+7");
	assert_text_refused(EVENT_STOP, "\"seq\":7", "\"seq\": 7");
	assert_text_refused(EVENT_STOP, "\"seq\":7", "\"seq\":7.0");
	assert_text_refused(EVENT_STOP, "\"seq\":7", "\"seq\":0");
	assert_text_refused(EVENT_STOP, "\"seq\":7", "\"seq\":-7");
	assert_text_refused(EVENT_STOP, "\"seq\":7", "\"seq\":");
	assert_text_refused(EVENT_STOP, "\"seq\":7",
	    "\"seq\":9223372036854775808");
	assert_text_refused(EVENT_STOP, ",\"seq\"", "\"seq\"");
	assert_text_refused(EVENT_STOP, ",\"seq\"", ", \"seq\"");
	assert_text_refused(EVENT_STOP, "stop", many);
	assert_text_refused(EVENT_DESTROY, "\"domid\":9",
	    "\"domid\":4294967296");
	assert_text_refused(EVENT_DESTROY, "6a2f", "6A2F");
	assert_text_refused(EVENT_ABANDON, "XEN_FAILED", "XEN_FAILED_NOT");
	assert_text_refused(EVENT_START, "0.1.0", "0.1/0");
	assert_text_refused(EVENT_START, "0.1.0", many);
	assert_text_refused(EVENT_START, "\"pcr\":13", "\"pcr\":24");
	assert_text_refused(EVENT_START, "000b", "000d");
	assert_text_refused(EVENT_START, "false", "0");
	assert_text_refused(EVENT_POLICY, "\"trust\":\"11", "\"trust\":\"");
	assert_text_refused(EVENT_BUILD, "\"pv\"", "\"pvh\"");
}

/* Each byte, by one bit: it is another event in its own bytes, or refused. */
static void
no_two_texts_are_one_event(void **state)
{
	size_t taken = 0;

	(void)state;
	for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
		struct event event = good_event(kind);
		uint8_t bytes[EVENT_BYTES];
		size_t len = event_encode(&event, bytes);

		for (size_t bit = 0; bit < 8 * len; bit++) {
			uint8_t again[EVENT_BYTES];
			struct err err;

			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (event_decode(bytes_of(bytes, len), &event, &err) ==
			    0) {
				taken++;
				assert_int_equal(event_encode(&event, again),
				    len);
				assert_memory_equal(bytes, again, len);
			}
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t cut = 0; cut < len; cut++) {
			bytes_put_le(bytes + 4,
			    cut > EVENT_HEADER_BYTES ? cut - EVENT_HEADER_BYTES
						     : 0,
			    4);
			assert_malformed(bytes_of(bytes, cut));
		}
	}
	assert_in_range(taken, 1000, 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_event_is_read_as_it_was_written),
	    cmocka_unit_test(every_error_is_read_by_its_name),
	    cmocka_unit_test(an_event_in_any_other_form_is_refused),
	    cmocka_unit_test(no_two_texts_are_one_event),
	};

	return cmocka_run_group_tests_name("event_decode", tests, NULL, NULL);
}
