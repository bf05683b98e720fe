/*
 * The tables by which calls are read and replies are written, held up against
 * the interface that callers are shown and against assay-rpc(7): both ways, so
 * a member that one of them lacks, has besides or has of another type is told.
 */
#include "builder_fixture.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "builder/front/interface.h"
#include "builder/front/methods.h"
#include "builder/front/receipt_json.h"

/* Sorted lines, each once. */
struct lines {
	char *text[64];
	size_t count;
};

static void
lines_done(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->text[i]);
}

/* Takes the line. */
static void
add_line(struct lines *lines, char *line)
{
	size_t at = lines->count;

	for (size_t i = 0; i < lines->count; i++) {
		if (strcmp(lines->text[i], line) == 0) {
			free(line);
			return;
		}
	}
	assert_true(lines->count < countof(lines->text));
	while (at > 0 && strcmp(lines->text[at - 1], line) > 0) {
		lines->text[at] = lines->text[at - 1];
		at--;
	}
	lines->text[at] = line;
	lines->count++;
}

static void
assert_same_lines(const struct lines *found, const struct lines *expected)
{
	size_t f = 0;
	size_t e = 0;
	bool is_same = true;

	while (f < found->count || e < expected->count) {
		int order = f == found->count ? 1
		            : e == expected->count
		                ? -1
		                : strcmp(found->text[f], expected->text[e]);

		if (order != 0) {
			print_error("%s: %s\n",
			    order < 0 ? "only in the interface"
				      : "only in the tables",
			    order < 0 ? found->text[f] : expected->text[e]);
			is_same = false;
		}
		f += order <= 0;
		e += order >= 0;
	}
	assert_true(is_same);
}

/* Tables as varlink writes types */

static void write_members(FILE *out, const struct json_table *table,
    bool is_inline);

static bool
is_optional(const struct json_member *member)
{
	return member->presence != JSON_REQUIRED &&
	       member->presence != JSON_NEWER;
}

static void
write_type(FILE *out, const struct json_member *member, bool is_inline)
{
	fputs(member->kind->type, out);
	if (member->table == NULL)
		return;
	if (member->table->name != NULL && !is_inline)
		fputs(member->table->name, out);
	else
		write_members(out, member->table, is_inline);
}

static void
write_members(FILE *out, const struct json_table *table, bool is_inline)
{
	const char *comma = "";

	fputc('(', out);
	if (table->schema != NULL) {
		fputs("schema: string", out);
		comma = ", ";
	}
	for (size_t i = 0; i < table->count; i++) {
		const struct json_member *member = &table->members[i];

		fprintf(out, "%s%s: %s", comma, member->name,
		    is_optional(member) ? "?" : "");
		write_type(out, member, is_inline);
		comma = ", ";
	}
	fputc(')', out);
}

/* "type Grant (ref: int, ...)", of this and of what is in it. */
static void
add_types(struct lines *lines, const struct json_table *table)
{
	if (table->name != NULL) {
		char *line = NULL;
		size_t len;
		FILE *out = open_memstream(&line, &len);

		assert_non_null(out);
		fprintf(out, "type %s ", table->name);
		write_members(out, table, false);
		fclose(out);
		add_line(lines, line);
	}
	for (size_t i = 0; i < table->count; i++) {
		if (table->members[i].table != NULL)
			add_types(lines, table->members[i].table);
	}
}

static void
add_method(struct lines *lines, const struct method *method)
{
	char *line = NULL;
	size_t len;
	FILE *out = open_memstream(&line, &len);

	assert_non_null(out);
	fprintf(out, "method %s", strrchr(method->name, '.') + 1);
	write_members(out, method->parameters, false);
	fputs(" -> ", out);
	write_members(out, method->reply, false);
	fclose(out);
	add_line(lines, line);
	add_types(lines, method->reply);
}

static void
add_error(struct lines *lines, const char *name)
{
	char *line = NULL;
	size_t len;
	FILE *out = open_memstream(&line, &len);

	assert_non_null(out);
	fprintf(out, "error %s ", name);
	write_members(out, &varlink_error_table, false);
	fclose(out);
	add_line(lines, line);
}

