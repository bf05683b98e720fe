/*
 * The tpm role with a TPM: swtpm behind a device, in which `assay tpm
 * provision` made the keys and the log index, after a dynamic launch. Sandbox,
 * sessions, log, quote and verification are real.
 */
#include "builder/front/attest_json.h"
#include "role_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "measure/event_log.h"
#include "measure/verify/evidence_assemble.h"
#include "measure/verify/evidence_verify.h"
#include "measure_fixture.h"
#include "swtpm_fixture.h"
#include "tpm_interposer.h"

/* TPM_CC, TPM 2.0 Part 2. */
enum {
	NV_EXTEND = 0x136,
	NV_READ = 0x14e,
	QUOTE = 0x158,
	PCR_READ = 0x17e,
	PCR_EXTEND = 0x182,
	NV_CERTIFY = 0x184,
};

/* TPM_RC. */
enum { RC_FAILURE = 0x101, RC_NV_RATE = 0x920 };

/* Of an answer: tag, size, code, size of the parameters. */
enum { PARAMETERS_AT = 2 + 4 + 4 + 4 };

#define NONCE "00112233445566778899aabbccddeeff"

static struct swtpm *swtpm;
static struct interposer device;
static struct tpm_identity identity;
static size_t builds_told; /* by the last evidence that was verified */

static void
write_policy(const char *const *codes, size_t count)
{
	char payload[512];
	size_t len = (size_t)snprintf(payload, sizeof(payload),
	    "{\"schema\":\"assay.boot-policy/1\",\"version\":1,\"releases\":"
	    "[{\"name\":\"2026.11\",\"registers\":{\"sha256\":{\"17\":[");

	for (size_t i = 0; i < count; i++) {
		struct pcr_values values = swtpm_launched(codes[i]);
		char hex[PCR_HEX_SIZE];

		pcr_digest_hex(PCR_SHA256, &values.value[PCR_SHA256][17], hex);
		len += (size_t)snprintf(payload + len, sizeof(payload) - len,
		    "%s\"%s\"", i > 0 ? "," : "", hex);
	}
	snprintf(payload + len, sizeof(payload) - len, "]}}}]}");
	role_write_boot_policy(payload);
}

/* Launched as the log index was made for, and the role's TPM is in between. */
static int
setup(void **state)
{
	static const char *const codes[] = {"MLE"};

	if (enter_swtpm(state) != 0)
		return -1;
	swtpm = *state;
	identity = swtpm_provision(swtpm, "MLE");
	device = interposer_start_device(swtpm, INTERPOSER_NO_COMMAND,
	    TWIST_RECORD, 0);
	role_setup(device.where);
	role.config.measure.has_dynamic_launch = true;
	role_write_identity(&identity);
	write_policy(codes, countof(codes));
	swtpm_launch(swtpm, "MLE");
	return 0;
}

static int
teardown(void **state)
{
	role_teardown();
	interposer_stop(&device);
	return leave_swtpm(state);
}

static void
interpose(uint32_t command, enum interposer_twist twist, size_t offset)
{
	interposer_stop(&device);
	device = interposer_start_device(swtpm, command, twist, offset);
	role_use_tpm(device.where);
}

/* What the role said no to may have left a session: there is no resource
 * manager here. */
static void
end_with_sessions(void)
{
	role_end();
	swtpm_shell(swtpm, "tpm2_flushcontext -l");
}

static struct event
build(void)
{
	return good_event(EVENT_BUILD);
}

/* --- evidence ---------------------------------------------------------- */

static const struct digest context = {{0xc0}}; /* of the channel, say */

static struct sealed *
ask_for(enum tpm_request_kind kind)
{
	struct tpm_request call = {.kind = kind};
	struct sealed *attached = NULL;
	struct tpm_answer answer;
	size_t len;

	if (kind == TPM_REQUEST_QUOTE) {
		call.attest_request.nonce_len = strlen(NONCE) / 2;
		call.attest_request.context = context;
		assert_true(evidence_nonce_from_hex(NONCE,
		    call.attest_request.nonce, &len));
	}
	assert_code(role_ask(&call, &answer, &attached), 0);
	return attached;
}

