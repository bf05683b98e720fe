/*
 * The tpm role as a process of its own, asked over its link; log, signatures
 * and sandbox are real, the TPM is the fake.
 */
#include "builder/supervisor/platform_allows.h"
#include "link_trials.h"
#include "role_fake.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/file.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/tpm_link.h"
#include "builder/tpm/tpm_role_state.h"
#include "keys/dsse.h"
#include "measure/verify/evidence_log.h"
#include "measure/verify/evidence_rules.h"

/* --- a policy that takes over who reads it ---------------------------- */

static pid_t test_pid;
static bool is_hostile;

int __real_trust_decode(struct bytes text, struct trust_policy **ret_policy,
    struct err *err);
int __wrap_trust_decode(struct bytes text, struct trust_policy **ret_policy,
    struct err *err);

/* In the role it opens a file, which its sandbox does not allow. */
int
__wrap_trust_decode(struct bytes text, struct trust_policy **ret_policy,
    struct err *err)
{
	if (is_hostile && getpid() != test_pid)
		(void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
	return __real_trust_decode(text, ret_policy, err);
}

static void
a_trust_policy_is_looked_at_in_the_sandbox(void **state)
{
	int status;

	(void)state;
	test_pid = getpid();
	is_hostile = true;
	role_begin();
	is_hostile = false;
	status = role_end();
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* The supervisor has no mark of it then, and does not go on. */
static void
a_trust_policy_or_a_chain_that_is_none_ends_the_role(void **state)
{
	(void)state;
	strcpy(role.config.trust_updates, "updates");
	write_file("updates", bytes_of_str("{}\n"));
	role_begin();
	assert_int_equal(WEXITSTATUS(role_end()), 1);
	assert_int_equal(unlink("updates"), 0);
	role_begin();
	assert_int_equal(WEXITSTATUS(role_end()), 1);
	role.config.trust_updates[0] = '\0';
	sealed_freep(&role.root);
	assert_code(sealed_from_bytes("policy", bytes_of_str("{}"), &role.root,
			&(struct err){0}),
	    0);
	role_begin();
	assert_int_equal(WEXITSTATUS(role_end()), 1);
	assert_int_equal(role_logged("\"ev\":\"start\""), 0);
}

/* --- what it finds ---------------------------------------------------- */

static void
a_host_as_the_policy_says_is_trusted(void **state)
{
	struct platform platform = role_start();
	struct err err;

	(void)state;
	assert_code(platform_allows(&platform, &err), 0);
	assert_true(platform.has_tpm);
	assert_string_equal(platform.release, "2026.11");
	assert_int_equal(platform.pcr, ROLE_PCR);
	assert_true(platform.has_epoch_floor);
	assert_int_equal(platform.epoch_floor, 7);
	assert_int_equal(role_end(), 0);
	assert_int_equal(role_logged("\"ev\":\"start\""), 1);
	assert_int_equal(role_logged("\"development\":false"), 1);
	assert_int_equal(role_logged("\"ev\":\"stop\""), 1);
	assert_register_is_the_log();
}

static void
a_host_of_another_release_is_not_trusted(void **state)
{
	(void)state;
	role_write_boot_policy(POLICY_OF(OTHER));
	assert_code(role_start_code(), PLATFORM_NOT_TRUSTED);
	/* That it ran there is on record all the same. */
	assert_int_equal(role_end(), 0);
	assert_int_equal(role_logged("\"ev\":\"start\""), 1);
	assert_register_is_the_log();
}

static void
a_register_in_which_nothing_was_measured_is_not_trusted(void **state)
{
	(void)state;
	memset(&fake->values.value[PCR_SHA256][4], 0, PCR_MAX_BYTES);
	assert_code(role_start_code(), PLATFORM_NOT_MEASURED);
}

static void
a_host_without_a_policy_is_not_trusted(void **state)
{
	(void)state;
	assert_int_equal(unlink("boot-policy.dsse"), 0);
	assert_code(role_start_code(), BOOT_POLICY_MISSING);
}

static void
a_policy_of_a_stranger_is_not_believed(void **state)
{
	CLEANUP(freep)
	char *text = sign_payload(SIGNER_PROD, DSSE_BOOT_POLICY_PAYLOAD_TYPE,
	    POLICY_OF(GOOD));

	(void)state;
	write_file("boot-policy.dsse", bytes_of_str(text));
	assert_code(role_start_code(), THRESHOLD_NOT_MET);
}

static void
a_register_that_was_extended_before_is_found_out(void **state)
{
	struct recorded recorded;

	(void)state;
	fake->values.value[PCR_SHA384][ROLE_PCR].bytes[0] = 1;
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
	(void)recorded;
}

static void
a_log_of_this_boot_is_continued(void **state)
{
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
	assert_int_equal(role_end(), 0);
	assert_code(role_start_code(), 0);
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
	assert_int_equal(recorded.sequence, 2);
	assert_int_equal(role_end(), 0);
	assert_register_is_the_log();

	/* A line less, and it is not the register's log any more. */
	assert_int_equal(unlink("measure.log"), 0);
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
}

static void
a_tpm_that_does_not_answer_is_no_platform(void **state)
{
	(void)state;
	open_fails = TPM_UNREACHABLE;
	assert_code(role_start_code(), TPM_UNREACHABLE);
	role_end();
	open_fails = ERR_NONE;
	pin_fails = TPM_KEY_NOT_PINNED;
	assert_code(role_start_code(), TPM_KEY_NOT_PINNED);
	role_end();
	pin_fails = ERR_NONE;
	strcpy(fake->fail_operation, "pcr_read");
	assert_code(role_start_code(), TPM_FAILED);
	role_end();
	strcpy(fake->fail_operation, "counter_read");
	assert_code(role_start_code(), TPM_FAILED);
}

static void
an_identity_that_is_broken_is_refused(void **state)
{
	(void)state;
	write_file("tpm.json", bytes_of_str("{}"));
	assert_code(role_start_code(), TPM_IDENTITY_MALFORMED);
	role_end();
	assert_int_equal(unlink("tpm.json"), 0);
	assert_code(role_start_code(), STORE_IO);
}

/* It lies where others may write, and the role reads it before it drops what it
 * may do. Nobody writes into the FIFO; the role has an alarm. */
static void
assert_only_a_regular_file(const char *path)
{
	assert_int_equal(rename(path, "moved"), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_code(role_start_code(), STORE_IO);
	role_end();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_code(role_start_code(), STORE_IO);
	role_end();
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_code(role_start_code(), STORE_IO);
	role_end();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("moved", path), 0);
	assert_code(role_start_code(), STORE_IO);
	role_end();
	assert_int_equal(rename("moved", path), 0);
}

static void
what_lies_beside_the_image_is_a_regular_file(void **state)
{
	(void)state;
	assert_only_a_regular_file("tpm.json");
	assert_only_a_regular_file("boot-policy.dsse");
}

static void
development_is_allowed_and_on_record(void **state)
{
	struct platform platform;
	struct recorded recorded;
	struct err err;

	(void)state;
	role.is_development = true;
	role_write_boot_policy(POLICY_OF(OTHER));
	platform = role_start();
	assert_code(platform_allows(&platform, &err), 0);
	assert_int_equal(platform.why.code, PLATFORM_NOT_TRUSTED);
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
	assert_int_equal(role_end(), 0);
	assert_int_equal(role_logged("\"development\":true"), 1);
	assert_register_is_the_log();
}

/* Only a TPM is needed for that: whatever else is missing. */
static void
development_is_on_record_without_an_identity_too(void **state)
{
	struct platform platform;
	struct recorded recorded;

	(void)state;
	role.is_development = true;
	assert_int_equal(unlink("tpm.json"), 0);
	platform = role_start();
	assert_true(platform.has_tpm);
	assert_int_equal(platform.why.code, STORE_IO);
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
	assert_int_equal(role_end(), 0);
	assert_int_equal(calls_of("pcr_extend"), 3);
	assert_int_equal(role_logged("\"development\":true"), 1);
	assert_register_is_the_log();
}

/* Others may write there. */
static void
inputs_that_are_no_files_or_too_long_are_refused(void **state)
{
	static char junk[LIMIT_ENVELOPE_BYTES + 1];

	(void)state;
	write_file("boot-policy.dsse", bytes_of(junk, sizeof(junk)));
	assert_code(role_start_code(), ENVELOPE_TOO_LARGE);
	role_end();
	assert_int_equal(unlink("boot-policy.dsse"), 0);
	assert_int_equal(mkfifo("boot-policy.dsse", 0600), 0);
	assert_code(role_start_code(), STORE_IO);
	role_end();
	write_file("tpm.json", bytes_of(junk, sizeof(junk)));
	assert_code(role_start_code(), TPM_IDENTITY_MALFORMED);
	role_end();
	assert_register_is_the_log();
}

static void
development_needs_no_tpm(void **state)
{
	struct recorded recorded;

	(void)state;
	role.is_development = true;
	role.config.measure.is_set = false;
	assert_code(role_start_code(), 0);
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
	assert_int_equal(recorded.sequence, 2);
	assert_int_equal(fake->call_count, 0);
}

/* --- what it puts on record ------------------------------------------- */

static void
an_event_is_in_the_log_before_it_is_in_the_tpm(void **state)
{
	struct recorded recorded;
	char hex[DIGEST_HEX_SIZE];
	char call[96];

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
	assert_int_equal(recorded.sequence, 2);
	digest_hex(&recorded.measurement, hex);
	snprintf(call, sizeof(call), "pcr_extend 13 %s", hex);
	assert_int_equal(calls_of(call), 1);
	assert_int_equal(role_logged("\"ev\":\"build\",\"seq\":2"), 1);

	/* The TPM fails: it is in the log, so it was there before. */
	strcpy(fake->fail_operation, "pcr_extend");
	assert_code(role_record(EVENT_BUILD, &recorded), TPM_FAILED);
	assert_int_equal(role_logged("\"ev\":\"build\",\"seq\":3"), 1);
}

/* A supervisor that ends reads no answers any more: with some unread, Linux
 * says "connection reset" before it hands out what was sent before. */
static void
what_was_said_before_the_end_is_on_record(void **state)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_EVENT,
	    .event = {.kind = EVENT_DESTROY},
	};
	struct pollfd answered;
	struct err err;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(ipc_send(role.link, &call, sizeof(call), -1, &err), 0);
	answered = (struct pollfd){.fd = role.link, .events = POLLIN};
	assert_int_equal(poll(&answered, 1, 10000), 1);
	assert_int_equal(kill(role.pid, SIGSTOP), 0);
	for (int i = 0; i < 4; i++)
		assert_code(ipc_send(role.link, &call, sizeof(call), -1, &err),
		    0);
	close(role.link);
	role.link = -1;
	assert_int_equal(kill(role.pid, SIGCONT), 0);
	role_end();
	assert_int_equal(role_logged("\"ev\":\"destroy\""), 5);
	assert_int_equal(role_logged("\"ev\":\"stop\""), 1);
	assert_register_is_the_log();
}

