#include "evidence_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/scope.h"
#include "measure/verify/evidence_assemble.h"

#define NONCE                              \
	"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd" \
	"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

static const struct evidence_question question = {NONCE, &evidence_no_context};

/* What assayd would answer: the parts of the good evidence, and its log. */
static json_t *
good_reply(const struct fixture *fixture)
{
	const struct evidence *evidence = &fixture->evidence;
	CLEANUP(json_freep) json_t *document = evidence_encode(evidence);
	CLEANUP(freep)
	char *area =
	    base64_encode(bytes_of(evidence->ak.ptr + 2, evidence->ak.len - 2));
	json_t *quote = json_object_get(document, "quote");

	return json_pack("{s:{s:O, s:O}, s:O, s:s, s:s, s:n, s:n, s:I}",
	    "quote", "attest", json_object_get(quote, "attest"), "signature",
	    json_object_get(quote, "sig"), "pcrs",
	    json_object_get(document, "pcrs"), "ak", area, "ek", area,
	    "ek_certificate", "log_index", "log_bytes",
	    (json_int_t)evidence->log.len);
}

static void
log_index_set(json_t *reply, const char *index)
{
	json_object_set_new(reply, "log_index",
	    json_pack("{s:s, s:s, s:s, s:s}", "index", index, "name",
		"000b00112233445566778899aabbccddeeff"
		"00112233445566778899aabbccddeeff",
		"attest", "QUJD", "signature", "REVG"));
}

static void
refused_as(const struct fixture *fixture, json_t *reply, enum err_code code)
{
	struct evidence evidence = {.nonce_len = 77};
	struct err err;

	assert_refused(evidence_assemble(reply,
			   evidence_part_bytes(&fixture->evidence.log),
			   &question, &evidence, &err),
	    code);
	assert_int_equal(evidence.nonce_len, 77);
	assert_null(evidence.ak.ptr);
}

static void
refused(const struct fixture *fixture, json_t *reply)
{
	refused_as(fixture, reply, EVIDENCE_MALFORMED);
}

static void
what_is_assembled_verifies(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(json_freep) json_t *reply = good_reply(fixture);
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct err err;

	assert_refused(evidence_assemble(reply,
			   evidence_part_bytes(&fixture->evidence.log),
			   &question, &evidence, &err),
	    0);
	assert_memory_equal(evidence.ek.ptr, fixture->evidence.ak.ptr,
	    fixture->evidence.ak.len);
	evidence_done(&fixture->evidence);
	fixture->evidence = evidence;
	evidence = (struct evidence){.nonce_len = 0};
	assert_refused(fixture_verify(fixture, &verdict), 0);
}

static void
the_context_comes_along(void **state)
{
	const struct digest context = {{9}};
	const struct evidence_question bound = {NONCE, &context};
	struct fixture *fixture = *state;
	CLEANUP(json_freep) json_t *reply = good_reply(fixture);
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	struct err err;

	assert_refused(evidence_assemble(reply,
			   evidence_part_bytes(&fixture->evidence.log), &bound,
			   &evidence, &err),
	    0);
	assert_true(digest_equal(&evidence.context, &context));
	document = evidence_encode(&evidence);
	assert_non_null(json_object_get(document, "context"));
	evidence.context = evidence_no_context;
	json_freep(&document);
	document = evidence_encode(&evidence);
	assert_null(json_object_get(document, "context"));
}

/* Of a log that has grown since, only what the quote is about. */
static void
a_longer_log_is_cut(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(json_freep) json_t *reply = good_reply(fixture);
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	struct err err;

	json_object_set_new(reply, "log_bytes", json_integer(100));
	assert_refused(evidence_assemble(reply,
			   evidence_part_bytes(&fixture->evidence.log),
			   &question, &evidence, &err),
	    0);
	assert_int_equal(evidence.log.len, 100);
	json_object_set_new(reply, "log_bytes",
	    json_integer((json_int_t)fixture->evidence.log.len + 1));
	refused(fixture, reply);
	json_object_set_new(reply, "log_bytes", json_integer(0));
	refused(fixture, reply);
}

