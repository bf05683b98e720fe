#include "builder_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "builder/supervisor/journal.h"
#include "builder/front/methods.h"
#include "builder/front/receipt_json.h"
#include "base/uuid_make.h"

#define HEX(four) four four four four four four four four

static const struct method *
method(const char *name)
{
	const struct method *found = method_find(name);

	if (found == NULL)
		fail_msg("%s: no such method", name);
	return found;
}

/* Takes the parameters. */
static int
decode(const char *name, json_t *parameters, struct front_call *ret_call,
    json_t **ret_reply, struct err *err)
{
	CLEANUP(json_freep) json_t *owned = parameters;

	assert_non_null(owned);
	return method_decode(method(name), owned, ret_call, ret_reply, err);
}

static json_t *
good_parameters(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:b}", "image", "web",
	    "manifest", "sha256:" HEX("11111111"), "name", "guest", "uuid",
	    GOOD_UUID, "memory_mib", 256, "vcpus", 2, "paused", 1);
}

/* Takes the value; NULL removes the member. */
static void
assert_build_refused(const char *member, json_t *value)
{
	json_t *parameters = good_parameters();
	struct front_call call;
	json_t *reply = NULL;
	struct err err = {0};

	if (value == NULL)
		json_object_del(parameters, member);
	else
		json_object_set_new(parameters, member, value);
	if (decode("org.assay.Builder.BuildDomain", parameters, &call, &reply,
		&err) == 0)
		fail_msg("%s: taken", member);
	assert_code((int)err.code, RPC_PARAMETER_BAD);
	assert_string_equal(err.field, member);
	assert_null(reply);
}

static void
build_takes_every_parameter(void **state)
{
	struct front_call call;
	json_t *reply = NULL;
	uint8_t uuid[UUID_BYTES];
	struct err err;

	(void)state;
	assert_code(decode("org.assay.Builder.BuildDomain", good_parameters(),
			&call, &reply, &err),
	    0);
	assert_int_equal(call.kind, FRONT_BUILD);
	assert_string_equal(call.build.image, "web");
	assert_string_equal(call.build.guest.name, "guest");
	assert_true(uuid_from_text(GOOD_UUID, uuid));
	assert_memory_equal(call.build.guest.uuid, uuid, UUID_BYTES);
	assert_true(call.build.has_manifest);
	assert_int_equal(call.build.manifest.bytes[31], 0x11);
	assert_int_equal(call.build.guest.memory_mib, 256);
	assert_int_equal(call.build.guest.vcpus, 2);
	assert_true(call.build.is_paused);
	assert_null(reply);
}

static void
build_has_defaults_for_what_may_be_left_out(void **state)
{
	static const char *const optional[] = {"manifest", "uuid", "paused"};
	uint8_t uuids[2][UUID_BYTES];

	(void)state;
	for (int is_null = 0; is_null < 2; is_null++) {
		json_t *parameters = good_parameters();
		struct front_call call;
		json_t *reply = NULL;
		struct err err;

		for (size_t i = 0; i < countof(optional); i++) {
			if (is_null)
				json_object_set_new(parameters, optional[i],
				    json_null());
			else
				json_object_del(parameters, optional[i]);
		}
		assert_code(decode("org.assay.Builder.BuildDomain", parameters,
				&call, &reply, &err),
		    0);
		assert_false(call.build.has_manifest);
		assert_false(call.build.is_paused);
		memcpy(uuids[is_null], call.build.guest.uuid, UUID_BYTES);
		assert_int_equal(call.build.guest.uuid[6] >> 4, 4);
	}
	/* Each build without a uuid gets its own. */
	assert_memory_not_equal(uuids[0], uuids[1], UUID_BYTES);
}