static void
a_dynamic_launch_is_on_record_in_its_index_too(void **state)
{
	struct recorded recorded;
	char hex[DIGEST_HEX_SIZE];
	char call[96];

	(void)state;
	role.config.measure.has_dynamic_launch = true;
	assert_code(role_start_code(), TPM_NOT_PROVISIONED); /* no index */
	role_end();
	write_identity(true);
	fake->has_log = true;
	/* What was on record before is not in the index. */
	assert_code(role_start_code(), LOG_REGISTER_CHANGED);
	role_end();

	reset_tpm();
	assert_code(role_start_code(), TPM_POLICY_UNMET); /* no launch */
	role_end();
	assert_code(role_start_code(), TPM_POLICY_UNMET);
	role_end();
	assert_int_equal(role_logged("\"ev\":\"start\""), 1);
	fake->is_launched = true;
	assert_code(role_start_code(), 0);
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
	digest_hex(&recorded.measurement, hex);
	snprintf(call, sizeof(call), "log_extend %s", hex);
	assert_int_equal(calls_of(call), 1);
	assert_int_equal(role_logged("000b77"), 2); /* the index's name */
}

/* --- the store -------------------------------------------------------- */

static int
adopt(uint8_t index, int64_t epoch)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_EPOCH,
	    .store = {.epoch = epoch},
	};
	struct tpm_answer answer;

	memset(call.store.index.bytes, index, DIGEST_BYTES);
	return role_ask(&call, &answer, NULL);
}

