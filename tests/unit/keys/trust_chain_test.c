#include "keys_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "keys/trust_chain.h"

/* Owners of the trust role: two of two in each version. */
#define ANNA  fixture_key(ALGORITHM_ED25519, 0)
#define BERT  fixture_key(ALGORITHM_ED25519, 1)
#define CLARA fixture_key(ALGORITHM_ED25519, 2)
#define THIEF fixture_key(ALGORITHM_ED25519, 3)

/* Nothing but a trust role, two of two, and one for images. */
static json_t *
policy_tree(json_int_t version, const struct fixture_key *a,
    const struct fixture_key *b)
{
	json_t *tree = json_pack("{s:s, s:I, s:{},"
				 " s:{s:{s:s, s:i, s:[s,s]},"
				 "    s:{s:i, s:[s], s:[s], s:b}},"
				 " s:{s:[], s:[]}, s:{}}",
	    "schema", "assay.trust/1", "version", version, "keys", "roles",
	    "root", "signs", "trust", "threshold", 2, "keys", a->id, b->id,
	    "prod", "threshold", 1, "keys", a->id, "images", "*", "debug", 0,
	    "revoked", "keys", "manifests", "min_rollback");

	assert_non_null(tree);
	fixture_trust_add_key(tree, a);
	fixture_trust_add_key(tree, b);
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

/* Version 4, of Anna and Bert. */
static struct trust_policy *
root(void)
{
	return policy_of(policy_tree(4, ANNA, BERT));
}

/* A step, signed by up to three keys. Takes the tree. Returns owned text. */
static char *
step_of(json_t *tree, const struct fixture_key *a, const struct fixture_key *b,
    const struct fixture_key *c)
{
	CLEANUP(freep) char *payload = fixture_text(tree);
	json_t *envelope =
	    fixture_envelope(DSSE_TRUST_PAYLOAD_TYPE, bytes_of_str(payload));

	fixture_envelope_sign(envelope, a, a->id);
	if (b != NULL)
		fixture_envelope_sign(envelope, b, b->id);
	if (c != NULL)
		fixture_envelope_sign(envelope, c, c->id);
	return fixture_text(envelope);
}

/* The same owners go on. */
static char *
plain_step(json_int_t version)
{
	return step_of(policy_tree(version, ANNA, BERT), ANNA, BERT, NULL);
}

/* Takes the text. */
static void
expect_step(char *step, int64_t version)
{
	CLEANUP(trust_freep) struct trust_policy *current = root();
	CLEANUP(trust_freep) struct trust_policy *next = NULL;
	struct err err;

	assert_code(trust_chain_step(current, bytes_of_str(step), FRESH_BUDGET,
			&next, &err),
	    ERR_NONE);
	assert_int_equal(trust_version(next), version);
	free(step);
}

/* Takes the text. */
static void
expect_refused(char *step, enum err_code code)
{
	CLEANUP(trust_freep) struct trust_policy *current = root();
	struct trust_policy *next = UNTOUCHED;
	struct err err;

	assert_code(trust_chain_step(current, bytes_of_str(step), FRESH_BUDGET,
			&next, &err),
	    code);
	assert_int_equal(err.code, code);
	assert_ptr_equal(next, UNTOUCHED);
	free(step);
}

/* Takes the text. `version` is what is in force afterwards. */
static void
expect_chain(char *chain, enum err_code code, int64_t version)
{
	CLEANUP(trust_freep) struct trust_policy *policy = root();
	struct trust_policy *before = policy;
	struct err err;

	assert_code(trust_chain_apply(&policy, bytes_of_str(chain), &err),
	    code);
	assert_int_equal(trust_version(policy), version);
	if (code != ERR_NONE) {
		assert_int_equal(err.code, code);
		assert_ptr_equal(policy, before);
	}
	free(chain);
}

/* Lines of steps. Takes the texts. */
static char *
chain_of(char *a, char *b, char *c)
{
	char *chain;

	assert_true(asprintf(&chain, "%s\n%s%s%s%s", a, b != NULL ? b : "",
			b != NULL ? "\n" : "", c != NULL ? c : "",
			c != NULL ? "\n" : "") > 0);
	free(a);
	free(b);
	free(c);
	return chain;
}

static void
trust_chain_step_takes_the_next_version_by_the_same_owners(void **state)
{
	(void)state;
	expect_step(plain_step(5), 5);
}

static void
trust_chain_step_takes_new_owners_that_old_and_new_ones_sign(void **state)
{
	(void)state;
	expect_step(step_of(policy_tree(5, BERT, CLARA), ANNA, BERT, CLARA), 5);
}

static void
trust_chain_step_needs_the_threshold_of_the_old_version(void **state)
{
	(void)state;
	expect_refused(step_of(policy_tree(5, BERT, CLARA), BERT, CLARA, NULL),
	    KEY_UNKNOWN);
	expect_refused(step_of(policy_tree(5, ANNA, BERT), ANNA, NULL, NULL),
	    THRESHOLD_NOT_MET);
	expect_refused(step_of(policy_tree(5, ANNA, BERT), ANNA, ANNA, NULL),
	    THRESHOLD_NOT_MET);
	expect_refused(
	    step_of(policy_tree(5, THIEF, CLARA), THIEF, CLARA, NULL),
	    KEY_UNKNOWN);
}

static void
trust_chain_step_needs_the_threshold_of_the_new_version(void **state)
{
	(void)state;
	expect_refused(step_of(policy_tree(5, BERT, CLARA), ANNA, BERT, NULL),
	    KEY_UNKNOWN);
	expect_refused(step_of(policy_tree(5, CLARA, THIEF), ANNA, BERT, THIEF),
	    KEY_UNKNOWN);
}

/* Both know all keys; the new role wants another one. */
static void
trust_chain_step_counts_the_new_role_alone(void **state)
{
	json_t *tree = policy_tree(5, BERT, CLARA);

	(void)state;
	fixture_trust_add_key(tree, ANNA);
	expect_refused(step_of(tree, ANNA, BERT, NULL), THRESHOLD_NOT_MET);
}

/* Or the next step could be signed by nobody. */
static void
trust_chain_step_refuses_a_version_without_a_trust_role(void **state)
{
	json_t *tree = policy_tree(5, ANNA, BERT);

	(void)state;
	json_object_del(json_object_get(tree, "roles"), "root");
	expect_refused(step_of(tree, ANNA, BERT, NULL), TRUST_NO_ROLE);
}

static void
trust_chain_step_refuses_signers_of_images(void **state)
{
	json_t *tree = policy_tree(5, ANNA, BERT);
	CLEANUP(trust_freep) struct trust_policy *current = NULL;
	struct trust_policy *next = UNTOUCHED;
	char *step = plain_step(5);
	struct err err;

	(void)state;
	json_object_del(json_object_get(tree, "roles"), "root");
	current = policy_of(tree);
	assert_code(trust_chain_step(current, bytes_of_str(step), FRESH_BUDGET,
			&next, &err),
	    TRUST_NO_ROLE);
	assert_ptr_equal(next, UNTOUCHED);
	free(step);
}

static void
trust_chain_step_counts_no_key_that_either_version_revokes(void **state)
{
	json_t *tree = policy_tree(5, ANNA, BERT);
	json_t *keys =
	    json_object_get(json_object_get(tree, "revoked"), "keys");

	(void)state;
	json_array_append_new(keys, json_string(BERT->id));
	expect_refused(step_of(tree, ANNA, BERT, NULL), KEY_REVOKED);
}

/* The way to get rid of a stolen key: its owner's old signature is enough. */
static void
trust_chain_step_takes_the_revocation_of_a_signer(void **state)
{
	json_t *tree = policy_tree(5, ANNA, CLARA);
	json_t *keys =
	    json_object_get(json_object_get(tree, "revoked"), "keys");

	(void)state;
	json_array_append_new(keys, json_string(BERT->id));
	expect_step(step_of(tree, ANNA, BERT, CLARA), 5);
}

static void
trust_chain_step_refuses_replays_downgrades_and_gaps(void **state)
{
	(void)state;
	expect_refused(plain_step(4), TRUST_REPLAYED);
	expect_refused(plain_step(3), TRUST_DOWNGRADE);
	expect_refused(plain_step(1), TRUST_DOWNGRADE);
	expect_refused(plain_step(6), TRUST_GAP);
	expect_refused(plain_step(INT64_MAX), TRUST_GAP);
}

/* Takes both trees; `next` gets the member, or loses it. */
static char *
step_that_names(json_t *next, json_t *previous)
{
	if (previous == NULL)
		json_object_del(next, "previous");
	else
		json_object_set_new(next, "previous", previous);
	return step_of(next, ANNA, BERT, NULL);
}

static json_t *
digest_tree(const struct trust_policy *policy)
{
	char text[DIGEST_TEXT_SIZE];

	digest_text(trust_digest(policy), text);
	return json_string(text);
}

/* Version 4 as root() has it, but for one floor: another fleet's. */
static struct trust_policy *
other_root(void)
{
	json_t *tree = policy_tree(4, ANNA, BERT);

	json_object_set_new(json_object_get(tree, "min_rollback"), "web",
	    json_integer(1));
	return policy_of(tree);
}

static void
trust_chain_step_takes_one_that_names_what_is_in_force(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *current = root();

	(void)state;
	expect_step(
	    step_that_names(policy_tree(5, ANNA, BERT), digest_tree(current)),
	    5);
}

/* Same owners, same number: two fleets, or a root that was made again. */
static void
trust_chain_step_refuses_a_step_of_another_fleet(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *other = other_root();

	(void)state;
	expect_refused(
	    step_that_names(policy_tree(5, ANNA, BERT), digest_tree(other)),
	    TRUST_OTHER_PREVIOUS);
	expect_refused(step_that_names(policy_tree(5, ANNA, BERT), json_null()),
	    TRUST_OTHER_PREVIOUS);
}

/* A root that follows nothing is of a time when steps name what they follow. */
static void
trust_chain_step_names_what_it_follows_once_the_root_does(void **state)
{
	json_t *tree = policy_tree(4, ANNA, BERT);
	CLEANUP(trust_freep) struct trust_policy *current = NULL;
	struct trust_policy *next = UNTOUCHED;
	CLEANUP(freep) char *step = plain_step(5);
	struct err err;

	(void)state;
	json_object_set_new(tree, "previous", json_null());
	current = policy_of(tree);
	assert_true(trust_is_bound(current));
	assert_code(trust_chain_step(current, bytes_of_str(step), FRESH_BUDGET,
			&next, &err),
	    TRUST_OTHER_PREVIOUS);
	assert_ptr_equal(next, UNTOUCHED);
}

/* Signed by all who must, then given up for another of the same number. */
static void
trust_chain_apply_refuses_a_step_that_was_given_up(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *current = root();
	json_t *taken = policy_tree(5, ANNA, BERT);
	json_t *given_up = policy_tree(5, ANNA, BERT);
	CLEANUP(trust_freep) struct trust_policy *fifth = NULL;
	char *after_taken;

	(void)state;
	json_object_set_new(taken, "previous", digest_tree(current));
	json_object_set_new(given_up, "previous", digest_tree(current));
	json_object_set_new(json_object_get(given_up, "min_rollback"), "web",
	    json_integer(1));
	fifth = policy_of(json_deep_copy(taken));
	after_taken =
	    step_that_names(policy_tree(6, ANNA, BERT), digest_tree(fifth));
	expect_chain(chain_of(step_of(taken, ANNA, BERT, NULL),
			 strdup(after_taken), NULL),
	    ERR_NONE, 6);
	expect_chain(
	    chain_of(step_of(json_deep_copy(given_up), ANNA, BERT, NULL),
		after_taken, NULL),
	    TRUST_OTHER_PREVIOUS, 4);
	/* Nor one of the old kind behind one that names what it follows. */
	expect_chain(
	    chain_of(step_of(given_up, ANNA, BERT, NULL), plain_step(6), NULL),
	    TRUST_OTHER_PREVIOUS, 4);
}

static void
trust_chain_step_reads_no_policy_that_the_old_version_did_not_sign(void **state)
{
	json_t *nonsense = fixture_envelope(DSSE_TRUST_PAYLOAD_TYPE,
	    bytes_of_str("{\"version\":"));

	(void)state;
	fixture_envelope_sign(nonsense, THIEF, THIEF->id);
	expect_refused(fixture_text(json_deep_copy(nonsense)), KEY_UNKNOWN);
	fixture_envelope_sign(nonsense, ANNA, ANNA->id);
	fixture_envelope_sign(nonsense, BERT, BERT->id);
	expect_refused(fixture_text(nonsense), TRUST_MALFORMED);
}

static void
trust_chain_step_refuses_other_documents(void **state)
{
	json_t *image =
	    fixture_envelope(DSSE_IMAGE_PAYLOAD_TYPE, bytes_of_str(PAYLOAD));

	(void)state;
	fixture_envelope_sign(image, ANNA, ANNA->id);
	fixture_envelope_sign(image, BERT, BERT->id);
	expect_refused(fixture_text(image), PAYLOAD_TYPE_UNKNOWN);
	expect_refused(fixture_text(policy_tree(5, ANNA, BERT)),
	    ENVELOPE_MALFORMED);
}

static void
trust_chain_apply_takes_several_steps(void **state)
{
	(void)state;
	expect_chain(chain_of(plain_step(5), plain_step(6), plain_step(7)),
	    ERR_NONE, 7);
	expect_chain(
	    chain_of(step_of(policy_tree(5, BERT, CLARA), ANNA, BERT, CLARA),
		step_of(policy_tree(6, CLARA, THIEF), BERT, CLARA, THIEF),
		NULL),
	    ERR_NONE, 6);
	expect_chain(strdup(""), ERR_NONE, 4);
}

static void
trust_chain_apply_refuses_the_whole_for_one_bad_step(void **state)
{
	(void)state;
	expect_chain(chain_of(plain_step(5), plain_step(5), NULL),
	    TRUST_REPLAYED, 4);
	expect_chain(chain_of(plain_step(5), plain_step(4), NULL),
	    TRUST_DOWNGRADE, 4);
	expect_chain(chain_of(plain_step(5), plain_step(7), NULL), TRUST_GAP,
	    4);
	/* Anna has no say any more after the first step. */
	expect_chain(
	    chain_of(step_of(policy_tree(5, BERT, CLARA), ANNA, BERT, CLARA),
		step_of(policy_tree(6, ANNA, BERT), ANNA, BERT, NULL), NULL),
	    KEY_UNKNOWN, 4);
}

static void
trust_chain_apply_refuses_what_is_not_lines(void **state)
{
	char *cut = plain_step(5);
	char *spaced;

	(void)state;
	assert_true(asprintf(&spaced, "%s\n\n", cut) > 0);
	expect_chain(spaced, TRUST_CHAIN_MALFORMED, 4);
	assert_true(asprintf(&spaced, "\n%s\n", cut) > 0);
	expect_chain(spaced, TRUST_CHAIN_MALFORMED, 4);
	expect_chain(cut, TRUST_CHAIN_MALFORMED, 4);
}

static void
trust_chain_apply_names_the_line(void **state)
{
	char *chain = chain_of(plain_step(5), plain_step(7), NULL);
	CLEANUP(trust_freep) struct trust_policy *policy = root();
	struct err err;

	(void)state;
	assert_code(trust_chain_apply(&policy, bytes_of_str(chain), &err),
	    TRUST_GAP);
	assert_non_null(strstr(err.text, "line 2: "));
	assert_non_null(strstr(err.text, "version 7 does not follow 5"));
	free(chain);
}

static void
trust_chain_apply_refuses_more_than_64_steps(void **state)
{
	char *chain = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&chain, &len);
	char *shorter;

	(void)state;
	for (int i = 0; i <= LIMIT_TRUST_STEPS; i++) {
		char *step = plain_step(5 + i);

		if (i == LIMIT_TRUST_STEPS) {
			fflush(stream);
			shorter = strdup(chain);
			expect_chain(shorter, ERR_NONE, 4 + LIMIT_TRUST_STEPS);
		}
		fprintf(stream, "%s\n", step);
		free(step);
	}
	fclose(stream);
	expect_chain(chain, TRUST_TOO_LARGE, 4);
}

