/*
 * assay-xl-config FILE: reads a file for xl(1), and says on its standard output
 * what assayd can take of it; see xl_answer.h. A program for itself, so that
 * neither Xen's libraries nor whatever a file does to their parser is in
 * `assay`.
 */
#include <stdio.h>

#include "base/file.h"
#include "base/scope.h"
#include "cli/command.h"
#include "cli/xl/xl_config.h"

const char command_joint = '-';

static int run(const char *path, struct xl_answer *ret_answer, struct err *err);

int
main(int argc, char **argv)
{
	struct xl_answer answer = {.memory_mib = 0};
	struct err err = {0};

	command_begin();
	if (argc != 2) {
		fputs("usage: assay-xl-config FILE\n", stderr);
		return EXIT_USAGE;
	}
	if (run(argv[1], &answer, &err) != 0)
		return command_finish(command_failed(&err, true));
	return command_finish(
	    command_print_json(json_table_write(&xl_answer_table, &answer)));
}

static int
run(const char *path, struct xl_answer *ret_answer, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (file_read(path, LIMIT_XL_CONFIG_BYTES, &text, &len, err) != 0) {
		if (err->code == IMAGE_TOO_LARGE)
			err->code = XL_CONFIG_MALFORMED;
		return (int)err->code;
	}
	return xl_config_read(bytes_of(text, len), path, ret_answer, err);
}
