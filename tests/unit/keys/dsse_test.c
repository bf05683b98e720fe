#include "keys_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "keys/dsse.h"

static struct dsse_envelope *
decode(const char *text)
{
	struct dsse_envelope *envelope = NULL;
	struct err err;

	assert_code(dsse_decode(bytes_of_str(text), &envelope, &err), ERR_NONE);
	return envelope;
}

/* Takes the tree. */
static struct dsse_envelope *
decode_tree(json_t *tree)
{
	char *text = fixture_text(tree);
	struct dsse_envelope *envelope = decode(text);

	free(text);
	return envelope;
}

static void
expect_refused(struct bytes raw, enum err_code code)
{
	struct dsse_envelope *envelope = UNTOUCHED;
	struct err err;

	assert_code(dsse_decode(raw, &envelope, &err), code);
	assert_int_equal(err.code, code);
	assert_ptr_equal(envelope, UNTOUCHED);
}

static void
expect_refused_text(const char *text, enum err_code code)
{
	expect_refused(bytes_of_str(text), code);
}

/* Takes the tree. */
static void
expect_refused_tree(json_t *tree, enum err_code code)
{
	char *text = fixture_text(tree);

	expect_refused_text(text, code);
	free(text);
}

/* A small good envelope; no key has to accept it here. */
static json_t *
good(void)
{
	return json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "payload",
	    "e30=", "payloadType", "t", "signatures", "keyid", "k", "sig",
	    "AAEC");
}

static json_t *
first_signature(json_t *tree)
{
	return json_array_get(json_object_get(tree, "signatures"), 0);
}

static json_t *
good_with(const char *member, json_t *value)
{
	json_t *tree = good();

	json_object_set_new(tree, member, value);
	return tree;
}

static json_t *
good_with_sig(json_t *value)
{
	json_t *tree = good();

	json_object_set_new(first_signature(tree), "sig", value);
	return tree;
}

static json_t *
good_with_keyid(json_t *value)
{
	json_t *tree = good();

	json_object_set_new(first_signature(tree), "keyid", value);
	return tree;
}

static char *
repeat(char c, size_t count)
{
	char *text = malloc(count + 1);

	memset(text, c, count);
	text[count] = '\0';
	return text;
}

static void
dsse_decode_reads_every_member(void **state)
{
	struct dsse_envelope *envelope = decode_tree(good());
	struct dsse_signature signature;

	(void)state;
	assert_true(
	    bytes_equal(dsse_raw_payload(envelope), bytes_of_str("{}")));
	assert_string_equal(dsse_payload_type(envelope), "t");
	assert_int_equal(dsse_signature_count(envelope), 1);
	signature = dsse_signature_at(envelope, 0);
	assert_string_equal(signature.claimed_keyid, "k");
	assert_true(bytes_equal(signature.sig, bytes_of("\0\1\2", 3)));
	dsse_freep(&envelope);
	assert_null(envelope);
}

static void
dsse_decode_copies_what_it_needs(void **state)
{
	char *text = fixture_text(good());
	struct dsse_envelope *envelope = decode(text);

	(void)state;
	memset(text, 'x', strlen(text));
	free(text);
	assert_string_equal(dsse_payload_type(envelope), "t");
	assert_string_equal(dsse_signature_at(envelope, 0).claimed_keyid, "k");
	dsse_freep(&envelope);
}

static void
dsse_decode_takes_a_signature_without_keyid(void **state)
{
	json_t *tree = good();
	struct dsse_envelope *envelope;

	(void)state;
	json_object_del(first_signature(tree), "keyid");
	envelope = decode_tree(tree);
	assert_null(dsse_signature_at(envelope, 0).claimed_keyid);
	dsse_freep(&envelope);
}

static void
dsse_decode_takes_an_empty_keyid_for_none(void **state)
{
	struct dsse_envelope *envelope =
	    decode_tree(good_with_keyid(json_string("")));

	(void)state;
	assert_null(dsse_signature_at(envelope, 0).claimed_keyid);
	dsse_freep(&envelope);
}