/* As the front and `assay attest` do it. */
static void
attest(struct evidence *ret_evidence)
{
	CLEANUP(sealed_freep) struct sealed *quote = ask_for(TPM_REQUEST_QUOTE);
	CLEANUP(sealed_freep) struct sealed *log = ask_for(TPM_REQUEST_LOG);
	const struct evidence_question question = {NONCE, &context};
	json_t *reply;
	struct err err = {0};

	assert_true(attest_reply_is_whole(sealed_bytes(quote)));
	reply = attest_reply_encode((const void *)sealed_bytes(quote).ptr);
	if (evidence_assemble(reply, sealed_bytes(log), &question, ret_evidence,
		&err) != 0)
		fail_msg("%s", err.text);
	json_decref(reply);
}

/* A verifier that knows the index's name and the launch. */
static int
verify(const struct tpm_name *nv_name, struct evidence_verdict *verdict)
{
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	CLEANUP(digest_list_done) struct digest_list images = {.count = 0};
	struct pcr_values launch = swtpm_launched("MLE");
	struct prediction release = {.values = launch};
	struct event event = build();
	struct evidence_reference reference = {
	    .context = context,
	    .ak = identity.ak.name,
	    .pcr = ROLE_PCR,
	    .releases = &release,
	    .release_count = 1,
	    .images = &images,
	    .nv_names = nv_name,
	    .nv_name_count = 1,
	};
	struct err err = {0};
	int code;

	attest(&evidence);
	reference.nonce = bytes_of(evidence.nonce, evidence.nonce_len);
	assert_code(
	    digest_list_add(&images, &event.as.build.envelope, "web 1", &err),
	    0);
	code = evidence_verify(&evidence, &reference, verdict, &err);
	if (code != 0)
		print_message("%s: %s\n", err_name(err.code), err.text);
	builds_told = verdict->history.domain_count;
	evidence_verdict_done(verdict);
	return code;
}

static void
assert_verified(size_t builds)
{
	struct evidence_verdict verdict = {.release = 9};

	assert_code(verify(&identity.log.name, &verdict), 0);
	assert_true(verdict.has_nv);
	assert_int_equal(builds_told, builds);
	assert_int_equal(verdict.history.unmeasured_count, 0);
}

static void
a_dynamic_launch_is_on_record_and_a_verifier_believes_it(void **state)
{
	struct evidence_verdict verdict = {.release = 9};
	struct tpm_name other = identity.log.name;
	struct event event = build();
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_verified(0);
	assert_code(role_record_event(&event, &recorded), 0);
	assert_verified(1);
	/* The verifier decides which index is the launch's. */
	other.bytes[TPM_NAME_BYTES - 1] ^= 1;
	assert_code(verify(&other, &verdict), EVIDENCE_NV_MISMATCH);
	assert_int_equal(role_end(), 0);
	/* And goes on, with an index that was written. */
	assert_code(role_start_code(), 0);
	event.as.build.uuid[0] ^= 1;
	assert_code(role_record_event(&event, &recorded), 0);
	assert_verified(2);
}

/* --- another launch ---------------------------------------------------- */

static void
another_launch_is_refused_at_start(void **state)
{
	static const char *const codes[] = {"MLE", "other"};

	(void)state;
	swtpm_launch(swtpm, "other");
	assert_code(role_start_code(), PLATFORM_NOT_TRUSTED);
	end_with_sessions();
	/* Nor can a boot policy that allows it open the index. */
	write_policy(codes, countof(codes));
	assert_code(role_start_code(), TPM_POLICY_UNMET);
	end_with_sessions();
	assert_code(role_start_code(), TPM_POLICY_UNMET);
	end_with_sessions();
	assert_int_equal(role_logged("\"ev\":\"start\""), 1);
}

static void
another_launch_meanwhile_ends_all_building(void **state)
{
	struct event event = build();
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	swtpm_launch(swtpm, "other");
	assert_code(role_record_event(&event, &recorded), TPM_POLICY_UNMET);
	swtpm_launch(swtpm, "MLE");
	assert_code(role_record_event(&event, &recorded), TPM_POLICY_UNMET);
	end_with_sessions();
	/* Back in the launch that the index is for, what it missed is made up
	 * for. */
	assert_code(role_start_code(), 0);
	assert_verified(1);
}

/* --- what others extended, and what was missed -------------------------- */

static void
extend_as_somebody_else(bool register_too, bool index_too, const char *text)
{
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct pcr_digests digests;
	struct digest data;
	struct err err = {0};

	assert_code(pcr_digests_of(bytes_of_str(text), &digests, &err), 0);
	memcpy(data.bytes, digests.bank[PCR_SHA256].bytes, DIGEST_BYTES);
	if (register_too)
		assert_code(
		    port.ops->pcr_extend(port.tpm, ROLE_PCR, &digests, &err),
		    0);
	if (index_too)
		assert_code(port.ops->log_extend(port.tpm, &data, &err), 0);
	tpm_port_close(&port);
}