static void
a_newer_store_raises_the_counter_and_is_on_record(void **state)
{
	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(adopt(0xaa, 9), 0);
	assert_int_equal(fake->counter, BASE + 9);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 1);
	/* The same again, from a build that ran beside the first. */
	assert_code(adopt(0xaa, 9), 0);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 1);
	/* Another list of the same epoch is an old one, or a second one. */
	assert_code(adopt(0xbb, 9), STORE_ROLLBACK);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 1);
	assert_int_equal(fake->counter, BASE + 9);
	assert_code(adopt(0xbb, 10), 0);
	assert_code(adopt(0xaa, 9), STORE_ROLLBACK);
}

static void
an_older_store_is_refused(void **state)
{
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(adopt(0xaa, 6), STORE_ROLLBACK);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 0);
	assert_int_equal(fake->counter, BASE + 7);
	/* A refusal is no failure. */
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
}

/* Without a counter the floor is what this run has seen. */
static void
an_older_store_is_refused_without_a_tpm_too(void **state)
{
	(void)state;
	role.is_development = true;
	role.config.measure.is_set = false;
	assert_code(role_start_code(), 0);
	assert_code(adopt(0xaa, 9), 0);
	assert_code(adopt(0xbb, 8), STORE_ROLLBACK);
	assert_code(adopt(0xbb, 9), STORE_ROLLBACK);
	assert_code(adopt(0xbb, 10), 0);
}