static void
dsse_decode_ignores_unknown_members(void **state)
{
	json_t *tree = good_with("extension", json_pack("{s:[f]}", "a", 1.5));
	struct dsse_envelope *envelope;

	(void)state;
	json_object_set_new(first_signature(tree), "cert", json_null());
	envelope = decode_tree(tree);
	assert_int_equal(dsse_signature_count(envelope), 1);
	dsse_freep(&envelope);
}

static void
dsse_decode_takes_an_empty_payload_and_type(void **state)
{
	json_t *tree = good_with("payload", json_string(""));
	struct dsse_envelope *envelope;

	(void)state;
	json_object_set_new(tree, "payloadType", json_string(""));
	envelope = decode_tree(tree);
	assert_int_equal(dsse_raw_payload(envelope).len, 0);
	assert_string_equal(dsse_payload_type(envelope), "");
	dsse_freep(&envelope);
}

static void
dsse_decode_takes_both_base64_alphabets(void **state)
{
	static const uint8_t expected[] = {0xfb, 0xff, 0xbf};
	static const char *const texts[] = {"+/+/", "-_-_"};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		struct dsse_envelope *envelope =
		    decode_tree(good_with("payload", json_string(texts[i])));

		assert_true(bytes_equal(dsse_raw_payload(envelope),
		    bytes_of(expected, 3)));
		dsse_freep(&envelope);
		envelope = decode_tree(good_with_sig(json_string(texts[i])));
		assert_true(bytes_equal(dsse_signature_at(envelope, 0).sig,
		    bytes_of(expected, 3)));
		dsse_freep(&envelope);
	}
}

/* Takes the tree. The field is named too. */
static void
expect_named_tree(json_t *tree, enum err_code code, const char *field)
{
	struct dsse_envelope *envelope = UNTOUCHED;
	char *text = fixture_text(tree);
	struct err err;

	assert_code(dsse_decode(bytes_of_str(text), &envelope, &err), code);
	assert_string_equal(err.field, field);
	assert_non_null(strstr(err.text, field));
	assert_ptr_equal(envelope, UNTOUCHED);
	free(text);
}

static void
dsse_decode_refuses_base64_that_is_not_strict(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
	} rows[] = {
	    {"+/-_", BASE64_ALPHABETS_MIXED},
	    {"+-", BASE64_ALPHABETS_MIXED},
	    {"e3 0=", BASE64_WHITESPACE},
	    {"e30=\n", BASE64_WHITESPACE},
	    {" e30=", BASE64_WHITESPACE},
	    {"e30=\r\n", BASE64_WHITESPACE},
	    {"e30", ENVELOPE_MALFORMED},
	    {"e31=", ENVELOPE_MALFORMED},
	    {"e3==", ENVELOPE_MALFORMED},
	    {"e===", ENVELOPE_MALFORMED},
	    {"====", ENVELOPE_MALFORMED},
	    {"=", ENVELOPE_MALFORMED},
	    {"e30=e30=", ENVELOPE_MALFORMED},
	    {"e\xc3\xa9==", ENVELOPE_MALFORMED},
	    {"e30*", ENVELOPE_MALFORMED},
	    {"A", ENVELOPE_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		expect_named_tree(
		    good_with("payload", json_string(rows[i].text)),
		    rows[i].code, "payload");
		expect_named_tree(good_with_sig(json_string(rows[i].text)),
		    rows[i].code, "signatures[0].sig");
	}
}

static void
dsse_decode_refuses_a_missing_member(void **state)
{
	static const char *const members[] = {"payload", "payloadType",
	    "signatures"};
	json_t *tree;

	(void)state;
	for (size_t i = 0; i < countof(members); i++) {
		tree = good();
		json_object_del(tree, members[i]);
		expect_refused_tree(tree, ENVELOPE_MALFORMED);
	}
	tree = good();
	json_object_del(first_signature(tree), "sig");
	expect_refused_tree(tree, ENVELOPE_MALFORMED);
}

