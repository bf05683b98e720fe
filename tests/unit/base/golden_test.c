/*
 * Runs each file of tests/golden/base/json-bad/ and json-good/ through the
 * strict parser: the first must be refused, the second taken.
 */
#include "base_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/scope.h"

static bool
is_taken(const char *path)
{
	CLEANUP(freep)
	char *text = NULL;
	CLEANUP(json_freep)
	json_t *document = NULL;
	size_t len = 0;
	struct err err;

	if (file_read(path, 1 << 20, &text, &len, &err) != 0)
		fail_msg("%s", err.text);
	return json_parse(bytes_of(text, len), 8, "document", CONFIG_BAD,
		   &document, &err) == 0;
}

/* Returns how many files there are. */
static size_t
check_directory(const char *name, bool should_be_taken)
{
	char path[512];
	DIR *dir;
	const struct dirent *entry;
	size_t count = 0;

	snprintf(path, sizeof(path), "%s/%s", ASSAY_GOLDEN_DIR, name);
	dir = opendir(path);
	if (dir == NULL)
		fail_msg("%s: no directory", path);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", ASSAY_GOLDEN_DIR, name,
		    entry->d_name);
		if (is_taken(path) != should_be_taken)
			fail_msg("%s: %s", path,
			    should_be_taken ? "refused" : "taken");
		count++;
	}
	closedir(dir);
	return count;
}

static void
golden_bad_json_is_refused(void **state)
{
	(void)state;
	assert_true(check_directory("json-bad", false) >= 30);
}

static void
golden_good_json_is_taken(void **state)
{
	(void)state;
	assert_true(check_directory("json-good", true) >= 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_bad_json_is_refused),
	    cmocka_unit_test(golden_good_json_is_taken),
	};

	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
