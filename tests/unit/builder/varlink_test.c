#include "builder_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "builder/front/varlink.h"

static void
assert_decoded(const char *text, const char *method, const char *parameters,
    bool is_oneway)
{
	struct varlink_call call = {0};
	CLEANUP(freep) char *found = NULL;
	struct err err = {0};

	if (varlink_call_decode(bytes_of_str(text), &call, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	assert_string_equal(call.method, method);
	assert_int_equal(call.is_oneway, is_oneway);
	found = tree_text(call.parameters);
	assert_string_equal(found, parameters);
	varlink_call_done(&call);
	assert_null(call.parameters);
}

static struct err
assert_refused_call(struct bytes text, int code)
{
	struct varlink_call call;
	struct varlink_call before;
	struct err err = {0};

	memset(&call, 0x5a, sizeof(call));
	before = call;
	assert_code(varlink_call_decode(text, &call, &err), code);
	assert_code((int)err.code, code);
	assert_memory_equal(&call, &before, sizeof(call));
	return err;
}

#define assert_malformed(text) \
	assert_refused_call(bytes_of_str(text), RPC_MALFORMED)

static void
varlink_decodes_a_call(void **state)
{
	(void)state;
	assert_decoded("{\"method\":\"a.b.C\"}", "a.b.C", "{}", false);
	assert_decoded("{\"method\":\"a.b.C\",\"parameters\":{\"x\":1}}",
	    "a.b.C", "{\"x\":1}", false);
	assert_decoded("{\"oneway\":true,\"method\":\"\"}", "", "{}", true);
}

static void
varlink_takes_null_parameters_for_none(void **state)
{
	(void)state;
	assert_decoded("{\"method\":\"a.b.C\",\"parameters\":null}", "a.b.C",
	    "{}", false);
}

static void
varlink_takes_flags_that_are_false_or_harmless(void **state)
{
	(void)state;
	assert_decoded("{\"method\":\"a.b.C\",\"oneway\":false,\"more\":false,"
		       "\"upgrade\":false}",
	    "a.b.C", "{}", false);
	assert_decoded("{\"method\":\"a.b.C\",\"more\":true}", "a.b.C", "{}",
	    false);
}

static void
varlink_refuses_upgrade(void **state)
{
	struct err err;

	(void)state;
	err = assert_malformed("{\"method\":\"a.b.C\",\"upgrade\":true}");
	assert_string_equal(err.field, "upgrade");
}

static void
varlink_refuses_what_is_malformed(void **state)
{
	(void)state;
	assert_malformed("");
	assert_malformed("{");
	assert_malformed("[]");
	assert_malformed("GET / HTTP/1.1");
	assert_malformed("{}");
	assert_malformed("{\"method\":1}");
	assert_malformed("{\"method\":null}");
	assert_refused_call(bytes_of_str("{\"method\":\"a.b.C\"} ,"),
	    BYTES_TRAILING);
	assert_malformed("{\"method\":\"a.b.C\",\"parameters\":[]}");
	assert_malformed("{\"method\":\"a.b.C\",\"parameters\":1}");
	assert_malformed("{\"method\":\"a.b.C\",\"oneway\":1}");
	assert_malformed("{\"method\":\"a.b.C\",\"oneway\":null}");
	assert_malformed("{\"method\":\"a.b.C\",\"more\":\"yes\"}");
	assert_malformed("{\"method\":\"a.b.C\",\"upgrade\":0}");
}

static void
varlink_refuses_duplicate_and_unknown_members(void **state)
{
	struct err err;

	(void)state;
	err = assert_refused_call(
	    bytes_of_str("{\"method\":\"a.b.C\",\"method\":\"a.b.D\"}"),
	    MEMBER_DUPLICATE);
	assert_string_equal(err.field, "method");
	err = assert_refused_call(bytes_of_str(
				      "{\"method\":\"a.b.C\",\"parameters\":"
				      "{\"image\":\"a\",\"image\":\"b\"}}"),
	    MEMBER_DUPLICATE);
	assert_string_equal(err.field, "image");
	err = assert_malformed("{\"method\":\"a.b.C\",\"Parameters\":{}}");
	assert_string_equal(err.field, "Parameters");
}

static void
varlink_refuses_a_long_method_and_deep_nesting(void **state)
{
	char text[400];
	char method[VARLINK_METHOD_BYTES + 2];

	(void)state;
	memset(method, 'm', sizeof(method));
	method[VARLINK_METHOD_BYTES] = '\0';
	snprintf(text, sizeof(text), "{\"method\":\"%s\"}", method);
	assert_decoded(text, method, "{}", false);
	method[VARLINK_METHOD_BYTES] = 'm';
	method[VARLINK_METHOD_BYTES + 1] = '\0';
	snprintf(text, sizeof(text), "{\"method\":\"%s\"}", method);
	assert_malformed(text);
	assert_malformed("{\"method\":\"a\",\"parameters\":{\"a\":"
			 "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}}");
}

static void
varlink_refuses_a_message_over_the_limit(void **state)
{
	size_t len = LIMIT_RPC_MESSAGE_BYTES;
	CLEANUP(freep) char *text = malloc(len + 1);
	static const char call[] = "{\"method\":\"a\"}";

	(void)state;
	memset(text, ' ', len + 1);
	memcpy(text, call, strlen(call));
	assert_refused_call(bytes_of(text, len + 1), RPC_TOO_LARGE);
	text[len] = '\0';
	assert_decoded(text, "a", "{}", false);
}

static void
assert_reply(char *text, const char *expected)
{
	CLEANUP(freep) char *owned = text;

	assert_non_null(owned);
	assert_string_equal(owned, expected);
}

static void
varlink_encodes_replies(void **state)
{
	(void)state;
	assert_reply(varlink_reply_encode(NULL), "{\"parameters\":{}}");
	assert_reply(varlink_reply_encode(json_pack("{s:i}", "a", 1)),
	    "{\"parameters\":{\"a\":1}}");
}

static void
varlink_encodes_a_refusal_with_its_remedy(void **state)
{
	struct err err;

	(void)state;
	err_set_field(&err, LIMIT_EXCEEDED, "vcpus", "too \"many\"");
	assert_reply(varlink_error_encode(&err, "org.assay.Builder.X"),
	    "{\"error\":\"org.assay.Builder.Refused\",\"parameters\":"
	    "{\"code\":\"LIMIT_EXCEEDED\",\"field\":\"vcpus\","
	    "\"detail\":\"too \\\"many\\\"\","
	    "\"remedy\":\"ask for a value inside the signed limits\"}}");
}

static void
varlink_encodes_what_the_world_did_as_failed(void **state)
{
	static const enum err_code codes[] = {XEN_FAILED, XENSTORE_FAILED,
	    GRANT_MISMATCH, STORE_IO, SYSTEM_FAILED, NO_MEMORY, BUILD_CRASHED,
	    STAGE_FAILED, BUILD_TIMEOUT, BUG};

	(void)state;
	for (size_t i = 0; i < countof(codes); i++) {
		CLEANUP(freep) char *text = NULL;
		struct err err;

		err_set(&err, codes[i], "x");
		text = varlink_error_encode(&err, "");
		assert_has(text, "{\"error\":\"org.assay.Builder.Failed\",");
		assert_has(text, err_name(codes[i]));
	}
}

static void
varlink_encodes_the_errors_that_the_protocol_has_names_for(void **state)
{
	struct err err;

	(void)state;
	err_set_field(&err, RPC_PARAMETER_BAD, "memory_mib", "x");
	assert_reply(
	    varlink_error_encode(&err, "org.assay.Builder.BuildDomain"),
	    "{\"error\":\"org.varlink.service.InvalidParameter\","
	    "\"parameters\":{\"parameter\":\"memory_mib\"}}");
	err_set(&err, RPC_METHOD_UNKNOWN, "x");
	assert_reply(varlink_error_encode(&err, "org.assay.Builder.Nothing"),
	    "{\"error\":\"org.varlink.service.MethodNotFound\","
	    "\"parameters\":{\"method\":\"org.assay.Builder.Nothing\"}}");
	assert_reply(varlink_error_encode(&err, "org.varlink.service.X"),
	    "{\"error\":\"org.varlink.service.MethodNotFound\","
	    "\"parameters\":{\"method\":\"org.varlink.service.X\"}}");
	assert_reply(varlink_error_encode(&err, "io.systemd.Manager.Reboot"),
	    "{\"error\":\"org.varlink.service.InterfaceNotFound\","
	    "\"parameters\":{\"interface\":\"io.systemd.Manager\"}}");
	/* An interface whose name only begins like ours. */
	assert_reply(varlink_error_encode(&err, "org.assay.Builder2.X"),
	    "{\"error\":\"org.varlink.service.InterfaceNotFound\","
	    "\"parameters\":{\"interface\":\"org.assay.Builder2\"}}");
	assert_reply(varlink_error_encode(&err, "nodot"),
	    "{\"error\":\"org.varlink.service.InterfaceNotFound\","
	    "\"parameters\":{\"interface\":\"nodot\"}}");
	assert_reply(varlink_error_encode(&err, ""),
	    "{\"error\":\"org.varlink.service.InterfaceNotFound\","
	    "\"parameters\":{\"interface\":\"\"}}");
	/* Of an interface that was asked for by name. */
	err_set_field(&err, RPC_METHOD_UNKNOWN, "org.example", "x");
	assert_reply(varlink_error_encode(&err, "org.varlink.service.X"),
	    "{\"error\":\"org.varlink.service.InterfaceNotFound\","
	    "\"parameters\":{\"interface\":\"org.example\"}}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(varlink_decodes_a_call),
	    cmocka_unit_test(varlink_takes_null_parameters_for_none),
	    cmocka_unit_test(varlink_takes_flags_that_are_false_or_harmless),
	    cmocka_unit_test(varlink_refuses_upgrade),
	    cmocka_unit_test(varlink_refuses_what_is_malformed),
	    cmocka_unit_test(varlink_refuses_duplicate_and_unknown_members),
	    cmocka_unit_test(varlink_refuses_a_long_method_and_deep_nesting),
	    cmocka_unit_test(varlink_refuses_a_message_over_the_limit),
	    cmocka_unit_test(varlink_encodes_replies),
	    cmocka_unit_test(varlink_encodes_a_refusal_with_its_remedy),
	    cmocka_unit_test(varlink_encodes_what_the_world_did_as_failed),
	    cmocka_unit_test(
		varlink_encodes_the_errors_that_the_protocol_has_names_for),
	};

	return cmocka_run_group_tests_name("varlink", tests, NULL, NULL);
}
