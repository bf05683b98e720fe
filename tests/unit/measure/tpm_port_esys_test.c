/*
 * The TPM port on a real (software) TPM, checked with tpm2-tools.
 */
#include "swtpm_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "measure/tpm/tpm_port_esys.h"
#include "measure/tpm/setup/tpm_provision.h"
#include "tpm_interposer.h"

enum { /* TPM 2.0 Part 2 */
	TPM_CC_NV_EXTEND = 0x136,
	TPM_CC_PCR_EXTEND = 0x182,
	RC_FAILURE = 0x101,
	RC_OBJECT_MEMORY = 0x902,
	RC_SESSION_MEMORY = 0x903,
	RC_MEMORY = 0x904,
	RC_SESSION_HANDLES = 0x905,
	RC_OBJECT_HANDLES = 0x906,
	RC_LOCALITY = 0x907,
	RC_YIELDED = 0x908,
	RC_CANCELED = 0x909,
	RC_TESTING = 0x90a,
	RC_NV_RATE = 0x920,
	RC_LOCKOUT = 0x921,
	RC_RETRY = 0x922,
	RC_NV_UNAVAILABLE = 0x923,
};
enum { EK_INDEX_BYTES = 1600 };

static const struct digest extra = {{1, 2, 3}};
static struct interposer interposer;

static struct pcr_digests
digests_of(const char *text)
{
	struct pcr_digests digests;
	struct err err;

	assert_refused(pcr_digests_of(bytes_of_str(text), &digests, &err), 0);
	return digests;
}

static void
put_file(const char *name, const void *bytes, size_t len)
{
	struct err err;

	assert_refused(
	    file_write(name, bytes_of(bytes, len), 0600, FILE_REPLACE, &err),
	    0);
}

static void
a_register_is_extended_in_both_banks(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct pcr_digests digests = digests_of("event");
	struct pcr_values before;
	struct pcr_values after;
	struct err err = {0};

	assert_refused(port.ops->pcr_read(port.tpm, &before, &err), 0);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err), 0);
	assert_refused(port.ops->pcr_read(port.tpm, &after, &err), 0);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		assert_int_equal(after.known[bank], 0xffffff);
		assert_refused(pcr_extend(bank, &digests.bank[bank],
				   &before.value[bank][13], &err),
		    0);
	}
	assert_memory_equal(&before, &after, sizeof(before));
	put_file("wanted", after.value[PCR_SHA384][13].bytes, 48);
	swtpm_shell(swtpm,
	    "tpm2_pcrread -Q sha384:13 -o value && cmp value wanted");
}

static void
without_an_identity_registers_can_be_read_and_extended(void **state)
{
	const struct swtpm *swtpm = *state;
	CLEANUP(tpm_port_close) struct tpm_port port = swtpm_port(swtpm, NULL);
	struct pcr_digests digests = digests_of("event");
	struct pcr_values values;
	struct tpm_quote quote;
	uint64_t count = 5;
	struct err err = {0};

	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err), 0);
	assert_refused(port.ops->pcr_read(port.tpm, &values, &err), 0);
	assert_false(
	    pcr_digest_is_blank(PCR_SHA256, &values.value[PCR_SHA256][13]));
	assert_refused(port.ops->quote(port.tpm, &extra, &quote, &err),
	    TPM_NOT_PROVISIONED);
	assert_refused(port.ops->counter_read(port.tpm, &count, &err),
	    TPM_NOT_PROVISIONED);
	assert_int_equal(count, 5);
}

/* As `tpm2_quote -o` writes values: the C structures TPML_PCR_SELECTION (16
 * of 8 bytes), a count, and that many TPML_DIGEST (8 of 66 bytes). */
