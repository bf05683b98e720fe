/*
 * Sealed secrets and credentials on a (software) TPM.
 */
#include "swtpm_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/scope.h"
#include "keys/sign/private_key.h"
#include "measure/tpm/setup/policy_digest.h"
#include "measure/tpm/setup/tpm_secret.h"
#include "tpm_interposer.h"

#define SECRET "the key of a disk, 32 bytes long"

/* Everything for one test; the good case opens. */
struct host {
	struct swtpm *swtpm;
	struct tpm_identity identity;
	struct tpm_address place;
	struct private_key *key;
	struct approvals *approvals;
	char *sealed;
	uint32_t registers; /* of the bank SHA-256 that are approved */
};

static struct public_key *
public_of(const struct private_key *key)
{
	CLEANUP(freep) char *pem = NULL;
	struct public_key *public;
	struct err err = {0};

	assert_refused(public_key_to_pem(private_key_public(key), &pem, &err),
	    0);
	assert_refused(public_key_from_pem(bytes_of_str(pem), &public, &err),
	    0);
	return public;
}

static void
extend(const struct host *host, unsigned int pcr, const char *what)
{
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(host->swtpm, &host->identity);
	struct pcr_digests digests;
	struct err err = {0};

	assert_refused(pcr_digests_of(bytes_of_str(what), &digests, &err), 0);
	assert_refused(port.ops->pcr_extend(port.tpm, pcr, &digests, &err), 0);
}

/* Registers 4 and 7, and others that a test adds, as they are now. */
static void
approve(struct host *host, const char *ref)
{
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(host->swtpm, &host->identity);
	struct approval *approval =
	    &host->approvals->items[host->approvals->count++];
	uint8_t message[DIGEST_BYTES + APPROVAL_USE_BYTES];
	CLEANUP(freep) uint8_t *sig = NULL;
	struct pcr_values values;
	struct err err = {0};
	size_t len;

	assert_refused(port.ops->pcr_read(port.tpm, &values, &err), 0);
	values.known[PCR_SHA256] = host->registers;
	values.known[PCR_SHA384] = 0x10;
	snprintf(approval->release, sizeof(approval->release), "r%zu",
	    host->approvals->count);
	approval->registers[PCR_SHA256] = host->registers;
	approval->registers[PCR_SHA384] = 0x10;
	approval->policy = POLICY_DIGEST_START;
	assert_refused(policy_digest_pcr(&values, &approval->policy, &err), 0);
	strcpy(host->approvals->ref, ref);
	len = approval_message(&approval->policy, ref,
	    host->approvals->until_epoch, message);
	assert_refused(private_key_sign(host->key, bytes_of(message, len), &sig,
			   &len, &err),
	    0);
	memcpy(approval->signature, sig, len);
	approval->signature_len = len;
}

/* Instead of what was sealed before. */
static void
seal(struct host *host, int64_t from_epoch)
{
	struct tpm_secret_terms terms = {private_key_public(host->key), "disk",
	    from_epoch};
	struct err err = {0};

	free(host->sealed);
	host->sealed = NULL;
	host->place.identity = &host->identity;
	assert_refused(tpm_secret_seal(&host->place, &terms,
			   bytes_of_str(SECRET), &host->sealed, &err),
	    0);
}

static struct host
host_of(struct swtpm *swtpm)
{
	struct host host = {.swtpm = swtpm, .registers = 1u << 4 | 1u << 7};
	struct err err = {0};

	host.identity = swtpm_provision(swtpm, NULL);
	host.place.where = swtpm->where;
	host.place.timeout_ms = SWTPM_TIMEOUT_MS;
	assert_refused(
	    private_key_generate(ALGORITHM_ECDSA_P256_SHA256, &host.key, &err),
	    0);
	host.approvals = calloc(1, sizeof(*host.approvals));
	assert_non_null(host.approvals);
	host.approvals->key = public_of(host.key);
	host.place.identity = &host.identity;
	seal(&host, 0);
	extend(&host, 4, "release one");
	approve(&host, "disk");
	return host;
}

static void
host_done(struct host *host)
{
	private_key_freep(&host->key);
	approvals_freep(&host->approvals);
	free(host->sealed);
}

