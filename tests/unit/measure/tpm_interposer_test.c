/*
 * Somebody on the way to the TPM who forges, drops or reads: what he gets.
 */
#include "tpm_interposer.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/scope.h"
#include "measure/tpm/tpm_port_esys.h"

/* TPM_CC, TPM 2.0 Part 2. */
enum {
	NV_INCREMENT = 0x134,
	NV_EXTEND = 0x136,
	NV_READ = 0x14e,
	QUOTE = 0x158,
	READ_PUBLIC = 0x173,
	START_AUTH_SESSION = 0x176,
	PCR_READ = 0x17e,
	PCR_EXTEND = 0x182,
};

static const struct digest extra = {"the extra data of a quote......"};

/* One of each command, as far as the index `step`. */
static int
run_step(const struct tpm_port *port, uint32_t command, struct err *err)
{
	struct pcr_digests digests = {0};
	struct pcr_values values;
	struct tpm_quote quote;
	uint64_t count;

	switch (command) {
	case PCR_EXTEND:
		return port->ops->pcr_extend(port->tpm, 13, &digests, err);
	case PCR_READ:
		return port->ops->pcr_read(port->tpm, &values, err);
	case NV_READ:
		return port->ops->counter_read(port->tpm, &count, err);
	case NV_INCREMENT:
		return port->ops->counter_increment(port->tpm, err);
	case NV_EXTEND:
		return port->ops->log_extend(port->tpm, &extra, err);
	default:
		return port->ops->quote(port->tpm, &extra, &quote, err);
	}
}

static void
forged_or_dropped_commands_are_noticed(void **state)
{
	static const uint32_t commands[] = {PCR_EXTEND, PCR_READ, NV_READ,
	    NV_INCREMENT, NV_EXTEND, QUOTE};
	static const enum interposer_twist twists[] = {TWIST_LAST_BYTE,
	    TWIST_FAKE_DONE};
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, "MLE");

	swtpm_launch(swtpm, "MLE");
	for (size_t i = 0; i < countof(commands) * countof(twists); i++) {
		uint32_t command = commands[i / countof(twists)];
		struct interposer interposer = interposer_start(swtpm, command,
		    twists[i % countof(twists)], 0);
		struct tpm_port port;
		struct err err = {0};

		assert_refused(tpm_port_esys_open(interposer.where, &identity,
				   SWTPM_TIMEOUT_MS, &port, &err),
		    0);
		assert_refused(run_step(&port, command, &err),
		    TPM_RESPONSE_FORGED);
		tpm_port_close(&port);
		interposer_stop(&interposer);
		/* The session of a broken port stays until the TPM has to make
		 * room; a kernel's resource manager does that. */
		swtpm_shell(swtpm, "tpm2_flushcontext -l");
	}
}

/* The name says the pinned key; the key is another. */
static void
a_key_under_a_false_name_is_noticed(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, NULL);
	/* Behind header, size, type, name algorithm and attributes. */
	struct interposer interposer =
	    interposer_start(swtpm, READ_PUBLIC, TWIST_BYTE, 40);
	struct tpm_port port;
	struct err err = {0};

	assert_refused(tpm_port_esys_open(interposer.where, &identity,
			   SWTPM_TIMEOUT_MS, &port, &err),
	    TPM_RESPONSE_FORGED);
	interposer_stop(&interposer);
}

static void
what_is_to_be_signed_or_stored_does_not_pass_in_the_clear(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, "MLE");
	struct interposer interposer =
	    interposer_start(swtpm, 0, TWIST_RECORD, 0);
	struct tpm_attestation attestation;
	CLEANUP(freep) char *wire = NULL;
	struct tpm_port port;
	size_t len;
	struct err err = {0};

	swtpm_launch(swtpm, "MLE");
	assert_refused(tpm_port_esys_open(interposer.where, &identity,
			   SWTPM_TIMEOUT_MS, &port, &err),
	    0);
	assert_refused(run_step(&port, QUOTE, &err), 0);
	assert_refused(run_step(&port, NV_EXTEND, &err), 0);
	assert_refused(
	    port.ops->log_certify(port.tpm, &extra, &attestation, &err), 0);
	tpm_port_close(&port);
	interposer_stop(&interposer);
	assert_refused(file_read("wire", 1 << 20, &wire, &len, &err), 0);
	assert_true(len > 1000);
	assert_null(memmem(wire, len, extra.bytes, 16));
	/* The search sees what is there: the name of the AK. */
	assert_non_null(memmem(wire, len, identity.ak.name.bytes, 34));
}

static uint32_t
number_at(struct bytes bytes, size_t offset, size_t len)
{
	uint32_t number = 0;

	assert_true(offset + len <= bytes.len);
	for (size_t i = 0; i < len; i++)
		number = number << 8 | bytes.ptr[offset + i];
	return number;
}

/* TPM2_StartAuthSession, TPM 2.0 Part 3: behind the header the key, an entity,
 * nonceCaller and encryptedSalt, the last two with their sizes. */
static void
assert_salted(struct bytes command, uint32_t key)
{
	size_t nonce_len = number_at(command, 18, 2);

	assert_int_equal(number_at(command, 10, 4), key);
	assert_in_range(number_at(command, 20 + nonce_len, 2), 32, 512);
}

/* One without a salt would have no secret that somebody in between lacks. */
static void
every_session_is_salted_to_the_pinned_key(void **state)
{
	const struct swtpm *swtpm = *state;
	struct tpm_identity identity = swtpm_provision(swtpm, "MLE");
	struct interposer interposer =
	    interposer_start(swtpm, START_AUTH_SESSION, TWIST_RECORD, 0);
	CLEANUP(freep) char *wire = NULL;
	struct tpm_port port;
	size_t sessions = 0;
	size_t at = 0;
	size_t len;
	struct err err = {0};

	swtpm_launch(swtpm, "MLE");
	assert_refused(tpm_port_esys_open(interposer.where, &identity,
			   SWTPM_TIMEOUT_MS, &port, &err),
	    0);
	assert_refused(run_step(&port, NV_EXTEND, &err), 0);
	tpm_port_close(&port);
	interposer_stop(&interposer);
	assert_refused(file_read("wire", 1 << 20, &wire, &len, &err), 0);
	for (; at < len; sessions++) {
		struct bytes all = bytes_of(wire, len);

		assert_salted(bytes_of(wire + at, len - at),
		    identity.salt.handle);
		at += number_at(all, at + 2, 4); /* the command */
		assert_int_equal(number_at(all, at + 6, 4), 0);
		at += number_at(all, at + 2, 4); /* and its answer */
	}
	/* For all commands, and for the policy of the log index. */
	assert_int_equal(sessions, 2);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, enter_swtpm, leave_swtpm)
	const struct CMUnitTest tests[] = {
	    TEST(forged_or_dropped_commands_are_noticed),
	    TEST(a_key_under_a_false_name_is_noticed),
	    TEST(what_is_to_be_signed_or_stored_does_not_pass_in_the_clear),
	    TEST(every_session_is_salted_to_the_pinned_key),
	};

	return cmocka_run_group_tests_name("tpm_interposer", tests, NULL, NULL);
}
