/*
 * Reading a command line: options by their whole names, and operands.
 *
 * A command has a table of its options, each with the place where its value
 * goes. Options may stand before, between and behind operands; "--" ends them.
 * "--name VALUE" and "--name=VALUE" are the same; there are no short options.
 *
 * Refused, with a line that names the culprit: an option that is unknown or
 * abbreviated (getopt_long(3) would take it), given twice, without its value or
 * with an unfit one; one that is needed and missing; an operand too few or too
 * many.
 */
#ifndef ASSAY_CLI_ARGUMENTS_H
#define ASSAY_CLI_ARGUMENTS_H

#include <getopt.h> /* no_argument, required_argument */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/command.h"
#include "image-store/manifest.h"

#define ARGUMENTS_LIST_ITEMS 64

/* The values of an option that may be given several times. Borrowed. */
struct argument_list {
	const char *items[ARGUMENTS_LIST_ITEMS];
	size_t count;
};

struct argument {
	const char *name; /* without the dashes */
	int has_value;    /* no_argument or required_argument */
	bool is_needed;
	bool may_be_empty;
	/* Where it goes: one of these. Strings are borrowed from argv. */
	bool *flag;
	const char **text;
	struct argument_list *list; /* `max` says how many */
	int64_t *number;            /* `min` to `max` */
	struct range *range;        /* "MIN:MAX" or "N", `min` to `max` */
	int64_t min;
	int64_t max;
};

enum {
	ARGUMENTS_READ = -1, /* go on; anything else is an exit status */
};

/*
 * Read all options, which ends at "--help": that is printed, and EXIT_DONE
 * returned. On success the operands are argv[1] to argv[*argc - 1], as many as
 * the command's `operands` has words. At most 64 options are known.
 */
int arguments_read(const struct command *command, const struct argument *known,
    size_t known_count, int *argc, char **argv);

/* Decimal digits and nothing else. */
bool arguments_number(const char *text, int64_t max, int64_t *ret_number);

#endif
