/*
 * The life of the tpm role: what it opens, what it finds at its start, and its
 * end. What it is asked is in builder/tpm/tpm_role_calls.c.
 */
#include "builder/tpm/tpm_role.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/file.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/tpm/platform_check.h"
#include "builder/tpm_link.h"
#include "builder/tpm/tpm_role_state.h"
#include "measure/tpm/tpm_port_esys.h"
#include "builder/tpm/tpm_sandbox.h"
#include "base/err_meaning.h"
#include "builder/trust_id.h"

/* Of finding out what the platform is, when the TPM fails. */
enum { START_TRIES = 3, START_PAUSE_MS = 100, LOCK_PAUSE_MS = 100 };

static int enter(struct tpm_role *role, struct err *err);
static int find_policy(struct tpm_role *role, struct err *err);
static int open_all(struct tpm_role *role, struct err *err);
static int read_input(const char *path, size_t max_bytes,
    enum err_code too_large, char **ret_raw, size_t *ret_len, struct err *err);
static int open_log(struct tpm_role *role, struct err *err);
static void start(struct tpm_role *role);
static int follow_log(struct tpm_role *role, struct event_start *start,
    struct err *err);
static int record_start(struct tpm_role *role, struct event *event,
    struct err *err);
static int start_seconds(const struct tpm_role *role);
static int keep_finding_out(struct tpm_role *role, struct event_start *start,
    struct err *err);
static bool may_pass(enum err_code code);
static int find_out(struct tpm_role *role, struct event_start *start,
    struct err *err);
static struct platform_source source_of(struct tpm_role *role);
static int use_log_index(struct tpm_role *role, struct event_start *start,
    struct err *err);
static int serve(struct tpm_role *role, struct err *err);
static void finish(struct tpm_call *call, const struct err *why);
static void say_state(const struct tpm_role *role, struct tpm_answer *answer);
static int send_answer(const struct tpm_call *call, struct err *err);
static void stop(struct tpm_role *role);
static int64_t elapsed_seconds(const struct tpm_role *role);
static int64_t now_ms(void);

void
tpm_role_run(const struct daemon_config *config, const struct sealed *root,
    bool is_development, int link)
{
	struct tpm_role role = {
	    .config = config,
	    .raw_root = root,
	    .link = link,
	    .began_ms = now_ms(),
	    .platform = {.is_development = is_development,
		.pcr = config->measure.pcr},
	};
	struct err err = {0};
	int code;

	log_set_process("assayd[tpm]");
	code = enter(&role, &err);
	if (code == 0) {
		start(&role);
		code = serve(&role, &err);
	}
	if (code != 0)
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
	stop(&role);
	_exit(code == 0 ? 0 : 1);
}

/* Open what is needed, drop the rest; nothing foreign was looked at yet. */
static int
enter(struct tpm_role *role, struct err *err)
{
	json_object_seed(0); /* while /dev/urandom can still be opened */
	TRY(sandbox_keep_only(&role->link, 1, err));
	TRY(trust_in_force_read(role->config->trust_updates, &role->raw_chain,
	    &role->chain_len, err));
	if (role->config->measure.is_set) {
		struct err why = {0};
		int code = open_all(role, &why);

		err_wire_from(&role->platform.why, code, &why);
	}
	TRY(sandbox_enter(&tpm_sandbox, role->config->users.of[SANDBOX_TPM],
	    err));
	return find_policy(role, err);
}

static int
find_policy(struct tpm_role *role, struct err *err)
{
	TRY(trust_decode(sealed_bytes(role->raw_root), &role->root, err));
	TRY(trust_in_force_follow(role->root, role->config->trust_updates,
	    bytes_of(role->raw_chain, role->chain_len), &role->trust, err));
	role->policy = trust_in_force_policy(&role->trust);
	return 0;
}

static int
open_all(struct tpm_role *role, struct err *err)
{
	const struct measure_config *measure = &role->config->measure;

	TRY(open_log(role, err));
	TRY(tpm_port_esys_open(measure->tpm, NULL, LIMIT_TPM_SECONDS * 1000,
	    &role->tpm, err));
	TRY(read_input(measure->identity, LIMIT_CONFIG_BYTES,
	    TPM_IDENTITY_MALFORMED, &role->raw_identity, &role->identity_len,
	    err));
	if (access(measure->boot_policy, F_OK) != 0)
		return 0;
	return read_input(measure->boot_policy, LIMIT_ENVELOPE_BYTES,
	    ENVELOPE_TOO_LARGE, &role->raw_boot_policy, &role->boot_policy_len,
	    err);
}

static int
read_input(const char *path, size_t max_bytes, enum err_code too_large,
    char **ret_raw, size_t *ret_len, struct err *err)
{
	if (file_read_regular(path, max_bytes, ret_raw, ret_len, err) == 0)
		return 0;
	if (err->code == IMAGE_TOO_LARGE)
		err->code = too_large;
	return (int)err->code;
}

/* An assayd that was killed a moment ago still writes its last event, as long
 * as a slow TPM lets it. */
