#include "cli/arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const struct command *command;
	const struct argument *known;
	size_t known_count;
	char **next;    /* the words to come, up to a NULL */
	uint64_t given; /* which of `known` were there */
};

static int take_option(struct reader *reader, const char *word);
static const struct argument *find(const struct reader *reader,
    const char *name, size_t len);
static int refuse_unknown(const struct reader *reader, const char *word,
    size_t len);
static int take_value(struct reader *reader, const struct argument *argument,
    const char *value);
static int store_value(const struct reader *reader,
    const struct argument *argument, const char *value);
static int add_to_list(const struct reader *reader,
    const struct argument *argument, const char *value);
static bool is_range(const char *text, const struct argument *argument,
    struct range *ret_range);
static int require_options(const struct reader *reader);
static int count_operands(const struct command *command, int count,
    char **operands);

int
arguments_read(const struct command *command, const struct argument *known,
    size_t known_count, int *argc, char **argv)
{
	struct reader reader = {command, known, known_count, argv + 1, 0};
	bool may_be_option = true;
	int count = 0;
	int status;

	while (*reader.next != NULL) {
		char *word = *reader.next++;

		if (!may_be_option || word[0] != '-' || word[1] == '\0') {
			argv[++count] = word;
		} else if (strcmp(word, "--") == 0) {
			may_be_option = false;
		} else if (strcmp(word, "--help") == 0) {
			command_help(command);
			return EXIT_DONE;
		} else {
			status = take_option(&reader, word);
			if (status != ARGUMENTS_READ)
				return status;
		}
	}
	argv[count + 1] = NULL;
	*argc = count + 1;
	status = require_options(&reader);
	if (status != ARGUMENTS_READ)
		return status;
	return count_operands(command, count, argv + 1);
}

bool
arguments_number(const char *text, int64_t max, int64_t *ret_number)
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

/* `word` is "--name" or "--name=value", or is refused. */
static int
take_option(struct reader *reader, const char *word)
{
	size_t len = strcspn(word, "=");
	const char *value = word[len] == '=' ? word + len + 1 : NULL;
	const struct argument *argument = find(reader, word, len);
	uint64_t bit;

	if (argument == NULL)
		return refuse_unknown(reader, word, len);
	bit = UINT64_C(1) << (argument - reader->known);
	if ((reader->given & bit) != 0 && argument->list == NULL)
		return command_usage(reader->command, "--%s is given twice",
		    argument->name);
	reader->given |= bit;
	if (argument->has_value == required_argument)
		return take_value(reader, argument, value);
	if (value != NULL)
		return command_usage(reader->command, "--%s takes no value",
		    argument->name);
	*argument->flag = true;
	return ARGUMENTS_READ;
}

/* By the whole name, dashes included. */
static const struct argument *
find(const struct reader *reader, const char *word, size_t len)
{
	for (size_t i = 0; i < reader->known_count; i++) {
		const char *name = reader->known[i].name;

		if (len == strlen(name) + 2 && strncmp(word, "--", 2) == 0 &&
		    strncmp(word + 2, name, len - 2) == 0)
			return &reader->known[i];
	}
	return NULL;
}

static int
refuse_unknown(const struct reader *reader, const char *word, size_t len)
{
	struct err_quoted quoted = err_quote(word, len);

	for (size_t i = 0; i < reader->known_count; i++) {
		const char *name = reader->known[i].name;

		if (len > 2 && strncmp(word, "--", 2) == 0 &&
		    strncmp(word + 2, name, len - 2) == 0)
			return command_usage(reader->command,
			    "unknown option: %s (write --%s in full)",
			    quoted.text, name);
	}
	return command_usage(reader->command, "unknown option: %s",
	    quoted.text);
}

/* The value behind "=", or else the next word, whatever it looks like. */
static int
take_value(struct reader *reader, const struct argument *argument,
    const char *value)
{
	if (value == NULL && *reader->next == NULL)
		return command_usage(reader->command, "--%s needs a value",
		    argument->name);
	if (value == NULL)
		value = *reader->next++;
	if (value[0] == '\0' && !argument->may_be_empty)
		return command_usage(reader->command,
		    "the value of --%s is empty", argument->name);
	return store_value(reader, argument, value);
}

static int
store_value(const struct reader *reader, const struct argument *argument,
    const char *value)
{
	struct err_quoted quoted = err_quote_str(value);

	if (argument->list != NULL)
		return add_to_list(reader, argument, value);
	if (argument->number != NULL &&
	    (!arguments_number(value, argument->max, argument->number) ||
		*argument->number < argument->min))
		return command_usage(reader->command,
		    "--%s: %s is not a number from %" PRId64 " to %" PRId64,
		    argument->name, quoted.text, argument->min, argument->max);
	if (argument->range != NULL &&
	    !is_range(value, argument, argument->range))
		return command_usage(reader->command,
		    "--%s: %s is not MIN:MAX or one number, of %" PRId64
		    " to %" PRId64,
		    argument->name, quoted.text, argument->min, argument->max);
	if (argument->text != NULL)
		*argument->text = value;
	return ARGUMENTS_READ;
}

static int
add_to_list(const struct reader *reader, const struct argument *argument,
    const char *value)
{
	struct argument_list *list = argument->list;

	if (list->count == (size_t)argument->max)
		return command_usage(reader->command,
		    "--%s: at most %" PRId64 " are taken", argument->name,
		    argument->max);
	list->items[list->count++] = value;
	return ARGUMENTS_READ;
}

static bool
is_range(const char *text, const struct argument *argument,
    struct range *ret_range)
{
	const char *colon = strchr(text, ':');
	char first[24];
	int64_t min;
	int64_t max;

	snprintf(first, sizeof(first), "%.*s",
	    colon != NULL ? (int)(colon - text) : (int)strlen(text), text);
	if (!arguments_number(first, argument->max, &min) ||
	    !arguments_number(colon != NULL ? colon + 1 : first, argument->max,
		&max) ||
	    min < argument->min || min > max)
		return false;
	*ret_range = (struct range){(uint32_t)min, (uint32_t)max};
	return true;
}

static int
require_options(const struct reader *reader)
{
	for (size_t i = 0; i < reader->known_count; i++) {
		if (reader->known[i].is_needed && (reader->given >> i & 1) == 0)
			return command_usage(reader->command, "--%s is missing",
			    reader->known[i].name);
	}
	return ARGUMENTS_READ;
}

/* As many as `operands` of the command has words; more if it ends in "...",
 * fewer if it begins with "[". */
static int
count_operands(const struct command *command, int count, char **operands)
{
	const char *rest = command->operands;

	for (int i = 0; i < count; i++) {
		size_t len = strcspn(rest, " ");

		if (len == 0)
			return command_usage(command, "unexpected argument: %s",
			    err_quote_str(operands[i]).text);
		if (len > 3 && strncmp(rest + len - 3, "...", 3) == 0)
			return ARGUMENTS_READ;
		rest += len;
		rest += *rest == ' ';
	}
	if (*rest != '\0' && *rest != '[')
		return command_usage(command, "missing argument: %s", rest);
	return ARGUMENTS_READ;
}
