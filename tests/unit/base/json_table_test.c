#include "base_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_table.h"
#include "base/scope.h"
#include "base/utc.h"
#include "base/uuid.h"
#include "base/uuid_make.h"

#define ONES                               \
	"sha256:"                          \
	"11111111111111111111111111111111" \
	"11111111111111111111111111111111"
#define UUID "6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d11"

static const enum err_code CODE = MANIFEST_MALFORMED;

struct part {
	uint16_t level;
	int64_t index;
};

/* One of each kind and of each presence. */
struct thing {
	bool is_open;
	uint16_t domid;
	uint32_t pages;
	uint64_t sequence;
	int64_t offset;
	char name[8];
	bool is_debug; /* a word */
	struct digest digest;
	uint8_t uuid[UUID_BYTES];
	int64_t begin;
	int64_t end;
	enum err_code why;
	bool has_part;
	struct part part;
	struct part below;
	bool has_note;
	char note[4];
	uint32_t tries;
	uint32_t extra;
	const char *link;
};

static bool
is_lower(const char *string)
{
	return strspn(string, "abcdefghijklmnopqrstuvwxyz") == strlen(string);
}

static const char *const words[] = {"prod", "debug", NULL};

static const struct json_member part_members[] = {
    {MEMBER_INTEGER("level", struct part, level, 1, 9)},
    {MEMBER_INTEGER("index", struct part, index, 0, INT64_MAX)},
};
static const struct json_table part_table = {JSON_MEMBERS(part_members),
    .name = "Part"};

static const struct json_member group_members[] = {
    {MEMBER_OBJECT("below", struct thing, below, part_table)},
};
static const struct json_table group_table = {JSON_MEMBERS(group_members)};

static const struct json_member members[] = {
    {MEMBER_LITERAL("type", "pv")},
    {MEMBER_BOOL("open", struct thing, is_open)},
    {MEMBER_INTEGER("domid", struct thing, domid, 1, UINT16_MAX)},
    {MEMBER_INTEGER("pages", struct thing, pages, 0, UINT32_MAX)},
    {MEMBER_INTEGER("sequence", struct thing, sequence, 1, INT64_MAX)},
    {MEMBER_INTEGER("offset", struct thing, offset, INT64_MIN, -1)},
    {MEMBER_STRING("name", struct thing, name), .is_valid = is_lower,
	.text = "not [a-z]*"},
    {MEMBER_WORD("class", struct thing, is_debug, words),
	.text = "not prod or debug"},
    {MEMBER_DIGEST("digest", struct thing, digest)},
    {MEMBER_UUID("uuid", struct thing, uuid)},
    {MEMBER_TIME("begin", struct thing, begin)},
    {MEMBER_TIME("end", struct thing, end), .presence = JSON_NULLABLE},
    {MEMBER_CODE("why", struct thing, why)},
    {MEMBER_OBJECT("part", struct thing, part, part_table),
	.presence = JSON_NULLABLE, MEMBER_HAS(struct thing, has_part)},
    {MEMBER_GROUP("group", group_table)},
    {MEMBER_STRING("note", struct thing, note), .presence = JSON_NEVER_NULL,
	MEMBER_HAS(struct thing, has_note)},
    {MEMBER_INTEGER("tries", struct thing, tries, 1, 5),
	.presence = JSON_OPTIONAL},
    {MEMBER_INTEGER("extra", struct thing, extra, 1, 5),
	.presence = JSON_NEWER},
    {MEMBER_BORROWED("link", struct thing, link, 5), .presence = JSON_NULLABLE},
};
static const struct json_table thing_table = {JSON_MEMBERS(members),
    .schema = "assay.thing/1", .name = "Thing"};

static const char good_text[] =
    "{\"schema\":\"assay.thing/1\",\"type\":\"pv\",\"open\":true,\"domid\":9,"
    "\"pages\":4294967295,\"sequence\":1,\"offset\":-7,\"name\":\"web\","
    "\"class\":\"debug\",\"digest\":\"" ONES "\",\"uuid\":\"" UUID "\","
    "\"begin\":\"2026-11-23T16:00:00Z\",\"end\":null,\"why\":\"BUG\","
    "\"part\":{\"level\":3,\"index\":5},\"group\":{\"below\":{\"level\":9,"
    "\"index\":0}},\"note\":\"abc\",\"tries\":2,"
    "\"extra\":3,\"link\":null}";