static void
an_index_that_was_written_before_the_first_start_is_found_out(void **state)
{
	(void)state;
	extend_as_somebody_else(false, true, "event");
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
}

static void
a_register_that_was_extended_before_the_first_start_is_found_out(void **state)
{
	(void)state;
	extend_as_somebody_else(true, false, "event");
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
}

static void
an_index_that_was_written_between_two_runs_is_found_out(void **state)
{
	struct event event = build();
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(role_record_event(&event, &recorded), 0);
	assert_int_equal(role_end(), 0);
	extend_as_somebody_else(false, true, "event");
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
}

/* As if the role had died after it, with the index extended or not. */
static void
log_only(const struct event *event, bool register_too)
{
	CLEANUP(event_log_closep) struct event_log *log = NULL;
	uint8_t bytes[EVENT_BYTES];
	size_t len = event_encode(event, bytes);
	struct tpm_port port = swtpm_port(swtpm, &identity);
	struct pcr_digests digests;
	struct err err = {0};

	assert_code(
	    event_log_open("measure.log", LIMIT_EVENT_LOG_BYTES, &log, &err),
	    0);
	assert_code(event_log_append(log, ROLE_PCR, bytes_of(bytes, len),
			&digests, &err),
	    0);
	if (register_too)
		assert_code(
		    port.ops->pcr_extend(port.tpm, ROLE_PCR, &digests, &err),
		    0);
	tpm_port_close(&port);
}

static void
the_last_event_is_extended_where_it_is_missing(void **state)
{
	struct event event = build();
	struct recorded recorded;

	(void)state;
	for (int register_too = 0; register_too < 2; register_too++) {
		assert_code(role_start_code(), 0);
		event.as.build.uuid[0]++;
		assert_code(role_record_event(&event, &recorded), 0);
		kill(role.pid, SIGKILL);
		end_with_sessions();
		event.as.build.uuid[0]++;
		event.sequence = recorded.sequence + 1;
		log_only(&event, register_too != 0);
		assert_code(role_start_code(), 0);
		assert_verified(2 * (size_t)register_too + 2);
		assert_int_equal(role_end(), 0);
	}
}

/* --- a TPM that fails for a while -------------------------------------- */

/* The answer to the n-th such command, and to all before it. */
static void
interpose_times(uint32_t command, enum interposer_twist twist, size_t offset,
    unsigned times)
{
	interposer_times = times;
	interpose(command, twist, offset);
	interposer_times = 0;
}

/* In the sandbox a new session is begun, and the registers say the rest. */
static void
an_answer_that_is_lost_costs_nothing(void **state)
{
	static const uint32_t commands[] = {PCR_READ, NV_READ, PCR_EXTEND,
	    NV_EXTEND};
	struct event event = build();
	struct recorded recorded;

	(void)state;
	for (size_t i = 0; i < countof(commands); i++) {
		/* Of the start, and of the build. */
		interpose_times(commands[i], TWIST_GARBLE, 0, 2);
		assert_code(role_start_code(), 0);
		event.as.build.uuid[0]++;
		assert_code(role_record_event(&event, &recorded), 0);
		assert_verified(i + 1);
		end_with_sessions();
	}
}

static void
a_command_that_is_put_off_costs_nothing(void **state)
{
	static const uint32_t commands[] = {PCR_READ, NV_READ, PCR_EXTEND,
	    NV_EXTEND};

	(void)state;
	for (size_t i = 0; i < countof(commands); i++) {
		interpose_times(commands[i], TWIST_CODE, RC_NV_RATE, 3);
		assert_code(role_start_code(), 0);
		assert_verified(0);
		end_with_sessions();
	}
}

static void
a_tpm_that_says_no_for_a_while_costs_the_builds_of_that_while(void **state)
{
	/* The start's, then three tries; three more before the build. */
	enum { START = 1 + 3, BUILD = 3 };
	struct event event = build();
	struct recorded recorded;

	(void)state;
	interpose_times(PCR_EXTEND, TWIST_CODE, RC_FAILURE, START + BUILD);
	assert_code(role_start_code(), 0);
	assert_code(role_record_event(&event, &recorded), TPM_FAILED);
	assert_false(recorded.is_logged);
	assert_false(recorded.is_broken);
	assert_int_equal(role_logged("\"ev\":\"build\""), 0);
	assert_code(role_record_event(&event, &recorded), 0);
	assert_int_equal(recorded.sequence, 2);
	assert_verified(1);
}