static void
opens_and_caps(struct host *host, int cap, int code)
{
	struct tpm_secret_opening opening = {bytes_of_str(host->sealed),
	    host->approvals, cap};
	struct tpm_secret secret = {.len = 77};
	const struct approval *approval = NULL;
	struct err err = {0};

	host->place.identity = &host->identity;
	assert_refused(
	    tpm_secret_unseal(&host->place, &opening, &secret, &approval, &err),
	    code);
	assert_true((code == 0) == (approval != NULL));
	if (code != 0) {
		assert_int_equal(secret.len, 77);
		return;
	}
	assert_int_equal(secret.len, strlen(SECRET));
	assert_memory_equal(secret.bytes, SECRET, strlen(SECRET));
}

static void
opens(struct host *host, int code)
{
	opens_and_caps(host, TPM_SECRET_NO_CAP, code);
}

static void
a_secret_opens_on_approved_boots_only(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);

	opens(&host, 0);
	opens(&host, 0);
	extend(&host, 13, "what is not in the policy");
	opens(&host, 0);
	extend(&host, 7, "a change that nobody approved");
	opens(&host, TPM_POLICY_UNMET);
	approve(&host, "disk");
	opens(&host, 0);
}

/* The only approval, for the registers as they are now. */
static void
approve_until(struct host *host, int64_t epoch)
{
	host->approvals->count = 0;
	host->approvals->until_epoch = epoch;
	approve(host, "disk");
}

static void
count(const struct host *host, int times)
{
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(host->swtpm, &host->identity);
	struct err err = {0};

	while (times-- > 0)
		assert_refused(port.ops->counter_increment(port.tpm, &err), 0);
}

static void
a_secret_opens_with_approvals_from_its_epoch_on(void **state)
{
	/* The first, those around the borders of each level, the last. */
	static const int64_t in_reach[] = {3, 10, 11, 66, 67, 514, 515, 4098};
	CLEANUP(host_done) struct host host = host_of(*state);

	seal(&host, 3);
	opens(&host, APPROVAL_UNFIT);
	approve_until(&host, 2);
	opens(&host, APPROVAL_UNFIT);
	for (size_t i = 0; i < countof(in_reach); i++) {
		approve_until(&host, in_reach[i]);
		opens(&host, 0);
	}
	approve_until(&host, 4099);
	opens(&host, APPROVAL_UNFIT);
	approve_until(&host, INT64_MAX);
	opens(&host, APPROVAL_UNFIT);
	seal(&host, 0);
	opens(&host, APPROVAL_UNFIT);
}

/* So a release is taken back: whoever kept its approvals. */
static void
an_approval_ends_when_the_counter_passes_its_epoch(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);

	seal(&host, 1);
	approve_until(&host, 2);
	opens(&host, 0);
	count(&host, 2);
	opens(&host, 0);
	count(&host, 1);
	opens(&host, APPROVAL_UNFIT);
	swtpm_stop(host.swtpm);
	swtpm_start(host.swtpm);
	extend(&host, 4, "release one");
	opens(&host, APPROVAL_UNFIT);
	approve_until(&host, 3);
	opens(&host, 0);
	extend(&host, 4, "a change that nobody approved");
	opens(&host, TPM_POLICY_UNMET);
}

/* Neither what the file says of the counter nor what the approvals say. */
static void
the_tpm_decides_about_epochs(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);
	char *counter;

	seal(&host, 5);
	approve_until(&host, 5);
	opens(&host, 0);
	counter = strstr(host.sealed, "\"counter\": ");
	assert_non_null(counter);
	counter[strlen("\"counter\": ")]++;
	opens(&host, TPM_POLICY_UNMET);
	seal(&host, 4);
	opens(&host, 0);
	approve_until(&host, 4);
	host.approvals->until_epoch = 5;
	opens(&host, TPM_FAILED);
}