static json_t *
good_tree(void)
{
	json_t *tree = json_loads(good_text, 0, NULL);

	assert_non_null(tree);
	return tree;
}

/* Takes the tree. */
static int
read_tree(json_t *tree, struct thing *ret_thing, struct err *err)
{
	CLEANUP(json_freep) json_t *owned = tree;
	struct json_at root = json_root(owned, CODE);

	assert_non_null(owned);
	return json_table_read(&root, &thing_table, ret_thing, err);
}

/* Takes the value; NULL removes the member. */
static json_t *
tree_with(const char *member, json_t *value)
{
	json_t *tree = good_tree();

	if (value == NULL)
		assert_int_equal(json_object_del(tree, member), 0);
	else
		json_object_set_new(tree, member, value);
	return tree;
}

/* Takes the value. What is said is the member and why. */
static void
assert_bad(const char *member, json_t *value, const char *text)
{
	struct thing thing = {0};
	struct err err = {0};

	if (read_tree(tree_with(member, value), &thing, &err) == 0)
		fail_msg("%s: taken", member);
	assert_refused((int)err.code, CODE);
	assert_string_equal(err.text, text);
}

static void
a_table_reads_a_member_of_each_kind(void **state)
{
	struct thing thing = {0};
	uint8_t uuid[UUID_BYTES];
	int64_t begin;
	struct err err;

	(void)state;
	assert_refused(read_tree(good_tree(), &thing, &err), 0);
	assert_true(thing.is_open);
	assert_int_equal(thing.domid, 9);
	assert_int_equal(thing.pages, UINT32_MAX);
	assert_int_equal(thing.sequence, 1);
	assert_int_equal(thing.offset, -7);
	assert_string_equal(thing.name, "web");
	assert_true(thing.is_debug);
	assert_int_equal(thing.digest.bytes[31], 0x11);
	assert_true(uuid_from_text(UUID, uuid));
	assert_memory_equal(thing.uuid, uuid, sizeof(uuid));
	assert_true(utc_from_text("2026-11-23T16:00:00Z", &begin));
	assert_int_equal(thing.begin, begin);
	assert_int_equal(thing.end, UTC_NONE);
	assert_int_equal(thing.why, BUG);
	assert_true(thing.has_part);
	assert_int_equal(thing.part.level, 3);
	assert_int_equal(thing.part.index, 5);
	assert_int_equal(thing.below.level, 9);
	assert_true(thing.has_note);
	assert_string_equal(thing.note, "abc");
	assert_int_equal(thing.tries, 2);
}

static void
a_table_writes_what_it_read(void **state)
{
	struct thing thing = {0};
	CLEANUP(json_freep) json_t *tree = NULL;
	CLEANUP(freep) char *text = NULL;
	struct err err;

	(void)state;
	assert_refused(read_tree(good_tree(), &thing, &err), 0);
	tree = json_table_write(&thing_table, &thing);
	text = json_dumps(tree, JSON_COMPACT);
	assert_string_equal(text, good_text);
}

static void
a_table_writes_null_or_nothing_for_what_is_not_there(void **state)
{
	struct thing thing = {.why = BUG};
	CLEANUP(json_freep)
	json_t *tree = json_table_write(&thing_table, &thing);

	(void)state;
	assert_true(json_is_null(json_object_get(tree, "part")));
	assert_true(json_is_null(json_object_get(tree, "end")));
	assert_null(json_object_get(tree, "note"));
	assert_int_equal(json_integer_value(json_object_get(tree, "tries")), 0);
}

static void
a_table_borrows_strings_of_the_document(void **state)
{
	CLEANUP(json_freep) json_t *tree = tree_with("link", json_string("up"));
	struct thing thing = {0};
	CLEANUP(json_freep) json_t *written = NULL;
	struct err err;

	(void)state;
	assert_refused(read_tree(json_incref(tree), &thing, &err), 0);
	assert_ptr_equal(thing.link,
	    json_string_value(json_object_get(tree, "link")));
	written = json_table_write(&thing_table, &thing);
	assert_true(json_equal(written, tree));
}

