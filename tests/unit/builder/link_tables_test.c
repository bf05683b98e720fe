/*
 * Every table of what one role may say to another, walked with every kind, size
 * and number of descriptors, in every state, for the first time, a second time,
 * before its predecessors and after the last: what is allowed is what the table
 * says, and whoever says anything else to the supervisor is ended.
 */
#include "link_trials.h"
#include "supervisor_stand.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/front/front.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"
#include "builder/link_table.h"
#include "builder/look_link.h"
#include "builder/channel/channel_role.h"
#include "builder/nodes/nodes_role.h"
#include "builder/build/build_role.h"
#include "builder/build/nodes.h"
#include "builder/nodes_link.h"
#include "builder/rules.h"
#include "builder/watch/watch_role.h"
#include "builder/watch_link.h"
#include "builder/stage/stage_role.h"
#include "builder/stage_link.h"
#include "builder/tpm/tpm_role_state.h"
#include "builder/verify/verify_role.h"

enum { STATES = 8 };

static const struct link_table *const all_tables[] = {
    &supervisor_verify_reports,
    &supervisor_build_reports,
    &supervisor_front_calls,
    &supervisor_tpm_answers,
    &supervisor_look_answers,
    &supervisor_channel_answers,
    &channel_calls,
    &supervisor_watch_reports,
    &watch_calls,
    &nodes_calls,
    &nodes_reports,
    &build_calls,
    &rules_answers,
    &stage_answers,
    &stage_calls,
    &tpm_role_calls,
    &verify_tasks,
    &front_answers,
};

/* --- the reader ------------------------------------------------------- */

static size_t taken;
static size_t tried;
static size_t allowed;

/* A record in the place of a handler. */
static int
count_taken(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	(void)owner;
	(void)record;
	(void)fds;
	(void)err;
	taken++;
	return 0;
}

enum link_event __real_link_serve(const struct link_table *table, int fd,
    uint32_t state, struct link_place *place, void *owner, struct err *err);
enum link_event __wrap_link_serve(const struct link_table *table, int fd,
    uint32_t state, struct link_place *place, void *owner, struct err *err);

static enum link_event last_event;

enum link_event
__wrap_link_serve(const struct link_table *table, int fd, uint32_t state,
    struct link_place *place, void *owner, struct err *err)
{
	last_event = __real_link_serve(table, fd, state, place, owner, err);
	return last_event;
}

static void
try_reader(const struct trial *trial)
{
	struct link_rule rules[LINK_KINDS];
	struct link_table table = *trial->table;
	struct link_place place = trial_place(trial);
	const struct link_place before = place;
	struct err err;
	int ends[2];
	size_t taken_before = taken;
	enum link_event event;

	memcpy(rules, table.rules, table.count * sizeof(*rules));
	for (size_t i = 0; i < table.count; i++)
		rules[i].take = count_taken;
	table.rules = rules;
	if (table.pipe != NULL)
		assert_code(ipc_pipe(ends, &err), 0);
	else
		assert_code(ipc_pair(ends, &err), 0);
	trial_send(trial, ends[1]);
	event = __real_link_serve(&table, ends[0], trial->state, &place, NULL,
	    &err);
	tried++;
	if (trial_is_allowed(trial)) {
		allowed++;
		if (event != LINK_TAKEN || taken != taken_before + 1)
			trial_fail(trial, "refused");
		assert_int_equal(place.seen,
		    before.seen | LINK_BIT(trial->kind));
		assert_int_equal(place.is_over,
		    trial_rule(trial)->times == LINK_LAST);
	} else {
		if (taken != taken_before ||
		    event != (trial->size < LINK_KIND_BYTES ? LINK_UNREADABLE
							    : LINK_REFUSED))
			trial_fail(trial, "taken");
		assert_int_equal(place.seen, before.seen);
		assert_code(err.code,
		    event == LINK_REFUSED ? BUG : STAGE_FAILED);
	}
	close(ends[0]);
	close(ends[1]);
}