static void
a_secret_is_sealed_for_no_epoch_that_is_over_or_out_of_reach(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);
	struct tpm_secret_terms terms = {private_key_public(host.key), "disk",
	    2};
	char *text = NULL;
	struct err err = {0};

	host.place.identity = &host.identity;
	count(&host, 3);
	assert_refused(tpm_secret_seal(&host.place, &terms,
			   bytes_of_str(SECRET), &text, &err),
	    APPROVAL_UNFIT);
	terms.from_epoch = INT64_MAX / 2;
	assert_refused(tpm_secret_seal(&host.place, &terms,
			   bytes_of_str(SECRET), &text, &err),
	    APPROVAL_UNFIT);
	assert_null(text);
	seal(&host, 3);
	approve_until(&host, 3);
	opens(&host, 0);
}

/* Whoever has the owner's password can do that: the new one begins above. */
static void
a_counter_that_was_made_again_brings_no_approval_back(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);

	seal(&host, 1);
	approve_until(&host, 1);
	count(&host, 2);
	opens(&host, APPROVAL_UNFIT);
	swtpm_shell(host.swtpm,
	    "tpm2_nvundefine -Q -C o 0x018a5500 && tpm2_nvdefine -Q -C o "
	    "-s 8 -a 'nt=counter|authwrite|authread|ownerread|no_da' "
	    "0x018a5500 && tpm2_nvincrement -Q 0x018a5500");
	opens(&host, APPROVAL_UNFIT);
	approve_until(&host, 9);
	opens(&host, 0);
}

static void
what_looks_like_the_counter_is_not_it(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);

	seal(&host, 1);
	approve_until(&host, 1);
	opens(&host, 0);
	swtpm_shell(host.swtpm,
	    "tpm2_nvundefine -Q -C o 0x018a5500 && tpm2_nvdefine -Q -C o "
	    "-s 8 -a 'authwrite|authread|ownerread|no_da' 0x018a5500 && "
	    "head -c 8 /dev/zero | tpm2_nvwrite -Q -i - 0x018a5500");
	opens(&host, TPM_KEY_NOT_PINNED);
}

static void
a_capped_secret_opens_again_after_the_next_boot_only(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);

	host.registers |= 1u << 12;
	host.approvals->count = 0;
	approve(&host, "disk");
	opens(&host, 0);
	opens_and_caps(&host, 12, 0);
	opens(&host, TPM_POLICY_UNMET);
	opens_and_caps(&host, 12, TPM_POLICY_UNMET);
	swtpm_stop(host.swtpm);
	swtpm_start(host.swtpm);
	extend(&host, 4, "release one");
	opens_and_caps(&host, 12, 0);
	opens(&host, TPM_POLICY_UNMET);
}

/* That would close nothing, or make a boot policy or a verifier refuse. */
static void
a_register_that_is_not_approved_or_not_blank_is_no_cap(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);

	opens_and_caps(&host, 12, APPROVAL_UNFIT);
	opens_and_caps(&host, 4, APPROVAL_UNFIT);
	opens(&host, 0);
}

/* Somebody on the way to the TPM drops the extension, or the TPM fails. */
static void
what_could_not_be_capped_is_not_given_out(void **state)
{
	static const enum interposer_twist twists[] = {TWIST_FAKE_DONE,
	    TWIST_CODE};
	static const int codes[] = {TPM_RESPONSE_FORGED, TPM_FAILED};
	const uint32_t pcr_extend = 0x182;
	CLEANUP(host_done) struct host host = host_of(*state);

	host.registers |= 1u << 12;
	host.approvals->count = 0;
	approve(&host, "disk");
	for (size_t i = 0; i < countof(twists); i++) {
		struct interposer interposer =
		    interposer_start(host.swtpm, pcr_extend, twists[i], 0x101);

		host.place.where = interposer.where;
		opens_and_caps(&host, 12, codes[i]);
		interposer_stop(&interposer);
	}
}

/* The TPM decides, not our search for an approval that fits. */
static void
an_approval_by_another_key_or_for_another_use_opens_nothing(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);
	struct private_key *old = host.key;
	struct err err = {0};

	host.approvals->count = 0;
	approve(&host, "other");
	opens(&host, TPM_POLICY_UNMET);
	assert_refused(
	    private_key_generate(ALGORITHM_ECDSA_P256_SHA256, &host.key, &err),
	    0);
	private_key_freep(&old);
	public_key_freep(&host.approvals->key);
	host.approvals->key = public_of(host.key);
	host.approvals->count = 0;
	approve(&host, "disk");
	opens(&host, TPM_POLICY_UNMET);
}

