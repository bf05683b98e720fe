/*
 * Gives a harness files instead of random bytes: each file named, and each
 * file of a directory named. At least one there must be.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "tests/fuzz/fuzz.h"

static size_t replay(const char *path);
static size_t replay_directory(DIR *dir, const char *path);
static size_t replay_file(const char *path);

int
main(int argc, char **argv)
{
	size_t count = 0;

	for (int i = 1; i < argc; i++)
		count += replay(argv[i]);
	printf("%zu files\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static size_t
replay(const char *path)
{
	DIR *dir = opendir(path);
	size_t count;

	if (dir == NULL)
		return replay_file(path);
	count = replay_directory(dir, path);
	closedir(dir);
	return count;
}

static size_t
replay_directory(DIR *dir, const char *path)
{
	const struct dirent *entry;
	size_t count = 0;

	while ((entry = readdir(dir)) != NULL) {
		CLEANUP(freep) char *file = NULL;

		if (entry->d_name[0] != '.' &&
		    asprintf(&file, "%s/%s", path, entry->d_name) > 0)
			count += replay_file(file);
	}
	return count;
}

/* In memory of its exact size, so that a sanitizer sees its end. */
static size_t
replay_file(const char *path)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) uint8_t *data = NULL;
	struct err err;
	size_t len;

	if (file_read(path, LIMIT_MIB(16), &text, &len, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(EXIT_FAILURE);
	}
	data = malloc(len > 0 ? len : 1);
	if (data == NULL)
		exit(EXIT_FAILURE);
	memcpy(data, text, len);
	LLVMFuzzerTestOneInput(data, len);
	return 1;
}
