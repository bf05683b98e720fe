#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"

#define HEX_11 \
	"1111111111111111111111111111111111111111111111111111111111111111"
#define HEX_22 \
	"2222222222222222222222222222222222222222222222222222222222222222"
#define HEX_33 \
	"3333333333333333333333333333333333333333333333333333333333333333"

static const char good_text[] =
    "{\"schema\":\"assay.image/1\",\"name\":\"web-frontend\","
    "\"version\":\"2026.11.3\",\"class\":\"prod\","
    "\"rollback\":{\"location\":\"web\",\"index\":17},"
    "\"type\":\"pv\",\"arch\":\"x86_64\","
    "\"kernel\":{\"digest\":\"sha256:" HEX_11 "\",\"size\":14186432,"
    "\"format\":\"bzimage\","
    "\"elf\":{\"digest\":\"sha256:" HEX_22 "\",\"size\":53243444}},"
    "\"ramdisk\":{\"digest\":\"sha256:" HEX_33 "\",\"size\":3000000},"
    "\"cmdline\":\"console=hvc0 quoted=\\\"a\\\\b\\\"\","
    "\"limits\":{\"memory_mib\":{\"min\":128,\"max\":4096},"
    "\"vcpus\":{\"min\":1,\"max\":8}},"
    "\"devices\":{\"vbd\":[],\"vif\":{\"max\":0}},"
    "\"xsm_label\":null,\"not_before\":null,\"not_after\":null}";

/* Every object of the format. */
static const char *const objects[] = {"", "rollback", "kernel", "kernel.elf",
    "ramdisk", "limits", "limits.memory_mib", "limits.vcpus", "devices",
    "devices.vif"};

/* Decode, and see that a refusal leaves the output as it was. */
static int
decode(struct bytes text, struct manifest *ret_manifest, struct err *err)
{
	struct manifest before;
	int code;

	memset(&before, 0x5a, sizeof(before));
	*ret_manifest = before;
	code = manifest_decode(text, ret_manifest, err);
	if (code != 0)
		assert_memory_equal(ret_manifest, &before, sizeof(before));
	return code;
}

static int
decode_tree(const json_t *tree)
{
	CLEANUP(freep) char *text = tree_text(tree);
	struct manifest manifest;
	struct err err;
	int code = decode(bytes_of_str(text), &manifest, &err);

	if (code != 0)
		assert_int_equal(err.code, code);
	return code;
}

static int
decode_str(const char *text)
{
	struct manifest manifest;
	struct err err;

	return decode(bytes_of_str(text), &manifest, &err);
}

/* Decode the good manifest with one member set to JSON text. */
static int
decode_with(const char *object, const char *member, const char *value)
{
	json_t *tree = good_manifest_tree();
	int code;

	assert_int_equal(
	    json_object_set_new(tree_at(tree, object), member,
		json_loads(value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)),
	    0);
	code = decode_tree(tree);
	json_decref(tree);
	return code;
}

/* The same, for a string of one byte many times. */
static int
decode_with_long(const char *object, const char *member, size_t len)
{
	CLEANUP(freep) char *value = calloc(1, len + 3);

	memset(value, 'a', len + 2);
	value[0] = '"';
	value[len + 1] = '"';
	return decode_with(object, member, value);
}

static void
manifest_encode_writes_the_documented_bytes(void **state)
{
	struct manifest manifest = good_manifest();
	CLEANUP(freep) char *text = NULL;
	struct err err;

	(void)state;
	assert_code(manifest_encode(&manifest, &text, &err), 0);
	assert_string_equal(text, good_text);
}

static void
manifest_decode_reads_what_encode_wrote(void **state)
{
	struct manifest good = good_manifest();
	struct manifest manifest;
	struct err err;

	(void)state;
	assert_code(decode(bytes_of_str(good_text), &manifest, &err), 0);
	assert_memory_equal(&manifest, &good, sizeof(good));
}