static size_t
values_for_checkquote(const struct pcr_values *values, uint8_t *ret_bytes)
{
	static const uint8_t selection[132] = {2, 0, 0, 0, 0x0b, 0, 3, 0xff,
	    0xff, 0xff, 0, 0, 0x0c, 0, 3, 0xff, 0xff, 0xff};
	uint32_t lists = PCR_BANKS * PCR_COUNT / 8;
	uint8_t *at = ret_bytes + sizeof(selection) + 4;

	memcpy(ret_bytes, selection, sizeof(selection));
	memcpy(ret_bytes + sizeof(selection), &lists, 4);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (int pcr = 0; pcr < PCR_COUNT; pcr++) {
			size_t len = pcr_bank_bytes(bank);

			if (pcr % 8 == 0) {
				memcpy(at, "\x08\0\0\0", 4);
				at += 4;
			}
			at[0] = (uint8_t)len;
			memcpy(at + 2, values->value[bank][pcr].bytes, len);
			at += 66;
		}
	}
	return (size_t)(at - ret_bytes);
}

static void
a_quote_is_what_tpm2_checkquote_accepts(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	uint8_t values[4096] = {0};
	struct tpm_quote quote;
	struct err err = {0};

	assert_refused(port.ops->quote(port.tpm, &extra, &quote, &err), 0);
	put_file("msg", quote.attestation.attest.bytes,
	    quote.attestation.attest.len);
	put_file("sig", quote.attestation.signature.bytes,
	    quote.attestation.signature.len);
	put_file("pcrs", values, values_for_checkquote(&quote.values, values));
	swtpm_shell(swtpm, "tpm2_readpublic -Q -c 0x81000a51 -f pem -o ak.pem");
	swtpm_shell(swtpm,
	    "tpm2_checkquote -Q -u ak.pem -g sha256 -m msg -s sig -f pcrs "
	    "-q 010203%058d",
	    0);
	swtpm_shell(swtpm,
	    "! tpm2_checkquote -Q -u ak.pem -g sha256 -m msg -s sig -f pcrs "
	    "-q 010204%058d 2> out",
	    0);
}

static void
the_public_keys_are_those_of_the_handles(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	static const enum tpm_key keys[] = {TPM_AK, TPM_EK};

	for (size_t i = 0; i < countof(keys); i++) {
		struct tpm_blob public;
		struct tpm_name name;
		struct err err = {0};

		assert_refused(
		    port.ops->public_read(port.tpm, keys[i], &public, &err), 0);
		assert_refused(tpm_name_of(bytes_of(public.bytes, public.len),
				   &name, &err),
		    0);
		assert_true(tpm_name_equal(&name,
		    keys[i] == TPM_AK ? &identity.ak.name : &identity.ek.name));
	}
}

static void
an_ek_certificate_is_read_whole_or_is_empty(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct tpm_blob certificate = {.len = 7};
	uint8_t made[1100];
	struct err err = {0};

	assert_refused(
	    port.ops->ek_certificate_read(port.tpm, &certificate, &err), 0);
	assert_int_equal(certificate.len, 0);
	for (size_t i = 0; i < sizeof(made); i++)
		made[i] = (uint8_t)(i * 7);
	put_file("made", made, sizeof(made));
	swtpm_shell(swtpm,
	    "tpm2_nvdefine -Q 0x01c0000a -C o -s 1100 -a "
	    "'authread|ownerread|ownerwrite|no_da' && tpm2_nvwrite -Q "
	    "0x01c0000a -C o -i made");
	assert_refused(
	    port.ops->ek_certificate_read(port.tpm, &certificate, &err), 0);
	assert_int_equal(certificate.len, sizeof(made));
	assert_memory_equal(certificate.bytes, made, sizeof(made));
}

/* How much of `made` is read where it fills the index. */
static size_t
read_of(const struct swtpm *swtpm, const struct tpm_port *port,
    const uint8_t *made)
{
	struct tpm_blob certificate;
	struct err err = {0};

	put_file("made", made, EK_INDEX_BYTES);
	swtpm_shell(swtpm, "tpm2_nvwrite -Q 0x01c0000a -C o -i made");
	assert_refused(
	    port->ops->ek_certificate_read(port->tpm, &certificate, &err), 0);
	assert_memory_equal(certificate.bytes, made, certificate.len);
	return certificate.len;
}

