#include "base_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/predict/prediction.h"

#define HEX_32 "0123456789abcdef0123456789abcdef"
#define HEX_64 HEX_32 HEX_32
#define HEX_96 HEX_64 HEX_32

#define DOCUMENT(registers) \
	"{\"schema\":\"assay.prediction/1\",\"registers\":[" registers "]}"
#define PCR4                                                 \
	"{\"bank\":\"sha256\",\"pcr\":4,\"value\":\"" HEX_64 \
	"\",\"covers\":\"a\"}"
#define PCR4_384                                             \
	"{\"bank\":\"sha384\",\"pcr\":4,\"value\":\"" HEX_96 \
	"\",\"covers\":\"b\"}"

static void
prediction_comes_back_as_it_was_written(void **state)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *text = NULL;
	struct prediction before = {0};
	struct prediction after;
	struct pcr_digest value = {{1, 2, 3}};
	struct err err = {0};

	(void)state;
	prediction_set(&before, PCR_SHA256, 4, &value, "the image");
	prediction_set(&before, PCR_SHA384, 23, &value, "");
	document = prediction_encode(&before);
	assert_non_null(document);
	text = json_dumps(document, 0);
	assert_refused(prediction_decode(bytes_of_str(text), &after, &err), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_refused(
	    prediction_decode_reference(bytes_of_str(text), &after, &err), 0);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void
prediction_decode_takes_registers_of_both_banks(void **state)
{
	struct prediction prediction;
	char hex[PCR_HEX_SIZE];
	struct err err;

	(void)state;
	assert_refused(
	    prediction_decode(bytes_of_str(DOCUMENT(PCR4_384 "," PCR4)),
		&prediction, &err),
	    0);
	assert_int_equal(prediction.values.known[PCR_SHA256], 1 << 4);
	assert_int_equal(prediction.values.known[PCR_SHA384], 1 << 4);
	pcr_digest_hex(PCR_SHA384, &prediction.values.value[PCR_SHA384][4],
	    hex);
	assert_string_equal(hex, HEX_96);
	assert_string_equal(prediction.covers[PCR_SHA256][4], "a");
	assert_string_equal(prediction.covers[PCR_SHA384][4], "b");
}

#define REGISTER(bank, pcr, value, rest)                                 \
	DOCUMENT("{\"bank\":" bank ",\"pcr\":" pcr ",\"value\":\"" value \
		 "\"" rest "}")
#define COVERS ",\"covers\":\"a\""

static const struct {
	const char *what;
	const char *text;
	const char *complaint;
} bad[] = {
    {"empty", "", "prediction"},
    {"no object", "[]", "not a JSON object"},
    {"no schema", "{\"registers\":[" PCR4 "]}", "schema: missing"},
    {"other schema", "{\"schema\":\"assay.prediction/2\",\"registers\":[]}",
	"schema"},
    {"no registers", "{\"schema\":\"assay.prediction/1\"}",
	"registers: missing"},
    {"zero registers", DOCUMENT(""), "registers: empty"},
    {"unknown member",
	"{\"schema\":\"assay.prediction/1\",\"x\":1,\"registers\":[" PCR4 "]}",
	"x: unknown member"},
    {"unknown member of a register",
	REGISTER("\"sha256\"", "4", HEX_64, COVERS ",\"y\":1"),
	"registers[0].y: unknown member"},
    {"twice", DOCUMENT(PCR4 "," PCR4), "sha256:4 is there twice"},
    {"sha1", REGISTER("\"sha1\"", "4", HEX_64, COVERS),
	"bank: neither sha256 nor sha384"},
    {"register 24", REGISTER("\"sha256\"", "24", HEX_64, COVERS), "pcr"},
    {"register -1", REGISTER("\"sha256\"", "-1", HEX_64, COVERS), "pcr"},
    {"register as text", REGISTER("\"sha256\"", "\"4\"", HEX_64, COVERS),
	"pcr: not an integer"},
    {"too long a value", REGISTER("\"sha256\"", "4", HEX_96, COVERS),
	"value: not 64 lower-case hex digits"},
    {"too short a value", REGISTER("\"sha384\"", "4", HEX_64, COVERS),
	"value: not 96 lower-case hex digits"},
    {"no value", REGISTER("\"sha256\"", "4", "", COVERS), "value"},
    {"zeros",
	REGISTER("\"sha256\"", "4",
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    COVERS),
	"nothing was measured"},
    {"ones",
	REGISTER("\"sha256\"", "4",
	    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	    COVERS),
	"nothing was measured"},
    {"no covers", REGISTER("\"sha256\"", "4", HEX_64, ""), "covers: missing"},
    {"an escape",
	REGISTER("\"sha256\"", "4", HEX_64, ",\"covers\":\"\\u001b\""),
	"covers: not printable ASCII"},
};

static void
prediction_decode_refuses_whatever_is_not_the_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct prediction prediction;
		struct prediction before;
		struct err err = {0};

		memset(&prediction, 0x5a, sizeof(prediction));
		before = prediction;
		if (prediction_decode(bytes_of_str(bad[i].text), &prediction,
			&err) == 0)
			fail_msg("accepted: %s", bad[i].what);
		assert_refused((int)err.code, PREDICTION_MALFORMED);
		assert_has(err.text, bad[i].complaint);
		assert_memory_equal(&prediction, &before, sizeof(before));
	}
}

