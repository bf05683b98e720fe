/*
 * Runs each file of tests/golden/builder/bad/<ERROR_NAME>/ through what reads
 * files of its kind, and compares the error with the directory's name; those
 * of good/ must be taken.
 *
 *	.conf     the configuration
 *	.call     one varlink message, as the front decodes it
 */
#include "builder/setup/daemon_config_load.h"
#include "builder_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "builder/daemon_config.h"
#include "builder/front/methods.h"
#include "builder/front/varlink.h"

static int
read_config(const char *path, struct bytes file, struct err *err)
{
	struct daemon_config config;

	(void)file;
	return daemon_config_load(path, &config, err);
}

static int
read_call(const char *path, struct bytes file, struct err *err)
{
	CLEANUP(varlink_call_done) struct varlink_call call = {0};
	const struct method *method;
	struct front_call decoded;
	json_t *reply = NULL;

	(void)path;
	TRY(varlink_call_decode(file, &call, err));
	method = method_find(call.method);
	if (method == NULL)
		return err_set(err, RPC_METHOD_UNKNOWN, "%s", call.method);
	TRY(method_decode(method, call.parameters, &decoded, &reply, err));
	json_decref(reply);
	return 0;
}

static const struct {
	const char *suffix;
	int (*read)(const char *path, struct bytes file, struct err *err);
} kinds[] = {
    {".conf", read_config},
    {".call", read_call},
};

static void
check_file(const char *path, const char *code_name)
{
	CLEANUP(buffer_done) struct buffer file = read_file(path);
	const char *suffix = strrchr(path, '.');

	for (size_t i = 0; i < countof(kinds); i++) {
		struct err err = {0};
		const char *found;

		if (suffix == NULL || strcmp(suffix, kinds[i].suffix) != 0)
			continue;
		found = kinds[i].read(path, buffer_bytes(&file), &err) == 0
		            ? "good"
		            : err_name(err.code);
		if (strcmp(found, code_name) != 0)
			fail_msg("%s: %s: %s", path, found, err.text);
		return;
	}
	fail_msg("%s: a file of no known kind", path);
}

/* Returns the number of files. */
static size_t
check_directory(const char *directory, const char *code_name)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	size_t count = 0;

	if (dir == NULL)
		fail_msg("%s: no directory", directory);
	while ((entry = readdir(dir)) != NULL) {
		char path[1024];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		check_file(path, code_name);
		count++;
	}
	closedir(dir);
	return count;
}

static void
golden_good_files_are_taken(void **state)
{
	(void)state;
	assert_true(check_directory(ASSAY_GOLDEN_DIR "/good", "good") >= 8);
}

/* A directory that somebody removes must be missed. */
static void
golden_bad_files_are_refused_with_the_error_of_their_directory(void **state)
{
	static const enum err_code codes[] = {CONFIG_BAD, RPC_MALFORMED,
	    RPC_TOO_LARGE, RPC_METHOD_UNKNOWN, RPC_PARAMETER_BAD,
	    BYTES_TRAILING, MEMBER_DUPLICATE};

	(void)state;
	for (size_t i = 0; i < countof(codes); i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/bad/%s", ASSAY_GOLDEN_DIR,
		    err_name(codes[i]));
		assert_true(check_directory(path, err_name(codes[i])) > 0);
	}
	assert_int_equal(count_files(ASSAY_GOLDEN_DIR "/bad"), countof(codes));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_good_files_are_taken),
	    cmocka_unit_test(
		golden_bad_files_are_refused_with_the_error_of_their_directory),
	};

	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
