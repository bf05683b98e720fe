/*
 * Looking at what Xen has, through a child that does nothing else: the
 * supervisor waits for nobody, so a call that has to know which domains there
 * are now waits here until the child has answered.
 *
 * A call is served by a look that began after it came: what it is told is not
 * older than the question. All that came before one serves together.
 */
#include <poll.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/look_link.h"
#include "builder/supervisor/supervisor_state.h"

/* Xen answers in milliseconds; a child that is silent for as long is ended. */
enum { LOOK_USEC = 10000000, FIRST_LOOK_MS = 60000 };
/* What changed is looked at again when a look failed. */
enum { AGAIN_USEC = 1000000 };

static int begin_look(struct supervisor *sup, struct err *err);
static int take_answer(struct supervisor *sup, struct err *err);
static link_take take_listed;
static link_take take_failed;
static void end_act(struct supervisor *sup, const struct err_wire *acted);
static void end_look(struct supervisor *sup, uint32_t number,
    const struct err *failure);
static int check_number(struct looks *looks, const struct look_answer *answer,
    struct err *err);
static int take_domains(struct supervisor *sup, struct ipc_fds *fds,
    struct err *err);
static void serve_waiting(struct supervisor *sup, uint32_t number,
    const struct err *failure);
static void fail_waiting(struct supervisor *sup, const struct err *why);
static void lose_looker(struct supervisor *sup, const struct err *why);
static void look_again(struct looks *looks);

static const struct link_rule rules[] = {
    [LOOK_LISTED] = {LINK_BIT(LOOK_UNDER_WAY), LINK_OFTEN, 0, 1, SEALED_PIECES,
	sizeof(struct look_answer), take_listed},
    [LOOK_FAILED] = {LINK_BIT(LOOK_UNDER_WAY), LINK_OFTEN, 0, 0, 0,
	sizeof(struct look_answer), take_failed},
};

const struct link_table supervisor_look_answers = {
    "an answer",
    rules,
    countof(rules),
    NULL,
};

int
supervisor_look_first(struct supervisor *sup, struct err *err)
{
	struct pollfd wait[2 + ROLE_LOG_FDS] = {
	    {.events = POLLIN},
	    {.fd = sup->signal_fd, .events = POLLIN},
	};

	TRY(begin_look(sup, err));
	wait[0].fd = sup->looks.child.link;
	do {
		if (role_logs_wait(&sup->logs, wait, 2, FIRST_LOOK_MS) <= 0)
			return err_set(err, XEN_FAILED,
			    "the process that asks Xen did not answer");
		if (wait[1].revents != 0 && supervisor_is_told_to_stop(sup)) {
			sup->stop_usec = timing_now_usec();
			return 0;
		}
	} while (wait[0].revents == 0);
	return take_answer(sup, err);
}

int
supervisor_look_for(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct looks *looks = &sup->looks;

	if (looks->count == countof(looks->waiting))
		return err_set(err, RPC_BUSY, "%u calls wait for Xen",
		    looks->count);
	looks->waiting[looks->count++] = (struct waiting_call){
	    .call = *call,
	    .place = call->connection >> PLACE_SHIFT,
	    .after = looks->number,
	};
	if (looks->deadline_usec == 0 && begin_look(sup, err) != 0) {
		looks->count--;
		return (int)err->code;
	}
	return 0;
}

int
supervisor_look_act(struct supervisor *sup, uint32_t connection, uint32_t act,
    const struct receipt *receipt, struct err *err)
{
	struct looks *looks = &sup->looks;
	struct act_call call = {connection, act, receipt->domid, {0}};

	if (looks->act_count == LOOK_ACTS)
		return err_set(err, RPC_BUSY, "%d calls wait for Xen",
		    LOOK_ACTS);
	memcpy(call.uuid, receipt->guest.uuid, UUID_BYTES);
	looks->acts[looks->act_count++] = call;
	if (looks->deadline_usec == 0 && begin_look(sup, err) != 0) {
		looks->act_count--;
		return (int)err->code;
	}
	return 0;
}

void
supervisor_serve_look(struct supervisor *sup)
{
	struct err err;

	if (take_answer(sup, &err) != 0 && sup->looks.child.link < 0)
		fail_waiting(sup, &err);
}

void
supervisor_want_look(struct supervisor *sup)
{
	struct looks *looks = &sup->looks;
	struct err err;

	looks->is_wanted = true;
	if (looks->deadline_usec == 0 && sup->stop_usec == 0 &&
	    begin_look(sup, &err) != 0)
		looks->again_usec = timing_now_usec() + AGAIN_USEC;
}