static void
prediction_decode_refuses_a_document_over_the_limit(void **state)
{
	CLEANUP(freep) char *text = malloc(LIMIT_PREDICTION_BYTES + 1);
	struct prediction prediction;
	struct err err;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', LIMIT_PREDICTION_BYTES + 1);
	memcpy(text, DOCUMENT(PCR4), strlen(DOCUMENT(PCR4)));
	assert_refused(
	    prediction_decode(bytes_of(text, LIMIT_PREDICTION_BYTES + 1),
		&prediction, &err),
	    PREDICTION_MALFORMED);
	assert_refused(prediction_decode(bytes_of(text, LIMIT_PREDICTION_BYTES),
			   &prediction, &err),
	    0);
	text[0] = ' ';
	assert_refused(
	    prediction_decode_reference(
		bytes_of(text, LIMIT_PREDICTION_BYTES + 1), &prediction, &err),
	    PREDICTION_MALFORMED);
}

#define ZEROS_64 \
	"0000000000000000000000000000000000000000000000000000000000000000"
#define UPPER_64 \
	"0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"

static const char good_listing[] =
    "  sha1:\n"
    "    0 : 0x0123456789ABCDEF0123456789ABCDEF01234567\n"
    "  sha256:\n"
    "    0 : 0x" UPPER_64 "\n"
    "    1 : 0x" ZEROS_64 "\n"
    "    10: 0x" UPPER_64 "\n"
    "  sha384:\n";

static void
prediction_decode_reference_reads_what_tpm2_pcrread_prints(void **state)
{
	struct prediction prediction;
	char hex[PCR_HEX_SIZE];
	struct err err = {0};

	(void)state;
	assert_refused(prediction_decode_reference(bytes_of_str(good_listing),
			   &prediction, &err),
	    0);
	assert_int_equal(prediction.values.known[PCR_SHA256], 1 | 1 << 10);
	assert_int_equal(prediction.values.known[PCR_SHA384], 0);
	pcr_digest_hex(PCR_SHA256, &prediction.values.value[PCR_SHA256][10],
	    hex);
	assert_string_equal(hex, HEX_64);
}

static const struct {
	const char *what;
	const char *text;
} bad_listings[] = {
    {"empty", ""},
    {"no bank first", "    0 : 0x" UPPER_64 "\n"},
    {"an unknown bank", "  md5:\n    0 : 0x" UPPER_64 "\n"},
    {"nothing measured", "  sha256:\n    0 : 0x" ZEROS_64 "\n"},
    {"another word", "  sha256:\n    x : 0x" UPPER_64 "\n"},
    {"a sign", "  sha256:\n    -1: 0x" UPPER_64 "\n"},
    {"register 24", "  sha256:\n    24: 0x" UPPER_64 "\n"},
    {"one digit more", "  sha256:\n    0 : 0x" UPPER_64 "0\n"},
    {"one digit less", "  sha256:\n    0 : 0x" HEX_32 "\n"},
    {"a line that is very long",
	"  sha256:\n    0 : 0x" UPPER_64 UPPER_64 UPPER_64 "\n"},
    {"twice", "  sha256:\n    0 : 0x" UPPER_64 "\n    0 : 0x" UPPER_64 "\n"},
    {"a message", "ERROR: Could not open the TPM\n"},
};

static void
prediction_decode_reference_refuses_other_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad_listings); i++) {
		struct prediction prediction;
		struct err err = {0};

		if (prediction_decode_reference(
			bytes_of_str(bad_listings[i].text), &prediction,
			&err) == 0)
			fail_msg("accepted: %s", bad_listings[i].what);
		assert_refused((int)err.code, PREDICTION_MALFORMED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prediction_comes_back_as_it_was_written),
	    cmocka_unit_test(prediction_decode_takes_registers_of_both_banks),
	    cmocka_unit_test(
		prediction_decode_refuses_whatever_is_not_the_format),
	    cmocka_unit_test(
		prediction_decode_refuses_a_document_over_the_limit),
	    cmocka_unit_test(
		prediction_decode_reference_reads_what_tpm2_pcrread_prints),
	    cmocka_unit_test(prediction_decode_reference_refuses_other_texts),
	};

	return cmocka_run_group_tests_name("prediction", tests, NULL, NULL);
}