static void
records_are_taken_exactly_as_their_table_says(void **state)
{
	(void)state;
	taken = tried = allowed = 0;
	for (size_t i = 0; i < countof(all_tables); i++)
		trials_each(all_tables[i], STATES, try_reader);
	/* Or nothing was tried. */
	assert_true(tried > 20000);
	assert_int_equal(taken, allowed);
	assert_true(allowed > 100);
}

/* Whoever reads it never sees what an earlier record left. */
static int
assert_zeros(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	const unsigned char *bytes = record;

	(void)fds;
	(void)err;
	for (size_t i = LINK_KIND_BYTES; i < LINK_RECORD_BYTES; i++)
		assert_int_equal(bytes[i], 0);
	*(bool *)owner = true;
	return 0;
}

static void
record_that_is_short_has_zeros_behind_its_end(void **state)
{
	const struct link_rule rules[] = {
	    {1, LINK_OFTEN, 0, 0, 0, LINK_RECORD_BYTES, count_taken},
	    {1, LINK_OFTEN, 0, 0, 0, LINK_KIND_BYTES, assert_zeros},
	};
	const struct link_table table = {"a record", rules, 2, NULL};
	static unsigned char full[LINK_RECORD_BYTES];
	const uint32_t kind = 1;
	struct link_place place = {0};
	bool is_seen = false;
	struct err err;
	int ends[2];

	(void)state;
	memset(full + LINK_KIND_BYTES, 0xee, sizeof(full) - LINK_KIND_BYTES);
	assert_code(ipc_pair(ends, &err), 0);
	assert_code(ipc_send(ends[1], full, sizeof(full), -1, &err), 0);
	assert_code(ipc_send(ends[1], &kind, sizeof(kind), -1, &err), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(__real_link_serve(&table, ends[0], 0, &place,
				     &is_seen, &err),
		    LINK_TAKEN);
	assert_true(is_seen);
	close(ends[1]);
	assert_int_equal(
	    __real_link_serve(&table, ends[0], 0, &place, &is_seen, &err),
	    LINK_END);
	close(ends[0]);
}

/* --- what the tables say ---------------------------------------------- */

#define IN(state) (1u << (state))
#define ANY       SEALED_PIECES

struct row {
	const struct link_table *table;
	uint32_t kind;
	uint32_t states;
	enum link_times times;
	uint32_t after;
	uint32_t min_fds;
	uint32_t max_fds;
};

/* Said twice on purpose: who loosens a table has to come here, too. */
static const struct row rows[] = {
#define VERIFY_ROW(kind, states, times, min, max)                            \
	{                                                                    \
		&supervisor_verify_reports, kind, states, times, 0, min, max \
	}
    VERIFY_ROW(VERIFY_VERDICT, IN(JOB_DECIDING) | IN(JOB_LISTING), LINK_OFTEN,
	0, 0),
    VERIFY_ROW(VERIFY_EPOCH, IN(JOB_DECIDING) | IN(JOB_LISTING), LINK_ONCE, 0,
	0),
    VERIFY_ROW(VERIFY_TRUST, IN(JOB_DECIDING) | IN(JOB_LISTING), LINK_ONCE, 0,
	0),
    VERIFY_ROW(VERIFY_IMAGES, IN(JOB_LISTING), LINK_LAST, 1, ANY),
    VERIFY_ROW(VERIFY_ORDER, IN(JOB_DECIDING), LINK_LAST, 0, 0),
    VERIFY_ROW(VERIFY_REFUSED,
	IN(JOB_STARTING) | IN(JOB_DECIDING) | IN(JOB_LISTING), LINK_LAST, 0, 0),
    VERIFY_ROW(VERIFY_MARK, IN(JOB_STARTING), LINK_LAST, 0, 0),
#define BUILD_ROW(kind, states, times, after, min, max)                     \
	{                                                                   \
		&supervisor_build_reports, kind, states, times, after, min, \
		    max                                                     \
	}
    BUILD_ROW(BUILD_MADE, IN(JOB_BUILDING), LINK_ONCE, 0, 0, 0),
    BUILD_ROW(BUILD_BLOB, IN(JOB_BUILDING), LINK_OFTEN, 0, 1, ANY),
    BUILD_ROW(BUILD_RECORD, IN(JOB_BUILDING), LINK_ONCE, IN(BUILD_MADE), 0, 0),
    BUILD_ROW(BUILD_DONE, IN(JOB_BUILDING) | IN(JOB_ERASING), LINK_LAST, 0, 0,
	0),
    BUILD_ROW(BUILD_UNFIT, IN(JOB_BUILDING) | IN(JOB_ERASING), LINK_LAST, 0, 0,
	0),
#define CALL_ROW(kind)                                                \
	{                                                             \
		&supervisor_front_calls, kind, 1, LINK_OFTEN, 0, 0, 0 \
	}
    CALL_ROW(FRONT_BUILD),
    CALL_ROW(FRONT_LIST_IMAGES),
    CALL_ROW(FRONT_LIST_DOMAINS),
    CALL_ROW(FRONT_DESTROY),
    CALL_ROW(FRONT_STATUS),
    CALL_ROW(FRONT_ATTEST),
    CALL_ROW(FRONT_LOG),
    CALL_ROW(FRONT_CANCEL),
    CALL_ROW(FRONT_UNDELIVERED),
    CALL_ROW(FRONT_ALIVE),
    CALL_ROW(FRONT_DESCRIBE),
    CALL_ROW(FRONT_PAUSE),
    CALL_ROW(FRONT_UNPAUSE),
    CALL_ROW(FRONT_SHUTDOWN),
    CALL_ROW(FRONT_WAIT),
#define RECORD_ROW(kind, times, after, max)                            \
	{                                                              \
		&supervisor_tpm_answers, kind, 1, times, after, 0, max \
	}
    RECORD_ROW(TPM_REQUEST_START, LINK_ONCE, 0, 0),
    RECORD_ROW(TPM_REQUEST_EVENT, LINK_OFTEN, IN(TPM_REQUEST_START), 0),
    RECORD_ROW(TPM_REQUEST_EPOCH, LINK_OFTEN, IN(TPM_REQUEST_START), 0),
    RECORD_ROW(TPM_REQUEST_TRUST, LINK_OFTEN, IN(TPM_REQUEST_START), 0),
    RECORD_ROW(TPM_REQUEST_QUOTE, LINK_OFTEN, IN(TPM_REQUEST_START), ANY),
    RECORD_ROW(TPM_REQUEST_LOG, LINK_OFTEN, IN(TPM_REQUEST_START), ANY),
    {&supervisor_look_answers, LOOK_LISTED, IN(LOOK_UNDER_WAY), LINK_OFTEN, 0,
	1, ANY},
    {&supervisor_look_answers, LOOK_FAILED, IN(LOOK_UNDER_WAY), LINK_OFTEN, 0,
	0, 0},
    {&supervisor_watch_reports, WATCH_CHANGED,
	IN(WATCH_BEGINS) | IN(WATCH_WATCHES), LINK_OFTEN, 0, 0, 0},
    {&supervisor_watch_reports, WATCH_ASKED, IN(WATCH_WATCHES), LINK_OFTEN, 0,
	0, 0},
    {&supervisor_channel_answers, CHANNEL_OFFERED, IN(CHANNEL_SERVES),
	LINK_OFTEN, 0, 0, 0},
    {&supervisor_channel_answers, CHANNEL_DONE, IN(CHANNEL_SERVES), LINK_OFTEN,
	0, 0, 0},
    {&supervisor_channel_answers, CHANNEL_REFUSED, IN(CHANNEL_SERVES),
	LINK_OFTEN, 0, 0, 0},
    {&channel_calls, CHANNEL_CLEAR, IN(CHANNEL_SERVES), LINK_ONCE, 0, 0, 0},
    {&channel_calls, CHANNEL_OFFER, IN(CHANNEL_SERVES), LINK_OFTEN, 0,
	CHANNEL_FDS, CHANNEL_FDS},
    {&channel_calls, CHANNEL_WITHDRAW, IN(CHANNEL_SERVES), LINK_OFTEN, 0, 0, 0},
    {&channel_calls, CHANNEL_FORGET, IN(CHANNEL_SERVES), LINK_OFTEN, 0, 0, 0},
    {&watch_calls, WATCH_ASK_SHUTDOWN, IN(WATCH_SERVES), LINK_OFTEN, 0, 0, 0},
#define NODES_ROW(kind, state, times, after)                      \
	{                                                         \
		&nodes_calls, kind, IN(state), times, after, 0, 0 \
	}
    NODES_ROW(NODES_CHECK, NODES_SERVES, LINK_ONCE, 0),
    NODES_ROW(NODES_FIND, NODES_SERVES, LINK_ONCE, 0),
    NODES_ROW(NODES_SEND, NODES_SERVES, LINK_ONCE, 0),
    NODES_ROW(NODES_PUBLISH, NODES_SERVES, LINK_ONCE, IN(NODES_SEND)),
    NODES_ROW(NODES_INTRODUCE, NODES_SERVES, LINK_ONCE, IN(NODES_PUBLISH)),
    NODES_ROW(NODES_REMOVE, NODES_SERVES, LINK_ONCE, 0),
    NODES_ROW(NODES_MAY, NODES_ASKED, LINK_OFTEN, 0),
    {&nodes_reports, NODES_DONE, 1, LINK_OFTEN, 0, 0, 0},
    {&nodes_reports, NODES_ASK, 1, LINK_OFTEN, 0, 0, 0},
    {&build_calls, BUILD_CACHED, IN(BUILD_AWAITS), LINK_OFTEN, 0, 1, ANY},
    {&build_calls, BUILD_DOMAIN, IN(BUILD_AWAITS), LINK_LAST, 0, 1, 1},
    {&build_calls, BUILD_ERASE, IN(BUILD_AWAITS), LINK_LAST, 0, 0, 0},
    {&rules_answers, RULES_RECORDED, 1, LINK_OFTEN, 0, 0, 0},
    {&stage_answers, STAGE_ENTRY, IN(STAGE_ASKED_FOR_LIST), LINK_OFTEN, 0, 0,
	0},
    {&stage_answers, STAGE_PIECE, IN(STAGE_ASKED_FOR_PIECES), LINK_OFTEN, 0, 1,
	1},
    {&stage_answers, STAGE_MEMORY, IN(STAGE_ASKED_FOR_MEMORY), LINK_OFTEN, 0, 1,
	1},
    {&stage_answers, STAGE_END,
	IN(STAGE_ASKED) | IN(STAGE_ASKED_FOR_LIST) |
	    IN(STAGE_ASKED_FOR_PIECES) | IN(STAGE_ASKED_FOR_MEMORY),
	LINK_OFTEN, 0, 0, 0},
#define STAGE_ROW(kind, after)                                                \
	{                                                                     \
		&stage_calls, kind, IN(STAGE_FILLED), LINK_OFTEN, after, 0, 0 \
	}
    {&stage_calls, STAGE_OPEN, IN(STAGE_EMPTY), LINK_ONCE, 0, 1, 1},
    STAGE_ROW(STAGE_LIST, 0),
    STAGE_ROW(STAGE_BLOB, 0),
    STAGE_ROW(STAGE_BLOB_MAX, 0),
    STAGE_ROW(STAGE_UNPACK, IN(STAGE_BLOB)),
    STAGE_ROW(STAGE_STORE_INDEX, 0),
#define TPM_ROW(kind)                                         \
	{                                                     \
		&tpm_role_calls, kind, 1, LINK_OFTEN, 0, 0, 0 \
	}
    TPM_ROW(TPM_REQUEST_EVENT),
    TPM_ROW(TPM_REQUEST_EPOCH),
    TPM_ROW(TPM_REQUEST_TRUST),
    TPM_ROW(TPM_REQUEST_QUOTE),
    TPM_ROW(TPM_REQUEST_LOG),
    {&verify_tasks, VERIFY_START, 1, LINK_LAST, 0, 0, 0},
    {&verify_tasks, VERIFY_BUILD, 1, LINK_LAST, 0, 1, VERIFY_FDS},
    {&verify_tasks, VERIFY_LIST, 1, LINK_LAST, 0, 1, VERIFY_FDS},
    {&front_answers, ANSWER_OUTCOME, 1, LINK_OFTEN, 0, 0, 0},
    {&front_answers, ANSWER_RECEIPT, 1, LINK_OFTEN, 0, 0, 0},
    {&front_answers, ANSWER_STATUS, 1, LINK_OFTEN, 0, 1, ANY},
    {&front_answers, ANSWER_MEMORY, 1, LINK_OFTEN, 0, 1, ANY},
    {&front_answers, ANSWER_STATE, 1, LINK_OFTEN, 0, 0, 0},
};

static void
tables_say_this_and_nothing_more(void **state)
{
	size_t legal = 0;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const struct row *row = &rows[i];
		const struct link_rule *rule = &row->table->rules[row->kind];

		assert_true(row->kind < row->table->count);
		assert_int_equal(rule->states, row->states);
		assert_int_equal(rule->times, row->times);
		assert_int_equal(rule->after, row->after);
		assert_int_equal(rule->min_fds, row->min_fds);
		assert_int_equal(rule->max_fds, row->max_fds);
		assert_non_null(rule->take);
		assert_in_range(rule->bytes, LINK_KIND_BYTES,
		    LINK_RECORD_BYTES - 1);
	}
	for (size_t i = 0; i < countof(all_tables); i++) {
		for (size_t kind = 0; kind < all_tables[i]->count; kind++)
			legal += all_tables[i]->rules[kind].states != 0;
	}
	assert_int_equal(legal, countof(rows));
}