static void
build_refuses_a_missing_or_wrong_parameter(void **state)
{
	static const char *const members[] = {"image", "name", "memory_mib",
	    "vcpus", "manifest", "uuid", "paused"};

	(void)state;
	for (size_t i = 0; i < countof(members); i++) {
		if (i < 4) {
			assert_build_refused(members[i], NULL);
			assert_build_refused(members[i], json_null());
		}
		assert_build_refused(members[i], json_real(2.0));
		assert_build_refused(members[i], json_object());
		assert_build_refused(members[i], json_array());
		assert_build_refused(members[i], json_string(""));
	}
	assert_build_refused("cmdline", json_string("init=/bin/sh"));
	assert_build_refused("kernel", json_string("/boot/vmlinuz"));
}

static void
build_refuses_values_that_are_out_of_bounds(void **state)
{
	char name[LIMIT_NAME_BYTES + 2];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_build_refused("image", json_string(name));
	assert_build_refused("name", json_string(name));
	assert_build_refused("image", json_string("../web"));
	assert_build_refused("name", json_string("a/b"));
	assert_build_refused("memory_mib", json_integer(0));
	assert_build_refused("memory_mib", json_integer(-1));
	assert_build_refused("memory_mib", json_integer(LIMIT_MEMORY_MIB + 1));
	assert_build_refused("memory_mib", json_integer(INT64_MAX));
	assert_build_refused("memory_mib", json_integer(1ll << 32 | 256));
	assert_build_refused("vcpus", json_integer(0));
	assert_build_refused("vcpus", json_integer(LIMIT_VCPUS + 1));
	assert_build_refused("uuid",
	    json_string("00000000-0000-0000-0000-000000000000"));
	assert_build_refused("uuid",
	    json_string("6A2F3F1C-0B6E-4A54-9A55-8A7F2F3B9D11"));
	assert_build_refused("manifest", json_string(HEX("11111111")));
	assert_build_refused("manifest", json_string("sha256:1111"));
	assert_build_refused("paused", json_integer(1));
}

static struct err
destroy(json_t *parameters, struct front_call *ret_call)
{
	json_t *reply = NULL;
	struct err err = {0};

	decode("org.assay.Builder.DestroyDomain", parameters, ret_call, &reply,
	    &err);
	return err;
}

static void
destroy_takes_exactly_one_selector(void **state)
{
	struct front_call call;

	(void)state;
	assert_code((int)destroy(json_pack("{s:i}", "domid", 7), &call).code,
	    0);
	assert_int_equal(call.kind, FRONT_DESTROY);
	assert_int_equal(call.selector.domid, 7);
	assert_false(call.selector.has_uuid);
	assert_string_equal(call.selector.name, "");

	assert_code(
	    (int)destroy(json_pack("{s:s}", "uuid", GOOD_UUID), &call).code, 0);
	assert_true(call.selector.has_uuid);
	assert_int_equal(call.selector.uuid[0], 0x6a);
	assert_int_equal(call.selector.domid, 0);

	assert_code(
	    (int)destroy(json_pack("{s:s}", "name", "guest"), &call).code, 0);
	assert_string_equal(call.selector.name, "guest");

	assert_code(
	    (int)destroy(
		json_pack("{s:i, s:n, s:n}", "domid", 7, "uuid", "name"), &call)
		.code,
	    0);
}

static void
destroy_refuses_none_or_several_selectors(void **state)
{
	struct front_call call;

	(void)state;
	assert_code((int)destroy(json_object(), &call).code, RPC_PARAMETER_BAD);
	assert_code((int)destroy(json_pack("{s:n}", "domid"), &call).code,
	    RPC_PARAMETER_BAD);
	assert_code(
	    (int)destroy(json_pack("{s:i, s:s}", "domid", 7, "name", "guest"),
		&call)
		.code,
	    RPC_PARAMETER_BAD);
	assert_code((int)destroy(json_pack("{s:s, s:s}", "uuid", GOOD_UUID,
				     "name", "guest"),
			&call)
			.code,
	    RPC_PARAMETER_BAD);
	assert_code((int)destroy(json_pack("{s:i, s:s, s:s}", "domid", 7,
				     "uuid", GOOD_UUID, "name", "guest"),
			&call)
			.code,
	    RPC_PARAMETER_BAD);
}

