#include "keys/sign/trust_difference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "keys/trust_policy.h"

/* A set of lines, the names of an object; `is_short` if memory was. */
struct lines {
	json_t *set;
	bool is_short;
};

static void add_policy(struct lines *lines, json_t *document);
static void add_section(struct lines *lines, const char *name, json_t *section);
static void add_entry(struct lines *lines, const char *path, json_t *entry);
static void add_value(struct lines *lines, const char *path, json_t *value);
static void add(struct lines *lines, const char *path, const json_t *value);
static int write_lines(json_t *old, json_t *new, char **ret_text,
    struct err *err);
static const char **sorted_names(json_t *old, json_t *new, size_t *ret_count);
static int compare_names(const void *a, const void *b);
static void lines_done(struct lines *lines);

int
trust_difference(const struct trust_policy *current,
    const struct trust_policy *next, char **ret_text, struct err *err)
{
	CLEANUP(lines_done) struct lines old = {.set = json_object()};
	CLEANUP(lines_done) struct lines new = {.set = json_object()};

	add_policy(&old, current->document);
	add_policy(&new, next->document);
	if (old.is_short || new.is_short)
		return err_set(err, NO_MEMORY, "trust policy");
	return write_lines(old.set, new.set, ret_text, err);
}

/* A policy has four levels; what lies deeper is written as one value. */
static void
add_policy(struct lines *lines, json_t *document)
{
	const char *name;
	json_t *section;

	json_object_foreach(document, name, section)
	{
		if (strcmp(name, "schema") != 0 &&
		    strcmp(name, "version") != 0 &&
		    strcmp(name, "previous") != 0)
			add_section(lines, name, section);
	}
}

static void
add_section(struct lines *lines, const char *name, json_t *section)
{
	const char *member;
	json_t *entry;

	if (!json_is_object(section))
		add_value(lines, name, section);
	json_object_foreach(section, member, entry)
	{
		CLEANUP(freep) char *path = NULL;

		if (asprintf(&path, "%s.%s", name, member) < 0) {
			path = NULL;
			lines->is_short = true;
			return;
		}
		add_entry(lines, path, entry);
	}
}

/* A key's text is not shown: its id is the digest of what is in it. */
static void
add_entry(struct lines *lines, const char *path, json_t *entry)
{
	const char *member;
	json_t *value;

	if (!json_is_object(entry))
		add_value(lines, path, entry);
	json_object_foreach(entry, member, value)
	{
		CLEANUP(freep) char *longer = NULL;

		if (strcmp(member, "pem") == 0)
			continue;
		if (asprintf(&longer, "%s.%s", path, member) < 0) {
			longer = NULL;
			lines->is_short = true;
			return;
		}
		add_value(lines, longer, value);
	}
}

/* The arrays of a policy are sets. */
static void
add_value(struct lines *lines, const char *path, json_t *value)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value))
		add(lines, path, value);
	json_array_foreach(value, i, item)
	{
		add(lines, path, item);
	}
}

static void
add(struct lines *lines, const char *path, const json_t *value)
{
	CLEANUP(freep)
	char *text = json_dumps(value,
	    JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_SORT_KEYS);
	CLEANUP(freep) char *line = NULL;

	if (text == NULL || asprintf(&line, "%s %s", path, text) < 0) {
		line = NULL;
		lines->is_short = true;
	} else if (json_object_set_new(lines->set, line, json_true()) != 0) {
		lines->is_short = true;
	}
}

static int
write_lines(json_t *old, json_t *new, char **ret_text, struct err *err)
{
	CLEANUP(freep) const char **names = NULL;
	CLEANUP(freep) char *text = NULL;
	size_t count, len;
	FILE *stream;

	names = sorted_names(old, new, &count);
	stream = open_memstream(&text, &len);
	if (names == NULL || stream == NULL) {
		if (stream != NULL)
			fclose(stream);
		return err_set(err, NO_MEMORY, "trust policy");
	}
	for (size_t i = 0; i < count; i++) {
		bool was = json_object_get(old, names[i]) != NULL;
		bool is = json_object_get(new, names[i]) != NULL;

		if (was != is)
			fprintf(stream, "%c %s\n", is ? '+' : '-', names[i]);
	}
	if (fclose(stream) != 0)
		return err_set(err, NO_MEMORY, "trust policy");
	*ret_text = take_ptr(&text);
	return 0;
}

/* Of both; a name that both have stands there twice, and is no difference. */
static const char **
sorted_names(json_t *old, json_t *new, size_t *ret_count)
{
	size_t count = 0;
	const char **names = calloc(
	    json_object_size(old) + json_object_size(new) + 1, sizeof(*names));
	const char *name;
	const json_t *ignored;

	if (names == NULL)
		return NULL;
	json_object_foreach(old, name, ignored)
	{
		names[count++] = name;
	}
	json_object_foreach(new, name, ignored)
	{
		names[count++] = name;
	}
	qsort(names, count, sizeof(*names), compare_names);
	*ret_count = count;
	return names;
}

static int
compare_names(const void *a, const void *b)
{
	const char *const *left = a;
	const char *const *right = b;

	return strcmp(*left, *right);
}

static void
lines_done(struct lines *lines)
{
	json_freep(&lines->set);
}