/* Both sides mean the same. */
static void
records_are_sent_as_long_as_their_tables_say(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < LINK_KINDS; kind++) {
		const struct {
			const struct link_table *table;
			size_t bytes;
		} sides[] = {
		    {&supervisor_front_calls, front_call_bytes(kind)},
		    {&tpm_role_calls, tpm_request_bytes(kind)},
		    {&front_answers, front_answer_bytes(kind)},
		};

		for (size_t i = 0; i < countof(sides); i++)
			assert_int_equal(sides[i].bytes,
			    kind < sides[i].table->count
				? sides[i].table->rules[kind].bytes
				: 0);
	}
}

/* --- the supervisor --------------------------------------------------- */

static pid_t victim;

static void
assert_killed(void)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)victim, &info, WEXITED | WNOWAIT),
	    0);
	assert_int_equal(info.si_status, SIGKILL);
}

static void
bury_victim(void)
{
	if (victim == 0)
		return;
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	victim = 0;
}

static void
drain(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
		continue;
}

/* What became of it. */
static void
check_event(const struct trial *trial)
{
	bool is_taken = last_event == LINK_TAKEN || last_event == LINK_FAILED;

	tried++;
	if (is_taken != trial_is_allowed(trial))
		trial_fail(trial, is_taken ? "taken" : "refused");
}