static void
destroy_refuses_wrong_selectors(void **state)
{
	static const char *const texts[] = {"{\"domid\":0}", "{\"domid\":-1}",
	    "{\"domid\":65536}", "{\"domid\":\"7\"}", "{\"domid\":7.0}",
	    "{\"uuid\":7}", "{\"uuid\":\"7\"}", "{\"name\":7}", "{\"name\":{}}",
	    "{\"id\":7}", "{\"domid\":7,\"force\":true}"};
	struct front_call call;

	(void)state;
	for (size_t i = 0; i < countof(texts); i++)
		assert_code(
		    (int)destroy(json_loads(texts[i], 0, NULL), &call).code,
		    RPC_PARAMETER_BAD);
}

static void
listings_and_status_take_no_parameters(void **state)
{
	static const struct {
		const char *name;
		uint32_t kind;
	} rows[] = {{"org.assay.Builder.ListImages", FRONT_LIST_IMAGES},
	    {"org.assay.Builder.ListDomains", FRONT_LIST_DOMAINS},
	    {"org.assay.Builder.GetStatus", FRONT_STATUS}};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct front_call call;
		json_t *reply = NULL;
		struct err err;

		assert_false(method_is_local(method(rows[i].name)));
		assert_false(method_makes_domain(method(rows[i].name)));
		assert_code(
		    decode(rows[i].name, json_object(), &call, &reply, &err),
		    0);
		assert_int_equal(call.kind, rows[i].kind);
		assert_code(decode(rows[i].name, json_pack("{s:i}", "x", 1),
				&call, &reply, &err),
		    RPC_PARAMETER_BAD);
		assert_string_equal(err.field, "x");
	}
	assert_true(
	    method_makes_domain(method("org.assay.Builder.BuildDomain")));
}

static void
method_find_knows_only_whole_names(void **state)
{
	static const char *const names[] = {"", "BuildDomain",
	    "org.assay.Builder", "org.assay.Builder.",
	    "org.assay.Builder.Build", "org.assay.Builder.BuildDomain2",
	    "org.assay.builder.BuildDomain"};

	(void)state;
	for (size_t i = 0; i < countof(names); i++)
		assert_null(method_find(names[i]));
}

static void
get_info_says_what_this_is(void **state)
{
	struct front_call call;
	json_t *reply = NULL;
	CLEANUP(freep) char *text = NULL;
	struct err err;

	(void)state;
	assert_true(method_is_local(method("org.varlink.service.GetInfo")));
	assert_code(decode("org.varlink.service.GetInfo", json_object(), &call,
			&reply, &err),
	    0);
	text = tree_text(reply);
	json_decref(reply);
	assert_has(text, "\"product\":\"assayd\"");
	assert_has(text, "\"interfaces\":[\"org.varlink.service\","
			 "\"org.assay.Builder\"]");
}

static int
describe(json_t *parameters, json_t **ret_reply, struct err *err)
{
	struct front_call call;

	return decode("org.varlink.service.GetInterfaceDescription", parameters,
	    &call, ret_reply, err);
}

static void
get_interface_description_describes_every_method(void **state)
{
	static const char *const names[] = {"BuildDomain", "ListImages",
	    "ListDomains", "DestroyDomain", "GetStatus"};
	json_t *reply = NULL;
	const char *text;
	struct err err;

	(void)state;
	assert_code(
	    describe(json_pack("{s:s}", "interface", "org.assay.Builder"),
		&reply, &err),
	    0);
	text = json_string_value(json_object_get(reply, "description"));
	assert_has(text, "interface org.assay.Builder\n");
	for (size_t i = 0; i < countof(names); i++) {
		char line[64];

		snprintf(line, sizeof(line), "method %s(", names[i]);
		assert_has(text, line);
	}
	json_decref(reply);
	assert_code(
	    describe(json_pack("{s:s}", "interface", "org.varlink.service"),
		&reply, &err),
	    0);
	json_decref(reply);
}

