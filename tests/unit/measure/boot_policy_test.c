#include "base_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "base/json.h"
#include "keys/sign/dsse_sign.h"
#include "keys/sign/private_key.h"
#include "measure/boot_policy.h"

#define HEX_16(b)    b b b b b b b b b b b b b b b b
#define SHA256_OF(b) "\"" HEX_16(b) HEX_16(b) "\""
#define SHA384_OF(b) "\"" HEX_16(b) HEX_16(b) HEX_16(b) "\""

#define POLICY(releases)                                     \
	"{\"schema\":\"assay.boot-policy/1\",\"version\":4," \
	"\"releases\":[" releases "]}"
#define RELEASE(name, registers) \
	"{\"name\":\"" name "\",\"registers\":{" registers "}}"
#define OLD                                                              \
	RELEASE("2026.10",                                               \
	    "\"sha256\":{\"4\":[" SHA256_OF("11") "],\"7\":[" SHA256_OF( \
		"71") "," SHA256_OF("72") "]}")
#define NEW                                                              \
	RELEASE("2026.11",                                               \
	    "\"sha256\":{\"4\":[" SHA256_OF("22") "],\"7\":[" SHA256_OF( \
		"71") "]},\"sha384\":{\"4\":[" SHA384_OF("22") "]}")

#define FAR_REGISTERS \
	"\"sha256\":{\"4\":[" SHA256_OF("33") "],\"7\":[" SHA256_OF("73") "]}"
#define FAR     RELEASE("2026.01", FAR_REGISTERS)
#define FAR_TOO RELEASE("2026.02", FAR_REGISTERS)

static struct boot_policy *
policy_of(const char *text)
{
	struct boot_policy *policy = NULL;
	struct err err = {0};

	assert_refused(boot_policy_decode(bytes_of_str(text), &policy, &err),
	    0);
	return policy;
}

/* A TPM of both banks whose registers all hold 0xaa. */
static struct pcr_values
values_of_a_host(void)
{
	struct pcr_values values = {.known = {0xffffff, 0xffffff}};

	memset(values.value, 0xaa, sizeof(values.value));
	return values;
}

static void
put(struct pcr_values *values, enum pcr_bank bank, unsigned int pcr,
    uint8_t byte)
{
	memset(values->value[bank][pcr].bytes, byte, pcr_bank_bytes(bank));
}

static void
a_policy_is_read(void **state)
{
	CLEANUP(freep)
	struct boot_policy *policy = policy_of(POLICY(OLD "," NEW));
	const struct boot_release *old = &policy->releases[0];

	(void)state;
	assert_int_equal(policy->version, 4);
	assert_int_equal(policy->release_count, 2);
	assert_string_equal(old->name, "2026.10");
	assert_int_equal(old->registers[PCR_SHA256][7].count, 2);
	assert_int_equal(old->registers[PCR_SHA256][7].values[1].bytes[31],
	    0x72);
	assert_int_equal(old->registers[PCR_SHA384][4].count, 0);
}

static void
a_host_in_any_release_is_trusted(void **state)
{
	CLEANUP(freep)
	struct boot_policy *policy = policy_of(POLICY(OLD "," NEW));
	struct pcr_values values = values_of_a_host();
	struct boot_verdict verdict;
	struct err err = {0};

	(void)state;
	put(&values, PCR_SHA256, 4, 0x11);
	put(&values, PCR_SHA256, 7, 0x72);
	assert_refused(boot_policy_check(policy, &values, &verdict, &err), 0);
	assert_true(verdict.is_trusted);
	assert_string_equal(verdict.release, "2026.10");
	put(&values, PCR_SHA256, 4, 0x22);
	put(&values, PCR_SHA256, 7, 0x71);
	put(&values, PCR_SHA384, 4, 0x22);
	assert_refused(boot_policy_check(policy, &values, &verdict, &err), 0);
	assert_string_equal(verdict.release, "2026.11");
}

/* Each register of it alone is one that some release allows. */
static void
registers_of_two_releases_do_not_mix(void **state)
{
	CLEANUP(freep)
	struct boot_policy *policy = policy_of(POLICY(OLD "," NEW));
	struct pcr_values values = values_of_a_host();
	struct boot_verdict verdict;
	struct err err = {0};

	(void)state;
	put(&values, PCR_SHA256, 4, 0x22);
	put(&values, PCR_SHA384, 4, 0x22);
	put(&values, PCR_SHA256, 7, 0x72);
	assert_refused(boot_policy_check(policy, &values, &verdict, &err),
	    PLATFORM_NOT_TRUSTED);
	assert_false(verdict.is_trusted);
	assert_string_equal(verdict.release, "2026.10");
	assert_int_equal(verdict.pcr, 4);
	assert_int_equal(verdict.found.bytes[0], 0x22);
	assert_int_equal(verdict.expected.bytes[0], 0x11);
	assert_string_equal(err.field, "sha256:4");
}

