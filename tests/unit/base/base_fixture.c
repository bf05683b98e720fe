#include "base_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[64];

static const char *
code_name(int code)
{
	return code == 0 ? "0" : err_name((enum err_code)code);
}

void
assert_refused_at(int result, int code, const char *file, int line)
{
	_assert_string_equal(code_name(result), code_name(code), file, line);
}

void
assert_has_at(const char *text, const char *part, const char *file, int line)
{
	if (text != NULL && strstr(text, part) != NULL)
		return;
	print_error("\"%s\" does not hold \"%s\"\n",
	    text != NULL ? text : "(nothing)", part);
	_fail(file, line);
}

int
enter_scratch(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/assay-test-XXXXXX");
	assert_non_null(mkdtemp(directory));
	return chdir(directory);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
leave_scratch(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static size_t
count_entries(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 &&
		         strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

size_t
count_names(void)
{
	return count_entries(".");
}

size_t
count_descriptors(void)
{
	return count_entries("/proc/self/fd");
}

int
open_file_of(const char *name, struct bytes data)
{
	FILE *file = fopen(name, "we");
	int fd;

	assert_non_null(file);
	assert_int_equal(fwrite(data.ptr, 1, data.len, file), data.len);
	assert_int_equal(fclose(file), 0);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}