static void
trust_chain_step_takes_a_policy_that_is_longer_than_a_manifest(void **state)
{
	json_t *tree = policy_tree(5, ANNA, BERT);
	json_t *revoked =
	    json_object_get(json_object_get(tree, "revoked"), "manifests");
	char text[DIGEST_TEXT_SIZE];

	(void)state;
	for (int i = 0; i < LIMIT_REVOCATIONS; i++) {
		snprintf(text, sizeof(text), "sha256:%064x", (unsigned int)i);
		json_array_append_new(revoked, json_string(text));
	}
	expect_step(step_of(tree, ANNA, BERT, NULL), 5);
}

/* --- files ----------------------------------------------------------- */

static void
write_text(const char *path, char *text)
{
	struct err err;

	assert_code(
	    file_write(path, bytes_of_str(text), 0644, FILE_REPLACE, &err),
	    ERR_NONE);
	free(text);
}

static int
load(const char *updates, int64_t *ret_version)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	struct err err;
	int code = trust_load_chain("root.json", updates, &policy, &err);

	if (code == 0)
		*ret_version = trust_version(policy);
	return code;
}

static void
trust_load_chain_reads_the_root_and_its_updates(void **state)
{
	int64_t version = 0;

	(void)state;
	write_text("root.json", fixture_text(policy_tree(4, ANNA, BERT)));
	write_text("good", chain_of(plain_step(5), plain_step(6), NULL));
	write_text("bad", chain_of(plain_step(6), NULL, NULL));
	write_text("empty", strdup(""));
	assert_code(load(NULL, &version), ERR_NONE);
	assert_int_equal(version, 4);
	assert_code(load("", &version), ERR_NONE);
	assert_int_equal(version, 4);
	assert_code(load("empty", &version), ERR_NONE);
	assert_int_equal(version, 4);
	assert_code(load("good", &version), ERR_NONE);
	assert_int_equal(version, 6);
	assert_code(load("bad", &version), TRUST_GAP);
	assert_code(load("missing", &version), STORE_IO);
	assert_int_equal(version, 6);
}

