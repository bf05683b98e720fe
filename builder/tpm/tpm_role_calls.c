#include <stdlib.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/tpm/tpm_role_state.h"
#include "measure/epoch.h"
#include "builder/trust_id.h"

static void begin(struct tpm_call *call, const struct tpm_request *asked);
static link_take take_event;
static link_take take_epoch;
static link_take take_trust;
static link_take take_quote;
static link_take take_log;
static int put_on_record(struct tpm_role *role, const struct event *event,
    struct recorded *recorded, struct err *err);
static int check_decided_by(const struct tpm_role *role,
    const struct decided_by *decided_by, struct recorded *ret_recorded,
    struct err *err);
static int adopt_store(struct tpm_role *role, const struct store_epoch *store,
    struct recorded *recorded, struct err *err);
static int raise_floor(struct tpm_role *role, int64_t epoch, struct err *err);
static int read_counter(void *tpm, uint64_t *ret_value, struct err *err);
static int count_one(void *tpm, struct err *err);
static int adopt_trust(struct tpm_role *role, const struct trust_id *next,
    struct recorded *recorded, struct err *err);
static int adopt_rules(struct tpm_role *role, const struct event_rules *rules,
    struct recorded *recorded, struct err *err);
static int make_quote(struct tpm_role *role,
    const struct attest_request *request, struct sealed **ret_quote,
    struct err *err);
static int read_log(struct tpm_role *role, uint64_t offset,
    struct sealed **ret_piece, struct err *err);

#define CALL(member, take)                                 \
	{                                                  \
		LINK_BIT(TPM_SERVES), LINK_OFTEN, 0, 0, 0, \
		    LINK_BYTES(tpm_request, member), take  \
	}

static const struct link_rule call_rules[] = {
    [TPM_REQUEST_EVENT] = CALL(event, take_event),
    [TPM_REQUEST_EPOCH] = CALL(store, take_epoch),
    [TPM_REQUEST_TRUST] = CALL(trust, take_trust),
    [TPM_REQUEST_QUOTE] = CALL(attest_request, take_quote),
    [TPM_REQUEST_LOG] = CALL(log_offset, take_log),
};

const struct link_table tpm_role_calls = {
    "a call",
    call_rules,
    countof(call_rules),
    NULL,
};

void
tpm_call_done(struct tpm_call *call)
{
	sealed_freep(&call->attached);
}

static void
begin(struct tpm_call *call, const struct tpm_request *asked)
{
	call->answer.kind = asked->kind;
	call->answer.tag = asked->tag;
	tpm_role_give_time(call->role);
}

static int
take_event(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct tpm_call *call = owner;
	const struct tpm_request *asked = record;
	struct recorded *recorded = &call->answer.recorded;

	(void)fds;
	begin(call, asked);
	if (asked->event.kind == EVENT_BUILD)
		TRY(check_decided_by(call->role, &asked->decided_by, recorded,
		    err));
	return put_on_record(call->role, &asked->event, recorded, err);
}

static int
take_epoch(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct tpm_call *call = owner;
	const struct tpm_request *asked = record;
	struct recorded *recorded = &call->answer.recorded;

	(void)fds;
	begin(call, asked);
	TRY(check_decided_by(call->role, &asked->decided_by, recorded, err));
	return adopt_store(call->role, &asked->store, recorded, err);
}

static int
take_trust(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct tpm_call *call = owner;
	const struct tpm_request *asked = record;

	(void)fds;
	begin(call, asked);
	return adopt_trust(call->role, &asked->trust, &call->answer.recorded,
	    err);
}

static int
take_quote(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct tpm_call *call = owner;
	const struct tpm_request *asked = record;

	(void)fds;
	begin(call, asked);
	return make_quote(call->role, &asked->attest_request, &call->attached,
	    err);
}

static int
take_log(void *owner, const void *record, struct ipc_fds *fds, struct err *err)
{
	struct tpm_call *call = owner;
	const struct tpm_request *asked = record;

	(void)fds;
	begin(call, asked);
	return read_log(call->role, asked->log_offset, &call->attached, err);
}

static int
put_on_record(struct tpm_role *role, const struct event *event,
    struct recorded *recorded, struct err *err)
{
	struct event numbered = *event;
	int code = recorder_record(&role->recorder, &numbered,
	    &recorded->measurement, err);

	recorded->sequence = numbered.sequence;
	recorded->is_logged = numbered.sequence != 0;
	return code;
}

/*
 * Of what is decided at the same time, the log's order says which rules hold: a
 * build that began under older ones could be what the newer ones forbid.
 */
