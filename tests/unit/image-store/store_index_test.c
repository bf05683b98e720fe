#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "base/utc.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "image-store/store_index.h"
#include "image-store/pack/store_index_write.h"
#include "keys/dsse.h"

#define TYPE DSSE_STORE_INDEX_PAYLOAD_TYPE

/* A store "store" with db:1, web:1 and web:2. */
static int
enter_store(void **state)
{
	static const char *const images[][3] = {{"dir-web-2", "web", "2"},
	    {"dir-db", "db", "1"}, {"dir-web-1", "web", "1"}};
	struct err err;

	if (enter_directory(state) != 0)
		return -1;
	assert_code(layout_init("store", &err), 0);
	for (size_t i = 0; i < countof(images); i++) {
		make_image_dir(images[i][0], images[i][1], images[i][2]);
		assert_code(layout_add("store", images[i][0], false, &err), 0);
	}
	return 0;
}

static char *
encode_store(int64_t epoch, int64_t expires)
{
	CLEANUP(closep) int dir_fd = -1;
	char *text = NULL;
	struct err err;

	assert_code(layout_open("store", &dir_fd, &err), 0);
	assert_code(store_index_encode(dir_fd, epoch, expires, &text, &err), 0);
	return text;
}

static int
try_decode(const char *text)
{
	struct store_index *index = UNTOUCHED;
	struct err err;
	int code = store_index_decode(bytes_of_str(text), &index, &err);

	if (code == 0)
		store_index_freep(&index);
	else
		assert_ptr_equal(index, UNTOUCHED);
	return code;
}

static json_t *
good_tree(void)
{
	CLEANUP(freep) char *text = encode_store(3, 1800000000);
	json_t *tree = json_loads(text, 0, NULL);

	assert_non_null(tree);
	return tree;
}

/* Takes the tree. */
static int
try_tree(json_t *tree)
{
	CLEANUP(freep) char *text = tree_text(tree);

	json_decref(tree);
	return try_decode(text);
}

static json_t *
image_at(json_t *tree, size_t i)
{
	return json_array_get(json_object_get(tree, "images"), i);
}

static int
verify(enum signer signer, const char *type, const char *payload,
    struct store_index **ret_index)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = make_policy_with_index(0);
	CLEANUP(freep) char *text = sign_payload(signer, type, payload);
	CLEANUP(sealed_freep)
	struct sealed *envelope = sealed_of(bytes_of_str(text));
	struct err err;

	return store_index_verify(policy, envelope, FRESH_BUDGET, ret_index,
	    &err);
}

static int
try_verify(enum signer signer, const char *type, const char *payload)
{
	struct store_index *index = UNTOUCHED;
	int code = verify(signer, type, payload, &index);

	if (code == 0)
		store_index_freep(&index);
	else
		assert_ptr_equal(index, UNTOUCHED);
	return code;
}

/* The envelope of an image directory, verified. */
static struct verified_manifest *
manifest_in(const char *dir)
{
	CLEANUP(trust_freep) struct trust_policy *policy = make_policy(0);
	CLEANUP(buffer_done) struct buffer text = {0};
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	struct verified_manifest *manifest = NULL;
	char path[64];
	struct err err;

	snprintf(path, sizeof(path), "%s/manifest.dsse", dir);
	text = read_file(path);
	envelope = sealed_of(buffer_bytes(&text));
	assert_code(verified_manifest_new(policy, NULL, envelope, FRESH_BUDGET,
			&manifest, &err),
	    0);
	return manifest;
}

static void
store_index_lists_the_images_of_the_store(void **state)
{
	static const char *const names[][2] = {{"db", "1"}, {"web", "1"},
	    {"web", "2"}};
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(freep) char *text = encode_store(3, 1800000000);
	struct err err;

	(void)state;
	assert_code(store_index_decode(bytes_of_str(text), &index, &err), 0);
	assert_int_equal(index->epoch, 3);
	assert_int_equal(index->expires, 1800000000);
	assert_int_equal(index->count, countof(names));
	for (size_t i = 0; i < index->count; i++) {
		assert_string_equal(index->images[i].name, names[i][0]);
		assert_string_equal(index->images[i].version, names[i][1]);
		assert_true(
		    store_index_lists(index, &index->images[i].envelope));
	}
	index->images[0].envelope.bytes[31] ^= 1;
	assert_false(store_index_lists(index, &index->images[0].payload));
}