uint64_t
supervisor_look_deadline(const struct supervisor *sup)
{
	const struct looks *looks = &sup->looks;

	if (looks->deadline_usec != 0)
		return looks->deadline_usec;
	return looks->again_usec != 0 ? looks->again_usec : UINT64_MAX;
}

void
supervisor_end_late_look(struct supervisor *sup)
{
	struct looks *looks = &sup->looks;
	struct err err;

	if (looks->deadline_usec == 0 && looks->again_usec != 0 &&
	    timing_now_usec() >= looks->again_usec)
		supervisor_want_look(sup);
	if (looks->deadline_usec == 0 ||
	    timing_now_usec() < looks->deadline_usec)
		return;
	err_set(&err, XEN_FAILED, "the process that asks Xen is silent");
	lose_looker(sup, &err);
	fail_waiting(sup, &err);
}

void
supervisor_drop_looks(struct supervisor *sup)
{
	graves_add(&sup->graves, &sup->looks.child);
	sup->looks.deadline_usec = 0;
	sup->looks.again_usec = 0;
	sup->looks.count = 0;
	sup->looks.act_count = 0;
}

/* Those whose caller is gone want nothing any more; but what he wanted to be
 * destroyed or paused is. */
void
supervisor_cancel_looks(struct supervisor *sup, const struct callers *callers)
{
	struct looks *looks = &sup->looks;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < looks->count; i++) {
		struct waiting_call *waiting = &looks->waiting[i];
		bool is_gone = callers_has(callers, waiting->call.connection);

		if (is_gone && waiting->call.kind != FRONT_DESTROY)
			continue;
		if (is_gone)
			waiting->call.connection = NO_CONNECTION;
		looks->waiting[kept++] = *waiting;
	}
	looks->count = kept;
	for (uint32_t i = 0; i < looks->act_count; i++) {
		if (callers_has(callers, looks->acts[i].connection))
			looks->acts[i].connection = NO_CONNECTION;
	}
}

uint32_t
supervisor_count_looks(const struct supervisor *sup, uint32_t place)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < sup->looks.count; i++)
		count += sup->looks.waiting[i].place == place;
	return count;
}

/* One that died is begun again when somebody asks. */
static int
begin_look(struct supervisor *sup, struct err *err)
{
	struct looks *looks = &sup->looks;
	struct look_call call = {.number = looks->number + 1};
	bool is_full = false;

	if (looks->act_count > 0) {
		call.act = looks->acts[0].act;
		call.domid = looks->acts[0].domid;
		memcpy(call.uuid, looks->acts[0].uuid, UUID_BYTES);
	}
	/* Those that hang in Xen end when they can. */
	if (looks->child.pid == 0 &&
	    !graves_have_room(&sup->graves, SUPERVISOR_JOBS))
		return err_set(err, XEN_FAILED,
		    "too many processes that asked Xen have not ended");
	if (looks->child.pid == 0)
		TRY(role_start_look(&sup->env, &looks->child, err));
	if (ipc_send_now(looks->child.link, &call, sizeof(call), NULL, &is_full,
		err) != 0 ||
	    is_full) {
		err_set(err, XEN_FAILED, "the process that asks Xen died");
		lose_looker(sup, err);
		return (int)err->code;
	}
	looks->number = call.number;
	looks->is_acting = looks->act_count > 0;
	looks->is_for_change = looks->is_wanted;
	looks->is_wanted = false;
	looks->again_usec = 0;
	domain_table_begin_look(&sup->domains, call.number);
	looks->deadline_usec = timing_now_usec() + LOOK_USEC;
	return 0;
}

/* That Xen could not be looked at is an answer too. */
static int
take_answer(struct supervisor *sup, struct err *err)
{
	struct looks *looks = &sup->looks;
	const uint32_t state =
	    looks->deadline_usec != 0 ? LOOK_UNDER_WAY : LOOK_IDLE;

	if (link_serve(&supervisor_look_answers, looks->child.link, state,
		&looks->place, sup, err) != LINK_TAKEN) {
		err_set(err, XEN_FAILED, "the process that asks Xen died");
		lose_looker(sup, err);
		return (int)err->code;
	}
	*err = looks->failure;
	return (int)err->code;
}

static int
take_listed(void *supervisor, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct supervisor *sup = supervisor;
	const struct look_answer *answer = record;
	struct err failure = {.code = ERR_NONE};

	TRY(check_number(&sup->looks, answer, err));
	if (take_domains(sup, fds, &failure) == 0)
		sup->host = answer->host;
	end_act(sup, &answer->acted);
	end_look(sup, answer->number, &failure);
	return 0;
}