/* The rules in it never fall, and lead to what the register holds. */
static void
assert_verifiers_take_the_log(void)
{
	CLEANUP(freep) char *log = NULL;
	CLEANUP(boot_history_done)
	struct boot_history history = {.domains = NULL};
	size_t len = 0;
	struct err err = {0};

	assert_int_equal(role_end(), 0);
	assert_code(
	    file_read("measure.log", LIMIT_EVENT_LOG_BYTES, &log, &len, &err),
	    0);
	if (evidence_log_check(bytes_of((uint8_t *)log, len), ROLE_PCR,
		&fake->values, &history, &err) != 0 ||
	    evidence_rules_check(&history, &err) != 0)
		fail_msg("%s", err.text);
}

/* A signer's mistake, or a storage that puts one for the other: the evidence of
 * this boot would be worth nothing any more. */
static void
a_second_store_of_one_epoch_is_refused_after_a_restart_too(void **state)
{
	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(adopt(0xaa, 9), 0);
	assert_int_equal(role_end(), 0);
	assert_code(role_start_code(), 0);
	assert_code(adopt(0xbb, 9), STORE_ROLLBACK);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 1);
	/* The first one holds again once it is used again, and is on record. */
	assert_code(adopt(0xaa, 9), 0);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 2);
	assert_int_equal(role_end(), 0);
	assert_code(role_start_code(), 0);
	assert_int_equal(role_end(), 0);
	/* Two runs later, of which one used none. */
	assert_code(role_start_code(), 0);
	assert_code(adopt(0xbb, 9), STORE_ROLLBACK);
	assert_code(adopt(0xbb, 10), 0);
	assert_verifiers_take_the_log();
}