static void
manifest_survives_encode_and_decode_in_each_variant(void **state)
{
	(void)state;
	for (unsigned int variant = 0; variant < 8; variant++) {
		struct manifest made = good_manifest();
		CLEANUP(freep) char *text = NULL;
		struct manifest manifest;
		struct err err;

		made.is_debug = variant & 1;
		made.has_ramdisk = variant & 2;
		if (!made.has_ramdisk)
			memset(&made.ramdisk, 0, sizeof(made.ramdisk));
		if (variant & 4) {
			made.kernel_format = KERNEL_ELF;
			made.elf = made.kernel;
			made.cmdline[0] = '\0';
			memset(made.cmdline, 0, sizeof(made.cmdline));
			made.rollback_index = INT64_MAX;
		}
		assert_code(manifest_encode(&made, &text, &err), 0);
		assert_code(decode(bytes_of_str(text), &manifest, &err), 0);
		assert_memory_equal(&manifest, &made, sizeof(made));
	}
}

static void
manifest_decode_does_not_need_the_order_of_members(void **state)
{
	json_t *tree = good_manifest_tree();
	CLEANUP(freep) char *text = json_dumps(tree, JSON_SORT_KEYS);
	struct manifest good = good_manifest();
	struct manifest manifest;
	struct err err;

	(void)state;
	assert_string_not_equal(text, good_text);
	assert_code(decode(bytes_of_str(text), &manifest, &err), 0);
	assert_memory_equal(&manifest, &good, sizeof(good));
	json_decref(tree);
}

/* Call with each member of each object in a tree of its own. */
static void
for_each_member(void (*change)(json_t *object, const char *member))
{
	for (size_t i = 0; i < countof(objects); i++) {
		json_t *names = good_manifest_tree();
		const char *member;
		json_t *value;

		json_object_foreach(tree_at(names, objects[i]), member, value)
		{
			json_t *tree = good_manifest_tree();

			change(tree_at(tree, objects[i]), member);
			if (decode_tree(tree) != MANIFEST_MALFORMED)
				fail_msg("%s.%s: accepted, or another code",
				    objects[i], member);
			json_decref(tree);
		}
		json_decref(names);
	}
}

static void
remove_member(json_t *object, const char *member)
{
	assert_int_equal(json_object_del(object, member), 0);
}

static void
manifest_decode_refuses_each_missing_member(void **state)
{
	(void)state;
	for_each_member(remove_member);
}

static void
change_type(json_t *object, const char *member)
{
	json_t *value = json_object_get(object, member);
	json_t *other = json_true();

	if (json_is_null(value)) {
		/* Any value is of a kind that is not supported; see below. */
		json_object_del(object, member);
		return;
	}
	if (json_is_string(value))
		other = json_integer(1);
	else if (json_is_integer(value))
		other = json_string("1");
	else if (json_is_array(value))
		other = json_object();
	assert_int_equal(json_object_set_new(object, member, other), 0);
}

static void
manifest_decode_refuses_each_member_of_another_type(void **state)
{
	(void)state;
	for_each_member(change_type);
}

static void
add_unknown(json_t *object, const char *member)
{
	(void)member;
	json_object_set_new(object, "Name", json_null());
}

static void
manifest_decode_refuses_an_unknown_member_in_each_object(void **state)
{
	(void)state;
	for_each_member(add_unknown);
}

static void
manifest_decode_refuses_reals(void **state)
{
	static const char *const integers[][2] = {{"rollback", "index"},
	    {"kernel", "size"}, {"kernel.elf", "size"}, {"ramdisk", "size"},
	    {"limits.memory_mib", "min"}, {"limits.memory_mib", "max"},
	    {"limits.vcpus", "min"}, {"limits.vcpus", "max"},
	    {"devices.vif", "max"}};

	(void)state;
	for (size_t i = 0; i < countof(integers); i++) {
		assert_code(decode_with(integers[i][0], integers[i][1], "1.0"),
		    MANIFEST_MALFORMED);
		assert_code(decode_with(integers[i][0], integers[i][1], "1e3"),
		    MANIFEST_MALFORMED);
		assert_code(decode_with(integers[i][0], integers[i][1], "-1"),
		    MANIFEST_MALFORMED);
	}
}

