#include "builder_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "builder/receipt.h"
#include "builder/timing_names.h"

#define OTHER_DIGEST                       \
	"sha256:"                          \
	"00000000000000000000000000000000" \
	"00000000000000000000000000000000"

static char *
encoded(const struct receipt *receipt)
{
	json_t *document = receipt_encode(receipt);
	char *text;

	assert_non_null(document);
	text = json_dumps(document, JSON_COMPACT);
	json_decref(document);
	return text;
}

/* Timing is for the caller alone. */
static void
receipt_is_read_back_but_for_its_timing(void **state)
{
	struct receipt receipt = good_receipt();
	struct receipt back;
	CLEANUP(freep) char *text = encoded(&receipt);
	struct err err;

	(void)state;
	memset(&back, 0x5a, sizeof(back));
	assert_code(receipt_decode(bytes_of_str(text), &back, &err), 0);
	memset(&receipt.timing, 0, sizeof(receipt.timing));
	assert_memory_equal(&back.guest.uuid, &receipt.guest.uuid,
	    sizeof(back.guest.uuid));
	assert_int_equal(back.domid, receipt.domid);
	assert_string_equal(back.guest.name, receipt.guest.name);
	assert_string_equal(back.image.name, receipt.image.name);
	assert_string_equal(back.image.version, receipt.image.version);
	assert_string_equal(back.image.role, receipt.image.role);
	assert_int_equal(back.image.is_debug, receipt.image.is_debug);
	assert_int_equal(back.was_cached, receipt.was_cached);
	assert_true(
	    digest_equal(&back.image.envelope, &receipt.image.envelope));
	assert_true(digest_equal(&back.image.payload, &receipt.image.payload));
	assert_string_equal(back.configuration, receipt.configuration);
	assert_true(digest_equal(&back.config, &receipt.config));
	assert_true(digest_equal(&back.measurement, &receipt.measurement));
	assert_int_equal(back.image.signer_count, receipt.image.signer_count);
	assert_true(back.image.signer_count > 0);
	assert_memory_equal(back.image.signers, receipt.image.signers,
	    sizeof(back.image.signers));
	assert_string_equal(back.image.rollback_location,
	    receipt.image.rollback_location);
	assert_int_equal(back.image.rollback_index,
	    receipt.image.rollback_index);
	assert_int_equal(back.passed_over.count, receipt.passed_over.count);
	for (size_t i = 0; i < LIMIT_PASSED_OVER; i++) {
		assert_string_equal(back.passed_over.images[i].version,
		    receipt.passed_over.images[i].version);
		assert_int_equal(back.passed_over.images[i].code,
		    receipt.passed_over.images[i].code);
	}
	assert_int_equal(back.sequence, receipt.sequence);
	assert_int_equal(back.guest.memory_mib, receipt.guest.memory_mib);
	assert_int_equal(back.guest.vcpus, receipt.guest.vcpus);
	assert_memory_equal(&back.grants, &receipt.grants, sizeof(back.grants));
	assert_memory_equal(&back.timing, &receipt.timing, sizeof(back.timing));
}

static void
receipt_names_every_phase_of_the_build(void **state)
{
	struct receipt receipt = good_receipt();
	json_t *document = receipt_encode(&receipt);
	json_t *timing = json_object_get(document, "timing_usec");

	(void)state;
	assert_int_equal(json_object_size(timing), TIMING_PHASE_COUNT);
	for (int i = 0; i < TIMING_PHASE_COUNT; i++)
		assert_int_equal(json_integer_value(json_object_get(timing,
				     timing_phase_name((enum timing_phase)i))),
		    i + 1);
	json_decref(document);
}

/* Takes the value. NULL removes the member. */
static void
assert_refused_with(const char *member, json_t *value)
{
	struct receipt receipt = good_receipt();
	struct receipt back;
	struct receipt before;
	CLEANUP(json_freep) json_t *document = receipt_encode(&receipt);
	CLEANUP(freep) char *text = NULL;
	struct err err = {0};

	if (value == NULL)
		assert_int_equal(json_object_del(document, member), 0);
	else
		json_object_set_new(document, member, value);
	text = tree_text(document);
	memset(&back, 0x5a, sizeof(back));
	before = back;
	if (receipt_decode(bytes_of_str(text), &back, &err) == 0)
		fail_msg("%s was taken", text);
	assert_code((int)err.code, CONFIG_BAD);
	assert_has(err.field, member);
	assert_memory_equal(&back, &before, sizeof(back));
}

static void
receipt_refuses_a_missing_or_wrong_member(void **state)
{
	static const char *const members[] = {"schema", "domid", "uuid", "name",
	    "image", "version", "role", "debug", "cached", "envelope_digest",
	    "payload_digest", "configuration", "config_digest", "measurement",
	    "sequence", "memory_mib", "vcpus", "grants", "signers", "rollback"};

	(void)state;
	for (size_t i = 0; i < countof(members); i++) {
		assert_refused_with(members[i], NULL);
		assert_refused_with(members[i], json_null());
		assert_refused_with(members[i], json_real(1.5));
		assert_refused_with(members[i], json_object());
	}
	assert_refused_with("unknown", json_true());
}