static void
store_index_need_not_expire(void **state)
{
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(freep) char *text = encode_store(1, UTC_NONE);
	CLEANUP(trust_freep) struct trust_policy *no_clock = make_policy(0);
	struct err err;

	(void)state;
	assert_code(store_index_decode(bytes_of_str(text), &index, &err), 0);
	assert_int_equal(index->expires, UTC_NONE);
	assert_code(store_index_check_expiry(no_clock, index, &err), 0);
}

static void
store_index_verify_tells_what_was_signed(void **state)
{
	CLEANUP(freep) char *text = encode_store(3, 0);
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct digest digest;
	struct err err;

	(void)state;
	assert_code(verify(SIGNER_STRANGER, TYPE, text, &index), 0);
	assert_int_equal(index->epoch, 3);
	digest_of(bytes_of_str(text), &digest, &err);
	assert_true(digest_equal(&digest, &index->digest));
}

/* Neither who signs images, nor another document, nor nobody. */
static void
store_index_verify_takes_only_its_own_role_and_type(void **state)
{
	CLEANUP(freep) char *text = encode_store(3, 0);
	CLEANUP(trust_freep) struct trust_policy *no_role = make_policy(0);
	CLEANUP(freep)
	char *signed_text = sign_payload(SIGNER_PROD, TYPE, text);
	CLEANUP(sealed_freep)
	struct sealed *envelope = sealed_of(bytes_of_str(signed_text));
	struct store_index *index = UNTOUCHED;
	struct err err;

	(void)state;
	assert_code(try_verify(SIGNER_PROD, TYPE, text), THRESHOLD_NOT_MET);
	assert_code(try_verify(SIGNER_STRANGER, DSSE_IMAGE_PAYLOAD_TYPE, text),
	    PAYLOAD_TYPE_UNKNOWN);
	assert_code(
	    store_index_verify(no_role, envelope, FRESH_BUDGET, &index, &err),
	    TRUST_NO_ROLE);
	assert_ptr_equal(index, UNTOUCHED);
	assert_false(store_index_is_needed(no_role));
}

static void
store_index_verify_parses_nothing_before_its_signature(void **state)
{
	(void)state;
	assert_code(try_verify(SIGNER_PROD, TYPE, "{"), THRESHOLD_NOT_MET);
	assert_code(try_verify(SIGNER_STRANGER, TYPE, "{"),
	    STORE_INDEX_MALFORMED);
}

static void
store_index_check_epoch_refuses_an_older_one(void **state)
{
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(freep) char *text = encode_store(3, 0);
	struct err err;

	(void)state;
	assert_code(store_index_decode(bytes_of_str(text), &index, &err), 0);
	assert_code(store_index_check_epoch(index, 0, &err), 0);
	assert_code(store_index_check_epoch(index, 3, &err), 0);
	assert_code(store_index_check_epoch(index, 4, &err), STORE_ROLLBACK);
	assert_string_equal(err.field, "epoch");
}

/* The clock of the system is real here; the dates are before and after. */
static void
store_index_check_expiry_refuses_an_index_past_its_time(void **state)
{
	static const int64_t ends[] = {1000000000, UTC_MAX_SECONDS};
	static const int codes[] = {STORE_INDEX_EXPIRED, 0};
	CLEANUP(trust_freep)
	struct trust_policy *policy = make_policy_with_index(0);
	CLEANUP(trust_freep) struct trust_policy *no_clock = make_policy(0);
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(ends); i++) {
		CLEANUP(store_index_freep) struct store_index *index = NULL;
		CLEANUP(freep) char *text = encode_store(3, ends[i]);

		assert_code(
		    store_index_decode(bytes_of_str(text), &index, &err), 0);
		assert_code(store_index_check_expiry(policy, index, &err),
		    codes[i]);
		assert_code(store_index_check_expiry(no_clock, index, &err),
		    CLOCK_NOT_TRUSTED);
	}
}

