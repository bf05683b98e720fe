#include "measure/predict/predict_grub.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/sealing.h"
#include "base/limits.h"
#include "base/scope.h"

enum {
	MAX_LINE = 4000,
	MAX_WORDS = 256,
	PCR_COMMANDS = 8,
	PCR_FILES = 9,
};

struct machine {
	const char *root;
	unsigned int line;
	bool has_kernel;
	bool has_booted;
	struct pcr_digest commands[PCR_BANKS];
	struct pcr_digest files[PCR_BANKS];
};

/* A line, taken apart; words point into `text`. */
struct command {
	char text[2 * MAX_LINE];
	char *words[MAX_WORDS];
	size_t count;
};

static int run_line(struct machine *machine, struct bytes line,
    struct err *err);
static int split(const struct machine *machine, struct bytes line,
    struct command *command, struct err *err);
static int read_word(const struct machine *machine, struct bytes line,
    size_t *offset, char **out, struct err *err);
static bool is_plain(uint8_t c, char quote);
static int run(struct machine *machine, const struct command *command,
    struct err *err);
static bool opens_files(const struct command *command);
static int load(struct machine *machine, char *const *words, size_t count,
    struct err *err);
static int measure_words(struct machine *machine, char *const *words,
    size_t count, struct err *err);
static int measure_arguments(struct machine *machine, char *const *words,
    size_t count, struct err *err);
static char *quote_argument(char *out, const char *word);
static int measure_file(struct machine *machine, const char *name,
    struct err *err);
static bool is_in_memory(const char *name);
static bool is_inside(const char *path);
static int extend(struct pcr_digest registers[PCR_BANKS], struct bytes data,
    struct err *err);
static int refuse(const struct machine *machine, const char *what,
    const char *why, struct err *err);

int
predict_grub(struct bytes config, const char *root,
    struct prediction *prediction, struct err *err)
{
	struct machine machine = {.root = root};
	size_t start = 0;

	TRY(extend(machine.files, config, err));
	while (start < config.len) {
		const uint8_t *from = config.ptr + start;
		const uint8_t *end = memchr(from, '\n', config.len - start);
		size_t len =
		    end != NULL ? (size_t)(end - from) : config.len - start;

		machine.line++;
		TRY(run_line(&machine, bytes_of(from, len), err));
		start += len + 1;
	}
	if (!machine.has_booted)
		return refuse(&machine, "", "it does not end with boot", err);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		prediction_set(prediction, bank, PCR_COMMANDS,
		    &machine.commands[bank],
		    "GRUB: the commands of grub.cfg, and the command lines of "
		    "Xen and its modules");
		prediction_set(prediction, bank, PCR_FILES,
		    &machine.files[bank],
		    "GRUB: grub.cfg, Xen and its modules, as they are on disk");
	}
	return 0;
}

static int
run_line(struct machine *machine, struct bytes line, struct err *err)
{
	struct command command = {.count = 0};

	if (line.len > MAX_LINE)
		return refuse(machine, "", "too long a line", err);
	TRY(split(machine, line, &command, err));
	if (command.count == 0)
		return 0;
	if (machine->has_booted)
		return refuse(machine, command.words[0], "a command after boot",
		    err);
	return run(machine, &command, err);
}

static int
split(const struct machine *machine, struct bytes line, struct command *command,
    struct err *err)
{
	char *out = command->text;
	size_t offset = 0;

	for (;;) {
		while (offset < line.len &&
		       (line.ptr[offset] == ' ' || line.ptr[offset] == '\t'))
			offset++;
		if (offset == line.len || line.ptr[offset] == '#')
			return 0;
		if (command->count == MAX_WORDS)
			return refuse(machine, "", "too many words", err);
		command->words[command->count++] = out;
		TRY(read_word(machine, line, &offset, &out, err));
	}
}

/* Up to a space outside of quotes. Whatever GRUB would replace is refused. */
static int
read_word(const struct machine *machine, struct bytes line, size_t *offset,
    char **out, struct err *err)
{
	char quote = '\0';

	for (; *offset < line.len; ++*offset) {
		uint8_t c = line.ptr[*offset];

		if (quote == '\0' && (c == ' ' || c == '\t'))
			break;
		if (quote == '\0' && (c == '\'' || c == '"'))
			quote = (char)c;
		else if (c == (uint8_t)quote)
			quote = '\0';
		else if (is_plain(c, quote))
			*(*out)++ = (char)c;
		else
			return err_set(err, GRUB_UNPREDICTABLE,
			    "grub.cfg: line %u column %zu: %s means something "
			    "to GRUB that is not predicted",
			    machine->line, *offset + 1, err_quote(&c, 1).text);
	}
	if (quote != '\0')
		return refuse(machine, "", "a quote does not end", err);
	*(*out)++ = '\0';
	return 0;
}

static bool
is_plain(uint8_t c, char quote)
{
	if (c < ' ' || c > '~')
		return false;
	if (quote == '\'')
		return true;
	if (quote == '"')
		return strchr("$\\`", c) == NULL;
	return strchr("$\\`;&|<>{}*?[]!#~", c) == NULL;
}