static void
the_nearest_release_is_named_with_both_values(void **state)
{
	CLEANUP(freep)
	struct boot_policy *policy = policy_of(POLICY(FAR "," NEW "," FAR_TOO));
	struct pcr_values values = values_of_a_host();
	struct boot_verdict verdict;
	struct err err = {0};

	(void)state;
	put(&values, PCR_SHA256, 4, 0x22);
	put(&values, PCR_SHA384, 4, 0x23);
	put(&values, PCR_SHA256, 7, 0x71);
	assert_refused(boot_policy_check(policy, &values, &verdict, &err),
	    PLATFORM_NOT_TRUSTED);
	assert_string_equal(err.field, "sha384:4");
	assert_string_equal(verdict.release, "2026.11");
	assert_has(err.text, HEX_16("23"));
	assert_has(err.text, HEX_16("22"));
	assert_has(err.text, "2026.11");
}

static void
a_register_in_which_nothing_was_measured_is_refused(void **state)
{
	CLEANUP(freep) struct boot_policy *policy = policy_of(POLICY(OLD));
	static const uint8_t blanks[] = {0x00, 0xff};

	(void)state;
	for (size_t i = 0; i < countof(blanks); i++) {
		struct pcr_values values = values_of_a_host();
		struct boot_verdict verdict;
		struct err err = {0};

		put(&values, PCR_SHA256, 4, blanks[i]);
		put(&values, PCR_SHA256, 7, 0x71);
		assert_refused(
		    boot_policy_check(policy, &values, &verdict, &err),
		    PLATFORM_NOT_MEASURED);
		assert_int_equal(verdict.pcr, 4);
	}
}

/* Also when a policy that was not decoded here allows it. */
static void
a_blank_register_fits_no_policy(void **state)
{
	CLEANUP(freep) struct boot_policy *policy = policy_of(POLICY(OLD));
	struct pcr_values values = values_of_a_host();
	struct boot_verdict verdict;
	struct err err = {0};

	(void)state;
	memset(policy->releases[0].registers[PCR_SHA256][4].values[0].bytes, 0,
	    32);
	put(&values, PCR_SHA256, 4, 0);
	put(&values, PCR_SHA256, 7, 0x71);
	assert_refused(boot_policy_check(policy, &values, &verdict, &err),
	    PLATFORM_NOT_MEASURED);
}

static void
a_bank_that_the_tpm_does_not_have_is_refused(void **state)
{
	CLEANUP(freep) struct boot_policy *policy = policy_of(POLICY(NEW));
	struct pcr_values values = values_of_a_host();
	struct boot_verdict verdict;
	struct err err = {0};

	(void)state;
	put(&values, PCR_SHA256, 4, 0x22);
	put(&values, PCR_SHA256, 7, 0x71);
	put(&values, PCR_SHA384, 4, 0x22);
	values.known[PCR_SHA384] = 0;
	assert_refused(boot_policy_check(policy, &values, &verdict, &err),
	    PLATFORM_NOT_MEASURED);
	assert_string_equal(err.field, "sha384:4");
}

#define ONE_OF(registers) POLICY(RELEASE("a", registers))