/* The field says which: it becomes InterfaceNotFound. */
static void
get_interface_description_refuses_an_unknown_interface(void **state)
{
	json_t *reply = NULL;
	struct err err = {0};

	(void)state;
	assert_code(describe(json_pack("{s:s}", "interface", "org.x\x1b"),
			&reply, &err),
	    RPC_METHOD_UNKNOWN);
	assert_string_equal(err.field, "org.x\\x1b");
	assert_has(err.text, "org.x\\x1b");
	assert_code(describe(json_object(), &reply, &err), RPC_PARAMETER_BAD);
	assert_code(describe(json_pack("{s:i}", "interface", 1), &reply, &err),
	    RPC_PARAMETER_BAD);
	assert_null(reply);
}

/* Takes the reply. */
static void
assert_json(json_t *reply, const char *expected)
{
	CLEANUP(json_freep) json_t *owned = reply;
	CLEANUP(freep) char *text = tree_text(owned);

	assert_string_equal(text, expected);
}

static void
replies_carry_the_receipt_or_nothing(void **state)
{
	struct front_answer answer = {.receipt = good_receipt()};
	json_t *reply = method_encode(method("org.assay.Builder.BuildDomain"),
	    &answer, (struct bytes){0});
	json_t *receipt = json_object_get(reply, "receipt");

	(void)state;
	assert_int_equal(json_object_size(reply), 1);
	assert_int_equal(json_integer_value(json_object_get(receipt, "domid")),
	    9);
	assert_string_equal(json_string_value(json_object_get(receipt, "uuid")),
	    GOOD_UUID);
	json_decref(reply);
	assert_json(method_encode(method("org.assay.Builder.DestroyDomain"),
			&answer, (struct bytes){0}),
	    "{}");
}

/* A compiler that clears padding in the wrong place has cut it short. */
static void
replies_carry_each_byte_of_a_full_receipt(void **state)
{
	struct front_answer answer = {.receipt = good_receipt()};
	struct receipt *receipt = &answer.receipt;
	CLEANUP(json_freep) json_t *expected = NULL;
	CLEANUP(json_freep) json_t *reply = NULL;

	(void)state;
	memset(receipt->configuration, 'c', DOMAIN_SPEC_BYTES);
	memset(receipt->image.signers, 0x33, sizeof(receipt->image.signers));
	receipt->image.signer_count = LIMIT_SIGNATURES;
	expected = json_table_write(&receipt_table, receipt);
	reply = method_encode(method("org.assay.Builder.BuildDomain"), &answer,
	    (struct bytes){0});
	assert_true(json_equal(json_object_get(reply, "receipt"), expected));
}

/* clang-format takes a macro among strings apart. */
/* clang-format off */
#define ONES "\"sha256:" HEX("11111111") "\""
#define TWOS "\"sha256:" HEX("22222222") "\""
#define ROW_OF_WEB \
	"{\"name\":\"web\",\"version\":\"1\",\"envelope_digest\":" ONES
/* clang-format on */

static void
replies_list_images_good_and_refused(void **state)
{
	const struct method *list = method("org.assay.Builder.ListImages");
	struct front_answer answer = {0};
	struct image_row rows[2] = {{.name = "web",
	    .version = "1",
	    .role = "prod",
	    .rollback_index = 17,
	    .memory_min_mib = 128,
	    .memory_max_mib = 4096,
	    .vcpus_min = 1,
	    .vcpus_max = 8}};
	struct err err;

	(void)state;
	memset(rows[0].envelope.bytes, 0x11, DIGEST_BYTES);
	memset(rows[0].payload.bytes, 0x22, DIGEST_BYTES);
	rows[1] = rows[0];
	err_set(&err, KEY_UNKNOWN, "no such key");
	err_wire_from(&rows[1].outcome, KEY_UNKNOWN, &err);
	assert_json(method_encode(list, &answer, bytes_of(rows, sizeof(rows))),
	    "{\"images\":[" ROW_OF_WEB ",\"payload_digest\":" TWOS
	    ",\"refused\":null,\"role\":\"prod\",\"debug\":false,"
	    "\"rollback_index\":17,\"memory_min_mib\":128,"
	    "\"memory_max_mib\":4096,\"vcpus_min\":1,\"vcpus_max\":8}"
	    "," ROW_OF_WEB ",\"refused\":\"KEY_UNKNOWN\","
	    "\"detail\":\"no such key\"}]}");
	assert_json(method_encode(list, &answer, (struct bytes){0}),
	    "{\"images\":[]}");
}