static void
begin_job(const struct trial *trial, enum job_step step)
{
	static const enum task_kind kinds[] = {
	    [JOB_DECIDING] = TASK_BUILD,
	    [JOB_LISTING] = TASK_LIST_IMAGES,
	    [JOB_BUILDING] = TASK_BUILD,
	    [JOB_ERASING] = TASK_ERASE,
	    [JOB_STARTING] = TASK_LIST_IMAGES, /* it has none */
	};
	struct job *job = stand.job;
	struct err err;
	int link[2];

	bury_victim();
	assert_code(ipc_pair(link, &err), 0);
	closep(&stand.child);
	closep(&job->child.link);
	closep(&job->stage_fd);
	job->child.link = link[0];
	stand.child = link[1];
	victim = job->child.pid = start_process();
	job->state = JOB_RUNNING;
	job->step = step;
	job->task.kind = kinds[step];
	job->tag = trial->state == JOB_WAITING ? 77 : 0;
	job->place = trial_place(trial);
	job->killed = ERR_NONE;
	job->is_done = job->is_unfit = job->is_recorded = false;
	job->domid = 0;
	sealed_freep(&job->listing);
}

/* As it was, for the next one: an order was carried out, say. */
static void
end_job(void)
{
	struct job *job = stand.job;

	supervisor_drop_builder(stand.sup, &stand.sup->ready_build);
	if (job->child.pid != victim) {
		graves_add(&stand.sup->graves, &job->child);
		job->child = (struct child){.pidfd = -1, .link = -1};
	}
	while (stand.sup->graves.count > 0)
		graves_collect(&stand.sup->graves);
	sealed_freep(&job->listing);
	drain(stand.front);
	drain(stand.recorder);
	outbox_attach(&stand.sup->records, stand.sup->tpm_fd);
	stand.sup->asked_count = 0;
}