static void
a_policy_that_breaks_a_rule_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} bad[] = {
	    {"", ""},
	    {"{\"schema\":\"assay.boot-policy/1\",\"version\":4}", "releases"},
	    {"{\"schema\":\"assay.boot-policy/"
	     "2\",\"version\":4,\"releases\":[" OLD "]}",
		"schema"},
	    {"{\"schema\":\"assay.boot-policy/"
	     "1\",\"version\":0,\"releases\":[" OLD "]}",
		"version"},
	    {"{\"schema\":\"assay.boot-policy/"
	     "1\",\"version\":1,\"x\":1,\"releases\":[" OLD "]}",
		"x: unknown"},
	    {POLICY(""), "releases: empty"},
	    {POLICY(OLD "," OLD), "two releases"},
	    {POLICY(RELEASE("A", "\"sha256\":{\"4\":[" SHA256_OF("11") "]}")),
		"name"},
	    {POLICY(RELEASE("", "\"sha256\":{\"4\":[" SHA256_OF("11") "]}")),
		"name"},
	    {ONE_OF(""), "registers: empty"},
	    {ONE_OF("\"sha256\":{}"), "sha256: empty"},
	    {ONE_OF("\"sha1\":{\"4\":[\"11\"]}"), "sha1"},
	    {ONE_OF("\"sha256\":{\"24\":[" SHA256_OF("11") "]}"), "24"},
	    {ONE_OF("\"sha256\":{\"04\":[" SHA256_OF("11") "]}"), "04"},
	    {ONE_OF("\"sha256\":{\"-1\":[" SHA256_OF("11") "]}"), "-1"},
	    {ONE_OF("\"sha256\":{\"4\":[]}"), "4: empty"},
	    {ONE_OF("\"sha256\":{\"4\":" SHA256_OF("11") "}"), "4"},
	    {ONE_OF("\"sha256\":{\"4\":[" SHA384_OF("11") "]}"), "32 bytes"},
	    {ONE_OF("\"sha384\":{\"4\":[" SHA256_OF("11") "]}"), "48 bytes"},
	    {ONE_OF("\"sha256\":{\"4\":[" SHA256_OF("AA") "]}"), "lower-case"},
	    {ONE_OF("\"sha256\":{\"4\":[" SHA256_OF("00") "]}"),
		"nothing was measured"},
	    {ONE_OF("\"sha256\":{\"4\":[" SHA256_OF("ff") "]}"),
		"nothing was measured"},
	    {ONE_OF("\"sha256\":{\"4\":[" SHA256_OF("11") "," SHA256_OF(
		 "11") "]}"),
		"twice"},
	    {ONE_OF("\"sha256\":{\"7\":[" SHA256_OF("11") "]}"),
		"fits any boot"},
	    {ONE_OF("\"sha256\":{\"8\":[" SHA256_OF("11") "]}"),
		"fits any boot"},
	    {ONE_OF("\"sha384\":{\"18\":[" SHA384_OF("11") "]}"),
		"fits any boot"},
	    {ONE_OF("\"sha256\":{\"4\":[" SHA256_OF(
		 "11") "]},\"sha384\":{\"16\":[" SHA384_OF("11") "]}"),
		"others write"},
	};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct boot_policy *policy = NULL;
		struct err err = {0};

		assert_refused(boot_policy_decode(bytes_of_str(bad[i].text),
				   &policy, &err),
		    BOOT_POLICY_MALFORMED);
		assert_has(err.text, bad[i].says);
		assert_null(policy);
	}
}

static void
registers_that_tell_what_was_booted_are_taken(void **state)
{
	const uint32_t good[] = {1u << 4, 1u << 8 | 1u << 9, 1u << 17,
	    1u << 4 | 1u << 7 | 1u << 14, 1u << 17 | 1u << 18 | 1u << 19};
	const uint32_t bad[] = {0, 1u << 7, 1u << 8, 1u << 9, 1u << 14,
	    1u << 18 | 1u << 19, 1u << 4 | 1u << 13, 1u << 4 | 1u << 16,
	    1u << 4 | 1u << 20, 1u << 4 | 1u << 21, 1u << 4 | 1u << 22,
	    1u << 4 | 1u << 23};

	(void)state;
	for (size_t i = 0; i < countof(good); i++)
		assert_null(boot_registers_refuse(good[i]));
	for (size_t i = 0; i < countof(bad); i++)
		assert_non_null(boot_registers_refuse(bad[i]));
}

static void
more_values_and_releases_than_allowed_are_refused(void **state)
{
	char text[20000];
	struct boot_policy *policy = NULL;
	struct err err = {0};
	size_t len = 0;

	(void)state;
	len += (size_t)sprintf(text,
	    "{\"schema\":\"assay.boot-policy/1\",\"version\":4,\"releases\":[");
	for (int i = 0; i < LIMIT_BOOT_RELEASES + 1; i++)
		len += (size_t)sprintf(text + len,
		    "%s" RELEASE("r%d",
			"\"sha256\":{\"4\":[" SHA256_OF("11") "]}"),
		    i > 0 ? "," : "", i);
	sprintf(text + len, "]}");
	assert_refused(boot_policy_decode(bytes_of_str(text), &policy, &err),
	    BOOT_POLICY_MALFORMED);
	len = (size_t)sprintf(text,
	    "{\"schema\":\"assay.boot-policy/1\",\"version\":4,\"releases\":"
	    "[{\"name\":\"a\",\"registers\":{\"sha256\":{\"4\":[");
	for (int i = 0; i < LIMIT_BOOT_VALUES + 1; i++)
		len += (size_t)sprintf(text + len, "%s\"%064d\"",
		    i > 0 ? "," : "", i + 1);
	sprintf(text + len, "]}}}]}");
	assert_refused(boot_policy_decode(bytes_of_str(text), &policy, &err),
	    BOOT_POLICY_MALFORMED);
	assert_has(err.text, "limit 8");
}

