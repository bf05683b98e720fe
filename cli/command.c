#include "cli/command.h"
#include "base/err_meaning.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void print_usage(FILE *out, const struct command *command);
static int print_words(FILE *out, int column, const char *words);

void
command_begin(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
}

void
command_help(const struct command *command)
{
	print_usage(stdout, command);
	/* The commands without a group share a page. */
	printf("%s; see assay-%s(1)\n", command->summary,
	    command->group != NULL ? command->group : "build");
}

int
command_usage(const struct command *command, const char *fmt, ...)
{
	va_list args;

	fputs("assay: ", stderr);
	va_start(args, fmt);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is begun */
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	print_usage(stderr, command);
	return EXIT_USAGE;
}

int
command_failed(const struct err *err, bool as_json)
{
	if (as_json)
		command_print_json(json_pack("{s:{s:s, s:s, s:s, s:s}}",
		    "error", "code", err_name(err->code), "field", err->field,
		    "detail", err->text, "remedy", err_remedy(err->code)));
	else
		fprintf(stderr, "assay: %s: %s\n  %s\n", err_name(err->code),
		    err->text, err_remedy(err->code));
	return command_status_of(err);
}

int
command_status_of(const struct err *err)
{
	if (err->code == ERR_NONE)
		return EXIT_DONE;
	if (err_class_of(err->code) == ERR_CLASS_REFUSAL)
		return EXIT_REFUSED;
	return EXIT_ENVIRONMENT;
}

/* ASCII only: what is foreign in it shall not steer a terminal. */
int
command_print_json(json_t *document)
{
	int code = json_dumpf(document, stdout,
	    JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(6));
	struct err err;

	json_decref(document);
	if (code != 0) {
		err_set(&err, SYSTEM_FAILED, "cannot write the answer as JSON");
		return command_failed(&err, false);
	}
	putchar('\n');
	return EXIT_DONE;
}

int
command_finish(int status)
{
	struct err err;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	err_set_errno(&err, SYSTEM_FAILED, "cannot write standard output");
	command_failed(&err, false);
	return status != EXIT_DONE ? status : EXIT_ENVIRONMENT;
}

static void
print_usage(FILE *out, const struct command *command)
{
	int column = fprintf(out, "usage: assay%c%s%s%s", command_joint,
	    command->group != NULL ? command->group : "",
	    command->group != NULL ? " " : "", command->name);

	column = print_words(out, column, command->options);
	print_words(out, column, command->operands);
	fputc('\n', out);
}

/* In lines of 80 columns, an option and its value on one. */
static int
print_words(FILE *out, int column, const char *words)
{
	while (*words != '\0') {
		size_t len = strlen(words);

		for (size_t i = 1; i < len; i++) {
			if (words[i - 1] == ' ' && strchr("-[", words[i]))
				len = i - 1;
		}
		if (column + 1 + (int)len > 79)
			column = fprintf(out, "\n           ") - 1;
		column += fprintf(out, " %.*s", (int)len, words);
		words += len;
		words += *words == ' ';
	}
	return column;
}