/* The log is the floor of what has no counter. */
static void
an_older_store_is_refused_after_a_restart_without_a_counter(void **state)
{
	(void)state;
	role.is_development = true;
	assert_int_equal(unlink("boot-policy.dsse"), 0);
	assert_code(role_start_code(), 0);
	assert_code(adopt(0xaa, 9), 0);
	assert_int_equal(role_end(), 0);
	assert_int_equal(role_start().epoch_floor, 9);
	assert_code(adopt(0xbb, 8), STORE_ROLLBACK);
	assert_code(adopt(0xbb, 10), 0);
	assert_verifiers_take_the_log();
}

/* --- the trust policy -------------------------------------------------- */

static int
adopt_policy(uint8_t fill, int64_t version)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_TRUST,
	    .trust = {.version = version},
	};
	struct tpm_answer answer;

	memset(call.trust.policy.bytes, fill, DIGEST_BYTES);
	return role_ask(&call, &answer, NULL);
}

static void
a_newer_trust_policy_is_on_record(void **state)
{
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(adopt_policy(0xaa, 5), 0);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 1);
	assert_int_equal(role_logged("\"trust_version\":5"), 1);
	/* The same again, from a build that ran beside the first. */
	assert_code(adopt_policy(0xaa, 5), 0);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 1);
	/* Of two that came at once, the older one second. */
	assert_code(adopt_policy(0xbb, 7), 0);
	assert_code(adopt_policy(0xcc, 6), TRUST_DOWNGRADE);
	assert_code(adopt_policy(0xdd, 7), TRUST_REPLAYED);
	assert_int_equal(role_logged("\"ev\":\"policy\""), 2);
	/* A refusal is no failure. */
	memset(role.decided_by.policy.bytes, 0xbb, DIGEST_BYTES);
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
}

/* What has another policy in force, by the log, puts no build of this one on
 * record, and says of none that it holds. */
static void
assert_not_in_force(enum err_code expected, const struct digest *in_force)
{
	char hex[DIGEST_HEX_SIZE], trust[DIGEST_HEX_SIZE + 16];
	struct recorded recorded;
	int before;

	digest_hex(in_force, hex);
	snprintf(trust, sizeof(trust), "\"trust\":\"%s\"", hex);
	before = role_logged(trust);
	assert_code(role_start_code(), (int)expected);
	assert_int_equal(role_logged(trust), before + 1);
	assert_code(role_record(EVENT_BUILD, &recorded), TRUST_DOWNGRADE);
	assert_int_equal(role_logged("\"ev\":\"build\""), 0);
	assert_verifiers_take_the_log();
}

static void
an_older_trust_policy_is_not_in_force_after_a_restart(void **state)
{
	struct digest newer;

	(void)state;
	memset(newer.bytes, 0xaa, DIGEST_BYTES);
	assert_code(role_start_code(), 0);
	assert_code(adopt_policy(0xaa, trust_version(role.policy) + 1), 0);
	assert_int_equal(role_end(), 0);
	assert_not_in_force(TRUST_DOWNGRADE, &newer);
	/* Nor if nothing is known of the host but this. */
	assert_int_equal(unlink("boot-policy.dsse"), 0);
	assert_not_in_force(BOOT_POLICY_MISSING, &newer);
	role.is_development = true;
	assert_not_in_force(0, &newer);
}

static void
another_trust_policy_of_one_version_is_not_in_force_after_a_restart(
    void **state)
{
	const struct digest first = *trust_digest(role.policy);

	(void)state;
	assert_code(role_start_code(), 0);
	assert_int_equal(role_end(), 0);
	role_take_policy(make_policy_with_boot(2));
	assert_not_in_force(TRUST_REPLAYED, &first);
	role_take_policy(make_policy_with_boot(1));
	assert_code(role_start_code(), 0);
}