static void
an_ek_certificate_is_read_without_its_padding(void **state)
{
	/* A SEQUENCE of 0x0200 bytes. */
	static const uint8_t header[] = {0x30, 0x82, 0x02, 0x00};
	enum { WHOLE = sizeof(header) + 0x200 };
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	uint8_t made[EK_INDEX_BYTES];

	swtpm_shell(swtpm, "tpm2_nvdefine -Q 0x01c0000a -C o -s 1600 -a "
			   "'authread|ownerread|ownerwrite|no_da'");
	for (int padding = 0; padding <= 0xff; padding += 0xff) {
		memset(made, 0x55, sizeof(made));
		memcpy(made, header, sizeof(header));
		memset(made + WHOLE, padding, sizeof(made) - WHOLE);
		assert_int_equal(read_of(swtpm, &port, made), WHOLE);
		made[sizeof(made) - 1] ^= 0xff;
		assert_int_equal(read_of(swtpm, &port, made), sizeof(made));
		made[sizeof(made) - 1] ^= 0xff;
		made[0] = 0x04; /* an OCTET STRING */
		assert_int_equal(read_of(swtpm, &port, made), sizeof(made));
		made[0] = 0x30;
		made[2] = 0x7f; /* longer than the index */
		assert_int_equal(read_of(swtpm, &port, made), sizeof(made));
	}
	memset(made + 4, 0x55, sizeof(made) - 4);
	made[2] = 0x02;
	assert_int_equal(read_of(swtpm, &port, made), sizeof(made));
}

static void
the_counter_counts_up_from_its_base(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	uint64_t value;
	struct err err = {0};

	assert_refused(port.ops->counter_read(port.tpm, &value, &err), 0);
	assert_int_equal(value, identity.counter_base);
	assert_refused(port.ops->counter_increment(port.tpm, &err), 0);
	assert_refused(port.ops->counter_read(port.tpm, &value, &err), 0);
	assert_int_equal(value, identity.counter_base + 1);
}

static void
the_log_index_is_written_after_its_launch_only(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, "MLE");
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct tpm_attestation attestation;
	struct digest data = {{9}};
	struct err err = {0};

	/* Twice, as a refused session must not be left behind. */
	for (int i = 0; i < 5; i++)
		assert_refused(port.ops->log_extend(port.tpm, &data, &err),
		    TPM_POLICY_UNMET);
	swtpm_launch(swtpm, "MLE");
	assert_refused(port.ops->log_extend(port.tpm, &data, &err), 0);
	assert_refused(port.ops->log_extend(port.tpm, &data, &err), 0);
	assert_refused(
	    port.ops->log_certify(port.tpm, &extra, &attestation, &err), 0);
	swtpm_launch(swtpm, "other");
	assert_refused(port.ops->log_extend(port.tpm, &data, &err),
	    TPM_POLICY_UNMET);
}

static void
the_certified_log_is_the_hash_of_what_was_written(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, "MLE");
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct tpm_attestation attestation;
	struct digest data = {{9}};
	struct pcr_digest event = {{9}};
	struct pcr_digest value = {{0}};
	struct err err = {0};

	swtpm_launch(swtpm, "MLE");
	assert_refused(port.ops->log_extend(port.tpm, &data, &err), 0);
	assert_refused(
	    port.ops->log_certify(port.tpm, &extra, &attestation, &err), 0);
	assert_refused(pcr_extend(PCR_SHA256, &event, &value, &err), 0);
	assert_memory_equal(attestation.attest.bytes + attestation.attest.len -
				DIGEST_BYTES,
	    value.bytes, DIGEST_BYTES);
	assert_non_null(memmem(attestation.attest.bytes, attestation.attest.len,
	    identity.log.name.bytes, TPM_NAME_BYTES));
}

