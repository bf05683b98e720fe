#include "base_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "measure/tpm_identity.h"

#define NAME_OF(byte) "000b" REPEAT_16(byte) REPEAT_16(byte)
#define REPEAT_16(b)  b b b b b b b b b b b b b b b b
#define OBJECT(handle, byte) \
	"{\"handle\":\"" handle "\",\"name\":\"" NAME_OF(byte) "\"}"
#define GOOD_KEYS                                \
	"\"salt\":" OBJECT("0x81000a50",         \
	    "11") ","                            \
		  "\"ak\":" OBJECT("0x81000a51", \
		      "22") ","                  \
			    "\"ek\":" OBJECT("0x81000a52", "33") ","
#define GOOD_COUNTER                                                  \
	"\"counter\":{\"handle\":\"0x018a5500\",\"name\":\"" NAME_OF( \
	    "44") "\",\"base\":7},"
#define SCHEMA   "\"schema\":\"assay.tpm/1\","
#define GOOD_LOG "\"log\":" OBJECT("0x018a5501", "55")
#define GOOD     "{" SCHEMA GOOD_KEYS GOOD_COUNTER GOOD_LOG "}"

static void
an_identity_is_read(void **state)
{
	struct tpm_identity identity;
	struct err err = {0};

	(void)state;
	assert_refused(tpm_identity_decode(bytes_of_str(GOOD), &identity, &err),
	    0);
	assert_int_equal(identity.salt.handle, 0x81000a50);
	assert_int_equal(identity.ak.name.bytes[2], 0x22);
	assert_int_equal(identity.ek.name.bytes[33], 0x33);
	assert_int_equal(identity.counter.handle, 0x018a5500);
	assert_int_equal(identity.counter_base, 7);
	assert_true(identity.has_log);
	assert_int_equal(identity.log.name.bytes[5], 0x55);
}

static void
what_is_written_is_read_back(void **state)
{
	static const char *const texts[] = {GOOD,
	    "{" SCHEMA GOOD_KEYS GOOD_COUNTER "\"log\":null}"};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		CLEANUP(freep) char *text = NULL;
		struct tpm_identity one = {0};
		struct tpm_identity two = {0};
		struct err err = {0};

		assert_refused(
		    tpm_identity_decode(bytes_of_str(texts[i]), &one, &err), 0);
		assert_refused(tpm_identity_encode(&one, &text, &err), 0);
		assert_refused(
		    tpm_identity_decode(bytes_of_str(text), &two, &err), 0);
		assert_memory_equal(&one, &two, sizeof(one));
	}
}

static void
an_identity_that_breaks_a_rule_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} bad[] = {
	    {"", ""},
	    {"[]", ""},
	    {"{" GOOD_KEYS GOOD_COUNTER "\"schema\":\"assay.tpm/1\"}", "log"},
	    {"{" SCHEMA GOOD_COUNTER GOOD_LOG "}", "salt"},
	    {"{" GOOD_KEYS GOOD_COUNTER GOOD_LOG "}", "schema"},
	    {"{" SCHEMA GOOD_KEYS GOOD_LOG "}", "counter"},
	    {"{" SCHEMA GOOD_KEYS GOOD_COUNTER GOOD_LOG ",\"x\":1}", "x"},
	    {"{" SCHEMA GOOD_KEYS GOOD_COUNTER "\"log\":5}", "log"},
	    {"{\"schema\":\"assay.tpm/2\"," GOOD_KEYS GOOD_COUNTER GOOD_LOG "}",
		"schema"},
	    {"{" SCHEMA GOOD_KEYS GOOD_COUNTER
	     "\"log\":" OBJECT("0x81000a55", "55") "}",
		"log.handle"},
	    {"{" SCHEMA GOOD_KEYS GOOD_COUNTER
	     "\"log\":" OBJECT("0x018A5501", "55") "}",
		"log.handle"},
	    {"{" SCHEMA GOOD_KEYS GOOD_COUNTER
	     "\"log\":" OBJECT("018a550100", "55") "}",
		"log.handle"},
	    {"{" SCHEMA GOOD_KEYS GOOD_COUNTER
	     "\"log\":" OBJECT("0x18a5501", "55") "}",
		"log.handle"},
	    {"{" SCHEMA GOOD_KEYS GOOD_COUNTER
	     "\"log\":" OBJECT("0x018a5500", "55") "}",
		"log: "},
	    {"{" SCHEMA GOOD_KEYS GOOD_COUNTER
	     "\"log\":{\"handle\":\"0x018a5501\",\"name\":\"000c" REPEAT_16(
		 "55") REPEAT_16("55") "\"}}",
		"log.name"},
	    {"{" SCHEMA GOOD_KEYS GOOD_COUNTER
	     "\"log\":{\"handle\":\"0x018a5501\",\"name\":\"000b" REPEAT_16(
		 "55") "\"}}",
		"log.name"},
	    {"{" SCHEMA
	     "\"salt\":" OBJECT("0x81000a51", "11") ",\"ak\":" OBJECT(
		 "0x81000a51", "22") ",\"ek\":" OBJECT("0x81000a52",
		 "33") "," GOOD_COUNTER GOOD_LOG "}",
		"ak"},
	    {"{" SCHEMA GOOD_KEYS "\"counter\":{\"handle\":\"0x018a5500\","
	     "\"name\":\"" NAME_OF("44") "\",\"base\":-1.5}," GOOD_LOG "}",
		"counter.base"},
	};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct tpm_identity identity = {.counter_base = 77};
		struct err err = {0};

		assert_refused(tpm_identity_decode(bytes_of_str(bad[i].text),
				   &identity, &err),
		    TPM_IDENTITY_MALFORMED);
		assert_has(err.text, bad[i].says);
		assert_int_equal(identity.counter_base, 77);
	}
}

static void
an_identity_over_the_limit_is_refused(void **state)
{
	char text[5000];
	struct tpm_identity identity;
	struct err err = {0};

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, GOOD, strlen(GOOD));
	assert_refused(
	    tpm_identity_decode(bytes_of(text, 4096), &identity, &err), 0);
	assert_refused(
	    tpm_identity_decode(bytes_of(text, 4097), &identity, &err),
	    TPM_IDENTITY_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_identity_is_read),
	    cmocka_unit_test(what_is_written_is_read_back),
	    cmocka_unit_test(an_identity_that_breaks_a_rule_is_refused),
	    cmocka_unit_test(an_identity_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests_name("tpm_identity", tests, NULL, NULL);
}