static void
trust_load_chain_refuses_large_files(void **state)
{
	char *large = calloc(1, LIMIT_TRUST_CHAIN_BYTES + 2);
	int64_t version = 0;

	(void)state;
	write_text("root.json", fixture_text(policy_tree(4, ANNA, BERT)));
	memset(large, ' ', LIMIT_TRUST_CHAIN_BYTES + 1);
	write_text("large", large);
	assert_code(load("large", &version), TRUST_TOO_LARGE);
	assert_int_equal(unlink("root.json"), 0);
	assert_int_equal(rename("large", "root.json"), 0);
	assert_code(load(NULL, &version), TRUST_TOO_LARGE);
	assert_int_equal(unlink("root.json"), 0);
	assert_code(load(NULL, &version), STORE_IO);
}

/* The updates lie where somebody may write that nobody trusts: who waits for a
 * writer of the FIFO is ended by the alarm. */
static void
trust_load_chain_follows_no_link_and_waits_for_no_pipe(void **state)
{
	int64_t version = 0;

	(void)state;
	write_text("root.json", fixture_text(policy_tree(4, ANNA, BERT)));
	write_text("good", chain_of(plain_step(5), NULL, NULL));
	assert_int_equal(symlink("good", "link"), 0);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	alarm(60);
	assert_code(load("link", &version), STORE_IO);
	assert_code(load("pipe", &version), STORE_IO);
	alarm(0);
}