static void
the_log_index_comes_along(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(json_freep) json_t *reply = good_reply(fixture);
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	struct err err;

	log_index_set(reply, "0x018a5501");
	assert_refused(evidence_assemble(reply,
			   evidence_part_bytes(&fixture->evidence.log),
			   &question, &evidence, &err),
	    0);
	assert_int_equal(evidence.nv_count, 1);
	assert_int_equal(evidence.nv[0].index, 0x018a5501);
	assert_memory_equal(evidence.nv[0].attest.ptr, "ABC", 3);
	assert_memory_equal(evidence.nv[0].signature.ptr, "DEF", 3);
}

static void
a_malformed_log_index_is_refused(void **state)
{
	static const char *const indices[] = {"0x18a5501", "25843969",
	    "0x018A5501", "0x01 a5501", "018a5501", "0x818a5501", ""};
	struct fixture *fixture = *state;
	CLEANUP(json_freep) json_t *reply = good_reply(fixture);
	json_t *log_index;

	for (size_t i = 0; i < countof(indices); i++) {
		log_index_set(reply, indices[i]);
		refused(fixture, reply);
	}
	log_index_set(reply, "0x018a5501");
	log_index = json_object_get(reply, "log_index");
	json_object_set_new(log_index, "sig", json_string("QUJD"));
	refused(fixture, reply);
	log_index_set(reply, "0x018a5501");
	log_index = json_object_get(reply, "log_index");
	json_object_set_new(log_index, "name", json_string("000b00"));
	refused(fixture, reply);
}

static void
a_reply_that_is_not_whole_is_refused(void **state)
{
	static const char *const needed[] = {"quote", "pcrs", "ak", "ek",
	    "ek_certificate", "log_index", "log_bytes"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < countof(needed); i++) {
		CLEANUP(json_freep) json_t *reply = good_reply(fixture);

		json_object_del(reply, needed[i]);
		refused(fixture, reply);
		json_object_set_new(reply, needed[i], json_true());
		refused(fixture, reply);
	}
}

static void
a_reply_with_more_is_refused(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(json_freep) json_t *reply = good_reply(fixture);
	json_t *quote = json_object_get(reply, "quote");

	json_object_set_new(reply, "claims", json_object());
	refused(fixture, reply);
	json_object_del(reply, "claims");
	json_object_set_new(quote, "sig", json_string("QUJD"));
	refused(fixture, reply);
}

static void
what_is_not_bytes_is_refused(void **state)
{
	static const char *const bytes[] = {"ak", "ek", "ek_certificate"};
	static const char *const bad[] = {"", "QUJ", "*", "QU JD"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < countof(bytes) * countof(bad); i++) {
		CLEANUP(json_freep) json_t *reply = good_reply(fixture);

		json_object_set_new(reply, bytes[i / countof(bad)],
		    json_string(bad[i % countof(bad)]));
		refused_as(fixture, reply,
		    i % countof(bad) == 3 ? BASE64_WHITESPACE
					  : EVIDENCE_MALFORMED);
	}
}

/* Sizes and places as tpm2_quote 5.4 writes them for two whole banks. */
static void
register_values_have_the_form_of_tpm2_tools(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(freep) uint8_t *pcrs = NULL;
	size_t len = 0;

	pcrs = evidence_encode_pcrs(&fixture->evidence.pcrs, &len);
	assert_non_null(pcrs);
	assert_int_equal(len, 132 + 4 + 6 * 532);
	assert_memory_equal(pcrs, "\2\0\0\0\x0b\0\3\xff\xff\xff\0\0\x0c\0\3",
	    15);
	assert_int_equal(pcrs[132], 6);
	assert_int_equal(pcrs[136], 8);
	assert_memory_equal(pcrs + 140 + 4 * 66, "\x20\0\4", 3);
	assert_int_equal(pcrs[136 + 5 * 532], 8);
	assert_memory_equal(pcrs + 140 + 5 * 532, "\x30\0", 2);
}

int
main(void)
{
#define BENCH(test) \
	cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
	    BENCH(what_is_assembled_verifies),
	    BENCH(the_context_comes_along),
	    BENCH(a_longer_log_is_cut),
	    BENCH(the_log_index_comes_along),
	    BENCH(a_malformed_log_index_is_refused),
	    BENCH(a_reply_that_is_not_whole_is_refused),
	    BENCH(a_reply_with_more_is_refused),
	    BENCH(what_is_not_bytes_is_refused),
	    BENCH(register_values_have_the_form_of_tpm2_tools),
	};

	return cmocka_run_group_tests_name("evidence_assemble", tests, NULL,
	    NULL);
}