static void
a_false_signature_opens_nothing(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);
	struct approval *approval = &host.approvals->items[0];

	approval->signature[approval->signature_len - 1] ^= 1;
	opens(&host, TPM_FAILED);
}

static void
a_secret_of_another_tpm_is_refused(void **state)
{
	struct swtpm *swtpm = *state;
	CLEANUP(host_done) struct host host = host_of(swtpm);

	swtpm_stop(swtpm);
	assert_int_equal(system("rm -r tpm.state && mkdir tpm.state"), 0);
	swtpm_start(swtpm);
	host.identity = swtpm_provision(swtpm, NULL);
	extend(&host, 4, "release one");
	opens(&host, SECRET_MALFORMED);
}

static void
a_secret_does_not_pass_in_the_clear(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);
	struct interposer interposer =
	    interposer_start(host.swtpm, 0, TWIST_RECORD, 0);
	CLEANUP(freep) char *wire = NULL;
	size_t len;
	struct err err = {0};

	host.place.where = interposer.where;
	host.place.identity = &host.identity;
	seal(&host, 0);
	opens(&host, 0);
	interposer_stop(&interposer);
	assert_refused(file_read("wire", 1 << 20, &wire, &len, &err), 0);
	assert_true(len > 1000);
	assert_null(memmem(wire, len, SECRET, 8));
}

/* Nor with a password: an empty one would do. */
static void
a_secret_opens_under_its_policy_alone(void **state)
{
	/* TPM2B_PUBLIC: size, type, name algorithm; TPMA_OBJECT: fixedTPM,
	 * fixedParent, noDA, and no userWithAuth; size of the policy. */
	static const uint8_t begins[] = {0, 0x4e, 0, 0x08, 0, 0x0b, 0, 0, 0x04,
	    0x12, 0, 0x20};
	CLEANUP(host_done) struct host host = host_of(*state);
	char *at = strstr(host.sealed, "\"public\": \"");
	CLEANUP(freep) uint8_t *public = NULL;
	struct err err;
	size_t len;

	assert_non_null(at);
	at += strlen("\"public\": \"");
	*strchr(at, '"') = '\0';
	assert_int_equal(base64_decode(bytes_of_str(at), SECRET_MALFORMED,
			     &public, &len, &err),
	    0);
	assert_true(len > sizeof(begins));
	assert_memory_equal(public, begins, sizeof(begins));
}

static void
secrets_of_a_size_that_no_tpm_seals_are_refused(void **state)
{
	static const uint8_t long_secret[TPM_SECRET_BYTES + 1];
	CLEANUP(host_done) struct host host = host_of(*state);
	struct tpm_secret_terms terms = {private_key_public(host.key), "", 0};
	char *text = NULL;
	struct err err = {0};

	host.place.identity = &host.identity;
	assert_refused(tpm_secret_seal(&host.place, &terms,
			   bytes_of(long_secret, sizeof(long_secret)), &text,
			   &err),
	    SECRET_MALFORMED);
	assert_refused(
	    tpm_secret_seal(&host.place, &terms, bytes_of("", 0), &text, &err),
	    SECRET_MALFORMED);
	assert_null(text);
}

static void
sealed_secrets_that_break_the_format_are_refused(void **state)
{
	static const char *const bad[] = {"", "{}",
	    "{\"schema\":\"assay.secret/1\",\"public\":\"\",\"private\":\"\"}",
	    "{\"schema\":\"assay.secret/1\",\"public\":\"AAAA\","
	    "\"private\":\"AAAA\"}",
	    "{\"schema\":\"assay.secret/1\",\"public\":\"!\","
	    "\"private\":\"AAAA\"}"};
	CLEANUP(host_done) struct host host = host_of(*state);

	for (size_t i = 0; i < countof(bad); i++) {
		free(host.sealed);
		host.sealed = strdup(bad[i]);
		opens(&host, SECRET_MALFORMED);
	}
}