static void
dsse_decode_refuses_members_of_another_type(void **state)
{
	static const char *const members[] = {"payload", "payloadType",
	    "signatures"};

	(void)state;
	for (size_t i = 0; i < countof(members); i++) {
		expect_refused_tree(good_with(members[i], json_null()),
		    ENVELOPE_MALFORMED);
		expect_refused_tree(good_with(members[i], json_integer(1)),
		    ENVELOPE_MALFORMED);
		expect_refused_tree(good_with(members[i], json_object()),
		    ENVELOPE_MALFORMED);
	}
	expect_refused_tree(good_with("payload", json_array()),
	    ENVELOPE_MALFORMED);
	expect_refused_tree(good_with("signatures", json_string("AAEC")),
	    ENVELOPE_MALFORMED);
	expect_refused_tree(good_with("signatures", json_pack("[s]", "AAEC")),
	    ENVELOPE_MALFORMED);
	expect_refused_tree(good_with_sig(json_null()), ENVELOPE_MALFORMED);
	expect_refused_tree(good_with_sig(json_integer(1)), ENVELOPE_MALFORMED);
	expect_refused_tree(good_with_keyid(json_null()), ENVELOPE_MALFORMED);
	expect_refused_tree(good_with_keyid(json_integer(1)),
	    ENVELOPE_MALFORMED);
}

static void
dsse_decode_refuses_an_empty_signature(void **state)
{
	(void)state;
	expect_refused_tree(good_with_sig(json_string("")), ENVELOPE_MALFORMED);
}

static void
dsse_decode_refuses_what_is_not_one_json_object(void **state)
{
	static const char *const texts[] = {"", " ", "{", "[]", "\"x\"", "null",
	    "nonsense", "{'payload':1}", "\xff", "{\"a\":\"\xff\"}",
	    "{\"a\":\"\\u0000\"}", "{\"a\":NaN}"};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++)
		expect_refused_text(texts[i], ENVELOPE_MALFORMED);
	expect_refused(bytes_of(NULL, 0), ENVELOPE_MALFORMED);
}

static void
dsse_decode_refuses_trailing_bytes(void **state)
{
	char *text = fixture_text(good());
	char longer[512];

	(void)state;
	snprintf(longer, sizeof(longer), "%s x", text);
	expect_refused_text(longer, BYTES_TRAILING);
	expect_refused_text("{}{}", BYTES_TRAILING);
	expect_refused(bytes_of(text, strlen(text) + 1), BYTES_TRAILING);
	free(text);
}

static void
dsse_decode_refuses_duplicate_members(void **state)
{
	(void)state;
	expect_refused_text("{\"payload\":\"e30=\",\"payload\":\"e30=\","
			    "\"payloadType\":\"t\","
			    "\"signatures\":[{\"sig\":\"AAEC\"}]}",
	    MEMBER_DUPLICATE);
	expect_refused_text("{\"payload\":\"e30=\",\"payloadType\":\"t\","
			    "\"signatures\":[{\"sig\":\"AAEC\","
			    "\"sig\":\"AAEC\"}]}",
	    MEMBER_DUPLICATE);
	expect_refused_text("{\"payload\":\"e30=\",\"payloadType\":\"t\","
			    "\"payloadT\\u0079pe\":\"u\","
			    "\"signatures\":[{\"sig\":\"AAEC\"}]}",
	    MEMBER_DUPLICATE);
}

static void
dsse_decode_refuses_json_nested_deeper_than_eight(void **state)
{
	json_t *deep = json_array();

	(void)state;
	for (int depth = 2; depth <= LIMIT_ENVELOPE_JSON_DEPTH; depth++)
		deep = json_pack("[o]", deep);
	expect_refused_tree(good_with("x", deep), ENVELOPE_MALFORMED);
}