/* An outcome that says nothing is a failure too. */
static int
take_failed(void *supervisor, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct supervisor *sup = supervisor;
	const struct look_answer *answer = record;
	struct err_wire acted;
	struct err failure;

	(void)fds;
	TRY(check_number(&sup->looks, answer, err));
	if (err_wire_to(&answer->outcome, XEN_FAILED, &failure) == 0)
		err_set(&failure, XEN_FAILED, "Xen was not looked at");
	err_wire_from(&acted, (int)failure.code, &failure);
	end_act(sup, &acted);
	end_look(sup, answer->number, &failure);
	return 0;
}

/* The domain may be another's, or gone; the look was made all the same. */
static void
end_act(struct supervisor *sup, const struct err_wire *acted)
{
	struct looks *looks = &sup->looks;
	const uint32_t connection = looks->acts[0].connection;
	struct err outcome;
	int code = err_wire_to(acted, XEN_FAILED, &outcome);

	if (!looks->is_acting)
		return;
	looks->is_acting = false;
	looks->act_count--;
	memmove(looks->acts, looks->acts + 1,
	    looks->act_count * sizeof(*looks->acts));
	supervisor_answer(sup, connection, code, &outcome);
}

static void
end_look(struct supervisor *sup, uint32_t number, const struct err *failure)
{
	sup->looks.failure = *failure;
	if (failure->code != ERR_NONE)
		look_again(&sup->looks);
	serve_waiting(sup, number, failure->code == ERR_NONE ? NULL : failure);
}

static int
check_number(struct looks *looks, const struct look_answer *answer,
    struct err *err)
{
	if (answer->number != looks->number)
		return err_set(err, BUG, "the answer to another look");
	looks->deadline_usec = 0;
	return 0;
}

static int
take_domains(struct supervisor *sup, struct ipc_fds *fds, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *infos = NULL;
	struct bytes bytes;

	TRY(ipc_take_sealed(fds, LOOK_BYTES, "domains", &infos, err));
	bytes = sealed_bytes(infos);
	if (domain_table_update(&sup->domains, (const void *)bytes.ptr,
		bytes.len / sizeof(struct xen_domain_info)))
		supervisor_note_change(sup);
	return 0;
}

/* Calls that came before this look began; the others wait for another one. */
static void
serve_waiting(struct supervisor *sup, uint32_t number,
    const struct err *failure)
{
	struct looks *looks = &sup->looks;
	struct waiting_call ready[WAITING_CALLS];
	uint32_t served = 0;
	uint32_t kept = 0;
	struct err err;

	for (uint32_t i = 0; i < looks->count; i++) {
		if (looks->waiting[i].after < number)
			ready[served++] = looks->waiting[i];
		else
			looks->waiting[kept++] = looks->waiting[i];
	}
	looks->count = kept;
	for (uint32_t i = 0; i < served; i++)
		supervisor_go_on(sup, &ready[i].call, failure);
	if (looks->is_wanted && looks->deadline_usec == 0)
		supervisor_want_look(sup);
	if (looks->count + looks->act_count > 0 && looks->deadline_usec == 0 &&
	    begin_look(sup, &err) != 0)
		fail_waiting(sup, &err);
}

/* All of them. What was to be done may have been. */
static void
fail_waiting(struct supervisor *sup, const struct err *why)
{
	struct looks *looks = &sup->looks;
	const uint32_t count = looks->act_count;
	struct act_call acts[LOOK_ACTS];

	memcpy(acts, looks->acts, sizeof(acts));
	looks->act_count = 0;
	looks->is_acting = false;
	for (uint32_t i = 0; i < count; i++)
		supervisor_answer(sup, acts[i].connection, (int)why->code, why);
	serve_waiting(sup, UINT32_MAX, why);
}

static void
lose_looker(struct supervisor *sup, const struct err *why)
{
	uint64_t missed;

	if (log_limit_allows(&sup->lost_looks, timing_now_usec(), &missed))
		log_line("lost role=look missed=%llu detail=\"%s\"",
		    (unsigned long long)missed, log_quote(why->text).text);
	graves_add(&sup->graves, &sup->looks.child);
	sup->looks.deadline_usec = 0;
	look_again(&sup->looks);
}

/* What changed has not been seen. */
static void
look_again(struct looks *looks)
{
	if (looks->is_for_change)
		looks->again_usec = timing_now_usec() + AGAIN_USEC;
	looks->is_for_change = false;
}