static void
store_index_allows_only_what_it_lists(void **state)
{
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *web = manifest_in("dir-web-1");
	CLEANUP(verified_manifest_freep) struct verified_manifest *new = NULL;
	CLEANUP(freep) char *text = encode_store(3, 0);
	struct store_index_image *row;
	struct err err;

	(void)state;
	assert_code(store_index_decode(bytes_of_str(text), &index, &err), 0);
	assert_code(store_index_allows(index, web, &err), 0);
	assert_code(store_index_allows(NULL, web, &err), 0);
	make_image_dir("dir-web-3", "web", "3");
	new = manifest_in("dir-web-3");
	assert_code(store_index_allows(index, new, &err), IMAGE_NOT_INDEXED);
	row = &index->images[1];
	row->payload.bytes[0] ^= 1;
	assert_code(store_index_allows(index, web, &err),
	    IMAGE_INDEXED_OTHERWISE);
	row->payload.bytes[0] ^= 1;
	row->name[0] = 'v';
	assert_code(store_index_allows(index, web, &err),
	    IMAGE_INDEXED_OTHERWISE);
	row->name[0] = 'w';
	row->version[0] = '9';
	assert_code(store_index_allows(index, web, &err),
	    IMAGE_INDEXED_OTHERWISE);
	row->version[0] = '1';
	assert_code(store_index_allows(index, web, &err), 0);
}

/* What is listed and was changed is no image that nobody lists: an older one
 * must not start in its place. */
static void
store_index_tells_what_was_changed_from_what_it_does_not_know(void **state)
{
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *web = manifest_in("dir-web-1");
	CLEANUP(freep) char *text = encode_store(3, 0);
	struct store_index_image *row;
	struct err err;

	(void)state;
	assert_code(store_index_decode(bytes_of_str(text), &index, &err), 0);
	row = &index->images[1];
	row->envelope.bytes[0] ^= 1;
	assert_code(store_index_allows(index, web, &err),
	    IMAGE_INDEXED_OTHERWISE);
	row->version[0] = '9'; /* by its payload */
	assert_code(store_index_allows(index, web, &err),
	    IMAGE_INDEXED_OTHERWISE);
	row->version[0] = '1'; /* by its name */
	row->payload.bytes[0] ^= 1;
	assert_code(store_index_allows(index, web, &err),
	    IMAGE_INDEXED_OTHERWISE);
	row->version[0] = '9';
	assert_code(store_index_allows(index, web, &err), IMAGE_NOT_INDEXED);
}

static void
store_index_decode_refuses_each_broken_member(void **state)
{
	static const char *const rows[][2] = {{"schema", NULL},
	    {"schema", "\"assay.store-index/2\""}, {"epoch", NULL},
	    {"epoch", "0"}, {"epoch", "-1"}, {"epoch", "1.0"},
	    {"epoch", "\"1\""}, {"expires", NULL}, {"expires", "0"},
	    {"expires", "1800000000"}, {"expires", "\"2027-01-01\""},
	    {"images", NULL}, {"images", "{}"}, {"images", "[1]"},
	    {"images", "null"}, {"more", "1"}};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		json_t *tree = good_tree();

		if (rows[i][1] == NULL)
			json_object_del(tree, rows[i][0]);
		else
			json_object_set_new(tree, rows[i][0],
			    json_loads(rows[i][1], JSON_DECODE_ANY, NULL));
		if (try_tree(tree) != STORE_INDEX_MALFORMED)
			fail_msg("%s %s", rows[i][0], rows[i][1]);
	}
	assert_code(try_tree(good_tree()), 0);
	assert_code(try_decode(""), STORE_INDEX_MALFORMED);
	assert_code(try_decode("[]"), STORE_INDEX_MALFORMED);
}

static void
store_index_decode_refuses_each_broken_member_of_an_image(void **state)
{
	static const char *const rows[][2] = {{"name", NULL},
	    {"name", "\"../web\""}, {"name", "\"\""}, {"name", "1"},
	    {"version", NULL}, {"version", "\"a:b\""}, {"envelope", NULL},
	    {"envelope", "\"sha256:00\""}, {"payload", NULL},
	    {"payload", "null"}, {"more", "1"}};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		json_t *tree = good_tree();

		if (rows[i][1] == NULL)
			json_object_del(image_at(tree, 1), rows[i][0]);
		else
			json_object_set_new(image_at(tree, 1), rows[i][0],
			    json_loads(rows[i][1], JSON_DECODE_ANY, NULL));
		if (try_tree(tree) != STORE_INDEX_MALFORMED)
			fail_msg("%s %s", rows[i][0], rows[i][1]);
	}
}

