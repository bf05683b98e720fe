/*
 * Runs each file of tests/golden/measure that the boot policy and the TPM read
 * through its reader: what is in bad/<ERROR_NAME> gives just that error, what
 * is in good is taken. Files of other kinds belong to other tests.
 */
#include "base_fixture.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/tpm/setup/approval.h"
#include "measure/boot_policy.h"
#include "measure/tpm_identity.h"
#include "measure/tpm/setup/tpm_sealed.h"

static int
read_identity(struct bytes file, struct err *err)
{
	struct tpm_identity identity;

	return tpm_identity_decode(file, &identity, err);
}

static int
read_policy(struct bytes file, struct err *err)
{
	CLEANUP(freep) struct boot_policy *policy = NULL;

	return boot_policy_decode(file, &policy, err);
}

static int
read_approvals(struct bytes file, struct err *err)
{
	CLEANUP(approvals_freep) struct approvals *approvals = NULL;

	return approvals_decode(file, &approvals, err);
}

static int
read_secret(struct bytes file, struct err *err)
{
	struct tpm_sealed sealed;

	return tpm_sealed_decode(file, &sealed, err);
}

static int
read_credential(struct bytes file, struct err *err)
{
	TPM2B_ENCRYPTED_SECRET secret;
	TPM2B_ID_OBJECT blob;

	return tpm_credential_decode(file, &blob, &secret, err);
}

static const struct {
	const char *kind;
	size_t bad;
	size_t good;
	int (*read)(struct bytes file, struct err *err);
} kinds[] = {
    {"tpm-identity", 28, 2, read_identity},
    {"boot-policy", 34, 1, read_policy},
    {"approval", 34, 2, read_approvals},
    {"secret", 37, 2, read_secret},
    {"credential", 13, 2, read_credential},
};

static void
check_file(const char *path, const char *expected,
    int (*read)(struct bytes file, struct err *err))
{
	CLEANUP(freep) char *text = NULL;
	struct err err = {0};
	size_t len;
	int code;

	assert_refused(file_read(path, LIMIT_MIB(1), &text, &len, &err), 0);
	code = read(bytes_of(text, len), &err);
	if (strcmp(code == 0 ? "good" : err_name((enum err_code)code),
		expected) != 0)
		fail_msg("%s: %s: %s", path, err_name(err.code), err.text);
}

static void
each_bad_file_gives_the_error_of_its_directory(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(kinds); i++) {
		char pattern[1024];
		glob_t found;

		snprintf(pattern, sizeof(pattern), GOLDEN "/bad/*/*.%s",
		    kinds[i].kind);
		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		assert_true(found.gl_pathc >= kinds[i].bad);
		for (size_t j = 0; j < found.gl_pathc; j++) {
			const char *name =
			    found.gl_pathv[j] + strlen(GOLDEN "/bad/");
			char directory[64] = "";

			memcpy(directory, name, strcspn(name, "/"));
			check_file(found.gl_pathv[j], directory, kinds[i].read);
		}
		globfree(&found);
	}
}

static void
each_good_file_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(kinds); i++) {
		char pattern[1024];
		glob_t found;

		snprintf(pattern, sizeof(pattern), GOLDEN "/good/*.%s",
		    kinds[i].kind);
		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		assert_true(found.gl_pathc >= kinds[i].good);
		for (size_t j = 0; j < found.gl_pathc; j++)
			check_file(found.gl_pathv[j], "good", kinds[i].read);
		globfree(&found);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_bad_file_gives_the_error_of_its_directory),
	    cmocka_unit_test(each_good_file_is_taken),
	};

	return cmocka_run_group_tests_name("tpm_golden", tests, NULL, NULL);
}