static void
replies_list_domains(void **state)
{
	const struct method *list = method("org.assay.Builder.ListDomains");
	struct front_answer answer = {0};
	struct domain_row rows[2] = {
	    {good_receipt(), true, false, true, 3, 300 << 10,
		{{LIFE_RESTART, LIFE_PRESERVE, LIFE_DESTROY}}, 7},
	    {good_receipt(), false, true, false, 0, 5, life_default, 0},
	};
	CLEANUP(json_freep) json_t *reply = NULL;
	CLEANUP(freep) char *text = NULL;

	(void)state;
	assert_json(method_encode(list, &answer, (struct bytes){0}),
	    "{\"domains\":[]}");
	reply = method_encode(list, &answer, bytes_of(rows, sizeof(rows)));
	text = tree_text(reply);
	assert_has(text, "{\"domains\":[{\"receipt\":{\"schema\":");
	assert_has(text, "\"paused\":true,\"dying\":false,\"shutdown\":true,"
			 "\"reason\":\"crash\","
			 "\"memory_kib\":307200,\"on_poweroff\":"
			 "\"restart\",\"on_reboot\":\"preserve\","
			 "\"on_crash\":\"destroy\",\"restarts\":7},"
			 "{\"receipt\":");
	assert_has(text, "\"paused\":false,\"dying\":true,\"shutdown\":false,"
			 "\"memory_kib\":5,\"on_poweroff\":\"destroy\","
			 "\"on_reboot\":\"restart\",\"on_crash\":"
			 "\"destroy\",\"restarts\":0}]}");
}

/* Other roles make them: no row may be read past the end of what came. */
static void
listings_are_of_whole_rows(void **state)
{
	static const struct {
		const char *name;
		size_t row_bytes;
	} rows[] = {
	    {"org.assay.Builder.ListImages", sizeof(struct image_row)},
	    {"org.assay.Builder.ListDomains", sizeof(struct domain_row)},
	    {"org.assay.Builder.GetStatus", sizeof(struct pending_row)},
	};
	static const uint8_t data[8 * 1024];

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const struct method *list = method(rows[i].name);
		size_t size = rows[i].row_bytes;
		struct err err;

		assert_true(3 * size + 1 <= sizeof(data));
		for (size_t n = 0; n <= 3; n++)
			assert_code(method_check_attached(list,
					bytes_of(data, n * size), &err),
			    0);
		assert_code(
		    method_check_attached(list, bytes_of(data, 1), &err),
		    TPM_FAILED);
		assert_code(
		    method_check_attached(list, bytes_of(data, size - 1), &err),
		    TPM_FAILED);
		assert_code(method_check_attached(list,
				bytes_of(data, 3 * size + 1), &err),
		    TPM_FAILED);
	}
}