static void
manifest_decode_refuses_what_is_not_one_strict_object(void **state)
{
	static const char *const texts[] = {"", "{}", "[]", "null", "\"\"",
	    "{\"schema\":\"assay.image/1\"", "\xef\xbb\xbf{}"};
	CLEANUP(freep) char *twice = NULL;
	CLEANUP(freep) char *trailing = NULL;
	struct manifest manifest;
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(texts); i++)
		assert_code(decode_str(texts[i]), MANIFEST_MALFORMED);

	assert_true(
	    asprintf(&twice, "{\"name\":\"other\",%s", good_text + 1) > 0);
	assert_code(decode_str(twice), MEMBER_DUPLICATE);
	assert_true(asprintf(&trailing, "%s{}", good_text) > 0);
	assert_code(decode_str(trailing), BYTES_TRAILING);
	/* The NUL behind the text. */
	assert_code(
	    decode(bytes_of(good_text, sizeof(good_text)), &manifest, &err),
	    BYTES_TRAILING);
}

static void
manifest_decode_refuses_text_that_is_too_long_or_too_deep(void **state)
{
	CLEANUP(freep) char *text = calloc(1, LIMIT_ENVELOPE_BYTES + 2);
	struct manifest manifest;
	struct err err;

	(void)state;
	memset(text, ' ', LIMIT_ENVELOPE_BYTES + 1);
	memcpy(text, good_text, strlen(good_text));
	assert_code(
	    decode(bytes_of(text, LIMIT_ENVELOPE_BYTES), &manifest, &err), 0);
	assert_code(
	    decode(bytes_of(text, LIMIT_ENVELOPE_BYTES + 1), &manifest, &err),
	    MANIFEST_MALFORMED);
	assert_code(decode_with("devices", "vbd", "[[[[[[[[[]]]]]]]]]"),
	    MANIFEST_MALFORMED);
}

static void
manifest_decode_refuses_every_truncation(void **state)
{
	struct manifest manifest;
	struct err err;

	(void)state;
	for (size_t len = 0; len < strlen(good_text); len++)
		assert_code(decode(bytes_of(good_text, len), &manifest, &err),
		    MANIFEST_MALFORMED);
}

static void
manifest_decode_never_reads_a_flipped_bit_as_the_same_manifest(void **state)
{
	CLEANUP(freep) char *text = strdup(good_text);
	struct manifest good = good_manifest();

	(void)state;
	for (size_t i = 0; i < strlen(good_text) * 8; i++) {
		struct manifest manifest;
		struct err err;

		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		if (decode(bytes_of(text, strlen(good_text)), &manifest,
			&err) == 0)
			assert_memory_not_equal(&manifest, &good, sizeof(good));
		text[i / 8] = good_text[i / 8];
	}
}

static void
manifest_decode_refuses_bad_names(void **state)
{
	static const char *const names[] = {"\"\"", "\"Web\"", "\"-web\"",
	    "\".web\"", "\"_web\"", "\"web/x\"", "\"web:x\"", "\"we b\"",
	    "\"../web\"", "\"w\\u00e9b\"", "\"web\\u0000\"", "\"web\\n\""};

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		assert_code(decode_with("", "name", names[i]),
		    MANIFEST_MALFORMED);
		assert_code(decode_with("rollback", "location", names[i]),
		    MANIFEST_MALFORMED);
	}
	assert_code(decode_with_long("", "name", LIMIT_NAME_BYTES), 0);
	assert_code(decode_with_long("", "name", LIMIT_NAME_BYTES + 1),
	    MANIFEST_MALFORMED);
	assert_code(
	    decode_with_long("rollback", "location", LIMIT_NAME_BYTES + 1),
	    MANIFEST_MALFORMED);
}

