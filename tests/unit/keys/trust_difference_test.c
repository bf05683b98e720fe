#include "keys_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "keys/sign/trust_difference.h"

#define ANNA fixture_key(ALGORITHM_ED25519, 0)
#define BERT fixture_key(ALGORITHM_ED25519, 1)

static json_t *
policy_tree(const struct fixture_key *a)
{
	json_t *tree = json_pack("{s:s, s:i, s:{}, s:{s:{s:i, s:[s], s:[s],"
				 " s:b}}, s:{s:[], s:[]}, s:{}}",
	    "schema", "assay.trust/1", "version", 1, "keys", "roles", "prod",
	    "threshold", 1, "keys", a->id, "images", "web-*", "debug", 0,
	    "revoked", "keys", "manifests", "min_rollback");

	assert_non_null(tree);
	fixture_trust_add_key(tree, a);
	return tree;
}

/* Takes the tree. */
static struct trust_policy *
policy_of(json_t *tree)
{
	CLEANUP(freep) char *text = fixture_text(tree);
	struct trust_policy *policy = NULL;
	struct err err;

	assert_code(trust_decode(bytes_of_str(text), &policy, &err), ERR_NONE);
	return policy;
}

/* Between Anna's policy and this one. Takes the tree. */
static void
expect_difference(json_t *next_tree, const char *lines)
{
	CLEANUP(trust_freep)
	struct trust_policy *old = policy_of(policy_tree(ANNA));
	CLEANUP(trust_freep) struct trust_policy *next = policy_of(next_tree);
	CLEANUP(freep) char *text = NULL;
	struct err err;

	assert_code(trust_difference(old, next, &text, &err), ERR_NONE);
	assert_string_equal(text, lines);
}

static json_t *
role_of(json_t *tree)
{
	return json_object_get(json_object_get(tree, "roles"), "prod");
}

static void
trust_difference_is_nothing_for_the_next_version_of_the_same(void **state)
{
	json_t *tree = policy_tree(ANNA);

	(void)state;
	json_object_set_new(tree, "version", json_integer(2));
	json_object_set_new(tree, "previous", json_null());
	expect_difference(tree, "");
}

static void
trust_difference_tells_a_key_that_takes_anothers_place(void **state)
{
	const struct fixture_key *first = ANNA, *second = BERT;
	char lines[1024];

	(void)state;
	/* By what follows the sign. */
	if (strcmp(ANNA->id, BERT->id) > 0) {
		first = BERT;
		second = ANNA;
	}
	snprintf(lines, sizeof(lines),
	    "%c keys.%s.alg \"ed25519\"\n%c keys.%s.alg \"ed25519\"\n"
	    "%c roles.prod.keys \"%s\"\n%c roles.prod.keys \"%s\"\n",
	    first == ANNA ? '-' : '+', first->id, second == ANNA ? '-' : '+',
	    second->id, first == ANNA ? '-' : '+', first->id,
	    second == ANNA ? '-' : '+', second->id);
	expect_difference(policy_tree(BERT), lines);
}

static void
trust_difference_tells_patterns_revocations_and_floors(void **state)
{
	json_t *tree = policy_tree(ANNA);
	char lines[512];

	(void)state;
	json_array_append_new(json_object_get(role_of(tree), "images"),
	    json_string("*"));
	json_object_set_new(role_of(tree), "debug", json_true());
	json_array_append_new(
	    json_object_get(json_object_get(tree, "revoked"), "keys"),
	    json_string(BERT->id));
	json_object_set_new(json_object_get(tree, "min_rollback"), "web",
	    json_integer(7));
	json_object_set_new(tree, "clock",
	    json_pack("{s:s, s:s}", "source", "system", "not_before",
		"2026-11-23T16:00:00Z"));
	snprintf(lines, sizeof(lines),
	    "+ clock.not_before \"2026-11-23T16:00:00Z\"\n"
	    "+ clock.source \"system\"\n"
	    "+ min_rollback.web 7\n"
	    "+ revoked.keys \"%s\"\n"
	    "- roles.prod.debug false\n"
	    "+ roles.prod.debug true\n"
	    "+ roles.prod.images \"*\"\n",
	    BERT->id);
	expect_difference(tree, lines);
}

static void
trust_difference_escapes_what_a_terminal_would_obey(void **state)
{
	json_t *tree = policy_tree(ANNA);
	char lines[512];

	(void)state;
	json_object_set_new(json_object_get(tree, "roles"), "b",
	    json_pack("{s:s, s:i, s:[s]}", "signs", "provenance", "threshold",
		1, "keys", ANNA->id));
	json_object_set_new(role_of(tree), "provenance",
	    json_pack("[{s:s, s:s, s:s}]", "predicate_type", "urn:\x1b[2K",
		"builder_id", "\xc3\xa4", "role", "b"));
	snprintf(lines, sizeof(lines),
	    "+ roles.b.keys \"%s\"\n"
	    "+ roles.b.signs \"provenance\"\n"
	    "+ roles.b.threshold 1\n"
	    "+ roles.prod.provenance {\"builder_id\": \"\\u00E4\", "
	    "\"predicate_type\": \"urn:\\u001B[2K\", \"role\": \"b\"}\n",
	    ANNA->id);
	expect_difference(tree, lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		trust_difference_is_nothing_for_the_next_version_of_the_same),
	    cmocka_unit_test(
		trust_difference_tells_a_key_that_takes_anothers_place),
	    cmocka_unit_test(
		trust_difference_tells_patterns_revocations_and_floors),
	    cmocka_unit_test(
		trust_difference_escapes_what_a_terminal_would_obey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