/* It began before the newer policy was on record, or whoever brought that was
 * gone before it was told. */
static void
what_an_older_policy_decided_is_not_put_on_record(void **state)
{
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(adopt_policy(0xaa, 5), 0);
	assert_code(role_record(EVENT_BUILD, &recorded), TRUST_DOWNGRADE);
	assert_true(recorded.is_outdated);
	assert_int_equal(role_logged("\"ev\":\"build\""), 0);
	assert_code(adopt(0xaa, 9), TRUST_DOWNGRADE);
	assert_int_equal(fake->counter, BASE + 7);
	/* What has happened is on record whatever holds. */
	assert_code(role_record(EVENT_DESTROY, &recorded), 0);
	memset(role.decided_by.policy.bytes, 0xaa, DIGEST_BYTES);
	assert_code(adopt(0xaa, 9), 0);
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
	assert_false(recorded.is_outdated);
}

static void
what_an_older_store_index_allowed_is_not_put_on_record(void **state)
{
	struct recorded recorded;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(adopt(0xaa, 9), 0);
	role.decided_by.has_store = true;
	role.decided_by.epoch = 8;
	assert_code(role_record(EVENT_BUILD, &recorded), STORE_ROLLBACK);
	assert_true(recorded.is_outdated);
	assert_int_equal(role_logged("\"ev\":\"build\""), 0);
	role.decided_by.epoch = 9;
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
	/* A policy that asks for no index. */
	role.decided_by = (struct decided_by){.policy = role.decided_by.policy};
	assert_code(role_record(EVENT_BUILD, &recorded), 0);
}

/* --- evidence --------------------------------------------------------- */

static void
a_quote_is_over_the_nonce(void **state)
{
	CLEANUP(sealed_freep) struct sealed *attached = NULL;
	struct tpm_request call = {
	    .kind = TPM_REQUEST_QUOTE,
	    .attest_request = {.nonce_len = 16,
		.nonce = "0123456789abcdef",
		.context = {{7}}},
	};
	struct tpm_answer answer;
	const struct attest_reply *quote;
	char hex[DIGEST_HEX_SIZE];
	char expected[96];
	struct digest extra;
	struct err err;

	(void)state;
	assert_code(role_start_code(), 0);
	assert_code(role_ask(&call, &answer, &attached), 0);
	assert_int_equal(sealed_bytes(attached).len, sizeof(*quote));
	quote = (const void *)sealed_bytes(attached).ptr;
	assert_memory_equal(&quote->quote.values, &fake->values,
	    sizeof(fake->values));
	assert_false(quote->has_log_index);
	assert_true(quote->ak.len > 0);
	assert_true(quote->log_bytes > 0);
	assert_code(evidence_nonce_bind(bytes_of("0123456789abcdef", 16),
			&call.attest_request.context, &extra, &err),
	    0);
	digest_hex(&extra, hex);
	snprintf(expected, sizeof(expected), "quote %s", hex);
	assert_int_equal(calls_of(expected), 1);
}

static void
a_host_without_a_tpm_has_no_quote(void **state)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_QUOTE,
	    .attest_request = {.nonce_len = 16},
	};
	struct tpm_answer answer;

	(void)state;
	role.is_development = true;
	role.config.measure.is_set = false;
	assert_code(role_start_code(), 0);
	assert_code(role_ask(&call, &answer, NULL), TPM_UNREACHABLE);
}

/* The front checks it, and may be taken over. */
static void
a_nonce_of_another_length_is_refused(void **state)
{
	static const uint32_t lengths[] = {0, EVIDENCE_NONCE_MIN_BYTES - 1,
	    EVIDENCE_NONCE_MAX_BYTES + 1, UINT32_MAX};
	struct tpm_answer answer;

	(void)state;
	assert_code(role_start_code(), 0);
	for (size_t i = 0; i < countof(lengths); i++) {
		struct tpm_request call = {
		    .kind = TPM_REQUEST_QUOTE,
		    .attest_request = {.nonce_len = lengths[i]},
		};

		assert_code(role_ask(&call, &answer, NULL), RPC_PARAMETER_BAD);
	}
}