static void
store_index_decode_refuses_what_is_listed_twice(void **state)
{
	json_t *tree = good_tree();

	(void)state;
	json_object_set(image_at(tree, 2), "version",
	    json_object_get(image_at(tree, 1), "version"));
	assert_code(try_tree(tree), IMAGE_DUPLICATE);
	tree = good_tree();
	json_object_set(image_at(tree, 2), "envelope",
	    json_object_get(image_at(tree, 0), "envelope"));
	assert_code(try_tree(tree), DESCRIPTOR_DUPLICATE);
}

/* 4096 images fit, names and versions as long as they may be; no more. */
static void
store_index_holds_as_many_images_as_a_store(void **state)
{
	json_t *tree = good_tree();
	json_t *images = json_object_get(tree, "images");
	CLEANUP(freep) char *payload = NULL;

	(void)state;
	json_array_clear(images);
	for (int i = 0; i < LIMIT_INDEX_IMAGES; i++) {
		char name[LIMIT_NAME_BYTES + 1];
		char digest[DIGEST_TEXT_SIZE];

		snprintf(name, sizeof(name), "%063d", i);
		snprintf(digest, sizeof(digest), "sha256:%064x", i);
		json_array_append_new(images,
		    json_pack("{s:s, s:s, s:s, s:s}", "name", name, "version",
			name, "envelope", digest, "payload", digest));
	}
	payload = tree_text(tree);
	assert_true(strlen(payload) <= LIMIT_STORE_INDEX_BYTES);
	assert_code(try_verify(SIGNER_STRANGER, TYPE, payload), 0);
	json_array_append(images, image_at(tree, 0));
	assert_code(try_tree(tree), STORE_TOO_LARGE);
}

static void
store_index_decode_refuses_a_text_over_its_limit(void **state)
{
	CLEANUP(freep) char *text = malloc(LIMIT_STORE_INDEX_BYTES + 2);

	(void)state;
	memset(text, ' ', LIMIT_STORE_INDEX_BYTES + 1);
	text[LIMIT_STORE_INDEX_BYTES + 1] = '\0';
	assert_code(try_decode(text), STORE_TOO_LARGE);
}

static void
store_index_encode_gives_the_same_bytes(void **state)
{
	CLEANUP(freep) char *one = encode_store(3, 0);
	CLEANUP(freep) char *other = encode_store(3, 0);

	(void)state;
	assert_string_equal(one, other);
	assert_ptr_equal(strstr(one, "{\"schema\":\"assay.store-index/1\","
				     "\"epoch\":3,\"expires\":null,\"images\":["
				     "{\"name\":\"db\",\"version\":\"1\","
				     "\"envelope\":\"sha256:"),
	    one);
}

static void
store_index_put_replaces_only_an_older_one(void **state)
{
	CLEANUP(freep) char *two = encode_store(2, 0);
	CLEANUP(freep) char *two_else = encode_store(2, 1800000000);
	CLEANUP(freep) char *three = encode_store(3, 0);
	const struct {
		const char *payload;
		int code;
	} steps[] = {{two, 0}, {two, 0}, {two_else, STORE_ROLLBACK}, {three, 0},
	    {two, STORE_ROLLBACK}, {two_else, STORE_ROLLBACK}, {three, 0}};
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(steps); i++) {
		CLEANUP(freep)
		char *text =
		    sign_payload(SIGNER_STRANGER, TYPE, steps[i].payload);
		CLEANUP(sealed_freep) struct sealed *found = NULL;
		CLEANUP(closep) int dir_fd = -1;

		assert_code(store_index_put("store", bytes_of_str(text), &err),
		    steps[i].code);
		assert_code(layout_open("store", &dir_fd, &err), 0);
		assert_code(layout_copy_store_index(dir_fd, &found, &err), 0);
		assert_true(
		    steps[i].code != 0 ||
		    bytes_equal(sealed_bytes(found), bytes_of_str(text)));
	}
}

static void
store_index_put_takes_only_a_store_index(void **state)
{
	CLEANUP(freep) char *payload = encode_store(2, 0);
	CLEANUP(freep)
	char *image =
	    sign_payload(SIGNER_STRANGER, DSSE_IMAGE_PAYLOAD_TYPE, payload);
	CLEANUP(freep)
	char *broken = sign_payload(SIGNER_STRANGER, TYPE, "{}");
	CLEANUP(buffer_done)
	struct buffer before = read_file("store/index.json");
	CLEANUP(buffer_done) struct buffer after = {0};
	struct err err;

	(void)state;
	assert_code(store_index_put("store", bytes_of_str(image), &err),
	    PAYLOAD_TYPE_UNKNOWN);
	assert_code(store_index_put("store", bytes_of_str(broken), &err),
	    STORE_INDEX_MALFORMED);
	assert_code(store_index_put("store", bytes_of_str("{}"), &err),
	    ENVELOPE_MALFORMED);
	after = read_file("store/index.json");
	assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
}