static void
manifest_decode_refuses_bad_versions(void **state)
{
	static const char *const good[] = {"\"1\"", "\"V1.0+b_2-rc\""};
	static const char *const bad[] = {"\"\"", "\".1\"", "\"+1\"", "\"1:2\"",
	    "\"1/2\"", "\"1 \"", "\"1~2\""};

	(void)state;
	for (size_t i = 0; i < countof(good); i++)
		assert_code(decode_with("", "version", good[i]), 0);
	for (size_t i = 0; i < countof(bad); i++)
		assert_code(decode_with("", "version", bad[i]),
		    MANIFEST_MALFORMED);
	assert_code(decode_with_long("", "version", LIMIT_VERSION_BYTES + 1),
	    MANIFEST_MALFORMED);
}

static void
manifest_decode_refuses_unknown_words(void **state)
{
	(void)state;
	assert_code(decode_with("", "class", "\"debug\""), 0);
	assert_code(decode_with("", "class", "\"production\""),
	    MANIFEST_MALFORMED);
	assert_code(decode_with("", "class", "\"\""), MANIFEST_MALFORMED);
	assert_code(decode_with("kernel", "format", "\"vmlinux\""),
	    MANIFEST_MALFORMED);
}

static void
manifest_decode_refuses_what_this_version_does_not_do(void **state)
{
	static const char *const rows[][3] = {
	    {"", "schema", "\"assay.image/2\""},
	    {"", "schema", "\"\""},
	    {"", "type", "\"pvh\""},
	    {"", "type", "\"p\""},
	    {"", "arch", "\"arm64\""},
	    {"devices", "vbd", "[{\"name\":\"rootfs\"}]"},
	    {"devices.vif", "max", "1"},
	    {"", "xsm_label", "\"system_u:system_r:domU_t\""},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		assert_code(decode_with(rows[i][0], rows[i][1], rows[i][2]),
		    MANIFEST_UNSUPPORTED);
}

static void
manifest_decode_takes_dates(void **state)
{
	(void)state;
	assert_code(decode_with("", "not_before", "\"2026-11-23T16:00:00Z\""),
	    ERR_NONE);
	assert_code(decode_with("", "not_after", "\"2026-11-23T16:00:00Z\""),
	    ERR_NONE);
}

static void
manifest_decode_refuses_malformed_dates(void **state)
{
	static const char *const bad[] = {"0", "1795449600", "\"\"", "[]",
	    "\"2026-11-23\"", "\"2026-11-23T16:00:00\"",
	    "\"2026-11-23T16:00:00+01:00\"", "\"1970-01-01T00:00:00Z\""};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		assert_code(decode_with("", "not_before", bad[i]),
		    MANIFEST_MALFORMED);
		assert_code(decode_with("", "not_after", bad[i]),
		    MANIFEST_MALFORMED);
	}
}

static void
manifest_encode_writes_dates_that_are_read_back(void **state)
{
	struct manifest manifest = good_manifest();
	struct manifest back;
	struct err err;
	char *text = NULL;

	(void)state;
	manifest.not_before = 1795449600;
	manifest.not_after = 1795449600;
	assert_code(manifest_encode(&manifest, &text, &err), ERR_NONE);
	assert_non_null(
	    strstr(text, "\"not_before\":\"2026-11-23T16:00:00Z\""));
	assert_code(manifest_decode(bytes_of_str(text), &back, &err), ERR_NONE);
	assert_int_equal(back.not_before, manifest.not_before);
	assert_int_equal(back.not_after, manifest.not_after);
	free(text);
}

static void
manifest_encode_refuses_dates_that_make_no_sense(void **state)
{
	static const int64_t bad[][2] = {{2, 1}, {-1, 0}, {0, -1},
	    {INT64_MAX, 0}, {0, INT64_MAX}};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct manifest manifest = good_manifest();
		struct err err;
		char *text = NULL;

		manifest.not_before = bad[i][0];
		manifest.not_after = bad[i][1];
		assert_code(manifest_encode(&manifest, &text, &err),
		    MANIFEST_VALUE_BAD);
		assert_null(text);
	}
}