/* A policy of one role, for which this key signs. */
static struct trust_policy *
trust_of(const struct private_key *key, const char *signs)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *pem = NULL;
	struct trust_policy *trust = NULL;
	char id[DIGEST_HEX_SIZE];
	struct err err = {0};

	digest_hex(public_key_id(private_key_public(key)), id);
	assert_refused(public_key_to_pem(private_key_public(key), &pem, &err),
	    0);
	document = json_pack("{s:s, s:i, s:{s:{s:s, s:s}},"
			     " s:{s:{s:i, s:[s], s:s}}, s:{s:[], s:[]}, s:{}}",
	    "schema", "assay.trust/1", "version", 1, "keys", id, "alg",
	    "ed25519", "pem", pem, "roles", "boot", "threshold", 1, "keys", id,
	    "signs", signs, "revoked", "keys", "manifests", "min_rollback");
	assert_non_null(document);
	text = json_dumps(document, 0);
	assert_refused(trust_decode(bytes_of_str(text), &trust, &err), 0);
	return trust;
}

static void
verify(const char *signs, const char *type, const char *payload, bool flip,
    int expected)
{
	CLEANUP(private_key_freep) struct private_key *key = NULL;
	CLEANUP(trust_freep) struct trust_policy *trust = NULL;
	CLEANUP(freep) struct boot_policy *policy = NULL;
	CLEANUP(freep) char *text = NULL;
	const struct private_key *keys[1];
	struct digest digest;
	struct err err = {0};

	assert_refused(private_key_generate(ALGORITHM_ED25519, &key, &err), 0);
	trust = trust_of(key, signs);
	keys[0] = key;
	assert_refused(dsse_sign(type, bytes_of_str(payload), bytes_of("", 0),
			   keys, 1, &text, &err),
	    0);
	if (flip) {
		char *at = strstr(text, "eyJ") + 8;

		*at = *at == 'A' ? 'B' : 'A';
	}
	assert_refused(
	    boot_policy_verify(trust, bytes_of_str(text), &policy, &err),
	    expected);
	if (expected != 0) {
		assert_null(policy);
		return;
	}
	assert_refused(digest_of(bytes_of_str(text), &digest, &err), 0);
	assert_true(digest_equal(&policy->envelope, &digest));
}

static void
a_policy_is_parsed_only_after_its_role_signed_it(void **state)
{
	static const char type[] = DSSE_BOOT_POLICY_PAYLOAD_TYPE;

	(void)state;
	verify("boot-policy", type, POLICY(OLD), false, 0);
	verify("boot-policy", type, POLICY(OLD), true, IMAGE_SIGNATURE_BAD);
	/* It would be BOOT_POLICY_MALFORMED if it were looked at. */
	verify("store-index", type, "{}", false, TRUST_NO_ROLE);
	verify("boot-policy", DSSE_STORE_INDEX_PAYLOAD_TYPE, "{}", false,
	    PAYLOAD_TYPE_UNKNOWN);
	verify("boot-policy", type, "{}", false, BOOT_POLICY_MALFORMED);
}

static void
register_4_alone_leaves_the_options_open(void **state)
{
	static const unsigned telling[] = {1, 7, 8, 17, 18, 19};

	(void)state;
	assert_true(boot_registers_leave_options_open(1u << 4));
	assert_true(boot_registers_leave_options_open(1u << 4 | 0x6d));
	assert_false(boot_registers_leave_options_open(0));
	assert_false(boot_registers_leave_options_open(1u << 5));
	for (size_t i = 0; i < countof(telling); i++)
		assert_false(boot_registers_leave_options_open(
		    1u << 4 | 1u << telling[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_policy_is_read),
	    cmocka_unit_test(a_host_in_any_release_is_trusted),
	    cmocka_unit_test(registers_of_two_releases_do_not_mix),
	    cmocka_unit_test(the_nearest_release_is_named_with_both_values),
	    cmocka_unit_test(
		a_register_in_which_nothing_was_measured_is_refused),
	    cmocka_unit_test(a_blank_register_fits_no_policy),
	    cmocka_unit_test(register_4_alone_leaves_the_options_open),
	    cmocka_unit_test(a_bank_that_the_tpm_does_not_have_is_refused),
	    cmocka_unit_test(a_policy_that_breaks_a_rule_is_refused),
	    cmocka_unit_test(a_policy_is_parsed_only_after_its_role_signed_it),
	    cmocka_unit_test(registers_that_tell_what_was_booted_are_taken),
	    cmocka_unit_test(more_values_and_releases_than_allowed_are_refused),
	};

	return cmocka_run_group_tests_name("boot_policy", tests, NULL, NULL);
}