/* Else what an earlier boot wrote would count for this one. */
static void
the_log_index_begins_anew_with_each_reset(void **state)
{
	struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, "MLE");
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct tpm_attestation attestation;
	struct digest data = {{9}};
	struct err err = {0};

	swtpm_launch(swtpm, "MLE");
	assert_refused(port.ops->log_extend(port.tpm, &data, &err), 0);
	tpm_port_close(&port);
	swtpm_shell(swtpm, "tpm2_shutdown");
	swtpm_stop(swtpm);
	swtpm_start(swtpm);
	port = swtpm_port(swtpm, &identity);
	assert_refused(port.ops->log_extend(port.tpm, &data, &err),
	    TPM_POLICY_UNMET);
	assert_refused(
	    port.ops->log_certify(port.tpm, &extra, &attestation, &err),
	    TPM_FAILED);
	tpm_port_close(&port);
}

static void
without_a_log_index_there_is_nothing_to_write(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct tpm_attestation attestation;
	struct digest data = {{9}};
	struct err err = {0};

	assert_refused(port.ops->log_extend(port.tpm, &data, &err),
	    TPM_NOT_PROVISIONED);
	assert_refused(
	    port.ops->log_certify(port.tpm, &extra, &attestation, &err),
	    TPM_NOT_PROVISIONED);
}

static void
another_name_than_the_pinned_one_is_refused(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity good = swtpm_provision(swtpm, "MLE");
	static const size_t objects[] = {offsetof(struct tpm_identity, salt),
	    offsetof(struct tpm_identity, ak),
	    offsetof(struct tpm_identity, ek),
	    offsetof(struct tpm_identity, counter),
	    offsetof(struct tpm_identity, log)};

	for (size_t i = 0; i < countof(objects); i++) {
		struct tpm_identity identity = good;
		struct tpm_object *object =
		    (struct tpm_object *)(void *)((char *)&identity +
						  objects[i]);
		struct tpm_port port = {.tpm = &port};
		struct err err = {0};

		object->name.bytes[20] ^= 1;
		assert_refused(tpm_port_esys_open(swtpm->where, &identity,
				   SWTPM_TIMEOUT_MS, &port, &err),
		    TPM_KEY_NOT_PINNED);
		assert_null(port.ops);
		object->name.bytes[20] ^= 1;
		object->handle += 0x10;
		assert_refused(tpm_port_esys_open(swtpm->where, &identity,
				   SWTPM_TIMEOUT_MS, &port, &err),
		    TPM_NOT_PROVISIONED);
	}
}

/* As the tpm role does it: it reads the identity only when it is in its
 * sandbox. */
static void
a_port_can_be_given_its_identity_later(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, "MLE");
	struct tpm_identity no_log = identity;
	CLEANUP(tpm_port_close) struct tpm_port port = swtpm_port(swtpm, NULL);
	struct pcr_digests digests = digests_of("event");
	struct digest data = {{9}};
	struct tpm_quote quote;
	uint64_t count = 0;
	struct err err = {0};

	assert_refused(port.ops->counter_read(port.tpm, &count, &err),
	    TPM_NOT_PROVISIONED);
	assert_refused(tpm_port_esys_pin(&port, &identity, &err), 0);
	assert_refused(port.ops->counter_read(port.tpm, &count, &err), 0);
	assert_int_equal(count, identity.counter_base);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err), 0);
	assert_refused(port.ops->quote(port.tpm, &extra, &quote, &err), 0);
	assert_int_equal(quote.values.known[PCR_SHA384], 0xffffff);
	assert_refused(port.ops->log_extend(port.tpm, &data, &err),
	    TPM_POLICY_UNMET);
	tpm_port_close(&port);

	/* Without a log index it has none. */
	no_log.has_log = false;
	port = swtpm_port(swtpm, NULL);
	assert_refused(tpm_port_esys_pin(&port, &no_log, &err), 0);
	assert_refused(port.ops->log_extend(port.tpm, &data, &err),
	    TPM_NOT_PROVISIONED);
}