static int
enter_directory(void **state)
{
	static char directory[] = "/tmp/trust-chain-XXXXXX";

	*state = directory;
	return mkdtemp(directory) == NULL || chdir(directory) != 0;
}

static int
leave_directory(void **state)
{
	static const char *const files[] = {"root.json", "good", "bad", "empty",
	    "large", "link", "pipe"};

	for (size_t i = 0; i < countof(files); i++)
		unlink(files[i]);
	return chdir("/") != 0 || rmdir(*state) != 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		trust_chain_step_takes_the_next_version_by_the_same_owners),
	    cmocka_unit_test(
		trust_chain_step_takes_new_owners_that_old_and_new_ones_sign),
	    cmocka_unit_test(
		trust_chain_step_needs_the_threshold_of_the_old_version),
	    cmocka_unit_test(
		trust_chain_step_needs_the_threshold_of_the_new_version),
	    cmocka_unit_test(trust_chain_step_counts_the_new_role_alone),
	    cmocka_unit_test(
		trust_chain_step_refuses_a_version_without_a_trust_role),
	    cmocka_unit_test(trust_chain_step_refuses_signers_of_images),
	    cmocka_unit_test(
		trust_chain_step_counts_no_key_that_either_version_revokes),
	    cmocka_unit_test(trust_chain_step_takes_the_revocation_of_a_signer),
	    cmocka_unit_test(
		trust_chain_step_refuses_replays_downgrades_and_gaps),
	    cmocka_unit_test(
		trust_chain_step_takes_one_that_names_what_is_in_force),
	    cmocka_unit_test(trust_chain_step_refuses_a_step_of_another_fleet),
	    cmocka_unit_test(
		trust_chain_step_names_what_it_follows_once_the_root_does),
	    cmocka_unit_test(
		trust_chain_apply_refuses_a_step_that_was_given_up),
	    cmocka_unit_test(
		trust_chain_step_reads_no_policy_that_the_old_version_did_not_sign),
	    cmocka_unit_test(trust_chain_step_refuses_other_documents),
	    cmocka_unit_test(trust_chain_apply_takes_several_steps),
	    cmocka_unit_test(
		trust_chain_apply_refuses_the_whole_for_one_bad_step),
	    cmocka_unit_test(trust_chain_apply_refuses_what_is_not_lines),
	    cmocka_unit_test(trust_chain_apply_names_the_line),
	    cmocka_unit_test(trust_chain_apply_refuses_more_than_64_steps),
	    cmocka_unit_test(
		trust_chain_step_takes_a_policy_that_is_longer_than_a_manifest),
	    cmocka_unit_test(trust_load_chain_reads_the_root_and_its_updates),
	    cmocka_unit_test(
		trust_load_chain_follows_no_link_and_waits_for_no_pipe),
	    cmocka_unit_test(trust_load_chain_refuses_large_files),
	};

	return cmocka_run_group_tests_name("trust_chain", tests,
	    enter_directory, leave_directory);
}