/* Half a document is none. */
static void
a_table_writes_nothing_when_a_member_cannot_be_written(void **state)
{
	struct thing thing = {.why = BUG, .name = "\xff"};

	(void)state;
	assert_null(json_table_write(&thing_table, &thing));
}

static void
a_table_writes_all_items_of_a_list_or_none(void **state)
{
	struct part parts[2] = {{1, 2}, {3, 4}};
	struct thing things[2] = {{.why = BUG}, {.why = BUG, .name = "\xff"}};
	CLEANUP(json_freep)
	json_t *list =
	    json_table_write_items(&part_table, parts, 2, sizeof(parts[0]));
	CLEANUP(freep) char *text = json_dumps(list, JSON_COMPACT);

	(void)state;
	assert_string_equal(text,
	    "[{\"level\":1,\"index\":2},{\"level\":3,\"index\":4}]");
	assert_null(
	    json_table_write_items(&thing_table, things, 2, sizeof(things[0])));
}

static void
a_table_refuses_each_member_that_is_missing_null_or_of_another_type(
    void **state)
{
	static const struct {
		const char *name;
		const char *why;
	} rows[] = {
	    {"schema", "not a string"},
	    {"type", "not a string"},
	    {"open", "not true or false"},
	    {"domid", "not an integer"},
	    {"pages", "not an integer"},
	    {"sequence", "not an integer"},
	    {"offset", "not an integer"},
	    {"name", "not a string"},
	    {"class", "not a string"},
	    {"digest", "not a string"},
	    {"uuid", "not a string"},
	    {"begin", "not a string"},
	    {"why", "not a string"},
	    {"group", "not an object"},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const char *name = rows[i].name;
		char text[64];

		snprintf(text, sizeof(text), "%s: missing", name);
		assert_bad(name, NULL, text);
		snprintf(text, sizeof(text), "%s: %s", name, rows[i].why);
		assert_bad(name, json_null(), text);
		assert_bad(name, json_array(), text);
		assert_bad(name, json_real(1.0), text);
	}
}

static void
a_table_tells_left_out_from_null(void **state)
{
	struct thing thing = {.has_note = true, .tries = 4};
	struct err err;

	(void)state;
	/* Optional: either. */
	assert_refused(read_tree(tree_with("tries", NULL), &thing, &err), 0);
	assert_int_equal(thing.tries, 4);
	assert_refused(read_tree(tree_with("tries", json_null()), &thing, &err),
	    0);
	assert_int_equal(thing.tries, 4);
	assert_refused(read_tree(tree_with("extra", NULL), &thing, &err), 0);
	assert_refused(read_tree(tree_with("extra", json_null()), &thing, &err),
	    0);
	/* Nullable: it is there. */
	assert_refused(read_tree(tree_with("part", json_null()), &thing, &err),
	    0);
	assert_false(thing.has_part);
	assert_bad("part", NULL, "part: missing");
	assert_bad("end", NULL, "end: missing");
	/* Never null. */
	assert_refused(read_tree(tree_with("note", NULL), &thing, &err), 0);
	assert_false(thing.has_note);
	assert_bad("note", json_null(), "note: not a string");
}

static void
a_table_refuses_what_it_does_not_name(void **state)
{
	struct thing thing = {0};
	struct err err;
	json_t *tree = good_tree();

	(void)state;
	assert_bad("new", json_true(), "new: unknown member");
	assert_bad("Domid", json_integer(9), "Domid: unknown member");
	assert_bad("\x1b", json_true(), "\\x1b: unknown member");
	json_object_set_new(json_object_get(tree, "part"), "new", json_true());
	assert_refused(read_tree(tree, &thing, &err), CODE);
	assert_string_equal(err.text, "part.new: unknown member");
	assert_string_equal(err.field, "part.new");
	/* A table without a schema knows no member of that name. */
	tree = good_tree();
	json_object_set_new(json_object_get(tree, "part"), "schema",
	    json_string("assay.thing/1"));
	assert_refused(read_tree(tree, &thing, &err), CODE);
	assert_string_equal(err.text, "part.schema: unknown member");
}

