/*
 * assay-evidence: the evidence commands of assay as a program of their own, for
 * a verifier. It links libcrypto, libjansson and libc, and calls nothing that
 * reaches a TPM, a token or a network: .ci/check-evidence-links.
 */
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "cli/command.h"

const char command_joint = '-';

static const struct command *const commands[] = {
    &command_evidence_nonce,
    &command_evidence_verify,
    &command_evidence_challenge,
    &command_evidence_confirm,
};

static int run(int argc, char **argv);
static void list(FILE *out);

int
main(int argc, char **argv)
{
	command_begin();
	return command_finish(run(argc, argv));
}

static int
run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < countof(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i]->run(argc - 1, argv + 1);
	}
	if (argc == 2 && strcmp(name, "--version") == 0) {
		puts("assay-evidence " ASSAY_VERSION);
		return EXIT_DONE;
	}
	if (argc == 2 && strcmp(name, "--help") == 0) {
		list(stdout);
		return EXIT_DONE;
	}
	if (argc < 2)
		fputs("assay: which command?\n", stderr);
	else
		fprintf(stderr, "assay: no such command: %s\n",
		    err_quote_str(name).text);
	list(stderr);
	return EXIT_USAGE;
}

static void
list(FILE *out)
{
	fputs("usage: assay-evidence COMMAND [OPTION...] [ARGUMENT...]\n", out);
	for (size_t i = 0; i < countof(commands); i++)
		fprintf(out, "  %-9s  %s\n", commands[i]->name,
		    commands[i]->summary);
}