static void
receipt_refuses_values_out_of_range(void **state)
{
	char long_name[LIMIT_NAME_BYTES + 2];
	char long_text[CONFIGURATION_BYTES + 2];

	(void)state;
	memset(long_name, 'n', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	memset(long_text, 't', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	assert_refused_with("schema", json_string("assay.receipt/2"));
	assert_refused_with("domid", json_integer(0));
	assert_refused_with("domid", json_integer(65536));
	assert_refused_with("uuid", json_string("6a2f3f1c"));
	assert_refused_with("name", json_string(long_name));
	assert_refused_with("version", json_string(long_name));
	assert_refused_with("role", json_string(long_name));
	assert_refused_with("measurement", json_string("sha256:00"));
	assert_refused_with("config_digest", json_string(OTHER_DIGEST));
	assert_refused_with("configuration", json_string(long_text));
	assert_refused_with("sequence", json_integer(0));
	assert_refused_with("sequence", json_integer(-1));
	assert_refused_with("memory_mib", json_integer(0));
	assert_refused_with("memory_mib", json_integer(LIMIT_MEMORY_MIB + 1));
	assert_refused_with("vcpus", json_integer(LIMIT_VCPUS + 1));
}

static void
receipt_refuses_malformed_grants(void **state)
{
	static const char *const grants[] = {"[]",
	    "[{\"ref\":0,\"domid\":2,\"frame\":1,\"flags\":1}]", "[1,2]",
	    "[{\"ref\":1,\"domid\":2,\"frame\":1,\"flags\":1},"
	    "{\"ref\":0,\"domid\":2,\"frame\":1,\"flags\":1}]",
	    "[{\"ref\":0,\"domid\":65536,\"frame\":1,\"flags\":1},"
	    "{\"ref\":1,\"domid\":2,\"frame\":1,\"flags\":1}]",
	    "[{\"ref\":0,\"domid\":2,\"frame\":4294967296,\"flags\":1},"
	    "{\"ref\":1,\"domid\":2,\"frame\":1,\"flags\":1}]",
	    "[{\"ref\":0,\"domid\":2,\"frame\":1,\"flags\":-1},"
	    "{\"ref\":1,\"domid\":2,\"frame\":1,\"flags\":1}]",
	    "[{\"ref\":0,\"domid\":2,\"frame\":1,\"flags\":1,\"x\":1},"
	    "{\"ref\":1,\"domid\":2,\"frame\":1,\"flags\":1}]",
	    "[{\"ref\":0,\"domid\":2,\"frame\":1,\"flags\":1},"
	    "{\"ref\":1,\"domid\":2,\"flags\":1}]"};

	(void)state;
	for (size_t i = 0; i < countof(grants); i++)
		assert_refused_with("grants", json_loads(grants[i], 0, NULL));
}

static void
receipt_refuses_a_malformed_account_of_what_was_passed_over(void **state)
{
	static const char *const passed[] = {"{}", "[]",
	    "{\"count\":1,\"images\":[]}", "{\"count\":0}",
	    "{\"count\":5000,\"images\":[]}",
	    "{\"count\":1,\"images\":[{\"version\":\"1\"}]}",
	    "{\"count\":1,\"images\":[{\"version\":\"1\",\"code\":\"NO\"}]}",
	    "{\"count\":0,\"images\":[{\"version\":\"1\","
	    "\"code\":\"BUG\"}]}"};
	struct receipt receipt = good_receipt();
	CLEANUP(json_freep) json_t *document = receipt_encode(&receipt);
	CLEANUP(freep) char *text = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(passed); i++)
		assert_refused_with("passed_over",
		    json_loads(passed[i], 0, NULL));
	/* A receipt of before this was told. */
	json_object_del(document, "passed_over");
	text = tree_text(document);
	assert_code(receipt_decode(bytes_of_str(text), &receipt, &err), 0);
	assert_int_equal(receipt.passed_over.count, 0);
}

static void
receipt_refuses_every_truncated_text(void **state)
{
	struct receipt receipt = good_receipt();
	CLEANUP(freep) char *text = encoded(&receipt);

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		struct err err;

		assert_code(receipt_decode(bytes_of(text, len), &receipt, &err),
		    CONFIG_BAD);
	}
}

static void
timing_gives_each_phase_its_time(void **state)
{
	struct timing timing;
	uint64_t before = timing_now_usec();

	(void)state;
	timing_start(&timing);
	timing.last_usec -= 1000;
	timing_mark(&timing, TIMING_LOAD);
	timing.last_usec -= 500;
	timing_mark(&timing, TIMING_HASH);
	assert_true(timing.phase_usec[TIMING_LOAD] >= 1000);
	assert_true(timing.phase_usec[TIMING_HASH] >= 500);
	assert_int_equal(timing.phase_usec[TIMING_START], 0);
	assert_int_equal(timing_total_usec(&timing),
	    timing.phase_usec[TIMING_LOAD] + timing.phase_usec[TIMING_HASH]);
	assert_true(timing.last_usec >= before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(receipt_is_read_back_but_for_its_timing),
	    cmocka_unit_test(receipt_names_every_phase_of_the_build),
	    cmocka_unit_test(receipt_refuses_a_missing_or_wrong_member),
	    cmocka_unit_test(receipt_refuses_values_out_of_range),
	    cmocka_unit_test(receipt_refuses_malformed_grants),
	    cmocka_unit_test(
		receipt_refuses_a_malformed_account_of_what_was_passed_over),
	    cmocka_unit_test(receipt_refuses_every_truncated_text),
	    cmocka_unit_test(timing_gives_each_phase_its_time),
	};

	return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
