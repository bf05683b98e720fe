/* A challenge from its making to the record, with the keys of the fixture. */
#include "evidence_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "measure/verify/enrolment.h"

enum { NOW = 1700000000, DAY = 1440 };

static struct enrolment
new_challenge(const struct fixture *fixture)
{
	struct enrolment challenge = {.is_challenge = true,
	    .label = "web-7.example",
	    .once = once_begin(NOW, DAY)};
	struct err err;

	assert_refused(enrolment_set_ak(&challenge,
			   evidence_part_bytes(&fixture->evidence.ak), &err),
	    0);
	memset(challenge.secret, 0x5a, sizeof(challenge.secret));
	return challenge;
}

static struct bytes
right_answer(void)
{
	static uint8_t secret[CREDENTIAL_SECRET_BYTES];

	memset(secret, 0x5a, sizeof(secret));
	return bytes_of(secret, sizeof(secret));
}

static void
assert_comes_back(const struct enrolment *enrolment, bool has_secret)
{
	CLEANUP(json_freep) json_t *document = enrolment_encode(enrolment);
	CLEANUP(freep) char *text = json_dumps(document, JSON_COMPACT);
	struct enrolment again;
	struct err err = {0};

	assert_non_null(text);
	assert_int_equal(strstr(text, "5a5a5a5a") != NULL, has_secret);
	if (enrolment_decode(bytes_of_str(text), &again, &err) != 0)
		fail_msg("%s: %s", err.text, text);
	assert_string_equal(again.label, enrolment->label);
	assert_int_equal(again.enrolled, enrolment->enrolled);
	assert_int_equal(again.is_challenge, enrolment->is_challenge);
	assert_memory_equal(&again.once, &enrolment->once, sizeof(again.once));
	assert_memory_equal(again.secret, enrolment->secret,
	    sizeof(again.secret));
}

static void
a_right_answer_uses_a_challenge_up(void **state)
{
	struct enrolment challenge = new_challenge(*state);
	static const uint8_t zeros[CREDENTIAL_SECRET_BYTES];
	struct enrolment record;
	struct err err = {0};

	assert_comes_back(&challenge, true);
	assert_refused(
	    enrolment_answer(&challenge, right_answer(), NOW + 9, &err), 0);
	assert_memory_equal(challenge.secret, zeros, sizeof(zeros));
	assert_comes_back(&challenge, false);
	record = enrolment_of(&challenge);
	assert_true(record.is_record);
	assert_int_equal(record.enrolled, NOW + 9);
	record.once = (struct once){.made = 0}; /* of a challenge alone */
	assert_comes_back(&record, false);
	assert_refused(
	    enrolment_answer(&challenge, right_answer(), NOW + 10, &err),
	    CHALLENGE_USED);
	/* Nor do the zeros that are left open it. */
	assert_refused(enrolment_answer(&challenge,
			   bytes_of(zeros, sizeof(zeros)), NOW + 10, &err),
	    CHALLENGE_USED);
}

static void
a_wrong_answer_uses_nothing_up(void **state)
{
	struct enrolment challenge = new_challenge(*state);
	struct err err;

	assert_refused(
	    enrolment_answer(&challenge, bytes_of_str("wrong"), NOW, &err),
	    CREDENTIAL_WRONG);
	assert_int_equal(challenge.once.used, 0);
	assert_refused(enrolment_answer(&challenge, right_answer(), NOW, &err),
	    0);
}

static void
an_answer_after_the_end_is_too_late(void **state)
{
	struct enrolment challenge = new_challenge(*state);
	struct err err;

	assert_refused(enrolment_answer(&challenge, right_answer(),
			   NOW + DAY * 60 + 1, &err),
	    CHALLENGE_EXPIRED);
	assert_refused(
	    enrolment_answer(&challenge, right_answer(), NOW + DAY * 60, &err),
	    0);
}

static void
a_label_is_a_word(void **state)
{
	static const char *const good[] = {"a", "7", "web-7.example", "A_b"};
	static const char *const bad[] = {"", ".", "-a", "_a", "a b", "a/b",
	    "a\n", "\303\244", "a:b", "<a>"};
	char longest[ENROLMENT_LABEL_BYTES + 2];

	(void)state;
	for (size_t i = 0; i < countof(good); i++)
		assert_true(enrolment_is_label(good[i]));
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(enrolment_is_label(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[ENROLMENT_LABEL_BYTES + 1] = '\0';
	assert_false(enrolment_is_label(longest));
	assert_true(enrolment_is_label(longest + 1));
}

int
main(void)
{
#define BENCH(test) \
	cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
	    BENCH(a_right_answer_uses_a_challenge_up),
	    BENCH(a_wrong_answer_uses_nothing_up),
	    BENCH(an_answer_after_the_end_is_too_late),
	    cmocka_unit_test(a_label_is_a_word),
	};

	return cmocka_run_group_tests_name("enrolment", tests, NULL, NULL);
}