static int
check_decided_by(const struct tpm_role *role,
    const struct decided_by *decided_by, struct recorded *ret_recorded,
    struct err *err)
{
	ret_recorded->is_outdated = true;
	if (!digest_equal(&decided_by->policy, &role->rules.trust))
		return err_set_field(err, TRUST_DOWNGRADE, "trust_updates",
		    "decided by another trust policy than version %lld, which "
		    "is in force",
		    (long long)role->rules.trust_version);
	if (decided_by->has_store &&
	    decided_by->epoch < role->platform.epoch_floor)
		return err_set(err, STORE_ROLLBACK,
		    "decided by the store index of epoch %lld, floor %lld",
		    (long long)decided_by->epoch,
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
    struct recorded *recorded, struct err *err)
{
	const struct event_rules *past = &role->recorder.past.rules;
	struct event_rules rules = role->rules;

	if (rules.has_store && digest_equal(&rules.store, &store->index))
		return 0; /* another build was first */
	if (past->has_store && (uint64_t)store->epoch == past->epoch &&
	    !digest_equal(&past->store, &store->index))
		return err_set(err, STORE_ROLLBACK,
		    "store index: another list of epoch %lld is in force, or "
		    "was in this boot",
		    (long long)store->epoch);
	if (store->epoch < role->platform.epoch_floor)
		return err_set(err, STORE_ROLLBACK,
		    "store index: epoch %lld, floor %lld",
		    (long long)store->epoch,
		    (long long)role->platform.epoch_floor);
	if (role->platform.has_epoch_floor)
		TRY(raise_floor(role, store->epoch, err));
	role->platform.epoch_floor = store->epoch;
	rules.has_store = true;
	rules.store = store->index;
	rules.epoch = (uint64_t)store->epoch;
	return adopt_rules(role, &rules, recorded, err);
}

/* For a new host these are hundreds of steps. */
static int
raise_floor(struct tpm_role *role, int64_t epoch, struct err *err)
{
	static const struct tpm_ops counting = {
	    .counter_read = read_counter,
	    .counter_increment = count_one,
	};
	const struct tpm_port tpm = {&counting, role};

	return epoch_raise(&tpm, role->identity.counter_base, epoch, err);
}

static int
read_counter(void *tpm, uint64_t *ret_value, struct err *err)
{
	struct tpm_role *role = tpm;

	return role->tpm.ops->counter_read(role->tpm.tpm, ret_value, err);
}

/* Each has the time of a call, as long as the supervisor is there. */
static int
count_one(void *tpm, struct err *err)
{
	struct tpm_role *role = tpm;

	tpm_role_give_time(role);
	return role->tpm.ops->counter_increment(role->tpm.tpm, err);
}

/* A build child verified a chain that does not end with the policy in force.
 * Of two that come at once, here is decided which is the older one. */
static int
adopt_trust(struct tpm_role *role, const struct trust_id *next,
    struct recorded *recorded, struct err *err)
{
	struct event_rules rules = role->rules;
	const struct trust_id current = {
	    .policy = rules.trust,
	    .version = rules.trust_version,
	};

	TRY(trust_id_check(&current, next, err));
	if (digest_equal(&current.policy, &next->policy))
		return 0; /* another build was first */
	rules.trust = next->policy;
	rules.trust_version = next->version;
	return adopt_rules(role, &rules, recorded, err);
}

/* The log decides which rules hold: those that it has hold, also if the TPM has
 * them later only, as every build does then. */
static int
adopt_rules(struct tpm_role *role, const struct event_rules *rules,
    struct recorded *recorded, struct err *err)
{
	struct event event = {.kind = EVENT_POLICY, .as.policy = *rules};
	int code = put_on_record(role, &event, recorded, err);

	if (recorded->is_logged)
		role->rules = *rules;
	return code;
}

/* Evidence */

static int
make_quote(struct tpm_role *role, const struct attest_request *request,
    struct sealed **ret_quote, struct err *err)
{
	CLEANUP(freep) struct attest_reply *quote = calloc(1, sizeof(*quote));
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
	/* A log that is ahead of the quote proves nothing. */
	(void)recorder_settle(&role->recorder, err);
	TRY(evidence_nonce_bind(bytes_of(request->nonce, request->nonce_len),
	    &request->context, &extra, err));
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
	CLEANUP(freep) uint8_t *piece = malloc(ATTEST_LOG_BYTES);
	size_t len = 0;

	if (piece == NULL)
		return err_set(err, NO_MEMORY, "event log");
	if (role->log != NULL)
		TRY(event_log_read(role->log, offset, piece, ATTEST_LOG_BYTES,
		    &len, err));
	return sealed_from_bytes("log", bytes_of(piece, len), ret_piece, err);
}
