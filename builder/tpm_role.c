#include "builder/tpm_role.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/draft.h"
#include "base/file.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/platform_check.h"
#include "builder/record_link.h"
#include "builder/sandbox.h"
#include "measure/epoch.h"
#include "measure/recorder.h"
#include "measure/tpm_port_esys.h"

struct tpm_role {
	const struct config *config;
	const struct trust_policy *policy;
	int link;
	char *raw_identity; /* what was read, before anybody looked at it */
	size_t identity_len;
	char *raw_boot_policy;
	size_t boot_policy_len;
	struct tpm_identity identity;
	struct tpm_port tpm;
	struct event_log *log;
	struct event_rules rules; /* that hold now */
	struct recorder recorder;
	struct platform platform;
};

static int enter(struct tpm_role *role, struct err *err);
static int open_all(struct tpm_role *role, struct err *err);
static int read_input(const char *path, size_t max_bytes,
    enum err_code too_large, char **ret_raw, size_t *ret_len, struct err *err);
static int open_log(struct tpm_role *role, struct err *err);
static void start(struct tpm_role *role);
static int find_out(struct tpm_role *role, struct event_start *start,
    struct err *err);
static struct platform_source source_of(struct tpm_role *role);
static int use_log_index(struct tpm_role *role, struct event_start *start,
    struct err *err);
static int serve(struct tpm_role *role, struct err *err);
static int send_answer(const struct tpm_role *role,
    const struct record_answer *answer, const struct sealed *attached,
    struct err *err);
static int answer_call(struct tpm_role *role, const struct record_call *call,
    struct recorded *ret_recorded, struct sealed **ret_attached,
    struct err *err);
static int check_basis(const struct tpm_role *role, const struct basis *basis,
    struct recorded *ret_recorded, struct err *err);
static int adopt_store(struct tpm_role *role, const struct store_epoch *store,
    struct err *err);
static int adopt_trust(struct tpm_role *role, const struct trust_mark *next,
    struct err *err);
static int make_quote(struct tpm_role *role,
    const struct quote_request *request, struct sealed **ret_quote,
    struct err *err);
static int read_log(struct tpm_role *role, uint64_t offset,
    struct sealed **ret_piece, struct err *err);
static void stop(struct tpm_role *role);

void
tpm_role_run(const struct config *config, const struct trust_policy *policy,
    bool is_development, int link)
{
	struct tpm_role role = {
	    .config = config,
	    .policy = policy,
	    .link = link,
	    .platform = {.is_development = is_development,
		.pcr = config->measure.pcr},
	};
	struct err err = {0};
	int code;

	log_set_role("assayd[tpm]");
	code = enter(&role, &err);
	if (code == 0) {
		start(&role);
		code = serve(&role, &err);
	}
	if (code != 0)
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    err.text);
	stop(&role);
	_exit(code == 0 ? 0 : 1);
}

/* Open what is needed, drop the rest; nothing foreign was looked at yet. */
static int
enter(struct tpm_role *role, struct err *err)
{
	json_object_seed(0); /* while /dev/urandom can still be opened */
	TRY(sandbox_keep_only(&role->link, 1, err));
	if (role->config->measure.is_set) {
		struct err why = {0};
		int code = open_all(role, &why);

		outcome_from(&role->platform.why, code, &why);
	}
	return sandbox_enter(SANDBOX_TPM, role->config->sandbox_uid, err);
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

/* An assayd that was killed a moment ago still writes its last event. */
static int
open_log(struct tpm_role *role, struct err *err)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	for (int tries = 50;; tries--) {
		if (event_log_open(role->config->measure.log,
			LIMIT_EVENT_LOG_BYTES, &role->log, err) == 0)
			return 0;
		if (err->sys != EWOULDBLOCK || tries == 0)
			return (int)err->code;
		nanosleep(&pause, NULL);
	}
}