/* Made by tpm2-tools without a TPM, for our EK and AK. */
static void
make_credential(const struct host *host)
{
	swtpm_shell(host->swtpm,
	    "tpm2_readpublic -Q -c 0x81000a52 -o ek.pub && "
	    "tpm2_readpublic -Q -c 0x81000a51 -n ak.name && "
	    "printf 'a challenge' > challenge && tpm2_makecredential -Q "
	    "-T none -u ek.pub -s challenge -n $(xxd -p -c99 ak.name) "
	    "-o credential");
}

static int
activate(const struct host *host, struct bytes credential,
    struct tpm_secret *secret, struct err *err)
{
	struct tpm_address place = host->place;

	place.identity = &host->identity;
	return tpm_secret_activate(&place, credential, secret, err);
}

static void
a_credential_of_tpm2_makecredential_is_opened(void **state)
{
	CLEANUP(host_done) struct host host = host_of(*state);
	CLEANUP(freep) char *credential = NULL;
	struct tpm_secret secret;
	struct err err = {0};
	size_t len;

	make_credential(&host);
	assert_refused(file_read("credential", 2048, &credential, &len, &err),
	    0);
	assert_refused(
	    activate(&host, bytes_of(credential, len), &secret, &err), 0);
	assert_int_equal(secret.len, strlen("a challenge"));
	assert_memory_equal(secret.bytes, "a challenge", secret.len);
}

static void
a_credential_that_was_changed_or_cut_is_refused(void **state)
{
	static const size_t flips[] = {0, 7, 12, 40, 120};
	CLEANUP(host_done) struct host host = host_of(*state);
	CLEANUP(freep) char *credential = NULL;
	struct tpm_secret secret = {.len = 77};
	struct err err = {0};
	size_t len;

	make_credential(&host);
	assert_refused(file_read("credential", 2048, &credential, &len, &err),
	    0);
	for (size_t i = 0; i < countof(flips); i++) {
		credential[flips[i]] ^= 1;
		assert_refused(
		    activate(&host, bytes_of(credential, len), &secret, &err),
		    SECRET_MALFORMED);
		credential[flips[i]] ^= 1;
	}
	for (size_t cut = 0; cut < len; cut += 13)
		assert_refused(
		    activate(&host, bytes_of(credential, cut), &secret, &err),
		    SECRET_MALFORMED);
	/* file_read() put a zero byte behind it. */
	assert_refused(
	    activate(&host, bytes_of(credential, len + 1), &secret, &err),
	    SECRET_MALFORMED);
	assert_int_equal(secret.len, 77);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, enter_swtpm, leave_swtpm)
	const struct CMUnitTest tests[] = {
	    TEST(a_secret_opens_on_approved_boots_only),
	    TEST(a_secret_opens_with_approvals_from_its_epoch_on),
	    TEST(an_approval_ends_when_the_counter_passes_its_epoch),
	    TEST(the_tpm_decides_about_epochs),
	    TEST(a_secret_is_sealed_for_no_epoch_that_is_over_or_out_of_reach),
	    TEST(a_counter_that_was_made_again_brings_no_approval_back),
	    TEST(what_looks_like_the_counter_is_not_it),
	    TEST(a_capped_secret_opens_again_after_the_next_boot_only),
	    TEST(a_register_that_is_not_approved_or_not_blank_is_no_cap),
	    TEST(what_could_not_be_capped_is_not_given_out),
	    TEST(an_approval_by_another_key_or_for_another_use_opens_nothing),
	    TEST(a_false_signature_opens_nothing),
	    TEST(a_secret_of_another_tpm_is_refused),
	    TEST(a_secret_does_not_pass_in_the_clear),
	    TEST(a_secret_opens_under_its_policy_alone),
	    TEST(secrets_of_a_size_that_no_tpm_seals_are_refused),
	    TEST(sealed_secrets_that_break_the_format_are_refused),
	    TEST(a_credential_of_tpm2_makecredential_is_opened),
	    TEST(a_credential_that_was_changed_or_cut_is_refused),
	};

	return cmocka_run_group_tests_name("tpm_secret", tests, NULL, NULL);
}