static void
try_job(const struct trial *trial)
{
	const bool verifies = trial->table == &supervisor_verify_reports;
	enum job_step step = (enum job_step)trial->state;

	/* Who waits does so in one of its own steps. */
	if (step == JOB_WAITING)
		step = verifies ? JOB_DECIDING : JOB_BUILDING;
	if (supervisor_reports_in(step) != trial->table)
		return;
	begin_job(trial, step);
	trial_send(trial, stand.child);
	supervisor_serve_job(stand.sup, stand.job);
	check_event(trial);
	if (!trial_is_allowed(trial)) {
		assert_int_not_equal(stand.job->killed, ERR_NONE);
		assert_killed();
	}
	end_job();
}

/* The stand's own build child is given back at the end. */
static void
child_that_says_what_its_table_does_not_have_is_ended(void **state)
{
	const struct child own = stand.job->child;

	(void)state;
	tried = 0;
	stand.job->child = (struct child){.pidfd = -1, .link = -1};
	trials_each(&supervisor_verify_reports, JOB_WAITING + 1, try_job);
	trials_each(&supervisor_build_reports, JOB_WAITING + 1, try_job);
	assert_true(tried > 3000);
	bury_victim();
	closep(&stand.job->child.link);
	stand.job->child = own;
	stand.job->step = JOB_BUILDING;
	stand.job->state = JOB_RUNNING;
}