/* A newer format may have any member; say that it is newer. */
static void
manifest_decode_names_the_schema_before_its_members(void **state)
{
	(void)state;
	assert_code(decode_str("{\"schema\":\"assay.image/2\",\"new\":1}"),
	    MANIFEST_UNSUPPORTED);
}

static void
manifest_decode_refuses_sizes_over_their_limit(void **state)
{
	static const char *const rows[][3] = {
	    {"kernel", "268435456", "268435457"},
	    {"kernel.elf", "268435456", "268435457"},
	    {"ramdisk", "1073741824", "1073741825"},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		assert_code(decode_with(rows[i][0], "size", rows[i][1]), 0);
		assert_code(decode_with(rows[i][0], "size", rows[i][2]),
		    IMAGE_TOO_LARGE);
		assert_code(
		    decode_with(rows[i][0], "size", "9223372036854775807"),
		    IMAGE_TOO_LARGE);
		assert_code(decode_with(rows[i][0], "size", "0"),
		    MANIFEST_MALFORMED);
	}
}

static void
manifest_decode_refuses_bad_digests(void **state)
{
	static const char *const values[] = {"\"\"", "\"" HEX_11 "\"",
	    "\"sha512:" HEX_11 HEX_11 "\"", "\"sha256:" HEX_11 "0\"",
	    "\"SHA256:" HEX_11 "\"", "\"sha256:A" HEX_11 "\""};
	static const char *const blobs[] = {"kernel", "kernel.elf", "ramdisk"};

	(void)state;
	for (size_t i = 0; i < countof(values); i++) {
		for (size_t j = 0; j < countof(blobs); j++)
			assert_code(decode_with(blobs[j], "digest", values[i]),
			    MANIFEST_MALFORMED);
	}
}

static void
manifest_decode_refuses_an_elf_kernel_that_is_not_its_own_elf(void **state)
{
	(void)state;
	assert_code(decode_with("kernel", "format", "\"elf\""),
	    MANIFEST_MALFORMED);
}

static void
manifest_decode_refuses_bad_ranges(void **state)
{
	static const char *const rows[][2] = {
	    {"limits.memory_mib", "{\"min\":0,\"max\":4096}"},
	    {"limits.memory_mib", "{\"min\":129,\"max\":128}"},
	    {"limits.memory_mib", "{\"min\":1,\"max\":1048577}"},
	    {"limits.memory_mib", "{\"min\":1,\"max\":4294967296}"},
	    {"limits.vcpus", "{\"min\":0,\"max\":0}"},
	    {"limits.vcpus", "{\"min\":2,\"max\":1}"},
	    {"limits.vcpus", "{\"min\":1,\"max\":129}"},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const char *member = strchr(rows[i][0], '.') + 1;

		assert_code(decode_with("limits", member, rows[i][1]),
		    MANIFEST_MALFORMED);
	}
	assert_code(decode_with("limits", "memory_mib",
			"{\"min\":1048576,\"max\":1048576}"),
	    0);
	assert_code(decode_with("limits", "vcpus", "{\"min\":128,\"max\":128}"),
	    0);
}

static void
manifest_decode_refuses_command_lines_that_are_not_printable(void **state)
{
	static const char *const bad[] = {"\"a\\nb\"", "\"a\\tb\"",
	    "\"\\u001f\"", "\"\\u007f\"", "\"\\u0000\"", "\"\\u00e9\""};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		assert_code(decode_with("", "cmdline", bad[i]),
		    MANIFEST_MALFORMED);
	assert_code(decode_with("", "cmdline", "\" ~\""), 0);
	assert_code(decode_with("", "cmdline", "\"\""), 0);
}

static void
manifest_decode_refuses_command_lines_over_the_guest_abi(void **state)
{
	(void)state;
	assert_code(decode_with_long("", "cmdline", 1023), 0);
	assert_code(decode_with_long("", "cmdline", 1024), CMDLINE_TOO_LONG);
	assert_code(decode_with_long("", "cmdline", 30000), CMDLINE_TOO_LONG);
}

