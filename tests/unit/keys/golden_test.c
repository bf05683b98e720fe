/*
 * Every file of tests/golden/keys: what is in bad/<ERROR_NAME> is refused with
 * just that error, what is in good is taken. The beginning of a file's name
 * says who must refuse it:
 *
 *	envelope-*  dsse_decode
 *	trust-*     trust_decode
 *	chain-*     trust_chain_apply, over good/trust-chain-root.json
 *	verify-*    trust_verify_for, by the policy good/trust-policy.json
 */
#include "keys_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/scope.h"
#include "keys/trust_chain.h"

#define GOLDEN ASSAY_GOLDEN_DIR

struct text {
	char *ptr;
	size_t len;
};

static struct text
read_text(const char *path)
{
	struct text text = {.ptr = NULL};
	struct err err;

	assert_code(file_read(path, 1 << 20, &text.ptr, &text.len, &err),
	    ERR_NONE);
	return text;
}

static int
decode_envelope(struct text text)
{
	struct dsse_envelope *envelope = NULL;
	struct err err;
	int code = dsse_decode(bytes_of(text.ptr, text.len), &envelope, &err);

	dsse_freep(&envelope);
	return code;
}

static int
decode_trust(struct text text)
{
	struct trust_policy *policy = NULL;
	struct err err;
	int code = trust_decode(bytes_of(text.ptr, text.len), &policy, &err);

	trust_freep(&policy);
	return code;
}

static int
verify_envelope(struct text text)
{
	struct text trust = read_text(GOLDEN "/good/trust-policy.json");
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct trust_verdict verdict;
	struct err err;

	assert_code(trust_decode(bytes_of(trust.ptr, trust.len), &policy, &err),
	    ERR_NONE);
	free(trust.ptr);
	assert_code(dsse_decode(bytes_of(text.ptr, text.len), &envelope, &err),
	    ERR_NONE);
	return trust_verify_for(policy, TRUST_IMAGE,
	    bytes_of(text.ptr, text.len), envelope, FRESH_BUDGET, &verdict,
	    &err);
}

static int
apply_chain(struct text text)
{
	struct trust_policy *policy = NULL;
	struct err err;
	int code;

	assert_code(
	    trust_load(GOLDEN "/good/trust-chain-root.json", &policy, &err),
	    ERR_NONE);
	code = trust_chain_apply(&policy, bytes_of(text.ptr, text.len), &err);
	trust_freep(&policy);
	return code;
}

static bool
begins_with(const char *name, const char *beginning)
{
	return strncmp(name, beginning, strlen(beginning)) == 0;
}

static int
run_file(const char *path, const char *name)
{
	struct text text = read_text(path);
	int code = -1;

	if (begins_with(name, "envelope-"))
		code = decode_envelope(text);
	else if (begins_with(name, "trust-"))
		code = decode_trust(text);
	else if (begins_with(name, "chain-"))
		code = apply_chain(text);
	else if (begins_with(name, "verify-"))
		code = verify_envelope(text);
	else
		fail_msg("%s: nobody to refuse it", path);
	free(text.ptr);
	return code;
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Gives the number of files, every one of which ended in `expected`. */
static size_t
run_directory(const char *directory, const char *expected)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_visible, alphasort);
	size_t wrong = 0;

	if (count < 0)
		fail_msg("%s cannot be read", directory);
	for (int i = 0; i < count; i++) {
		char path[512];
		int code;

		snprintf(path, sizeof(path), "%s/%s", directory,
		    entries[i]->d_name);
		code = run_file(path, entries[i]->d_name);
		if (strcmp(code == 0 ? "good" : err_name((enum err_code)code),
			expected) != 0) {
			print_error("%s: %s\n", path,
			    code == 0 ? "good" : err_name((enum err_code)code));
			wrong++;
		}
		free(entries[i]);
	}
	free(entries);
	assert_int_equal(wrong, 0);
	if (count == 0)
		fail_msg("%s is empty", directory);
	return (size_t)count;
}

static void
golden_good_files_are_taken(void **state)
{
	(void)state;
	assert_true(run_directory(GOLDEN "/good", "good") >= 3);
}

static void
golden_bad_files_are_refused_with_the_error_of_their_directory(void **state)
{
	struct dirent **entries = NULL;
	int count = scandir(GOLDEN "/bad", &entries, is_visible, alphasort);

	(void)state;
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/bad/%s", GOLDEN,
		    entries[i]->d_name);
		run_directory(path, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/* A directory that somebody removes must be missed. */
static void
golden_bad_has_a_directory_for_each_error(void **state)
{
	static const enum err_code codes[] = {ENVELOPE_MALFORMED,
	    ENVELOPE_TOO_LARGE, IMAGE_UNSIGNED, IMAGE_SIGNATURE_BAD,
	    THRESHOLD_NOT_MET, KEY_UNKNOWN, PAYLOAD_TYPE_UNKNOWN, KEY_REVOKED,
	    IMAGE_REVOKED, KEY_MALFORMED, KEY_UNSUPPORTED, TRUST_MALFORMED,
	    TRUST_NO_ROLE, TRUST_GAP, TRUST_REPLAYED, TRUST_DOWNGRADE,
	    TRUST_CHAIN_MALFORMED, TRUST_TOO_LARGE, KEY_CURVE_WRONG,
	    KEY_PARAMETERS_EXPLICIT, KEY_TOO_SHORT, BASE64_ALPHABETS_MIXED,
	    BASE64_WHITESPACE, BYTES_TRAILING, MEMBER_DUPLICATE,
	    TRUST_KEY_TWICE, TRUST_THRESHOLD_BAD, TRUST_ROLE_CYCLE,
	    TRUST_ROLE_REFERENCE_BAD, SIGNATURE_NOT_DER, SIGNATURE_OTHER_HASH,
	    SIGNATURE_OTHER_PADDING};

	(void)state;
	for (size_t i = 0; i < countof(codes); i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/bad/%s", GOLDEN,
		    err_name(codes[i]));
		run_directory(path, err_name(codes[i]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_good_files_are_taken),
	    cmocka_unit_test(
		golden_bad_files_are_refused_with_the_error_of_their_directory),
	    cmocka_unit_test(golden_bad_has_a_directory_for_each_error),
	};

	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