static int front_end;

static void
try_front(const struct trial *trial)
{
	struct front_child *front = socket_front();

	front->is_lost = false;
	front->place = trial_place(trial);
	stand.sup->looks.count = 0;
	trial_send(trial, front_end);
	supervisor_serve_front(stand.sup, socket_front());
	check_event(trial);
	assert_int_equal(front->is_lost, last_event != LINK_TAKEN);
	drain(stand.front);
	drain(stand.recorder);
	drain(stand.looker);
	outbox_attach(&front->answers, front->answers.fd);
}

static void
front_that_says_what_its_table_does_not_have_is_ended(void **state)
{
	struct err err;
	int ends[2];

	(void)state;
	tried = 0;
	assert_code(ipc_pipe(ends, &err), 0);
	socket_front()->calls_fd = ends[0];
	front_end = ends[1];
	trials_each(&supervisor_front_calls, 1, try_front);
	assert_true(tried > 200);
	closep(&socket_front()->calls_fd);
	close(front_end);
}

/* It was asked just that: what is refused is refused by the table. */
static void
try_recorder(const struct trial *trial)
{
	struct supervisor *sup = stand.sup;
	struct err err;
	int ends[2];

	assert_code(ipc_pair(ends, &err), 0);
	closep(&sup->tpm_fd);
	closep(&stand.recorder);
	sup->tpm_fd = ends[0];
	bury_victim();
	sup->tpm_pid = victim = start_process();
	stand.recorder = ends[1];
	outbox_attach(&sup->records, ends[0]);
	sup->tpm_link_place = trial_place(trial);
	sup->platform.is_lost = false;
	sup->asked[0] = (struct asked){trial->kind, 0};
	sup->asked_first = 0;
	sup->asked_count = 1;
	sup->evidence[0] = (struct evidence_call){.is_used = true};
	trial_send(trial, stand.recorder);
	supervisor_serve_tpm_role(sup);
	check_event(trial);
	assert_int_equal(sup->tpm_fd < 0, last_event != LINK_TAKEN);
	if (last_event != LINK_TAKEN)
		assert_killed();
	if (last_event != LINK_TAKEN)
		assert_true(sup->platform.is_lost); /* nothing is built */
	drain(stand.front);
}