static int
open_log(struct tpm_role *role, struct err *err)
{
	const char *path = role->config->measure.log;

	while (
	    event_log_open(path, LIMIT_EVENT_LOG_BYTES, &role->log, err) != 0) {
		if (err->sys != EWOULDBLOCK ||
		    elapsed_seconds(role) >= LIMIT_TPM_HANDOVER_SECONDS)
			return (int)err->code;
		poll(NULL, 0, LOCK_PAUSE_MS);
	}
	return 0;
}

/* What is this host? That we started goes on record whatever the answer is. */
static void
start(struct tpm_role *role)
{
	struct event event = {.kind = EVENT_START};
	struct event_start *start = &event.as.start;
	struct platform *platform = &role->platform;
	const struct platform_source source = source_of(role);
	struct err failure;
	struct err why = {0};
	int code = err_wire_to(&platform->why, BUG, &why);

	role->recorder = (struct recorder){
	    .log = role->log,
	    .tpm = &role->tpm,
	    .pcr = platform->pcr,
	};
	start->rules.trust = *trust_digest(role->policy);
	start->rules.trust_version = trust_version(role->policy);
	if (role->tpm.ops != NULL)
		role->tpm.ops->time_limit(role->tpm.tpm, start_seconds(role));
	if (code == 0)
		code = keep_finding_out(role, start, &why);
	/* A TPM can say that we started, whatever else is missing. */
	if (!platform->has_tpm && role->tpm.ops != NULL)
		(void)platform_check_register(&source, start, platform,
		    &failure);
	snprintf(start->version, sizeof(start->version), "%s", ASSAY_VERSION);
	start->pcr = platform->pcr;
	start->is_development = platform->is_development;
	/* A log of what the TPM does not have would be worth nothing. */
	if (!platform->has_tpm) {
		role->recorder.log = NULL;
		role->recorder.tpm = NULL;
	}
	if (follow_log(role, start, &failure) != 0 && code == 0) {
		why = failure;
		code = (int)failure.code;
	}
	role->rules = start->rules;
	if (record_start(role, &event, &failure) != 0 && code == 0) {
		why = failure;
		code = (int)failure.code;
	}
	err_wire_from(&platform->why, code, &why);
}

/*
 * What held in this boot holds, whatever this run was started with. By an older
 * trust policy, or another one of the same version, nothing is decided: it does
 * not get into the log, which no verifier would believe any more.
 */
static int
follow_log(struct tpm_role *role, struct event_start *start, struct err *err)
{
	const struct recorder_past *past = &role->recorder.past;
	const struct trust_id before = {
	    .policy = past->rules.trust,
	    .version = past->rules.trust_version,
	};
	const struct trust_id own = {
	    .policy = start->rules.trust,
	    .version = start->rules.trust_version,
	};

	if (!past->has_rules)
		return 0;
	if (past->rules.has_store &&
	    (int64_t)past->rules.epoch > role->platform.epoch_floor)
		role->platform.epoch_floor = (int64_t)past->rules.epoch;
	if (trust_id_check(&before, &own, err) == 0)
		return 0;
	start->rules.trust = before.policy;
	start->rules.trust_version = before.version;
	return (int)err->code;
}

/* In the log is enough: no build is on record before this is in the TPM too. */
static int
record_start(struct tpm_role *role, struct event *event, struct err *err)
{
	struct recorder *recorder = &role->recorder;
	struct digest ignored;

	if (recorder_record(recorder, event, &ignored, err) == 0)
		return 0;
	if (event->sequence == 0 || recorder_is_broken(recorder))
		return (int)err->code;
	log_line("pending event=start code=%s detail=\"%s\"",
	    err_name(err->code), log_quote(err->text).text);
	return 0;
}

/* The supervisor waits for the answer, and had to wait for our log. */
static int
start_seconds(const struct tpm_role *role)
{
	int64_t left = LIMIT_TPM_START_SECONDS - elapsed_seconds(role);

	return left > 1 ? (int)left : 1;
}

/* What it finds holds until the next start. */
static int
keep_finding_out(struct tpm_role *role, struct event_start *start,
    struct err *err)
{
	for (int tries = 1;; tries++) {
		int code = find_out(role, start, err);

		if (code == 0 || tries == START_TRIES || !may_pass(err->code))
			return code;
		poll(NULL, 0, START_PAUSE_MS);
	}
}

static bool
may_pass(enum err_code code)
{
	return code == TPM_UNREACHABLE || code == TPM_FAILED ||
	       code == TPM_BUSY || code == NO_MEMORY;
}

static int
find_out(struct tpm_role *role, struct event_start *start, struct err *err)
{
	const struct measure_config *measure = &role->config->measure;
	struct platform_source source = source_of(role);

	if (!measure->is_set)
		return err_set(err, PLATFORM_NOT_TRUSTED,
		    "the configuration has no \"measure\": nothing is known "
		    "of this host");
	TRY(tpm_identity_decode(
	    bytes_of(role->raw_identity, role->identity_len), &role->identity,
	    err));
	TRY(tpm_port_esys_pin(&role->tpm, &role->identity, err));
	source.counter_base = role->identity.counter_base;
	if (measure->has_dynamic_launch)
		TRY(use_log_index(role, start, err));
	return platform_check(&source, start, &role->platform, err);
}