static void
the_log_is_handed_out_in_pieces(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	struct tpm_request call = {.kind = TPM_REQUEST_LOG};
	struct tpm_answer answer;

	(void)state;
	assert_code(role_start_code(), 0);
	log = read_file("measure.log");
	for (size_t offset = 0; offset <= log.len; offset += log.len / 2) {
		CLEANUP(sealed_freep) struct sealed *attached = NULL;

		call.log_offset = offset;
		assert_code(role_ask(&call, &answer, &attached), 0);
		assert_int_equal(sealed_bytes(attached).len, log.len - offset);
		assert_memory_equal(sealed_bytes(attached).ptr,
		    log.ptr + offset, log.len - offset);
	}
}

/* --- what it is not asked ---------------------------------------------- */

static int
begin_tpm(pid_t *ret_pid)
{
	(void)role_start();
	*ret_pid = role.pid;
	role.pid = 0;
	return role.link;
}

static void
a_tpm_role_that_is_asked_what_its_table_does_not_have_ends(void **state)
{
	(void)state;
	trials_at_role(&tpm_role_calls, TPM_SERVES, begin_tpm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    role_test(a_trust_policy_is_looked_at_in_the_sandbox),
	    role_test(a_trust_policy_or_a_chain_that_is_none_ends_the_role),
	    role_test(a_host_as_the_policy_says_is_trusted),
	    role_test(
		a_tpm_role_that_is_asked_what_its_table_does_not_have_ends),
	    role_test(a_host_of_another_release_is_not_trusted),
	    role_test(a_register_in_which_nothing_was_measured_is_not_trusted),
	    role_test(a_host_without_a_policy_is_not_trusted),
	    role_test(a_policy_of_a_stranger_is_not_believed),
	    role_test(a_register_that_was_extended_before_is_found_out),
	    role_test(a_log_of_this_boot_is_continued),
	    role_test(a_tpm_that_does_not_answer_is_no_platform),
	    role_test(an_identity_that_is_broken_is_refused),
	    role_test(what_lies_beside_the_image_is_a_regular_file),
	    role_test(development_is_allowed_and_on_record),
	    role_test(development_is_on_record_without_an_identity_too),
	    role_test(inputs_that_are_no_files_or_too_long_are_refused),
	    role_test(development_needs_no_tpm),
	    role_test(an_event_is_in_the_log_before_it_is_in_the_tpm),
	    role_test(what_was_said_before_the_end_is_on_record),
	    role_test(a_dynamic_launch_is_on_record_in_its_index_too),
	    role_test(a_newer_store_raises_the_counter_and_is_on_record),
	    role_test(an_older_store_is_refused),
	    role_test(an_older_store_is_refused_without_a_tpm_too),
	    role_test(
		a_second_store_of_one_epoch_is_refused_after_a_restart_too),
	    role_test(
		an_older_store_is_refused_after_a_restart_without_a_counter),
	    role_test(a_newer_trust_policy_is_on_record),
	    role_test(an_older_trust_policy_is_not_in_force_after_a_restart),
	    role_test(
		another_trust_policy_of_one_version_is_not_in_force_after_a_restart),
	    role_test(what_an_older_policy_decided_is_not_put_on_record),
	    role_test(what_an_older_store_index_allowed_is_not_put_on_record),
	    role_test(a_quote_is_over_the_nonce),
	    role_test(a_host_without_a_tpm_has_no_quote),
	    role_test(a_nonce_of_another_length_is_refused),
	    role_test(the_log_is_handed_out_in_pieces),
	};

	return cmocka_run_group_tests_name("tpm_role", tests, NULL, NULL);
}