/* Pinned is all of it, or nothing. */
static void
an_identity_of_another_tpm_is_not_taken_later_either(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity good = swtpm_provision(swtpm, "MLE");
	static const size_t objects[] = {offsetof(struct tpm_identity, salt),
	    offsetof(struct tpm_identity, ak),
	    offsetof(struct tpm_identity, ek),
	    offsetof(struct tpm_identity, counter),
	    offsetof(struct tpm_identity, log)};

	for (size_t i = 0; i < countof(objects); i++) {
		CLEANUP(tpm_port_close)
		struct tpm_port port = swtpm_port(swtpm, NULL);
		struct tpm_identity identity = good;
		struct tpm_object *object =
		    (struct tpm_object *)(void *)((char *)&identity +
						  objects[i]);
		struct pcr_values values;
		struct tpm_quote quote;
		uint64_t count = 5;
		struct err err = {0};

		object->name.bytes[20] ^= 1;
		assert_refused(tpm_port_esys_pin(&port, &identity, &err),
		    TPM_KEY_NOT_PINNED);
		assert_refused(port.ops->quote(port.tpm, &extra, &quote, &err),
		    TPM_NOT_PROVISIONED);
		assert_refused(port.ops->counter_read(port.tpm, &count, &err),
		    TPM_NOT_PROVISIONED);
		assert_int_equal(count, 5);
		/* What needs no identity still works. */
		assert_refused(port.ops->pcr_read(port.tpm, &values, &err), 0);
	}
}

/* Somebody between us and the TPM answers for it. */
static void
a_port_that_was_pinned_believes_no_forged_answer(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct pcr_digests digests = digests_of("event");
	struct tpm_port port;
	struct err err = {0};

	interposer =
	    interposer_start(swtpm, TPM_CC_PCR_EXTEND, TWIST_FAKE_DONE, 0);
	assert_refused(tpm_port_esys_open(interposer.where, NULL,
			   SWTPM_TIMEOUT_MS, &port, &err),
	    0);
	assert_refused(tpm_port_esys_pin(&port, &identity, &err), 0);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err),
	    TPM_RESPONSE_FORGED);
	tpm_port_close(&port);
	interposer_stop(&interposer);
}

/* The same through a character device, which is opened once. */
static void
a_device_is_spoken_to_as_a_socket_is(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct interposer device = interposer_start_device(swtpm,
	    INTERPOSER_NO_COMMAND, TWIST_RECORD, 0);
	struct pcr_digests digests = digests_of("event");
	struct tpm_quote quote;
	struct tpm_port port;
	struct err err = {0};

	assert_refused(tpm_port_esys_open(device.where, &identity,
			   SWTPM_TIMEOUT_MS, &port, &err),
	    0);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err), 0);
	assert_refused(port.ops->quote(port.tpm, &extra, &quote, &err), 0);
	interposer_stop(&device);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err),
	    TPM_UNREACHABLE);
	tpm_port_close(&port);
}

static double
seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void
a_tpm_that_dies_is_an_error_at_once(void **state)
{
	struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct pcr_digests digests = digests_of("event");
	struct err err = {0};

	swtpm_stop(swtpm);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err),
	    TPM_UNREACHABLE);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err),
	    TPM_UNREACHABLE);
	/* It is back, and its keys are the same. */
	swtpm_start(swtpm);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err), 0);
}

/* It knows nothing of our session. */
static void
a_tpm_that_was_reset_is_an_error(void **state)
{
	struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	CLEANUP(tpm_port_close)
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct pcr_digests digests = digests_of("event");
	struct err err = {0};

	swtpm_stop(swtpm);
	swtpm_start(swtpm);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err),
	    TPM_FAILED);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err), 0);
}

static void
a_tpm_that_does_not_answer_is_given_up(void **state)
{
	struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct tpm_port port;
	struct pcr_digests digests = digests_of("event");
	struct timespec start;
	struct err err = {0};

	assert_refused(
	    tpm_port_esys_open(swtpm->where, &identity, 1000, &port, &err), 0);
	kill(swtpm->pid, SIGSTOP);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err),
	    TPM_UNREACHABLE);
	assert_true(seconds_since(&start) >= 0.9);
	tpm_port_close(&port);
	assert_true(seconds_since(&start) < 10);
	kill(swtpm->pid, SIGCONT);
}

/* --- what passes ------------------------------------------------------- */

