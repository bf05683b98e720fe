#include "evidence_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/scope.h"
#include "measure/evidence_assemble.h"

#define NONCE                              \
	"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd" \
	"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

/* What a host would answer: the parts of the good evidence. */
static json_t *
good_reply(const struct bench *bench)
{
	CLEANUP(json_freep)
	json_t *document = evidence_encode(&bench->evidence);
	json_t *reply = json_object();

	json_object_set(reply, "quote", json_object_get(document, "quote"));
	json_object_set(reply, "pcrs", json_object_get(document, "pcrs"));
	json_object_set(reply, "nv", json_object_get(document, "nv"));
	json_object_set(reply, "ak",
	    json_object_get(json_object_get(document, "ak"), "pub"));
	json_object_set_new(reply, "ek", json_null());
	json_object_set_new(reply, "ek_cert", json_null());
	json_object_set(reply, "log",
	    json_object_get(json_object_get(document, "logs"), "assay"));
	return reply;
}

static void
what_is_assembled_verifies(void **state)
{
	struct bench *bench = *state;
	CLEANUP(json_freep) json_t *reply = good_reply(bench);
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct err err;

	evidence_done(&bench->evidence);
	assert_refused(evidence_assemble(reply, NONCE, &bench->evidence, &err),
	    0);
	assert_refused(bench_verify(bench, &verdict), 0);
}

static void
a_reply_that_is_not_whole_is_refused(void **state)
{
	static const char *const needed[] = {"quote", "pcrs", "ak", "nv",
	    "log"};
	struct bench *bench = *state;
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	struct err err;

	for (size_t i = 0; i < countof(needed); i++) {
		CLEANUP(json_freep) json_t *reply = good_reply(bench);

		json_object_del(reply, needed[i]);
		assert_refused(evidence_assemble(reply, NONCE, &evidence, &err),
		    EVIDENCE_MALFORMED);
	}
}

static void
a_reply_with_more_is_refused(void **state)
{
	struct bench *bench = *state;
	CLEANUP(json_freep) json_t *reply = good_reply(bench);
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	struct err err;

	json_object_set_new(reply, "claims", json_object());
	assert_refused(evidence_assemble(reply, NONCE, &evidence, &err),
	    EVIDENCE_MALFORMED);
}

/* Sizes and places as tpm2_quote 5.4 writes them for two whole banks. */
static void
register_values_have_the_form_of_tpm2_tools(void **state)
{
	struct bench *bench = *state;
	CLEANUP(freep) uint8_t *pcrs = NULL;
	size_t len = 0;

	pcrs = evidence_encode_pcrs(&bench->evidence.pcrs, &len);
	assert_non_null(pcrs);
	assert_int_equal(len, 132 + 4 + 6 * 532);
	assert_memory_equal(pcrs, "\2\0\0\0\x0b\0\3\xff\xff\xff\0\0\x0c\0\3",
	    15);
	assert_int_equal(pcrs[132], 6);
	assert_int_equal(pcrs[136], 8);
	assert_memory_equal(pcrs + 140 + 4 * 66, "\x20\0\4", 3);
	assert_int_equal(pcrs[136 + 5 * 532], 8);
	assert_memory_equal(pcrs + 140 + 5 * 532, "\x30\0", 2);
}

int
main(void)
{
#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_new, bench_free)
	const struct CMUnitTest tests[] = {
	    BENCH(what_is_assembled_verifies),
	    BENCH(a_reply_that_is_not_whole_is_refused),
	    BENCH(a_reply_with_more_is_refused),
	    BENCH(register_values_have_the_form_of_tpm2_tools),
	};

	return cmocka_run_group_tests_name("evidence_assemble", tests, NULL,
	    NULL);
}
