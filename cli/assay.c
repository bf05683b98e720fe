/*
 * assay: the command line tool. Finds the command and runs it.
 */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "cli/command.h"

const char command_joint = ' ';

static const struct command *const commands[] = {
    &command_key_new,
    &command_key_show,
    &command_trust_init,
    &command_trust_show,
    &command_trust_add_key,
    &command_trust_remove_key,
    &command_trust_set_role,
    &command_trust_set_clock,
    &command_trust_revoke,
    &command_trust_rotate,
    &command_trust_verify,
    &command_image_pack,
    &command_image_sign,
    &command_image_lint,
    &command_image_verify,
    &command_image_statement,
    &command_image_inspect,
    &command_store_init,
    &command_store_add,
    &command_store_ls,
    &command_store_verify,
    &command_store_index,
    &command_store_remove,
    &command_store_gc,
    &command_store_import,
    &command_store_export,
    &command_boot_ramdisk,
    &command_boot_pack,
    &command_boot_predict,
    &command_evidence_nonce,
    &command_evidence_verify,
    &command_evidence_challenge,
    &command_evidence_confirm,
    &command_log_show,
    &command_log_export,
    &command_boot_policy,
    &command_tpm_provision,
    &command_tpm_show,
    &command_tpm_enroll,
    &command_tpm_seal,
    &command_tpm_unseal,
    &command_build,
    &command_ps,
    &command_describe,
    &command_pause,
    &command_unpause,
    &command_shutdown,
    &command_wait,
    &command_destroy,
    &command_status,
    &command_attest,
};

/* Headings of the help, in the order of the commands. */
static const struct {
	const char *group;
	const char *heading;
} headings[] = {
    {"key", "keys"},
    {"trust", "trust policies"},
    {"image", "images"},
    {"store", "stores of images"},
    {"tpm", "the TPM of this host"},
    {"boot", "booting: images and what they measure"},
    {"evidence", "evidence: what a host booted and started"},
    {"log", "event logs"},
    {NULL, "domains, built by assayd"},
};

static int run(int argc, char **argv);
static const struct command *find(const char *group, const char *name);
static bool is_in_group(const struct command *command, const char *group);
static int run_group(const char *group, const char *name);
static int help(void);
static void list_group(FILE *out, const char *group);

int
main(int argc, char **argv)
{
	command_begin();
	return command_finish(run(argc, argv));
}

static int
run(int argc, char **argv)
{
	const struct command *command;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("assay " ASSAY_VERSION);
		return EXIT_DONE;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return help();
	if (argc < 2) {
		fputs("assay: which command? 'assay --help' lists them\n",
		    stderr);
		return EXIT_USAGE;
	}
	command = find(NULL, argv[1]);
	if (command != NULL)
		return command->run(argc - 1, argv + 1);
	command = argc > 2 ? find(argv[1], argv[2]) : NULL;
	if (command != NULL)
		return command->run(argc - 2, argv + 2);
	return run_group(argv[1], argc > 2 ? argv[2] : NULL);
}

static const struct command *
find(const char *group, const char *name)
{
	for (size_t i = 0; i < countof(commands); i++) {
		if (is_in_group(commands[i], group) &&
		    strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

/* NULL is the group of the commands that are one word. */
static bool
is_in_group(const struct command *command, const char *group)
{
	if (command->group == NULL || group == NULL)
		return command->group == group;
	return strcmp(command->group, group) == 0;
}

/* `assay image --help`, and whatever is no command. */
static int
run_group(const char *group, const char *name)
{
	bool is_group = false;

	for (size_t i = 0; i < countof(commands); i++)
		is_group = is_group || is_in_group(commands[i], group);
	if (is_group && name != NULL && strcmp(name, "--help") == 0) {
		list_group(stdout, group);
		return EXIT_DONE;
	}
	if (is_group && name == NULL)
		fprintf(stderr, "assay: which command of '%s'?\n", group);
	else
		fprintf(stderr, "assay: no such command: %s%s%s\n",
		    err_quote_str(group).text, is_group ? " " : "",
		    is_group ? err_quote_str(name).text : "");
	if (is_group)
		list_group(stderr, group);
	else
		fputs("'assay --help' lists the commands\n", stderr);
	return EXIT_USAGE;
}

static int
help(void)
{
	puts("usage: assay COMMAND [OPTION...] [ARGUMENT...]\n"
	     "       assay [COMMAND] --help\n"
	     "       assay --version");
	for (size_t i = 0; i < countof(headings); i++) {
		printf("\n%s:\n", headings[i].heading);
		list_group(stdout, headings[i].group);
	}
	puts("\nexit status: 0 done, 1 refused, 2 usage, 3 environment");
	return EXIT_DONE;
}

static void
list_group(FILE *out, const char *group)
{
	for (size_t i = 0; i < countof(commands); i++) {
		const struct command *command = commands[i];
		char words[32];

		if (!is_in_group(command, group))
			continue;
		snprintf(words, sizeof(words), "%s%s%s",
		    group != NULL ? group : "", group != NULL ? " " : "",
		    command->name);
		fprintf(out, "  %-17s  %s\n", words, command->summary);
	}
}