/* Who wrote them parsed the store. */
static void
image_rows_are_lines_of_text(void **state)
{
	const struct method *list = method("org.assay.Builder.ListImages");
	struct image_row rows[2] = {{.name = "web", .version = "1"}};
	const struct bytes both = bytes_of(rows, sizeof(rows));
	const struct image_row good = rows[0];
	struct err err;

#define ILLEGAL(change)                                                  \
	do {                                                             \
		rows[1] = good;                                          \
		assert_code(method_check_attached(list, both, &err), 0); \
		change;                                                  \
		assert_code(method_check_attached(list, both, &err),     \
		    TPM_FAILED);                                         \
	} while (0)

	(void)state;
	ILLEGAL(memset(rows[1].name, 'a', sizeof(good.name)));
	ILLEGAL(memset(rows[1].version, 'a', sizeof(good.version)));
	ILLEGAL(memset(rows[1].role, 'a', sizeof(good.role)));
	ILLEGAL(strcpy(rows[1].name, "we\xff"));
	ILLEGAL(strcpy(rows[1].version, "1\n"));
	ILLEGAL(strcpy(rows[1].role, "\x1b[2J"));
	ILLEGAL(memset(&rows[1].is_debug, 2, 1));
#undef ILLEGAL
}

/* Every listing fits into what the front takes. */
static void
listings_have_room_for_the_most_rows(void **state)
{
	(void)state;
	assert_true(LIMIT_INDEX_IMAGES * sizeof(struct image_row) <=
		    FRONT_ATTACHED_BYTES);
	assert_true(
	    LIMIT_DOMAINS * sizeof(struct domain_row) <= FRONT_ATTACHED_BYTES);
	assert_true(JOURNAL_PENDING * sizeof(struct pending_row) <=
		    FRONT_ATTACHED_BYTES);
}

static void
replies_give_evidence_as_it_came(void **state)
{
	struct attest_reply *quote = calloc(1, sizeof(*quote));
	struct front_answer answer = {0};
	json_t *reply;

	(void)state;
	assert_non_null(quote);
	quote->quote.attestation.attest = (struct tpm_blob){3, "abc"};
	quote->quote.attestation.signature = (struct tpm_blob){1, "s"};
	quote->quote.values.known[PCR_SHA256] = 1u << 13;
	quote->quote.values.value[PCR_SHA256][13].bytes[31] = 0x1f;
	quote->ak = (struct tpm_blob){1, "a"};
	quote->ek = (struct tpm_blob){1, "e"};
	quote->log_bytes = 99;
	reply = method_encode(method("org.assay.Builder.Attest"), &answer,
	    bytes_of(quote, sizeof(*quote)));
	assert_json(reply,
	    "{\"quote\":{\"attest\":\"YWJj\",\"signature\":\"cw==\"},"
	    "\"pcrs\":{\"sha256\":{\"13\":\"000000000000000000000000"
	    "000000000000000000000000000000000000001f\"}},"
	    "\"ak\":\"YQ==\",\"ek\":\"ZQ==\",\"ek_certificate\":null,"
	    "\"log_index\":null,\"log_bytes\":99}");

	quote->ek_certificate = (struct tpm_blob){1, "c"};
	quote->has_log_index = true;
	quote->log_index.handle = 0x01800102;
	quote->log_index_attestation.attest = (struct tpm_blob){1, "n"};
	reply = method_encode(method("org.assay.Builder.Attest"), &answer,
	    bytes_of(quote, sizeof(*quote)));
	{
		CLEANUP(freep) char *text = tree_text(reply);

		assert_has(text, "\"ek_certificate\":\"Yw==\"");
		assert_has(text, "\"log_index\":{\"index\":\"0x01800102\",");
		assert_has(text, "\"attest\":\"bg==\"");
	}
	json_decref(reply);
	free(quote);
	assert_json(method_encode(method("org.assay.Builder.GetEventLog"),
			&answer, bytes_of("log", 3)),
	    "{\"data\":\"bG9n\"}");
	assert_json(method_encode(method("org.assay.Builder.GetEventLog"),
			&answer, bytes_of(NULL, 0)),
	    "{\"data\":\"\"}");
}

static int
decode_attest(json_t *context, struct front_call *ret_call)
{
	json_t *parameters = json_pack("{s:s, s:o*}", "nonce",
	    "00112233445566778899aabbccddeeff", "context", context);
	json_t *reply = NULL;
	struct err err = {0};

	return decode("org.assay.Builder.Attest", parameters, ret_call, &reply,
	    &err);
}