static void
manifest_encode_refuses_what_decode_would_refuse(void **state)
{
	struct manifest bad[8];
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		bad[i] = good_manifest();
	strcpy(bad[0].name, "Web");
	strcpy(bad[1].version, "\xff");
	strcpy(bad[2].cmdline, "a\nb");
	bad[3].memory_mib.min = 0;
	bad[4].rollback_index = -1;
	bad[5].ramdisk.size_bytes = 0;
	bad[6].kernel_format = KERNEL_ELF;
	bad[7].rollback_location[0] = '\0';
	for (size_t i = 0; i < countof(bad); i++) {
		char *text = UNTOUCHED;

		assert_code(manifest_encode(&bad[i], &text, &err),
		    MANIFEST_VALUE_BAD);
		assert_ptr_equal(text, UNTOUCHED);
	}
	bad[0] = good_manifest();
	bad[0].elf.size_bytes = LIMIT_KERNEL_BYTES + 1;
	assert_code(manifest_encode(&bad[0], NULL, &err), IMAGE_TOO_LARGE);
}

static void
manifest_errors_name_the_field(void **state)
{
	json_t *tree = good_manifest_tree();
	CLEANUP(freep) char *text = NULL;
	struct manifest manifest;
	struct err err;

	(void)state;
	json_object_del(tree_at(tree, "limits.vcpus"), "max");
	text = tree_text(tree);
	assert_code(decode(bytes_of_str(text), &manifest, &err),
	    MANIFEST_MALFORMED);
	assert_string_equal(err.field, "limits.vcpus.max");
	json_decref(tree);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(manifest_encode_writes_the_documented_bytes),
	    cmocka_unit_test(manifest_decode_reads_what_encode_wrote),
	    cmocka_unit_test(
		manifest_survives_encode_and_decode_in_each_variant),
	    cmocka_unit_test(
		manifest_decode_does_not_need_the_order_of_members),
	    cmocka_unit_test(manifest_decode_refuses_each_missing_member),
	    cmocka_unit_test(
		manifest_decode_refuses_each_member_of_another_type),
	    cmocka_unit_test(
		manifest_decode_refuses_an_unknown_member_in_each_object),
	    cmocka_unit_test(manifest_decode_refuses_reals),
	    cmocka_unit_test(
		manifest_decode_refuses_what_is_not_one_strict_object),
	    cmocka_unit_test(
		manifest_decode_refuses_text_that_is_too_long_or_too_deep),
	    cmocka_unit_test(manifest_decode_refuses_every_truncation),
	    cmocka_unit_test(
		manifest_decode_never_reads_a_flipped_bit_as_the_same_manifest),
	    cmocka_unit_test(manifest_decode_refuses_bad_names),
	    cmocka_unit_test(manifest_decode_refuses_bad_versions),
	    cmocka_unit_test(manifest_decode_refuses_unknown_words),
	    cmocka_unit_test(
		manifest_decode_refuses_what_this_version_does_not_do),
	    cmocka_unit_test(
		manifest_decode_names_the_schema_before_its_members),
	    cmocka_unit_test(manifest_decode_takes_dates),
	    cmocka_unit_test(manifest_decode_refuses_malformed_dates),
	    cmocka_unit_test(manifest_encode_writes_dates_that_are_read_back),
	    cmocka_unit_test(manifest_encode_refuses_dates_that_make_no_sense),
	    cmocka_unit_test(manifest_decode_refuses_sizes_over_their_limit),
	    cmocka_unit_test(manifest_decode_refuses_bad_digests),
	    cmocka_unit_test(
		manifest_decode_refuses_an_elf_kernel_that_is_not_its_own_elf),
	    cmocka_unit_test(manifest_decode_refuses_bad_ranges),
	    cmocka_unit_test(
		manifest_decode_refuses_command_lines_that_are_not_printable),
	    cmocka_unit_test(
		manifest_decode_refuses_command_lines_over_the_guest_abi),
	    cmocka_unit_test(manifest_encode_refuses_what_decode_would_refuse),
	    cmocka_unit_test(manifest_errors_name_the_field),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