static void
dsse_decode_takes_json_nested_eight_deep(void **state)
{
	json_t *deep = json_array();
	struct dsse_envelope *envelope;

	(void)state;
	for (int depth = 3; depth <= LIMIT_ENVELOPE_JSON_DEPTH; depth++)
		deep = json_pack("[o]", deep);
	envelope = decode_tree(good_with("x", deep));
	dsse_freep(&envelope);
}

static void
dsse_decode_refuses_an_envelope_without_signatures(void **state)
{
	(void)state;
	expect_refused_tree(good_with("signatures", json_array()),
	    IMAGE_UNSIGNED);
}

static json_t *
with_signatures(size_t count)
{
	json_t *tree = good();
	json_t *first = first_signature(tree);

	for (size_t i = 1; i < count; i++)
		json_array_append(json_object_get(tree, "signatures"), first);
	return tree;
}

static void
dsse_decode_takes_sixteen_signatures(void **state)
{
	struct dsse_envelope *envelope = decode_tree(with_signatures(16));

	(void)state;
	assert_int_equal(dsse_signature_count(envelope), 16);
	dsse_freep(&envelope);
}

static void
dsse_decode_refuses_seventeen_signatures(void **state)
{
	(void)state;
	expect_refused_tree(with_signatures(17), ENVELOPE_TOO_LARGE);
}

static void
dsse_decode_refuses_an_envelope_over_64_kib(void **state)
{
	char *text = fixture_text(good());
	size_t len = strlen(text);
	char *longer = repeat(' ', LIMIT_ENVELOPE_BYTES + 1);
	struct dsse_envelope *envelope;
	struct err err;

	(void)state;
	memcpy(longer, text, len);
	expect_refused(bytes_of(longer, LIMIT_ENVELOPE_BYTES + 1),
	    ENVELOPE_TOO_LARGE);
	assert_code(dsse_decode(bytes_of(longer, LIMIT_ENVELOPE_BYTES),
			&envelope, &err),
	    ERR_NONE);
	dsse_freep(&envelope);
	free(longer);
	free(text);
}

static json_t *
with_sig_bytes(size_t count)
{
	uint8_t *zeros = calloc(1, count);
	char *base64 = fixture_base64(bytes_of(zeros, count));
	json_t *tree = good_with_sig(json_string(base64));

	free(base64);
	free(zeros);
	return tree;
}

static void
dsse_decode_refuses_a_signature_over_8_kib(void **state)
{
	struct dsse_envelope *envelope =
	    decode_tree(with_sig_bytes(LIMIT_SIGNATURE_BYTES));

	(void)state;
	assert_int_equal(dsse_signature_at(envelope, 0).sig.len,
	    LIMIT_SIGNATURE_BYTES);
	dsse_freep(&envelope);
	expect_refused_tree(with_sig_bytes(LIMIT_SIGNATURE_BYTES + 1),
	    ENVELOPE_TOO_LARGE);
	expect_refused_tree(with_sig_bytes(3 * LIMIT_SIGNATURE_BYTES),
	    ENVELOPE_TOO_LARGE);
}

static void
dsse_decode_refuses_long_strings(void **state)
{
	char *keyid = repeat('k', LIMIT_KEYID_BYTES + 1);
	char *type = repeat('t', LIMIT_PAYLOAD_TYPE_BYTES + 1);
	struct dsse_envelope *envelope;

	(void)state;
	expect_refused_tree(good_with_keyid(json_string(keyid)),
	    ENVELOPE_MALFORMED);
	expect_refused_tree(good_with("payloadType", json_string(type)),
	    ENVELOPE_MALFORMED);
	envelope = decode_tree(good_with_keyid(json_string(keyid + 1)));
	dsse_freep(&envelope);
	envelope = decode_tree(good_with("payloadType", json_string(type + 1)));
	dsse_freep(&envelope);
	free(keyid);
	free(type);
}