static void
attest_takes_the_digest_of_a_context_or_none(void **state)
{
	static const char *const bad[] = {"", HEX("11111111"),
	    "sha256:" HEX("1111111A"), "sha256:" HEX("11111111") "1",
	    "sha512:" HEX("11111111")};
	struct front_call call;
	struct digest ones;

	(void)state;
	memset(&ones, 0x11, sizeof(ones));
	assert_code(
	    decode_attest(json_string("sha256:" HEX("11111111")), &call), 0);
	assert_true(digest_equal(&call.attest_request.context, &ones));
	assert_code(decode_attest(NULL, &call), 0);
	assert_true(
	    digest_equal(&call.attest_request.context, &evidence_no_context));
	assert_code(decode_attest(json_null(), &call), 0);
	assert_true(
	    digest_equal(&call.attest_request.context, &evidence_no_context));
	assert_code(decode_attest(json_integer(1), &call), RPC_PARAMETER_BAD);
	for (size_t i = 0; i < countof(bad); i++)
		assert_code(decode_attest(json_string(bad[i]), &call),
		    RPC_PARAMETER_BAD);
}

/* A tpm role that was taken over must not make the front read past it. */
static void
evidence_is_as_long_as_it_says(void **state)
{
	static const size_t parts[] = {
	    offsetof(struct attest_reply, quote.attestation.attest.len),
	    offsetof(struct attest_reply, quote.attestation.signature.len),
	    offsetof(struct attest_reply, log_index_attestation.attest.len),
	    offsetof(struct attest_reply, log_index_attestation.signature.len),
	    offsetof(struct attest_reply, ak.len),
	    offsetof(struct attest_reply, ek.len),
	    offsetof(struct attest_reply, ek_certificate.len),
	};
	const struct method *attest = method("org.assay.Builder.Attest");
	const struct method *log = method("org.assay.Builder.GetEventLog");
	static uint8_t much[ATTEST_LOG_BYTES + 1];
	struct attest_reply quote = {.log_bytes = 1};
	struct bytes whole = bytes_of(&quote, sizeof(quote));
	struct err err;

	(void)state;
	assert_code(method_check_attached(attest, whole, &err), 0);
	for (size_t i = 0; i < countof(parts); i++) {
		size_t *len = (void *)((char *)&quote + parts[i]);

		*len = TPM_BLOB_BYTES;
		assert_code(method_check_attached(attest, whole, &err), 0);
		*len = TPM_BLOB_BYTES + 1;
		assert_code(method_check_attached(attest, whole, &err),
		    TPM_FAILED);
		*len = 0;
	}
	whole.len--;
	assert_code(method_check_attached(attest, whole, &err), TPM_FAILED);
	whole.len = 0;
	assert_code(method_check_attached(attest, whole, &err), TPM_FAILED);
	assert_code(method_check_attached(log, whole, &err), 0);
	assert_code(
	    method_check_attached(log, bytes_of(much, ATTEST_LOG_BYTES), &err),
	    0);
	assert_code(
	    method_check_attached(log, bytes_of(much, sizeof(much)), &err),
	    TPM_FAILED);
	assert_code(
	    method_check_attached(method("org.assay.Builder.BuildDomain"),
		bytes_of(much, 1), &err),
	    TPM_FAILED);
	assert_code(
	    method_check_attached(method("org.assay.Builder.DestroyDomain"),
		bytes_of(much, 1), &err),
	    TPM_FAILED);
}

