/*
 * Policy digests computed here are those that a TPM computes.
 */
#include "swtpm_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/scope.h"
#include "keys/sign/private_key.h"
#include "measure/tpm/setup/policy_digest.h"
#include "measure/tpm/setup/policy_key.h"
#include "measure/tpm/setup/tpm_provision.h"

static struct digest
digest_in(const char *name)
{
	CLEANUP(freep) char *text = NULL;
	struct digest digest;
	struct err err = {0};
	size_t len;

	assert_refused(file_read(name, 64, &text, &len, &err), 0);
	assert_int_equal(len, sizeof(digest.bytes));
	memcpy(digest.bytes, text, len);
	return digest;
}

static void
assert_same(const struct digest *ours, const char *file)
{
	struct digest theirs = digest_in(file);
	char our_hex[DIGEST_HEX_SIZE];
	char their_hex[DIGEST_HEX_SIZE];

	digest_hex(ours, our_hex);
	digest_hex(&theirs, their_hex);
	assert_string_equal(our_hex, their_hex);
}

static void
registers_of_both_banks_are_as_tpm2_policypcr_has_them(void **state)
{
	static const struct {
		const char *list;
		uint32_t known[PCR_BANKS];
	} cases[] = {
	    {"sha256:13", {1u << 13, 0}},
	    {"sha256:0,4,7,13,23", {0x802091, 0}},
	    {"sha384:4", {0, 1u << 4}},
	    {"sha256:4,7+sha384:4,13", {0x90, 1u << 4 | 1u << 13}},
	};
	const struct swtpm *swtpm = *state;
	CLEANUP(tpm_port_close) struct tpm_port port = swtpm_port(swtpm, NULL);
	struct pcr_digests digests;
	struct pcr_values values;
	struct err err = {0};

	assert_refused(pcr_digests_of(bytes_of_str("x"), &digests, &err), 0);
	assert_refused(port.ops->pcr_extend(port.tpm, 4, &digests, &err), 0);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err), 0);
	assert_refused(port.ops->pcr_read(port.tpm, &values, &err), 0);
	for (size_t i = 0; i < countof(cases); i++) {
		struct digest policy = POLICY_DIGEST_START;

		memcpy(values.known, cases[i].known, sizeof(values.known));
		assert_refused(policy_digest_pcr(&values, &policy, &err), 0);
		swtpm_shell(swtpm,
		    "tpm2_startauthsession -Q -S s && tpm2_policypcr -Q -S s "
		    "-l %s -L theirs && tpm2_flushcontext s",
		    cases[i].list);
		assert_same(&policy, "theirs");
	}
}

static void
the_policy_of_the_log_index_is_as_tpm2_tools_have_it(void **state)
{
	const struct swtpm *swtpm = *state;
	struct pcr_values launch = swtpm_launched("MLE");
	struct digest policy;
	struct err err = {0};

	assert_refused(tpm_provision_log_policy(&launch, &policy, &err), 0);
	swtpm_launch(swtpm, "MLE");
	swtpm_shell(swtpm,
	    "tpm2_startauthsession -Q -S s && "
	    "tpm2_policypcr -Q -S s -l sha256:17,18 && "
	    "tpm2_policycommandcode -Q -S s -L theirs TPM2_CC_NV_Extend && "
	    "tpm2_flushcontext s");
	assert_same(&policy, "theirs");
}