static int
run(struct machine *machine, const struct command *command, struct err *err)
{
	static const char *const harmless[] = {"set", "insmod", "echo"};
	char *const *words = command->words;

	if (opens_files(command))
		return refuse(machine, words[1],
		    "GRUB would open files for it, and measure them", err);
	TRY(measure_words(machine, words, command->count, err));
	for (size_t i = 0; i < countof(harmless); i++)
		if (strcmp(words[0], harmless[i]) == 0)
			return 0;
	if (strcmp(words[0], "multiboot2") == 0 && !machine->has_kernel) {
		machine->has_kernel = true;
		return load(machine, words + 1, command->count - 1, err);
	}
	if (strcmp(words[0], "module2") == 0 && machine->has_kernel) {
		size_t skip =
		    command->count > 1 && strcmp(words[1], "--nounzip") == 0;

		return load(machine, words + 1 + skip,
		    command->count - 1 - skip, err);
	}
	if (strcmp(words[0], "boot") == 0 && machine->has_kernel &&
	    command->count == 1) {
		machine->has_booted = true;
		return 0;
	}
	return refuse(machine, words[0], "no command that is predicted here",
	    err);
}

/*
 * A module that is named as a file; and variables whose change makes GRUB look
 * for its lists and translations elsewhere.
 */
static bool
opens_files(const struct command *command)
{
	static const char *const watched[] = {
	    "prefix=", "lang=", "locale_dir=", "secondary_locale_dir="};
	char *const *words = command->words;

	if (command->count < 2)
		return false;
	if (strcmp(words[0], "insmod") == 0)
		return strchr("/(+", words[1][0]) != NULL;
	for (size_t i = 0; i < countof(watched); i++)
		if (strcmp(words[0], "set") == 0 &&
		    strncmp(words[1], watched[i], strlen(watched[i])) == 0)
			return true;
	return false;
}

/* The file, then the command line that it is given. */
static int
load(struct machine *machine, char *const *words, size_t count, struct err *err)
{
	if (count == 0)
		return refuse(machine, "", "no file is named", err);
	TRY(measure_file(machine, words[0], err));
	return measure_arguments(machine, words + 1, count - 1, err);
}

/* As the script engine has them: one space between, no quotes. */
static int
measure_words(struct machine *machine, char *const *words, size_t count,
    struct err *err)
{
	char text[2 * MAX_LINE];
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		size_t word = strlen(words[i]);

		if (i > 0)
			text[len++] = ' ';
		memcpy(text + len, words[i], word);
		len += word;
	}
	return extend(machine->commands, bytes_of(text, len), err);
}

/* As a loader hands them on: words with a space in quotes, and a backslash
 * before quotes and backslashes. */
static int
measure_arguments(struct machine *machine, char *const *words, size_t count,
    struct err *err)
{
	char text[4 * MAX_LINE];
	char *out = text;

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*out++ = ' ';
		out = quote_argument(out, words[i]);
	}
	return extend(machine->commands, bytes_of(text, (size_t)(out - text)),
	    err);
}

static char *
quote_argument(char *out, const char *word)
{
	bool has_space = strchr(word, ' ') != NULL;

	if (has_space)
		*out++ = '"';
	for (; *word != '\0'; word++) {
		if (strchr("\\'\"", *word) != NULL)
			*out++ = '\\';
		*out++ = *word;
	}
	if (has_space)
		*out++ = '"';
	return out;
}

static int
measure_file(struct machine *machine, const char *name, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *file = NULL;
	CLEANUP(closep) int fd = -1;
	const char *path = name;
	char full[PATH_MAX];

	if (is_in_memory(name))
		return refuse(machine, name,
		    "GRUB does not measure a file of its own memory", err);
	if (name[0] == '(' && strchr(name, ')') != NULL)
		path = strchr(name, ')') + 1;
	if (path[0] != '/' || !is_inside(path))
		return refuse(machine, name, "not a plain path from a root",
		    err);
	if (snprintf(full, sizeof(full), "%s%s", machine->root, path) >=
	    (int)sizeof(full))
		return refuse(machine, name, "too long a path", err);
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set_errno(err, STORE_IO, "grub.cfg: line %u: %s",
		    machine->line, err_quote_str(full).text);
	TRY(sealed_copy_max(fd, LIMIT_RAMDISK_BYTES, err_quote_str(full).text,
	    &file, err));
	return extend(machine->files, sealed_bytes(file), err);
}

static bool
is_in_memory(const char *name)
{
	return strncmp(name, "(memdisk", strlen("(memdisk")) == 0 ||
	       strncmp(name, "(proc", strlen("(proc")) == 0;
}

static bool
is_inside(const char *path)
{
	size_t len = strlen(path);

	return strstr(path, "/../") == NULL &&
	       (len < 3 || strcmp(path + len - 3, "/..") != 0);
}

static int
extend(struct pcr_digest registers[PCR_BANKS], struct bytes data,
    struct err *err)
{
	struct pcr_digests digests;

	TRY(pcr_digests_of(data, &digests, err));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		TRY(pcr_extend(bank, &digests.bank[bank], &registers[bank],
		    err));
	return 0;
}

static int
refuse(const struct machine *machine, const char *what, const char *why,
    struct err *err)
{
	return err_set(err, GRUB_UNPREDICTABLE, "grub.cfg: line %u: %s%s%s",
	    machine->line, err_quote_str(what).text,
	    what[0] != '\0' ? ": " : "", why);
}