static void
replies_show_the_status(void **state)
{
	struct front_answer answer = {
	    .status = {4, 17, 100, 50, 9, 3, 2, 1, 5, 4, 77,
		{.is_development = true,
		    .has_tpm = true,
		    .pcr = 13,
		    .release = "2026.11"}}};
	struct err why;

	(void)state;
	err_wire_from(&answer.status.platform.why,
	    err_set(&why, TPM_FAILED, "why"), &why);
	assert_json(method_encode(method("org.assay.Builder.GetStatus"),
			&answer, (struct bytes){0}),
	    "{\"version\":\"" ASSAY_VERSION "\",\"xen_version\":\"4.17\","
	    "\"uptime_seconds\":9,\"trust_version\":4,\"domains\":5,"
	    "\"builds_running\":1,\"builds_done\":3,\"builds_refused\":2,"
	    "\"cached_bytes\":77,\"total_kib\":100,\"free_kib\":50,"
	    "\"platform\":{\"trusted\":false,\"development\":true,"
	    "\"tpm\":true,\"pcr\":13,\"release\":\"2026.11\","
	    "\"refused\":\"TPM_FAILED\",\"detail\":\"why\"},"
	    "\"pending\":[]}");
}

static void
replies_show_what_has_to_go_and_why_it_has_not_gone(void **state)
{
	struct front_answer answer = {0};
	struct pending_row rows[2] = {
	    {.domid = 7, .tries = 0, .again_in = 0},
	    {.domid = 0, .is_gone = true, .tries = 3, .again_in = 60},
	};
	CLEANUP(json_freep) json_t *reply = NULL;
	struct err why;

	(void)state;
	assert_true(uuid_from_text(GOOD_UUID, rows[0].uuid));
	assert_true(uuid_from_text(GOOD_UUID, rows[1].uuid));
	err_wire_from(&rows[1].outcome, err_set(&why, XEN_FAILED, "why"), &why);
	reply = method_encode(method("org.assay.Builder.GetStatus"), &answer,
	    bytes_of(rows, sizeof(rows)));
	assert_json(json_incref(json_object_get(reply, "pending")),
	    "[{\"uuid\":\"" GOOD_UUID "\",\"domid\":7,\"gone\":false,"
	    "\"tries\":0,\"again_in_seconds\":0},"
	    "{\"uuid\":\"" GOOD_UUID "\",\"domid\":0,\"gone\":true,"
	    "\"tries\":3,\"again_in_seconds\":60,"
	    "\"failed\":\"XEN_FAILED\",\"detail\":\"why\"}]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(build_takes_every_parameter),
	    cmocka_unit_test(build_has_defaults_for_what_may_be_left_out),
	    cmocka_unit_test(build_refuses_a_missing_or_wrong_parameter),
	    cmocka_unit_test(build_refuses_values_that_are_out_of_bounds),
	    cmocka_unit_test(destroy_takes_exactly_one_selector),
	    cmocka_unit_test(destroy_refuses_none_or_several_selectors),
	    cmocka_unit_test(destroy_refuses_wrong_selectors),
	    cmocka_unit_test(listings_and_status_take_no_parameters),
	    cmocka_unit_test(method_find_knows_only_whole_names),
	    cmocka_unit_test(get_info_says_what_this_is),
	    cmocka_unit_test(get_interface_description_describes_every_method),
	    cmocka_unit_test(
		get_interface_description_refuses_an_unknown_interface),
	    cmocka_unit_test(replies_carry_the_receipt_or_nothing),
	    cmocka_unit_test(replies_carry_each_byte_of_a_full_receipt),
	    cmocka_unit_test(replies_list_images_good_and_refused),
	    cmocka_unit_test(replies_list_domains),
	    cmocka_unit_test(listings_are_of_whole_rows),
	    cmocka_unit_test(image_rows_are_lines_of_text),
	    cmocka_unit_test(listings_have_room_for_the_most_rows),
	    cmocka_unit_test(attest_takes_the_digest_of_a_context_or_none),
	    cmocka_unit_test(evidence_is_as_long_as_it_says),
	    cmocka_unit_test(replies_show_the_status),
	    cmocka_unit_test(
		replies_show_what_has_to_go_and_why_it_has_not_gone),
	    cmocka_unit_test(replies_give_evidence_as_it_came),
	};

	return cmocka_run_group_tests_name("methods", tests, NULL, NULL);
}