/* The interface, a line for each declaration */

static bool
begins_declaration(const char *text)
{
	return strncmp(text, "type ", 5) == 0 ||
	       strncmp(text, "method ", 7) == 0 ||
	       strncmp(text, "error ", 6) == 0 ||
	       strncmp(text, "interface ", 10) == 0;
}

/* No comment; one space where there were several, none inside of brackets. */
static void
add_declarations(struct lines *lines, const char *description)
{
	char *line = NULL;
	size_t len;
	FILE *out = open_memstream(&line, &len);
	bool is_space = false;
	char last = '\n';

	assert_non_null(out);
	for (const char *c = description;; c++) {
		if ((c == description || c[-1] == '\n') && *c == '#') {
			c = strchr(c, '\n');
			assert_non_null(c);
		}
		if (*c == '\0' || ((c == description || c[-1] == '\n') &&
				      begins_declaration(c))) {
			fclose(out);
			if (begins_declaration(line))
				add_line(lines, line);
			else
				free(line);
			if (*c == '\0')
				return;
			out = open_memstream(&line, &len);
			assert_non_null(out);
			is_space = false;
			last = '(';
		}
		if (isspace((unsigned char)*c)) {
			is_space = true;
			continue;
		}
		if (is_space && last != '(' && *c != ')')
			fputc(' ', out);
		fputc(*c, out);
		is_space = false;
		last = *c;
	}
}

static void
the_interface_declares_what_the_tables_hold(void **state)
{
	CLEANUP(lines_done) struct lines found = {.count = 0};
	CLEANUP(lines_done) struct lines expected = {.count = 0};
	const struct method *method;

	(void)state;
	add_declarations(&found, interface_description(VARLINK_INTERFACE));
	add_line(&expected, strdup("interface " VARLINK_INTERFACE));
	for (size_t i = 0; (method = method_at(i)) != NULL; i++) {
		if (strncmp(method->name, VARLINK_INTERFACE ".",
			strlen(VARLINK_INTERFACE ".")) == 0)
			add_method(&expected, method);
	}
	add_error(&expected, "Refused");
	add_error(&expected, "Failed");
	assert_true(expected.count > 15);
	assert_same_lines(&found, &expected);
}

/* Its errors are the ones that varlink.org prescribes. */
static void
the_service_interface_declares_what_the_tables_hold(void **state)
{
	static const char *const errors[] = {
	    "error InterfaceNotFound (interface: string)",
	    "error MethodNotFound (method: string)",
	    "error MethodNotImplemented (method: string)",
	    "error InvalidParameter (parameter: string)"};
	CLEANUP(lines_done) struct lines found = {.count = 0};
	CLEANUP(lines_done) struct lines expected = {.count = 0};
	const struct method *method;

	(void)state;
	add_declarations(&found, interface_description(VARLINK_SERVICE));
	add_line(&expected, strdup("interface " VARLINK_SERVICE));
	for (size_t i = 0; i < countof(errors); i++)
		add_line(&expected, strdup(errors[i]));
	for (size_t i = 0; (method = method_at(i)) != NULL; i++) {
		if (method_is_local(method))
			add_method(&expected, method);
	}
	assert_same_lines(&found, &expected);
}

/* The manual page */

/* What it says of one method, line by line; "" for none. */
static char *
section_of(const char *page, const char *name)
{
	CLEANUP(freep) char *head = NULL;
	const char *begin, *section, *sub;

	assert_true(asprintf(&head, "\n.Ss %s\n", name) > 0);
	begin = strstr(page, head);
	if (begin == NULL)
		return strdup("");
	begin += strlen(head);
	section = strstr(begin, "\n.Sh ");
	sub = strstr(begin, "\n.Ss ");
	if (section == NULL || (sub != NULL && sub < section))
		section = sub;
	assert_non_null(section);
	return strndup(begin, (size_t)(section - begin) + 1);
}

/*
 * Each ".Va name" and ".It Va name : type , Va other : type" as "name" or
 * "name: type"; other words of the section are for people.
 */
