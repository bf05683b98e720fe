/*
 * Files for xl(1), with libxlutil as it is installed: those of tests/golden/xl,
 * each of which has to end as its directory says, and what errors say.
 */
#include "base_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/scope.h"
#include "cli/xl/xl_config.h"
#include "cli/xl/xl_keys.h"

static struct xl_answer answer;
static struct err err;

static int
read_text(const char *text)
{
	memset(&err, 0, sizeof(err));
	memset(&answer, 0x5a, sizeof(answer));
	return xl_config_read(bytes_of_str(text), "web.cfg", &answer, &err);
}

static void
assert_says(const char *text, enum err_code code, const char *field,
    const char *why)
{
	struct xl_answer untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	assert_int_equal(read_text(text), code);
	assert_string_equal(err.field, field);
	assert_string_equal(err.text, why);
	assert_memory_equal(&answer, &untouched, sizeof(answer));
}

static const char *
end_of(const char *path)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	memset(&err, 0, sizeof(err));
	if (file_read(path, 1 << 20, &text, &len, &err) != 0)
		fail_msg("%s", err.text);
	return xl_config_read(bytes_of(text, len), path, &answer, &err) == 0
	           ? "good"
	           : err_name(err.code);
}

static size_t
run_directory(const char *directory, const char *expected)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	size_t count = 0;

	if (dir == NULL)
		fail_msg("%s: no directory", directory);
	while ((entry = readdir(dir)) != NULL) {
		char path[512];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (strcmp(end_of(path), expected) != 0)
			fail_msg("%s: %s: %s", path, end_of(path), err.text);
		count++;
	}
	closedir(dir);
	return count;
}

static void
golden_files_end_as_their_directory_says(void **state)
{
	(void)state;
#define BAD(name) run_directory(ASSAY_GOLDEN_DIR "/bad/" name, name)
	assert_true(run_directory(ASSAY_GOLDEN_DIR "/good", "good") >= 4);
	assert_true(BAD("XL_CONFIG_MALFORMED") >= 12);
	assert_true(BAD("XL_CONFIG_IMAGE_HAS") >= 13);
	assert_true(BAD("XL_CONFIG_UNSUPPORTED") >= 12);
	assert_true(BAD("XL_CONFIG_VALUE_BAD") >= 19);
}

static void
a_file_gives_what_it_sets(void **state)
{
	(void)state;
	assert_string_equal(end_of(ASSAY_GOLDEN_DIR "/good/guest.cfg"), "good");
	assert_string_equal(answer.name, "web-4");
	assert_string_equal(answer.uuid,
	    "c2a41c75-755c-40e3-ae13-5a4709cf7846");
	assert_string_equal(answer.image, "web");
	assert_int_equal(answer.memory_mib, 256);
	assert_int_equal(answer.vcpus, 2);
	assert_string_equal(answer.on_poweroff, "preserve");
	assert_string_equal(answer.on_reboot, "destroy");
	assert_string_equal(answer.on_crash, "restart");
	assert_string_equal(end_of(ASSAY_GOLDEN_DIR "/good/empty.cfg"), "good");
	assert_string_equal(answer.name, "");
	assert_string_equal(answer.uuid, "");
	assert_string_equal(answer.image, "");
	assert_int_equal(answer.memory_mib, 0);
	assert_int_equal(answer.vcpus, 0);
}

/* Who has a file for xl(1) is not sent from line to line. */
static void
a_refusal_names_all_other_keys_too(void **state)
{
	static const char more[] = "pci = []\n";
	char text[64 + 40 * sizeof(more)] = "kernel = 'a'\nmemory = 1\n"
					    "assay_image = 'web'\n";

	(void)state;
	assert_says("kernel = 'a'\nmemory = 'x'\nextra = 'b'\ncolour = 1\n",
	    XL_CONFIG_IMAGE_HAS, "kernel",
	    "web.cfg: line 1: kernel: the signed image decides this; also "
	    "refused: extra (line 3), colour (line 4); and no assay_image or "
	    "--image");
	for (int i = 0; i < 40; i++)
		strcat(text, more);
	assert_int_equal(read_text(text), XL_CONFIG_IMAGE_HAS);
	assert_has(err.text, "; also refused: pci (line 4), pci (line 5), ");
	assert_string_equal(err.text + strlen(err.text) - 6, "), ...");
}

static void
a_refusal_names_the_key_and_its_line(void **state)
{
	(void)state;
	assert_says("name = 'web'\n\nkernel = '/vmlinuz'\n",
	    XL_CONFIG_IMAGE_HAS, "kernel",
	    "web.cfg: line 3: kernel: the signed image decides this; and "
	    "no assay_image or --image");
	assert_says("disk = [\n'a',\n]\nassay_image = 'web'\n",
	    XL_CONFIG_UNSUPPORTED, "disk",
	    "web.cfg: line 1: disk: attach disks to a domain that was "
	    "built with --paused");
	assert_says("assay_image = 'a'; # b\n\t colour = 1",
	    XL_CONFIG_UNSUPPORTED, "colour",
	    "web.cfg: line 2: colour: assayd would have to ignore this");
	assert_says("memory = 1\nmemory = 2\n", XL_CONFIG_VALUE_BAD, "memory",
	    "web.cfg: line 2: memory: it is set twice");
	assert_says("memory = 1\nmaxmem = 2\n", XL_CONFIG_VALUE_BAD, "maxmem",
	    "web.cfg: maxmem: not the same number as memory, and assayd "
	    "gives a domain no more memory later");
}

static void
what_libxlutil_says_is_printable(void **state)
{
	(void)state;
	assert_says("memory = 1\n\xff\xfe\n", XL_CONFIG_MALFORMED, "",
	    "web.cfg:2: config parsing error near `?"
	    "?': lexical error");
	assert_says("\n\x1b[2J", XL_CONFIG_MALFORMED, "",
	    "web.cfg: line 2: byte 0x1b: this is no text");
}

/* All that is no string, number or comment. */
static void
keys_are_found_wherever_they_stand(void **state)
{
	static const char text[] =
	    "a=1;b.c_2='d\\'e=f'#g='\n\n  h=[ 0xi,\n\"j\\"
	    "\\\" ]\nk=12 # l\nm = \"n";
	static const struct {
		const char *name;
		unsigned int line;
	} expected[] = {{"a", 1}, {"b.c_2", 1}, {"h", 3}, {"i", 3}, {"k", 5},
	    {"m", 6}};
	struct xl_keys keys = {bytes_of_str(text), 1};
	struct xl_key key;

	(void)state;
	for (size_t i = 0; i < countof(expected); i++) {
		assert_true(xl_keys_next(&keys, &key));
		assert_true(
		    bytes_equal(key.name, bytes_of_str(expected[i].name)));
		assert_int_equal(key.line, expected[i].line);
	}
	assert_false(xl_keys_next(&keys, &key));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_files_end_as_their_directory_says),
	    cmocka_unit_test(a_file_gives_what_it_sets),
	    cmocka_unit_test(a_refusal_names_the_key_and_its_line),
	    cmocka_unit_test(a_refusal_names_all_other_keys_too),
	    cmocka_unit_test(what_libxlutil_says_is_printable),
	    cmocka_unit_test(keys_are_found_wherever_they_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