/* A port through somebody who twists the answers to one command. */
static struct tpm_port
twisted_port(const struct swtpm *swtpm, const struct tpm_identity *identity,
    uint32_t command, enum interposer_twist twist, size_t offset,
    unsigned times, int timeout_ms)
{
	struct tpm_port port;
	struct err err = {0};

	interposer_times = times;
	interposer = interposer_start(swtpm, command, twist, offset);
	interposer_times = 0;
	if (tpm_port_esys_open(interposer.where, identity, timeout_ms, &port,
		&err) != 0)
		fail_msg("%s", err.text);
	return port;
}

static void
untwist(struct tpm_port *port)
{
	tpm_port_close(port);
	interposer_stop(&interposer);
}

/* Register 13, which was zeros: was it extended with this, so often? */
static void
assert_extended(const struct tpm_port *port, const char *text, int times)
{
	struct pcr_digests digests = digests_of(text);
	struct pcr_digest wanted = {{0}};
	struct pcr_values values;
	struct err err = {0};

	for (int i = 0; i < times; i++)
		assert_refused(pcr_extend(PCR_SHA256, &digests.bank[PCR_SHA256],
				   &wanted, &err),
		    0);
	if (port->ops->pcr_read(port->tpm, &values, &err) != 0)
		fail_msg("%s", err.text);
	assert_memory_equal(&values.value[PCR_SHA256][13], &wanted,
	    sizeof(wanted));
}

static void
a_command_that_is_put_off_is_sent_again(void **state)
{
	static const uint32_t codes[] = {RC_RETRY, RC_YIELDED, RC_TESTING,
	    RC_CANCELED, RC_NV_RATE, RC_NV_UNAVAILABLE, RC_MEMORY,
	    RC_OBJECT_MEMORY, RC_SESSION_MEMORY, RC_SESSION_HANDLES};
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct pcr_digests digests = digests_of("event");
	struct err err = {0};

	for (size_t i = 0; i < countof(codes); i++) {
		/* More often than ESYS would send it. */
		struct tpm_port port =
		    twisted_port(swtpm, &identity, TPM_CC_PCR_EXTEND,
			TWIST_CODE, codes[i], i == 0 ? 8 : 2, SWTPM_TIMEOUT_MS);

		if (port.ops->pcr_extend(port.tpm, 13, &digests, &err) != 0)
			fail_msg("0x%x: %s", codes[i], err.text);
		assert_extended(&port, "event", (int)i + 1);
		untwist(&port);
	}
}

/* After some eight tries in three seconds; if ESYS sent it again for that, it
 * would be carried out in the end. */
static void
a_command_that_is_put_off_too_long_is_an_error_by_name(void **state)
{
	static const uint32_t codes[] = {RC_RETRY, RC_NV_RATE};
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct pcr_digests digests = digests_of("event");

	for (size_t i = 0; i < countof(codes); i++) {
		struct tpm_port port = twisted_port(swtpm, &identity,
		    TPM_CC_PCR_EXTEND, TWIST_CODE, codes[i], 15, 3000);
		struct err err = {0};

		assert_refused(
		    port.ops->pcr_extend(port.tpm, 13, &digests, &err),
		    TPM_BUSY);
		assert_has(err.text, "warn(2.0)");
		assert_extended(&port, "event", 0);
		untwist(&port);
	}
}

/* To ask again does not help, or harms. */
static void
an_error_that_does_not_pass_is_said_at_once(void **state)
{
	static const uint32_t codes[] = {RC_LOCKOUT, RC_OBJECT_HANDLES,
	    RC_LOCALITY, RC_FAILURE};
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct pcr_digests digests = digests_of("event");

	for (size_t i = 0; i < countof(codes); i++) {
		struct tpm_port port =
		    twisted_port(swtpm, &identity, TPM_CC_PCR_EXTEND,
			TWIST_CODE, codes[i], 1, SWTPM_TIMEOUT_MS);
		struct err err = {0};

		assert_refused(
		    port.ops->pcr_extend(port.tpm, 13, &digests, &err),
		    TPM_FAILED);
		assert_extended(&port, "event", 0);
		untwist(&port);
	}
}

