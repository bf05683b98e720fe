#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image-store/manifest.h"

int
command_usage(const struct command *command, const char *fmt, ...)
{
	va_list args;

	fputs("assay: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nusage: assay %s%s%s %s\n",
	    command->group != NULL ? command->group : "",
	    command->group != NULL ? " " : "", command->name, command->usage);
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
	return err_class_of(err->code) == ERR_CLASS_REFUSAL ? EXIT_REFUSED
	                                                    : EXIT_ENVIRONMENT;
}

int
command_print_json(json_t *document)
{
	if (document == NULL || json_dumpf(document, stdout,
	        JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0) {
		fputs("assay: cannot write the answer\n", stderr);
		json_decref(document);
		return EXIT_ENVIRONMENT;
	}
	putchar('\n');
	json_decref(document);
	return EXIT_DONE;
}

bool
command_parse_number(const char *text, int64_t max, int64_t *ret_number)
{
	char *end;
	long long number;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || number > max)
		return false;
	*ret_number = number;
	return true;
}

bool
command_parse_range(const char *text, struct range *ret_range)
{
	const char *colon = strchr(text, ':');
	char first[24];
	int64_t min;
	int64_t max;

	snprintf(first, sizeof(first), "%.*s",
	    colon != NULL ? (int)(colon - text) : (int)strlen(text), text);
	if (!command_parse_number(first, UINT32_MAX, &min) ||
	    !command_parse_number(colon != NULL ? colon + 1 : first, UINT32_MAX,
	        &max))
		return false;
	*ret_range = (struct range){(uint32_t)min, (uint32_t)max};
	return true;
}