static void
tpm_role_that_says_what_its_table_does_not_have_is_ended(void **state)
{
	(void)state;
	tried = 0;
	trials_each(&supervisor_tpm_answers, 1, try_recorder);
	bury_victim();
	assert_true(tried > 400);
}

static void
try_looker(const struct trial *trial)
{
	struct supervisor *sup = stand.sup;
	struct looks *looks = &sup->looks;
	struct err err;
	int ends[2];

	bury_victim();
	assert_code(ipc_pair(ends, &err), 0);
	closep(&looks->child.link);
	closep(&stand.looker);
	stand.looker = ends[1];
	victim = start_process();
	looks->child = (struct child){victim, -1, ends[0]};
	looks->place = trial_place(trial);
	looks->number = 0; /* as in the record */
	looks->count = 0;
	looks->deadline_usec = trial->state == LOOK_UNDER_WAY ? UINT64_MAX : 0;
	trial_send(trial, stand.looker);
	supervisor_serve_look(sup);
	check_event(trial);
	assert_int_equal(looks->child.pid == 0, last_event != LINK_TAKEN);
	while (last_event != LINK_TAKEN && sup->graves.count > 0)
		graves_collect(&sup->graves); /* which ends if it was killed */
	if (last_event != LINK_TAKEN)
		victim = 0;
}

static void
look_role_that_says_what_its_table_does_not_have_is_ended(void **state)
{
	(void)state;
	tried = 0;
	closep(&stand.sup->looks.child.link);
	trials_each(&supervisor_look_answers, LOOK_UNDER_WAY + 1, try_looker);
	assert_true(tried > 400);
	bury_victim();
}

/* --- the watch role ---------------------------------------------------- */

static void
try_watcher(const struct trial *trial)
{
	struct supervisor *sup = stand.sup;
	struct watch *watch = &sup->watch;
	struct err err;
	int ends[2];

	bury_victim();
	assert_code(ipc_pair(ends, &err), 0);
	closep(&watch->child.link);
	closep(&stand.watcher);
	stand.watcher = ends[1];
	victim = start_process();
	*watch = (struct watch){
	    .child = {victim, -1, ends[0]},
	    .place = trial_place(trial),
	    .is_watching = trial->state == WATCH_WATCHES,
	    .asked = {{.is_used = true}}, /* of the record's number */
	};
	sup->looks.deadline_usec = UINT64_MAX; /* no other is begun */
	trial_send(trial, stand.watcher);
	supervisor_serve_watch(sup);
	check_event(trial);
	assert_int_equal(watch->child.pid == 0, last_event != LINK_TAKEN);
	while (last_event != LINK_TAKEN && sup->graves.count > 0)
		graves_collect(&sup->graves); /* which ends if it was killed */
	if (last_event != LINK_TAKEN)
		victim = 0;
}