static void
a_key_and_its_policy_are_as_tpm2_tools_have_them(void **state)
{
	static const char *const refs[] = {"", "secrets"};
	const struct swtpm *swtpm = *state;
	CLEANUP(private_key_freep) struct private_key *key = NULL;
	CLEANUP(freep) char *pem = NULL;
	CLEANUP(freep) char *name = NULL;
	struct policy_key policy_key;
	struct err err = {0};
	size_t len;

	assert_refused(
	    private_key_generate(ALGORITHM_ECDSA_P256_SHA256, &key, &err), 0);
	assert_refused(public_key_to_pem(private_key_public(key), &pem, &err),
	    0);
	assert_refused(
	    file_write("key.pem", bytes_of_str(pem), 0644, FILE_REPLACE, &err),
	    0);
	assert_refused(
	    policy_key_from(private_key_public(key), &policy_key, &err), 0);
	swtpm_shell(swtpm, "tpm2_loadexternal -Q -C o -G ecc -u key.pem "
			   "-c key.ctx -n key.name && tpm2_flushcontext -t");
	assert_refused(file_read("key.name", 64, &name, &len, &err), 0);
	assert_int_equal(len, TPM_NAME_BYTES);
	assert_memory_equal(name, policy_key.name.bytes, len);
	for (size_t i = 0; i < countof(refs); i++) {
		struct digest policy = POLICY_DIGEST_START;

		assert_refused(policy_digest_authorize(&policy_key.name,
				   bytes_of_str(refs[i]), &policy, &err),
		    0);
		swtpm_shell(swtpm,
		    "head -c 32 /dev/zero > approved; printf %%s '%s' > ref; "
		    "tpm2_startauthsession -Q -S s && "
		    "tpm2_policyauthorize -Q -S s -L theirs -n key.name "
		    "-i approved $(test -s ref && echo -q ref) && "
		    "tpm2_flushcontext s",
		    refs[i]);
		assert_same(&policy, "theirs");
	}
}

static void
a_bounded_counter_is_as_tpm2_policynv_has_it(void **state)
{
	static const struct {
		uint64_t value;
		const char *hex;
	} cases[] = {
	    {0, "0000000000000000"},
	    {12, "000000000000000c"},
	    {0x0102030405060708, "0102030405060708"},
	    {UINT64_MAX, "ffffffffffffffff"},
	};
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct err err = {0};

	for (size_t i = 0; i < countof(cases); i++) {
		struct digest policy = POLICY_DIGEST_START;

		assert_refused(policy_digest_counter(&identity.counter.name,
				   cases[i].value, &policy, &err),
		    0);
		swtpm_shell(swtpm,
		    "tpm2_startauthsession -Q -S s && echo %s | xxd -r -p | "
		    "tpm2_policynv -Q -S s -i - -L theirs 0x018a5500 ule && "
		    "tpm2_flushcontext s",
		    cases[i].hex);
		assert_same(&policy, "theirs");
	}
}

static void
alternatives_are_as_tpm2_policyor_has_them(void **state)
{
	const struct swtpm *swtpm = *state;
	struct digest branches[POLICY_OR_MAX] = {{{0}}};
	struct digest policy = POLICY_DIGEST_START;
	struct err err = {0};

	for (size_t i = 0; i < 2; i++) {
		char name[8];

		memset(branches[i].bytes, (int)(i + 1), DIGEST_BYTES);
		snprintf(name, sizeof(name), "b%zu", i);
		assert_refused(file_write(name,
				   bytes_of(branches[i].bytes, DIGEST_BYTES),
				   0600, FILE_REPLACE, &err),
		    0);
	}
	assert_refused(policy_digest_or(branches, 2, &policy, &err), 0);
	swtpm_shell(swtpm, "tpm2_startauthsession -Q -S s && "
			   "tpm2_policyor -Q -S s -L theirs sha256:b0,b1 && "
			   "tpm2_flushcontext s");
	assert_same(&policy, "theirs");
}

static void
keys_that_no_tpm_takes_are_refused(void **state)
{
	static const enum algorithm algorithms[] = {ALGORITHM_ED25519,
	    ALGORITHM_ECDSA_P384_SHA384};

	(void)state;
	for (size_t i = 0; i < countof(algorithms); i++) {
		CLEANUP(private_key_freep) struct private_key *key = NULL;
		struct policy_key policy_key;
		struct err err = {0};

		assert_refused(private_key_generate(algorithms[i], &key, &err),
		    0);
		assert_refused(
		    policy_key_from(private_key_public(key), &policy_key, &err),
		    POLICY_KEY_UNFIT);
	}
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, enter_swtpm, leave_swtpm)
	const struct CMUnitTest tests[] = {
	    TEST(registers_of_both_banks_are_as_tpm2_policypcr_has_them),
	    TEST(the_policy_of_the_log_index_is_as_tpm2_tools_have_it),
	    TEST(a_key_and_its_policy_are_as_tpm2_tools_have_them),
	    TEST(a_bounded_counter_is_as_tpm2_policynv_has_it),
	    TEST(alternatives_are_as_tpm2_policyor_has_them),
	    cmocka_unit_test(keys_that_no_tpm_takes_are_refused),
	};

	return cmocka_run_group_tests_name("policy_digest", tests, NULL, NULL);
}