/* What is this host? That we started goes on record whatever the answer is. */
static void
start(struct tpm_role *role)
{
	struct event event = {.kind = EVENT_START};
	struct event_start *start = &event.as.start;
	struct platform *platform = &role->platform;
	struct digest ignored;
	const struct platform_source source = source_of(role);
	struct err failure;
	struct err why = {0};
	int code = outcome_to(&platform->why, BUG, &why);

	role->recorder = (struct recorder){
	    .log = role->log,
	    .tpm = &role->tpm,
	    .pcr = platform->pcr,
	};
	start->rules.trust = *trust_digest(role->policy);
	start->rules.trust_version = trust_version(role->policy);
	if (code == 0)
		code = find_out(role, start, &why);
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
	role->rules = start->rules;
	if (recorder_record(&role->recorder, &event, &ignored, &failure) != 0 &&
	    code == 0) {
		why = failure;
		code = (int)failure.code;
	}
	outcome_from(&platform->why, code, &why);
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

/* Until the supervisor is gone. */
static int
serve(struct tpm_role *role, struct err *err)
{
	struct record_answer first = {
	    .kind = RECORD_START,
	    .platform = role->platform,
	};

	TRY(ipc_send(role->link, &first, sizeof(first), -1, err));
	for (;;) {
		CLEANUP(sealed_freep) struct sealed *attached = NULL;
		struct record_call call;
		struct record_answer answer = {0};
		struct err why = {0};
		bool is_end;
		int code;

		TRY(ipc_receive(role->link, &call, sizeof(call), NULL, &is_end,
		    err));
		if (is_end)
			return 0;
		answer.kind = call.kind;
		answer.tag = call.tag;
		code =
		    answer_call(role, &call, &answer.recorded, &attached, &why);
		outcome_from(&answer.recorded.outcome, code, &why);
		TRY(send_answer(role, &answer, attached, err));
	}
}

/* If nobody reads it any more, what was asked before that still counts. */
static int
send_answer(const struct tpm_role *role, const struct record_answer *answer,
    const struct sealed *attached, struct err *err)
{
	int code = attached != NULL
	               ? ipc_send_sealed(role->link, answer, sizeof(*answer),
			     attached, err)
	               : ipc_send(role->link, answer, sizeof(*answer), -1, err);

	if (code != 0 && (err->sys == EPIPE || err->sys == ECONNRESET))
		return 0;
	return code;
}

static int
answer_call(struct tpm_role *role, const struct record_call *call,
    struct recorded *ret_recorded, struct sealed **ret_attached,
    struct err *err)
{
	struct event event = call->event;
	bool is_decided =
	    call->kind == RECORD_EPOCH ||
	    (call->kind == RECORD_EVENT && event.kind == EVENT_BUILD);

	if (is_decided)
		TRY(check_basis(role, &call->basis, ret_recorded, err));
	switch ((enum record_kind)call->kind) {
	case RECORD_EVENT:
		TRY(recorder_record(&role->recorder, &event,
		    &ret_recorded->measurement, err));
		ret_recorded->sequence = event.sequence;
		return 0;
	case RECORD_EPOCH:
		return adopt_store(role, &call->store, err);
	case RECORD_TRUST:
		return adopt_trust(role, &call->trust, err);
	case RECORD_QUOTE:
		return make_quote(role, &call->quote_request, ret_attached,
		    err);
	case RECORD_LOG:
		return read_log(role, call->log_offset, ret_attached, err);
	case RECORD_START:
		break;
	}
	return err_set(err, BUG, "call %u", call->kind);
}

/*
 * Of what is decided at the same time, the log's order says which rules hold: a
 * build that began under older ones could be what the newer ones forbid.
 */
static int
check_basis(const struct tpm_role *role, const struct basis *basis,
    struct recorded *ret_recorded, struct err *err)
{
	ret_recorded->is_outdated = true;
	if (!digest_equal(&basis->policy, &role->rules.trust))
		return err_set_field(err, TRUST_DOWNGRADE, "trust_updates",
		    "decided by another trust policy than version %lld, which "
		    "is in force",
		    (long long)role->rules.trust_version);
	if (basis->has_store && basis->epoch < role->platform.epoch_floor)
		return err_set(err, STORE_ROLLBACK,
		    "decided by the store index of epoch %lld, floor %lld",
		    (long long)basis->epoch,
		    (long long)role->platform.epoch_floor);
	ret_recorded->is_outdated = false;
	return 0;
}

/*
 * A build child verified the signatures of a store index that is not the one in
 * force. What is used once is the floor from then on, and it is on record
 * before it is used.
 */
static int
adopt_store(struct tpm_role *role, const struct store_epoch *store,
    struct err *err)
{
	struct event event = {.kind = EVENT_POLICY};
	struct digest ignored;

	if (role->rules.has_store &&
	    digest_equal(&role->rules.store, &store->index))
		return 0; /* another build was first */
	if (store->epoch < role->platform.epoch_floor)
		return err_set(err, STORE_ROLLBACK,
		    "store index: epoch %lld, floor %lld",
		    (long long)store->epoch,
		    (long long)role->platform.epoch_floor);
	if (role->platform.has_epoch_floor)
		TRY(epoch_raise(&role->tpm, role->identity.counter_base,
		    store->epoch, err));
	role->platform.epoch_floor = store->epoch;
	role->rules.has_store = true;
	role->rules.store = store->index;
	role->rules.epoch = (uint64_t)store->epoch;
	event.as.policy = role->rules;
	return recorder_record(&role->recorder, &event, &ignored, err);
}

/* A build child verified a chain that does not end with the policy in force.
 * Of two that come at once, here is decided which is the older one. */
static int
adopt_trust(struct tpm_role *role, const struct trust_mark *next,
    struct err *err)
{
	struct event event = {.kind = EVENT_POLICY};
	const struct trust_mark current = {
	    .policy = role->rules.trust,
	    .version = role->rules.trust_version,
	};
	struct digest ignored;

	TRY(trust_mark_check(&current, next, err));
	if (digest_equal(&current.policy, &next->policy))
		return 0; /* another build was first */
	role->rules.trust = next->policy;
	role->rules.trust_version = next->version;
	event.as.policy = role->rules;
	return recorder_record(&role->recorder, &event, &ignored, err);
}

/* Evidence */

static int
make_quote(struct tpm_role *role, const struct quote_request *request,
    struct sealed **ret_quote, struct err *err)
{
	CLEANUP(freep) struct quote *quote = calloc(1, sizeof(*quote));
	const struct tpm_port *tpm = &role->tpm;
	struct digest extra;

	if (quote == NULL)
		return err_set(err, NO_MEMORY, "quote");
	if (request->nonce_len < EVIDENCE_NONCE_MIN_BYTES ||
	    request->nonce_len > EVIDENCE_NONCE_MAX_BYTES)
		return err_set_field(err, RPC_PARAMETER_BAD, "nonce",
		    "nonce: %u bytes", request->nonce_len);
	if (!role->platform.has_tpm)
		return err_set(err, TPM_UNREACHABLE, "this host has no TPM");
	TRY(evidence_nonce_bind(bytes_of(request->nonce, request->nonce_len),
	    bytes_of(NULL, 0), &extra, err));
	TRY(tpm->ops->quote(tpm->tpm, &extra, &quote->quote, err));
	TRY(tpm->ops->public_read(tpm->tpm, TPM_AK, &quote->ak, err));
	TRY(tpm->ops->public_read(tpm->tpm, TPM_EK, &quote->ek, err));
	TRY(tpm->ops->ek_certificate_read(tpm->tpm, &quote->ek_certificate,
	    err));
	quote->has_log_index = role->recorder.has_log_index;
	if (quote->has_log_index) {
		quote->log_index = role->identity.log;
		TRY(tpm->ops->log_certify(tpm->tpm, &extra,
		    &quote->log_index_attestation, err));
	}
	quote->log_bytes = event_log_bytes(role->log);
	return sealed_from_bytes("quote", bytes_of(quote, sizeof(*quote)),
	    ret_quote, err);
}

static int
read_log(struct tpm_role *role, uint64_t offset, struct sealed **ret_piece,
    struct err *err)
{
	CLEANUP(freep) uint8_t *piece = malloc(QUOTE_LOG_BYTES);
	size_t len = 0;

	if (piece == NULL)
		return err_set(err, NO_MEMORY, "event log");
	if (role->log != NULL)
		TRY(event_log_read(role->log, offset, piece, QUOTE_LOG_BYTES,
		    &len, err));
	return sealed_from_bytes("log", bytes_of(piece, len), ret_piece, err);
}

/* Nobody who comes after us can go on with our log. */
static void
stop(struct tpm_role *role)
{
	struct event event = {.kind = EVENT_STOP};
	struct digest ignored;
	struct err err;

	if (role->recorder.sequence > 0 &&
	    recorder_record(&role->recorder, &event, &ignored, &err) != 0)
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    err.text);
	tpm_port_close(&role->tpm);
	event_log_closep(&role->log);
}
