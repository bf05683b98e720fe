/*
 * Runs each file of tests/golden/measure/bad/<ERROR_NAME>/ that prediction
 * reads through what reads files of its kind, and compares the error with the
 * directory's name. Files of other kinds belong to other tests.
 */
#include "base_fixture.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/predict/cpio.h"
#include "measure/predict/efi_variables.h"
#include "measure/predict/pe.h"
#include "measure/predict/predict_grub.h"
#include "measure/predict/prediction.h"

static int
read_image(struct bytes file, struct err *err)
{
	struct pe pe;

	return pe_decode(file, &pe, err);
}

static int
read_prediction(struct bytes file, struct err *err)
{
	struct prediction prediction;

	return prediction_decode(file, &prediction, err);
}

static int
read_listing(struct bytes file, struct err *err)
{
	struct prediction prediction;

	return prediction_decode_reference(file, &prediction, err);
}

static int
read_grub_config(struct bytes file, struct err *err)
{
	struct prediction prediction = {0};

	return predict_grub(file, "/nonexistent", &prediction, err);
}

static int
read_variables(struct bytes file, struct err *err)
{
	struct efi_variables variables;

	return efi_variables_from_store(file, &variables, err);
}

static const struct {
	const char *pattern;
	size_t at_least;
	int (*read)(struct bytes file, struct err *err);
} kinds[] = {
    {"*/*.efi", 30, read_image},
    {"*/*.cpio", 3, cpio_check},
    {"*/*.vars", 5, read_variables},
    {"*/*.cfg", 11, read_grub_config},
    {"*/*.prediction", 5, read_prediction},
    {"*/*.pcrread", 3, read_listing},
};

static void
check_file(const char *path, int (*read)(struct bytes file, struct err *err))
{
	CLEANUP(freep) char *text = NULL;
	char directory[64] = "";
	const char *name = path + strlen(GOLDEN_BAD "/");
	struct err err = {0};
	size_t len;

	memcpy(directory, name, strcspn(name, "/"));
	assert_refused(file_read(path, LIMIT_MIB(1), &text, &len, &err), 0);
	if (read(bytes_of(text, len), &err) == 0)
		fail_msg("%s: accepted", path);
	if (strcmp(err_name(err.code), directory) != 0)
		fail_msg("%s: %s: %s", path, err_name(err.code), err.text);
}

static void
each_bad_file_gives_the_error_of_its_directory(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(kinds); i++) {
		char pattern[1024];
		glob_t found;

		snprintf(pattern, sizeof(pattern), GOLDEN_BAD "/%s",
		    kinds[i].pattern);
		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		assert_true(found.gl_pathc >= kinds[i].at_least);
		for (size_t j = 0; j < found.gl_pathc; j++)
			check_file(found.gl_pathv[j], kinds[i].read);
		globfree(&found);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_bad_file_gives_the_error_of_its_directory),
	};

	return cmocka_run_group_tests_name("predict_golden", tests, NULL, NULL);
}