/* A newer format may have any member. */
static void
a_table_names_the_schema_before_its_members(void **state)
{
	struct thing thing = {0};
	struct err err;

	(void)state;
	assert_refused(read_tree(json_loads("{\"new\":1,\"schema\":"
					    "\"assay.thing/2\"}",
				     0, NULL),
			   &thing, &err),
	    CODE);
	assert_string_equal(err.text,
	    "schema: \"assay.thing/2\" instead of \"assay.thing/1\"");
}

static void
a_table_refuses_values_out_of_range(void **state)
{
	(void)state;
	assert_bad("type", json_string("hvm"),
	    "type: \"hvm\" instead of \"pv\"");
	assert_bad("domid", json_integer(0), "domid: 0 is outside 1 to 65535");
	assert_bad("domid", json_integer(65536),
	    "domid: 65536 is outside 1 to 65535");
	assert_bad("pages", json_integer(1ll << 32),
	    "pages: 4294967296 is outside 0 to 4294967295");
	assert_bad("sequence", json_integer(-1),
	    "sequence: -1 is outside 1 to 9223372036854775807");
	assert_bad("offset", json_integer(0),
	    "offset: 0 is outside -9223372036854775808 to -1");
	assert_bad("name", json_string("aaaaaaaa"), "name: 8 bytes, limit 7");
	assert_bad("name", json_string("Web"), "name: not [a-z]*");
	assert_bad("class", json_string("test"), "class: not prod or debug");
	assert_bad("digest", json_string("sha256:11"),
	    "digest: not sha256: and 64 lower-case hex digits");
	assert_bad("uuid", json_string("6a2f3f1c"),
	    "uuid: not a uuid of 36 lower-case characters");
	assert_bad("begin", json_string("2026-11-23"),
	    "begin: not a time like 2026-11-23T16:00:00Z");
	assert_bad("link", json_string("aaaaaa"), "link: 6 bytes, limit 5");
	assert_bad("why", json_string("NO"), "why: not the name of an error");
	assert_bad("part", json_pack("{s:i, s:i}", "level", 10, "index", 0),
	    "part.level: 10 is outside 1 to 9");
	assert_bad("group", json_pack("{s:{s:i}}", "below", "level", 1),
	    "group.below.index: missing");
}

/* As an error's place and as a word's neighbours: nothing beside it changes. */
static void
a_table_writes_no_byte_beside_a_value(void **state)
{
	struct thing thing;
	struct thing before;
	struct err err;

	(void)state;
	memset(&thing, 0x5a, sizeof(thing));
	before = thing;
	assert_refused(read_tree(good_tree(), &thing, &err), 0);
	assert_memory_equal((char *)&thing + offsetof(struct thing, name) + 4,
	    (char *)&before + offsetof(struct thing, name) + 4, 4);
	assert_memory_equal((char *)&thing + offsetof(struct thing, domid) +
				sizeof(thing.domid),
	    (char *)&before,
	    offsetof(struct thing, pages) - offsetof(struct thing, domid) -
		sizeof(thing.domid));
	assert_memory_equal((char *)&thing + offsetof(struct thing, is_debug) +
				1,
	    (char *)&before,
	    offsetof(struct thing, digest) - offsetof(struct thing, is_debug) -
		1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_table_reads_a_member_of_each_kind),
	    cmocka_unit_test(a_table_writes_what_it_read),
	    cmocka_unit_test(
		a_table_writes_null_or_nothing_for_what_is_not_there),
	    cmocka_unit_test(a_table_borrows_strings_of_the_document),
	    cmocka_unit_test(
		a_table_writes_nothing_when_a_member_cannot_be_written),
	    cmocka_unit_test(a_table_writes_all_items_of_a_list_or_none),
	    cmocka_unit_test(
		a_table_refuses_each_member_that_is_missing_null_or_of_another_type),
	    cmocka_unit_test(a_table_tells_left_out_from_null),
	    cmocka_unit_test(a_table_refuses_what_it_does_not_name),
	    cmocka_unit_test(a_table_names_the_schema_before_its_members),
	    cmocka_unit_test(a_table_refuses_values_out_of_range),
	    cmocka_unit_test(a_table_writes_no_byte_beside_a_value),
	};

	return cmocka_run_group_tests_name("json_table", tests, NULL, NULL);
}
