/*
 * Writes a synthetic PV kernel for the tests of the command line tool.
 *
 * usage: cli-make-kernel elf | gzip | xz | lz4 | zstd FILE
 */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"

int
main(int argc, char **argv)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	if (argc == 3 && strcmp(argv[1], "elf") == 0) {
		write_file(argv[2], buffer_bytes(&elf));
		return 0;
	}
	for (int i = 0; argc == 3 && i < COMPRESSIONS; i++) {
		CLEANUP(buffer_done) struct buffer kernel = {0};

		if (strcmp(argv[1], compression_names[i]) != 0)
			continue;
		kernel = make_bzimage((enum compression)i, buffer_bytes(&elf));
		write_file(argv[2], buffer_bytes(&kernel));
		return 0;
	}
	fputs("usage: cli-make-kernel elf|gzip|xz|lz4|zstd FILE\n", stderr);
	return 2;
}