static void
watch_role_that_says_what_its_table_does_not_have_is_ended(void **state)
{
	(void)state;
	tried = 0;
	trials_each(&supervisor_watch_reports, WATCH_WATCHES + 1, try_watcher);
	assert_true(tried > 400);
	bury_victim();
}

/* --- the channel role -------------------------------------------------- */

/* It was asked for a ring for the domain of the record, 0: whoever has it. */
static void
try_channels(const struct trial *trial)
{
	struct supervisor *sup = stand.sup;
	struct channels *channels = &sup->channels;
	struct err err;
	int ends[2];

	bury_victim();
	assert_code(ipc_pair(ends, &err), 0);
	closep(&channels->child.link);
	victim = start_process();
	*channels = (struct channels){
	    .child = {victim, -1, ends[0]},
	    .place = trial_place(trial),
	    .asked = {{trial->kind == CHANNEL_OFFERED ? CHANNEL_OFFER
						      : CHANNEL_FORGET}},
	    .asked_count = 1,
	};
	trial_send(trial, ends[1]);
	supervisor_serve_channels(sup);
	check_event(trial);
	assert_int_equal(channels->child.pid == 0, last_event != LINK_TAKEN);
	while (last_event != LINK_TAKEN && sup->graves.count > 0)
		graves_collect(&sup->graves); /* which ends if it was killed */
	if (last_event != LINK_TAKEN)
		victim = 0;
	closep(&ends[1]);
}

static void
channel_role_that_says_what_its_table_does_not_have_is_ended(void **state)
{
	(void)state;
	tried = 0;
	trials_each(&supervisor_channel_answers, CHANNEL_SERVES + 1,
	    try_channels);
	assert_true(tried > 100);
	bury_victim();
}

/* --- roles ------------------------------------------------------------- */

static int
begin_verify(pid_t *ret_pid)
{
	const struct role_start start = {
	    .role = ROLE_VERIFY,
	    .parent_pid = getpid(),
	    .config = config,
	};
	struct err err;
	int link[2];
	int stage[2];

	assert_code(ipc_pair(link, &err), 0);
	assert_code(ipc_pair(stage, &err), 0);
	*ret_pid = fork();
	if (*ret_pid == 0)
		verify_role_run(&start, stand.trust, link[1], stage[1]);
	close(link[1]);
	close(stage[0]);
	close(stage[1]);
	return link[0];
}

static void
verify_role_that_is_given_what_its_table_does_not_have_ends(void **state)
{
	(void)state;
	trials_at_role(&verify_tasks, VERIFY_WAITS, begin_verify);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_are_taken_exactly_as_their_table_says),
	    cmocka_unit_test(record_that_is_short_has_zeros_behind_its_end),
	    cmocka_unit_test(tables_say_this_and_nothing_more),
	    cmocka_unit_test(records_are_sent_as_long_as_their_tables_say),
	    stand_test(child_that_says_what_its_table_does_not_have_is_ended),
	    stand_test(front_that_says_what_its_table_does_not_have_is_ended),
	    stand_test(
		tpm_role_that_says_what_its_table_does_not_have_is_ended),
	    stand_test(
		verify_role_that_is_given_what_its_table_does_not_have_ends),
	    stand_test(
		look_role_that_says_what_its_table_does_not_have_is_ended),
	    stand_test(
		watch_role_that_says_what_its_table_does_not_have_is_ended),
	    stand_test(
		channel_role_that_says_what_its_table_does_not_have_is_ended),
	};

	return cmocka_run_group_tests_name("link_tables", tests, NULL, NULL);
}
