/*
 * assay: the command line tool. Finds the command and runs it.
 */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "cli/command.h"

static const struct command *const commands[] = {
    &command_key_new, &command_key_show,
    &command_trust_init, &command_trust_show,
    &command_image_pack, &command_image_sign, &command_image_verify,
    &command_image_inspect,
    &command_store_init, &command_store_add, &command_store_ls,
    &command_store_verify,
    &command_build, &command_ps, &command_destroy, &command_status,
};

static bool is_named(const struct command *command, int argc, char **argv);
static int help(FILE *out);

int
main(int argc, char **argv)
{
	if (argc < 2)
		return help(stderr);
	if (strcmp(argv[1], "--version") == 0) {
		puts("assay " ASSAY_VERSION);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		help(stdout);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < countof(commands); i++) {
		int words = commands[i]->group != NULL ? 2 : 1;

		if (is_named(commands[i], argc, argv))
			return commands[i]->run(argc - words, argv + words);
	}
	fprintf(stderr, "assay: no such command: %s%s%s\n", argv[1],
	    argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
	return help(stderr);
}

static bool
is_named(const struct command *command, int argc, char **argv)
{
	if (command->group == NULL)
		return strcmp(argv[1], command->name) == 0;
	return argc > 2 && strcmp(argv[1], command->group) == 0 &&
	    strcmp(argv[2], command->name) == 0;
}

static int
help(FILE *out)
{
	fputs("usage: assay COMMAND [OPTION...]\n\n", out);
	for (size_t i = 0; i < countof(commands); i++) {
		const struct command *command = commands[i];

		fprintf(out, "  %-6s%-9s%s\n",
		    command->group != NULL ? command->group : command->name,
		    command->group != NULL ? command->name : "",
		    command->summary);
	}
	fputs("\nexit status: 0 done, 1 refused, 2 usage, 3 environment\n",
	    out);
	return EXIT_USAGE;
}