/* --- somebody on the way to the TPM ------------------------------------ */

static void
answers_that_are_not_the_tpms_are_noticed(void **state)
{
	static const struct {
		uint32_t command;
		enum interposer_twist twist;
		enum err_code code;
	} cases[] = {
	    {PCR_READ, TWIST_LAST_BYTE, TPM_RESPONSE_FORGED},
	    {PCR_READ, TWIST_FAKE_DONE, TPM_RESPONSE_FORGED},
	    {NV_READ, TWIST_LAST_BYTE, TPM_RESPONSE_FORGED},
	    {NV_READ, TWIST_FAKE_DONE, TPM_RESPONSE_FORGED},
	    {PCR_EXTEND, TWIST_FAKE_DONE, TPM_RESPONSE_FORGED},
	    {NV_EXTEND, TWIST_FAKE_DONE, TPM_RESPONSE_FORGED},
	    {PCR_EXTEND, TWIST_LAST_BYTE, TPM_RESPONSE_FORGED},
	    {NV_EXTEND, TWIST_LAST_BYTE, TPM_RESPONSE_FORGED},
	};

	(void)state;
	assert_code(role_start_code(), 0);
	end_with_sessions();
	for (size_t i = 0; i < countof(cases); i++) {
		interpose(cases[i].command, cases[i].twist, 0);
		assert_code(role_start_code(), cases[i].code);
		end_with_sessions();
		/* Nothing is broken for good by it. */
		interpose(INTERPOSER_NO_COMMAND, TWIST_RECORD, 0);
		assert_code(role_start_code(), 0);
		assert_verified(0);
		end_with_sessions();
	}
}

static void
a_forged_quote_is_not_handed_out(void **state)
{
	static const uint32_t commands[] = {QUOTE, NV_CERTIFY};
	struct tpm_request call = {
	    .kind = TPM_REQUEST_QUOTE,
	    .attest_request.nonce_len = EVIDENCE_NONCE_MIN_BYTES,
	};

	(void)state;
	for (size_t i = 0; i < countof(commands); i++) {
		struct tpm_answer answer;

		interpose(commands[i], TWIST_BYTE, PARAMETERS_AT + 8);
		assert_code(role_start_code(), 0);
		assert_code(role_ask(&call, &answer, NULL),
		    TPM_RESPONSE_FORGED);
		end_with_sessions();
	}
}

/* What is read there is not what is extended into the index. */
static void
what_goes_into_the_index_cannot_be_read_on_the_way(void **state)
{
	CLEANUP(buffer_done) struct buffer wire = {0};
	struct event event = build();
	struct recorded recorded;

	(void)state;
	interpose(NV_EXTEND, TWIST_RECORD, 0);
	assert_code(role_start_code(), 0);
	assert_code(role_record_event(&event, &recorded), 0);
	wire = read_file("wire");
	assert_true(wire.len > DIGEST_BYTES);
	assert_null(memmem(wire.ptr, wire.len, recorded.measurement.bytes,
	    DIGEST_BYTES));
}

#define swtpm_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    swtpm_test(
		a_dynamic_launch_is_on_record_and_a_verifier_believes_it),
	    swtpm_test(another_launch_is_refused_at_start),
	    swtpm_test(another_launch_meanwhile_ends_all_building),
	    swtpm_test(
		an_index_that_was_written_before_the_first_start_is_found_out),
	    swtpm_test(
		a_register_that_was_extended_before_the_first_start_is_found_out),
	    swtpm_test(an_index_that_was_written_between_two_runs_is_found_out),
	    swtpm_test(the_last_event_is_extended_where_it_is_missing),
	    swtpm_test(an_answer_that_is_lost_costs_nothing),
	    swtpm_test(a_command_that_is_put_off_costs_nothing),
	    swtpm_test(
		a_tpm_that_says_no_for_a_while_costs_the_builds_of_that_while),
	    swtpm_test(answers_that_are_not_the_tpms_are_noticed),
	    swtpm_test(a_forged_quote_is_not_handed_out),
	    swtpm_test(what_goes_into_the_index_cannot_be_read_on_the_way),
	};

	return cmocka_run_group_tests_name("tpm_role_swtpm", tests, NULL, NULL);
}