/* More often than the TPM has room for sessions. */
static void
a_port_goes_on_after_answers_that_were_lost(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, "MLE");
	struct tpm_port port = twisted_port(swtpm, &identity, TPM_CC_PCR_EXTEND,
	    TWIST_GARBLE, 0, 5, SWTPM_TIMEOUT_MS);
	struct pcr_digests digests = digests_of("event");
	struct digest data = {{9}};
	struct err err = {0};

	swtpm_launch(swtpm, "MLE");
	for (int i = 1; i <= 5; i++) {
		/* Opens the other session too. */
		if (port.ops->log_extend(port.tpm, &data, &err) != 0)
			fail_msg("%s", err.text);
		assert_refused(
		    port.ops->pcr_extend(port.tpm, 13, &digests, &err),
		    TPM_UNREACHABLE);
		assert_extended(&port, "event", i);
	}
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err), 0);
	untwist(&port);
}

static void
a_port_goes_on_after_an_answer_that_was_forged(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct tpm_port port = twisted_port(swtpm, &identity, TPM_CC_PCR_EXTEND,
	    TWIST_FAKE_DONE, 0, 1, SWTPM_TIMEOUT_MS);
	struct pcr_digests digests = digests_of("event");
	struct err err = {0};

	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err),
	    TPM_RESPONSE_FORGED);
	assert_extended(&port, "event", 0);
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err), 0);
	assert_extended(&port, "event", 1);
	untwist(&port);
}

static void
another_key_after_a_failure_is_not_used(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct tpm_port port = twisted_port(swtpm, &identity, TPM_CC_PCR_EXTEND,
	    TWIST_GARBLE, 0, 1, SWTPM_TIMEOUT_MS);
	struct pcr_digests digests = digests_of("event");
	struct pcr_values values;
	struct err err = {0};

	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err),
	    TPM_UNREACHABLE);
	swtpm_shell(swtpm, "tpm2_evictcontrol -Q -C o -c 0x81000a51");
	assert_refused(port.ops->pcr_read(port.tpm, &values, &err),
	    TPM_NOT_PROVISIONED);
	swtpm_shell(swtpm, "tpm2_createprimary -Q -C o -c p && "
			   "tpm2_evictcontrol -Q -C o -c p 0x81000a51");
	assert_refused(port.ops->pcr_read(port.tpm, &values, &err),
	    TPM_KEY_NOT_PINNED);
	untwist(&port);
}

/* As a kernel's device does it: no command before the answer to the last one
 * was read. */
static bool is_busy;

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