static struct platform_source
source_of(struct tpm_role *role)
{
	return (struct platform_source){
	    .recorder = &role->recorder,
	    .policy = role->policy,
	    .raw_boot_policy =
		bytes_of(role->raw_boot_policy, role->boot_policy_len),
	};
}

static int
use_log_index(struct tpm_role *role, struct event_start *start, struct err *err)
{
	if (!role->identity.has_log)
		return err_set(err, TPM_NOT_PROVISIONED,
		    "dynamic_launch: the TPM identity has no log index");
	memcpy(start->nv_name, role->identity.log.name.bytes, TPM_NAME_BYTES);
	start->nv_name_len = TPM_NAME_BYTES;
	role->recorder.has_log_index = true;
	return 0;
}

/* Until the supervisor is gone, or says what it may not say. */
static int
serve(struct tpm_role *role, struct err *err)
{
	struct tpm_answer first = {
	    .kind = TPM_REQUEST_START,
	    .platform = role->platform,
	};
	struct link_place place = {0};

	say_state(role, &first);
	TRY(ipc_send(role->link, &first, LINK_BYTES(tpm_answer, platform), -1,
	    err));
	for (;;) {
		CLEANUP(tpm_call_done) struct tpm_call call = {.role = role};
		struct err why = {0};

		switch (link_serve(&tpm_role_calls, role->link, TPM_SERVES,
		    &place, &call, &why)) {
		case LINK_END:
			return 0;
		case LINK_UNREADABLE:
		case LINK_REFUSED:
			*err = why;
			return (int)why.code;
		case LINK_TAKEN: /* whatever failed on the way */
			why.code = ERR_NONE;
			break;
		case LINK_FAILED:
			break;
		}
		finish(&call, &why);
		TRY(send_answer(&call, err));
	}
}

/* What became of it. */
static void
finish(struct tpm_call *call, const struct err *why)
{
	struct recorder *recorder = &call->role->recorder;
	struct tpm_answer *answer = &call->answer;

	if (why->code != ERR_NONE && answer->kind != TPM_REQUEST_EVENT &&
	    err_class_of(why->code) == ERR_CLASS_ENVIRONMENT)
		recorder_doubt(recorder);
	/* What holds already needed no event: and yet none will follow it. */
	if (why->code == ERR_NONE && recorder_is_broken(recorder) &&
	    (answer->kind == TPM_REQUEST_EPOCH ||
		answer->kind == TPM_REQUEST_TRUST))
		why = &recorder->broken;
	err_wire_from(&answer->recorded.outcome, (int)why->code, why);
	answer->recorded.is_broken = recorder_is_broken(recorder);
	answer->recorded.is_unsure = recorder_is_unsure(recorder);
	say_state(call->role, answer);
}

static void
say_state(const struct tpm_role *role, struct tpm_answer *answer)
{
	const struct recorder *recorder = &role->recorder;

	answer->log_used_bytes =
	    recorder->log != NULL ? event_log_bytes(recorder->log) : 0;
	answer->log_build_bytes_left = recorder_build_bytes_left(recorder);
}

/*
 * For the next call. Once the supervisor is gone another one waits for the log:
 * then all that was asked before, and the last event, have a time together.
 */
void
tpm_role_give_time(struct tpm_role *role)
{
	struct pollfd link = {.fd = role->link};

	if (role->is_ending || role->tpm.ops == NULL)
		return;
	role->is_ending = poll(&link, 1, 0) > 0; /* POLLHUP */
	role->tpm.ops->time_limit(role->tpm.tpm,
	    role->is_ending ? LIMIT_TPM_END_SECONDS : LIMIT_TPM_SECONDS);
}

/* If nobody reads it any more, what was asked before that still counts. */
static int
send_answer(const struct tpm_call *call, struct err *err)
{
	const struct tpm_answer *answer = &call->answer;
	const size_t size = LINK_BYTES(tpm_answer, recorded);
	int code = call->attached != NULL
	               ? ipc_send_sealed(call->role->link, answer, size,
			     call->attached, err)
	               : ipc_send(call->role->link, answer, size, -1, err);

	if (code != 0 && (err->sys == EPIPE || err->sys == ECONNRESET))
		return 0;
	return code;
}

/* Nobody who comes after us can go on with our log. */
static void
stop(struct tpm_role *role)
{
	struct event event = {.kind = EVENT_STOP};
	struct digest ignored;
	struct err err;

	tpm_role_give_time(role);
	if (role->recorder.sequence > 0 &&
	    recorder_record(&role->recorder, &event, &ignored, &err) != 0)
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
	recorder_done(&role->recorder);
	tpm_port_close(&role->tpm);
	event_log_closep(&role->log);
}

static int64_t
elapsed_seconds(const struct tpm_role *role)
{
	return (now_ms() - role->began_ms) / 1000;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