static int
try_find(void)
{
	CLEANUP(closep) int dir_fd = -1;
	struct sealed *found = UNTOUCHED;
	struct err err;
	int code;

	assert_code(layout_open("store", &dir_fd, &err), 0);
	code = layout_copy_store_index(dir_fd, &found, &err);
	if (code == 0)
		sealed_free(found);
	else
		assert_ptr_equal(found, UNTOUCHED);
	return code;
}

/* Also where a registry tool dropped the descriptor's artifactType. */
static void
layout_finds_the_one_store_index(void **state)
{
	CLEANUP(freep) char *payload = encode_store(2, 0);
	CLEANUP(freep)
	char *text = sign_payload(SIGNER_STRANGER, TYPE, payload);
	json_t *index;
	json_t *entry;
	struct err err;

	(void)state;
	assert_code(try_find(), STORE_INDEX_MISSING);
	assert_code(store_index_put("store", bytes_of_str(text), &err), 0);
	index = json_load_file("store/index.json", 0, NULL);
	entry = json_array_get(json_object_get(index, "manifests"), 1);
	assert_int_equal(json_object_del(entry, "artifactType"), 0);
	assert_int_equal(json_dump_file(index, "store/index.json", 0), 0);
	assert_code(try_find(), 0);
	json_array_append(json_object_get(index, "manifests"), entry);
	assert_int_equal(json_dump_file(index, "store/index.json", 0), 0);
	assert_code(try_find(), DESCRIPTOR_DUPLICATE);
	json_decref(index);
}

static void
store_index_encode_refuses_an_envelope_under_another_name(void **state)
{
	json_t *index = json_load_file("store/index.json", 0, NULL);
	json_t *entry = json_array_get(json_object_get(index, "manifests"), 0);
	CLEANUP(closep) int dir_fd = -1;
	char *text = UNTOUCHED;
	struct err err;

	(void)state;
	json_object_set_new(json_object_get(entry, "annotations"), OCI_REF_NAME,
	    json_string("other:1"));
	assert_int_equal(json_dump_file(index, "store/index.json", 0), 0);
	json_decref(index);
	assert_code(layout_open("store", &dir_fd, &err), 0);
	assert_code(store_index_encode(dir_fd, 1, 0, &text, &err),
	    IMAGE_NAME_MISMATCH);
	assert_ptr_equal(text, UNTOUCHED);
}

static int
teardown(void **state)
{
	(void)state;
	signers_done();
	return 0;
}

#define store_test(f) \
	cmocka_unit_test_setup_teardown(f, enter_store, leave_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    store_test(store_index_lists_the_images_of_the_store),
	    store_test(store_index_need_not_expire),
	    store_test(store_index_verify_tells_what_was_signed),
	    store_test(store_index_verify_takes_only_its_own_role_and_type),
	    store_test(store_index_verify_parses_nothing_before_its_signature),
	    store_test(store_index_check_epoch_refuses_an_older_one),
	    store_test(store_index_check_expiry_refuses_an_index_past_its_time),
	    store_test(store_index_allows_only_what_it_lists),
	    store_test(
		store_index_tells_what_was_changed_from_what_it_does_not_know),
	    store_test(store_index_decode_refuses_each_broken_member),
	    store_test(
		store_index_decode_refuses_each_broken_member_of_an_image),
	    store_test(store_index_decode_refuses_what_is_listed_twice),
	    store_test(store_index_holds_as_many_images_as_a_store),
	    store_test(store_index_decode_refuses_a_text_over_its_limit),
	    store_test(store_index_encode_gives_the_same_bytes),
	    store_test(store_index_put_replaces_only_an_older_one),
	    store_test(store_index_put_takes_only_a_store_index),
	    store_test(layout_finds_the_one_store_index),
	    store_test(
		store_index_encode_refuses_an_envelope_under_another_name),
	};

	return cmocka_run_group_tests_name("store index", tests, NULL,
	    teardown);
}