ssize_t
__wrap_write(int fd, const void *bytes, size_t len)
{
	if (!is_busy)
		return __real_write(fd, bytes, len);
	is_busy = false;
	close(open("go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	errno = EBUSY;
	return -1;
}

static void
an_answer_that_comes_too_late_is_dropped(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct pcr_digests digests = digests_of("event");

	interposer_times = 1;
	for (int i = 1; i <= 2; i++) {
		struct interposer device = interposer_start_device(swtpm,
		    TPM_CC_PCR_EXTEND, TWIST_HOLD, 0);
		struct tpm_port port;
		struct err err = {0};

		assert_refused(tpm_port_esys_open(device.where, &identity, 2000,
				   &port, &err),
		    0);
		assert_refused(
		    port.ops->pcr_extend(port.tpm, 13, &digests, &err),
		    TPM_UNREACHABLE);
		/* It is there before the next command, or only then. */
		is_busy = i == 2;
		if (i == 1)
			close(open("go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		while (i == 1 && access("gone", F_OK) != 0)
			poll(NULL, 0, 5);
		assert_extended(&port, "event", i);
		assert_false(is_busy);
		tpm_port_close(&port);
		interposer_stop(&device);
		unlink("go");
		unlink("gone");
	}
	interposer_times = 0;
}

static void
calls_have_a_time_together(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct pcr_digests digests = digests_of("event");
	struct timespec start;
	struct err err = {0};

	kill(swtpm->pid, SIGSTOP);
	clock_gettime(CLOCK_MONOTONIC, &start);
	port.ops->time_limit(port.tpm, 2);
	for (int i = 0; i < 5; i++)
		assert_refused(
		    port.ops->pcr_extend(port.tpm, 13, &digests, &err),
		    TPM_UNREACHABLE);
	assert_true(seconds_since(&start) >= 1.9);
	assert_true(seconds_since(&start) < 2 + SWTPM_TIMEOUT_MS / 2000.0);
	kill(swtpm->pid, SIGCONT);
	/* What has no time left was not sent. */
	port.ops->time_limit(port.tpm, 0);
	assert_extended(&port, "event", 1);
	tpm_port_close(&port);
}

/* Somebody extends a register between the policy of the index and its use. */
static void
a_register_that_moves_does_not_close_the_log_index(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, "MLE");
	static const unsigned times[] = {1, 0};
	struct digest data = {{9}};

	swtpm_launch(swtpm, "MLE");
	for (size_t i = 0; i < countof(times); i++) {
		struct tpm_port port =
		    twisted_port(swtpm, &identity, TPM_CC_NV_EXTEND,
			TWIST_EXTEND, 0, times[i], SWTPM_TIMEOUT_MS);
		struct err err = {0};

		assert_refused(port.ops->log_extend(port.tpm, &data, &err),
		    times[i] == 1 ? 0 : TPM_FAILED);
		untwist(&port);
	}
}

static void
a_tpm_that_is_not_there_is_unreachable(void **state)
{
	static const char *const wheres[] = {"swtpm:path=/nowhere/tpm",
	    "device:/nowhere/tpm", "device:/dev/null", "mssim:", "",
	    "swtpm:path=tpm"};

	(void)state;
	for (size_t i = 0; i < countof(wheres); i++) {
		struct tpm_port port = {.tpm = &port};
		struct err err = {0};

		assert_refused(
		    tpm_port_esys_open(wheres[i], NULL, 500, &port, &err),
		    TPM_UNREACHABLE);
		assert_null(port.ops);
	}
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, enter_swtpm, leave_swtpm)
	const struct CMUnitTest tests[] = {
	    TEST(a_register_is_extended_in_both_banks),
	    TEST(without_an_identity_registers_can_be_read_and_extended),
	    TEST(a_quote_is_what_tpm2_checkquote_accepts),
	    TEST(the_public_keys_are_those_of_the_handles),
	    TEST(an_ek_certificate_is_read_whole_or_is_empty),
	    TEST(an_ek_certificate_is_read_without_its_padding),
	    TEST(the_counter_counts_up_from_its_base),
	    TEST(the_log_index_is_written_after_its_launch_only),
	    TEST(the_certified_log_is_the_hash_of_what_was_written),
	    TEST(the_log_index_begins_anew_with_each_reset),
	    TEST(without_a_log_index_there_is_nothing_to_write),
	    TEST(another_name_than_the_pinned_one_is_refused),
	    TEST(a_port_can_be_given_its_identity_later),
	    TEST(an_identity_of_another_tpm_is_not_taken_later_either),
	    TEST(a_port_that_was_pinned_believes_no_forged_answer),
	    TEST(a_device_is_spoken_to_as_a_socket_is),
	    TEST(a_tpm_that_dies_is_an_error_at_once),
	    TEST(a_tpm_that_was_reset_is_an_error),
	    TEST(a_tpm_that_does_not_answer_is_given_up),
	    TEST(a_command_that_is_put_off_is_sent_again),
	    TEST(a_command_that_is_put_off_too_long_is_an_error_by_name),
	    TEST(an_error_that_does_not_pass_is_said_at_once),
	    TEST(a_port_goes_on_after_answers_that_were_lost),
	    TEST(a_port_goes_on_after_an_answer_that_was_forged),
	    TEST(another_key_after_a_failure_is_not_used),
	    TEST(an_answer_that_comes_too_late_is_dropped),
	    TEST(calls_have_a_time_together),
	    TEST(a_register_that_moves_does_not_close_the_log_index),
	    cmocka_unit_test(a_tpm_that_is_not_there_is_unreachable),
	};

	return cmocka_run_group_tests_name("tpm_port_esys", tests, NULL, NULL);
}
