#include "keys_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "keys/trust.h"
#include "keys/sign/trust_write.h"

static struct public_key *keys[4];

static const char *const patterns[] = {"web-*", "db"};
static const char *const swapped_patterns[] = {"db", "web-*"};

static int
read_keys(void **state)
{
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(keys); i++)
		assert_code(
		    public_key_from_pem(
			bytes_of_str(fixture_key((enum algorithm)i, 0)->pem),
			&keys[i], &err),
		    ERR_NONE);
	return 0;
}

static int
free_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(keys); i++)
		public_key_freep(&keys[i]);
	return 0;
}

static const struct public_key *const *
keys_in_order(size_t a, size_t b, size_t c)
{
	static const struct public_key *borrowed[3];

	borrowed[0] = keys[a];
	borrowed[1] = keys[b];
	borrowed[2] = keys[c];
	return borrowed;
}

static struct trust_draft
good(void)
{
	return (struct trust_draft){
	    .version = 1,
	    .role = "prod",
	    .threshold = 2,
	    .keys = keys_in_order(0, 1, 2),
	    .key_count = 3,
	    .patterns = patterns,
	    .pattern_count = countof(patterns),
	};
}

/* Returns owned. */
static char *
encode(const struct trust_draft *draft)
{
	char *text = NULL;
	struct err err;

	assert_code(trust_encode_new(draft, &text, &err), ERR_NONE);
	return text;
}

static void
expect_refused(const struct trust_draft *draft, enum err_code code)
{
	char *text = UNTOUCHED;
	struct err err;

	assert_code(trust_encode_new(draft, &text, &err), code);
	assert_int_equal(err.code, code);
	assert_ptr_equal(text, UNTOUCHED);
}

static void
trust_encode_new_writes_a_policy_that_works(void **state)
{
	struct trust_draft draft = good();
	char *text = encode(&draft);
	json_t *tree =
	    fixture_envelope(DSSE_IMAGE_PAYLOAD_TYPE, bytes_of_str(PAYLOAD));
	struct trust_policy *policy = NULL;
	struct dsse_envelope *envelope = NULL;
	struct trust_verdict verdict;
	size_t role = 77;
	struct err err;
	char *raw;

	(void)state;
	fixture_envelope_sign(tree, fixture_key((enum algorithm)0, 0), NULL);
	fixture_envelope_sign(tree, fixture_key((enum algorithm)2, 0), NULL);
	raw = fixture_text(tree);
	assert_code(trust_decode(bytes_of_str(text), &policy, &err), ERR_NONE);
	assert_int_equal(trust_version(policy), 1);
	assert_code(dsse_decode(bytes_of_str(raw), &envelope, &err), ERR_NONE);
	assert_code(trust_verify_for(policy, TRUST_IMAGE, bytes_of_str(raw),
			envelope, FRESH_BUDGET, &verdict, &err),
	    ERR_NONE);
	assert_code(
	    trust_allows_image(policy, &verdict, "db", false, &role, &err),
	    ERR_NONE);
	assert_string_equal(trust_role_name(policy, role), "prod");
	assert_int_equal(text[strlen(text) - 1], '\n');
	dsse_freep(&envelope);
	trust_freep(&policy);
	free(raw);
	free(text);
}

static void
trust_encode_new_gives_the_same_text_in_any_order(void **state)
{
	static const size_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
	    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct trust_draft draft = good();
	char *expected = encode(&draft);

	(void)state;
	for (size_t i = 0; i < countof(orders); i++) {
		char *text;

		draft.keys =
		    keys_in_order(orders[i][0], orders[i][1], orders[i][2]);
		draft.patterns = i % 2 == 0 ? swapped_patterns : patterns;
		text = encode(&draft);
		assert_string_equal(text, expected);
		free(text);
	}
	free(expected);
}

static void
trust_encode_new_writes_the_debug_flag(void **state)
{
	struct trust_draft draft = good();
	char *text = encode(&draft);

	(void)state;
	assert_non_null(strstr(text, "\"debug\": false"));
	free(text);
	draft.is_debug = true;
	text = encode(&draft);
	assert_non_null(strstr(text, "\"debug\": true"));
	free(text);
}

static void
trust_encode_new_refuses_a_bad_threshold(void **state)
{
	static const int64_t bad[] = {-1, 0, 4, INT64_MAX};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct trust_draft draft = good();

		draft.threshold = bad[i];
		expect_refused(&draft, TRUST_THRESHOLD_BAD);
	}
}

static void
trust_encode_new_refuses_a_bad_role_name(void **state)
{
	static const char *const bad[] = {"", "Prod", "a b", "\xff"};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct trust_draft draft = good();

		draft.role = bad[i];
		expect_refused(&draft, TRUST_MALFORMED);
	}
}

static void
trust_encode_new_refuses_bad_patterns(void **state)
{
	static const char *const bad[][2] = {
	    {"db", "*x"},
	    {"db", "\xff"},
	    {"db", "db"},
	    {"", "db"},
	};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct trust_draft draft = good();

		draft.patterns = bad[i];
		expect_refused(&draft, TRUST_MALFORMED);
	}
}

static void
trust_encode_new_refuses_no_patterns_and_no_keys(void **state)
{
	struct trust_draft draft = good();

	(void)state;
	draft.pattern_count = 0;
	expect_refused(&draft, TRUST_MALFORMED);
	draft = good();
	draft.key_count = 0;
	expect_refused(&draft, TRUST_MALFORMED);
}

static void
trust_encode_new_refuses_a_key_twice(void **state)
{
	struct trust_draft draft = good();

	(void)state;
	draft.keys = keys_in_order(0, 1, 0);
	expect_refused(&draft, TRUST_KEY_TWICE);
}

static void
trust_encode_new_refuses_a_bad_version(void **state)
{
	struct trust_draft draft = good();

	(void)state;
	draft.version = 0;
	expect_refused(&draft, TRUST_MALFORMED);
}

static void
trust_encode_new_refuses_too_many_keys_or_patterns(void **state)
{
	static const struct public_key *many_keys[LIMIT_TRUST_KEYS + 1];
	static const char *many_patterns[LIMIT_ROLE_PATTERNS + 1];
	struct trust_draft draft = good();

	(void)state;
	for (size_t i = 0; i < countof(many_keys); i++)
		many_keys[i] = keys[0];
	for (size_t i = 0; i < countof(many_patterns); i++)
		many_patterns[i] = "db";
	draft.keys = many_keys;
	draft.key_count = countof(many_keys);
	expect_refused(&draft, TRUST_MALFORMED);
	draft = good();
	draft.patterns = many_patterns;
	draft.pattern_count = countof(many_patterns);
	expect_refused(&draft, TRUST_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trust_encode_new_writes_a_policy_that_works),
	    cmocka_unit_test(trust_encode_new_gives_the_same_text_in_any_order),
	    cmocka_unit_test(trust_encode_new_writes_the_debug_flag),
	    cmocka_unit_test(trust_encode_new_refuses_a_bad_threshold),
	    cmocka_unit_test(trust_encode_new_refuses_a_bad_role_name),
	    cmocka_unit_test(trust_encode_new_refuses_bad_patterns),
	    cmocka_unit_test(trust_encode_new_refuses_no_patterns_and_no_keys),
	    cmocka_unit_test(trust_encode_new_refuses_a_key_twice),
	    cmocka_unit_test(trust_encode_new_refuses_a_bad_version),
	    cmocka_unit_test(
		trust_encode_new_refuses_too_many_keys_or_patterns),
	};

	return cmocka_run_group_tests_name("trust_write", tests, read_keys,
	    free_keys);
}