static void
expect_pae(const char *type, struct bytes payload, const char *expected)
{
	uint8_t *pae;
	size_t len;
	struct err err;

	assert_code(dsse_pae(type, payload, &pae, &len, &err), ERR_NONE);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(pae, expected, len);
	free(pae);
}

static void
dsse_pae_is_that_of_the_specification(void **state)
{
	(void)state;
	expect_pae("http://example.com/HelloWorld", bytes_of_str("hello world"),
	    "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

static void
dsse_pae_of_an_empty_payload_ends_with_a_space(void **state)
{
	(void)state;
	expect_pae("t", bytes_of(NULL, 0), "DSSEv1 1 t 0 ");
	expect_pae("", bytes_of(NULL, 0), "DSSEv1 0  0 ");
}

static void
dsse_pae_counts_bytes_not_characters(void **state)
{
	(void)state;
	expect_pae("\xc3\xa4", bytes_of_str("\xe2\x82\xac!"),
	    "DSSEv1 2 \xc3\xa4 4 \xe2\x82\xac!");
}

static void
dsse_pae_keeps_zero_bytes_of_the_payload(void **state)
{
	uint8_t *pae;
	size_t len;
	struct err err;

	(void)state;
	assert_code(dsse_pae("t", bytes_of("a\0b", 3), &pae, &len, &err),
	    ERR_NONE);
	assert_int_equal(len, 16);
	assert_memory_equal(pae, "DSSEv1 1 t 3 a\0b", 16);
	free(pae);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(dsse_decode_reads_every_member),
	    cmocka_unit_test(dsse_decode_copies_what_it_needs),
	    cmocka_unit_test(dsse_decode_takes_a_signature_without_keyid),
	    cmocka_unit_test(dsse_decode_takes_an_empty_keyid_for_none),
	    cmocka_unit_test(dsse_decode_ignores_unknown_members),
	    cmocka_unit_test(dsse_decode_takes_an_empty_payload_and_type),
	    cmocka_unit_test(dsse_decode_takes_both_base64_alphabets),
	    cmocka_unit_test(dsse_decode_refuses_base64_that_is_not_strict),
	    cmocka_unit_test(dsse_decode_refuses_a_missing_member),
	    cmocka_unit_test(dsse_decode_refuses_members_of_another_type),
	    cmocka_unit_test(dsse_decode_refuses_an_empty_signature),
	    cmocka_unit_test(dsse_decode_refuses_what_is_not_one_json_object),
	    cmocka_unit_test(dsse_decode_refuses_trailing_bytes),
	    cmocka_unit_test(dsse_decode_refuses_duplicate_members),
	    cmocka_unit_test(dsse_decode_refuses_json_nested_deeper_than_eight),
	    cmocka_unit_test(dsse_decode_takes_json_nested_eight_deep),
	    cmocka_unit_test(
		dsse_decode_refuses_an_envelope_without_signatures),
	    cmocka_unit_test(dsse_decode_takes_sixteen_signatures),
	    cmocka_unit_test(dsse_decode_refuses_seventeen_signatures),
	    cmocka_unit_test(dsse_decode_refuses_an_envelope_over_64_kib),
	    cmocka_unit_test(dsse_decode_refuses_a_signature_over_8_kib),
	    cmocka_unit_test(dsse_decode_refuses_long_strings),
	    cmocka_unit_test(dsse_pae_is_that_of_the_specification),
	    cmocka_unit_test(dsse_pae_of_an_empty_payload_ends_with_a_space),
	    cmocka_unit_test(dsse_pae_counts_bytes_not_characters),
	    cmocka_unit_test(dsse_pae_keeps_zero_bytes_of_the_payload),
	};

	return cmocka_run_group_tests_name("dsse", tests, NULL, NULL);
}