static void
add_described(struct lines *lines, char *section)
{
	char *rest = section;
	char *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *part;

		if (strncmp(line, ".It ", 4) == 0)
			line += 3;
		if (strncmp(line, ".Va ", 4) != 0 &&
		    strncmp(line, " Va ", 4) != 0)
			continue;
		line += 4;
		while (line != NULL) {
			size_t name =
			    strspn(line, "abcdefghijklmnopqrstuvwxyz_");
			char *described = NULL;
			const char *type = "";

			part = line;
			line = strstr(part, " , ");
			if (line != NULL) {
				*line = '\0';
				line += 3;
				if (strncmp(line, "Va ", 3) == 0)
					line += 3;
			}
			if (strncmp(part + name, " : ", 3) == 0)
				type = part + name + 3;
			if (name > 0)
				assert_true(
				    asprintf(&described, "%.*s%s%s", (int)name,
					part, *type != '\0' ? ": " : "",
					type) > 0);
			if (described != NULL)
				add_line(lines, described);
		}
	}
}

static bool
is_described(const struct lines *described, const char *text, bool *used)
{
	for (size_t i = 0; i < described->count; i++) {
		if (strcmp(described->text[i], text) == 0) {
			used[i] = true;
			return true;
		}
	}
	return false;
}

/* With its type; a page puts the mark of what may be left out behind it. */
static bool
is_described_typed(const struct lines *described,
    const struct json_member *member, bool is_inline, bool *used)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fprintf(out, "%s: ", member->name);
	write_type(out, member, is_inline);
	fputs(is_optional(member) ? "?" : "", out);
	fclose(out);
	return is_described(described, text, used);
}

/*
 * Returns how many are not. What is described by the type of the object around
 * it need not be; a receipt is where it is first given.
 */
static size_t
count_missing(const struct lines *described, const struct json_table *table,
    bool is_needed, bool *used)
{
	size_t missing = 0;

	if (table->schema != NULL)
		missing += !is_described(described, "schema: string", used);
	for (size_t i = 0; i < table->count; i++) {
		const struct json_member *member = &table->members[i];
		bool is_whole =
		    member->table != NULL &&
		    is_described_typed(described, member, true, used);
		bool is_typed =
		    is_described_typed(described, member, false, used);
		bool is_named = is_described(described, member->name, used);

		if (is_needed && !is_whole && !is_typed && !is_named) {
			print_error("no %s\n", member->name);
			missing++;
		}
		if (member->table != NULL && member->table != &receipt_table)
			missing += count_missing(described, member->table,
			    is_needed && !is_whole, used);
	}
	return missing;
}

static size_t
count_wrong(const char *page, const struct method *method)
{
	CLEANUP(lines_done) struct lines described = {.count = 0};
	CLEANUP(freep)
	char *section = section_of(page, strrchr(method->name, '.') + 1);
	bool used[countof(described.text)] = {false};
	size_t wrong;

	add_described(&described, section);
	wrong = count_missing(&described, method->parameters, true, used) +
	        count_missing(&described, method->reply, true, used);
	if (method_makes_domain(method))
		wrong += count_missing(&described, &receipt_table, true, used);
	for (size_t i = 0; i < described.count; i++) {
		if (!used[i] && islower((unsigned char)described.text[i][0])) {
			print_error("%s is on the page only\n",
			    described.text[i]);
			wrong++;
		}
	}
	if (wrong > 0)
		print_error("that was %s\n", method->name);
	return wrong;
}

static void
the_manual_describes_what_the_tables_hold(void **state)
{
	CLEANUP(buffer_done)
	struct buffer page = read_file(ASSAY_MAN_DIR "/assay-rpc.7");
	CLEANUP(freep) char *text = strndup((const char *)page.ptr, page.len);
	const struct method *method;
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; (method = method_at(i)) != NULL; i++) {
		if (!method_is_local(method))
			wrong += count_wrong(text, method);
	}
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_interface_declares_what_the_tables_hold),
	    cmocka_unit_test(
		the_service_interface_declares_what_the_tables_hold),
	    cmocka_unit_test(the_manual_describes_what_the_tables_hold),
	};

	return cmocka_run_group_tests_name("interface", tests, NULL, NULL);
}
