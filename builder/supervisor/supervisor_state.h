/*
 * The supervisor's state, shared by its files: supervisor.c (its life and its
 * end), supervisor_front.c (the life of fronts), supervisor_policy.c (what
 * callers may), supervisor_calls.c (what the
 * front asks), supervisor_jobs.c (the life of jobs), supervisor_reports.c (what
 * their children report), supervisor_removals.c (domains that have to go),
 * supervisor_domains.c (what is asked of one domain), supervisor_looks.c and
 * supervisor_watch.c (what Xen has, and that it changed), supervisor_clients.c
 * (domains that may call, and their channels), supervisor_tpm.c (the
 * tpm role's life), supervisor_records.c (what it is asked, for all these) and
 * supervisor_trust.c (the policy in force, before all that). Nobody else
 * includes this.
 *
 * It waits for nobody: it polls, reads what is there, and puts what it has to
 * say into bounded queues. A child that is silent for too long is killed.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_SUPERVISOR_STATE_H
#define ASSAY_BUILDER_SUPERVISOR_SUPERVISOR_STATE_H

#include "base/log.h"
#include "base/log_limit.h"
#include "builder/supervisor/domain_table.h"
#include "builder/channel_link.h"
#include "builder/front_link.h"
#include "builder/supervisor/image_cache.h"
#include "builder/supervisor/job.h"
#include "builder/outbox.h"
#include "builder/supervisor/quota.h"
#include "builder/supervisor/role_log.h"
#include "builder/tpm_link.h"
#include "builder/supervisor/supervisor.h"
#include "grant-preload/xen_port.h"

/* What may be under way at once. Builds whose children are about to end, and
 * the child that waits, need places too. */
enum {
	SUPERVISOR_LISTINGS = 4,
	SUPERVISOR_ERASES = 8,
	SUPERVISOR_EVIDENCE = 8, /* builds wait for the tpm role behind them */
	SUPERVISOR_JOBS =
	    2 * LIMIT_BUILDS + SUPERVISOR_LISTINGS + SUPERVISOR_ERASES + 1,
};

/* Domains that have to go: so many builds may fail to be undone before no more
 * are begun; what has run and has to go needs a place beside them. */
enum {
	SUPERVISOR_REMOVALS = JOURNAL_PENDING,
	SUPERVISOR_REMOVALS_OF_BUILDS = JOURNAL_PENDING / 2,
};

/* Domains that wait to be paused or unpaused, each before a look of its own;
 * and guests that the watch role was told to ask. */
enum { LOOK_ACTS = 8, SHUTDOWN_CALLS = 8 };

/* Domains that are built again. */
enum { RESTARTS = 32 };

enum restart_step {
	RESTART_NONE,
	RESTART_REMOVING, /* what ended is not gone yet */
	RESTART_WAITING,  /* until it is due */
	RESTART_BUILDING,
};

struct restart {
	enum restart_step step;
	struct built built; /* the receipt of the one that ended, with the
	                     * lineage of the one to come */
	uint64_t due_usec;
	uint32_t tries; /* that failed */
};

/* Callers that wait for a domain. */
enum { WAITERS = 64 };

struct waiter {
	bool is_used;
	uint32_t connection;
	uint32_t domid;
	uint8_t uuid[UUID_BYTES];
	uint32_t until; /* enum wait_until */
	uint64_t deadline_usec;
};

/* Answers that the front did not read: one for each call under way, and some
 * room to refuse and to list. */
enum {
	FRONT_CALLS = SUPERVISOR_JOBS + SUPERVISOR_EVIDENCE +
	              LIMIT_RPC_CONNECTIONS + LOOK_ACTS + SHUTDOWN_CALLS +
	              WAITERS,
	FRONT_ANSWERS = FRONT_CALLS + 16,
	FRONT_LISTINGS = 8,
};

/* A front serves all callers of the socket, or one domain: that has one call
 * under way, and some that it hung up on. */
enum {
	CLIENT_CALLS = 4,
	CLIENT_ANSWERS = CLIENT_CALLS + 4,
	CLIENT_LISTINGS = 1,
};
enum {
	FRONT_OF_SOCKET,
	FRONT_OF_CLIENTS, /* the first of those */
	SUPERVISOR_FRONTS = FRONT_OF_CLIENTS + LIMIT_CLIENTS,
};

/* A caller that waits is known by its front's place, above these bits, and that
 * front's number for it. A front cannot name another's. */
enum { PLACE_SHIFT = 24 };

/* Those from `first` to `last`. */
struct callers {
	uint32_t first;
	uint32_t last;
};

/* What the tpm role has not answered yet: more than wait in its queue and in
 * its link. It answers in their order. */
enum { ASKED = 256 };

struct asked {
	uint32_t kind;
	uint32_t tag;
};

/* In which state the tpm role is that may answer. */
enum tpm_link_state { TPM_ROLE_ANSWERS };

/* A call for evidence under way; the caller may be gone. */
struct evidence_call {
	bool is_used;
	uint32_t tag;
	uint32_t connection;
	struct caller caller;
};

/* Calls that wait until somebody has looked at what Xen has. Each answer may
 * have memory along. */
enum { WAITING_CALLS = FRONT_LISTINGS + LIMIT_CLIENTS * CLIENT_LISTINGS };

struct waiting_call {
	struct front_call call;
	uint32_t place; /* of its front, although the caller may be gone */
	uint32_t after; /* the last look that began before it came */
};

struct act_call {
	uint32_t connection;
	uint32_t act; /* enum look_act */
	uint32_t domid;
	uint8_t uuid[UUID_BYTES];
};

/* In which state the look role is. */
enum look_state { LOOK_IDLE, LOOK_UNDER_WAY };

struct looks {
	struct child child;
	struct link_place place;
	struct err failure; /* what the last answer says; no code: nothing */
	uint32_t number;    /* of the last one that began */
	uint64_t deadline_usec; /* of the one under way; 0: none is */
	bool is_for_change;     /* that one: something had changed */
	bool is_wanted;         /* something changed since it began */
	uint64_t again_usec;    /* when one that failed is tried again; or 0 */
	struct waiting_call waiting[WAITING_CALLS];
	uint32_t count;
	struct act_call acts[LOOK_ACTS]; /* in their order */
	uint32_t act_count;
	bool is_acting; /* the look under way is for the first one */
};

/* In which state the watch role is: it begins until its first report. */
enum watch_link_state { WATCH_BEGINS, WATCH_WATCHES };

struct shutdown_call {
	bool is_used;
	uint32_t number;
	uint32_t connection;
};

struct watch {
	struct child child;
	struct link_place place;
	bool is_watching;
	uint64_t deadline_usec; /* of what it has to say next; 0: nothing */
	uint64_t next_usec;     /* not begun again before */
	uint64_t pause_usec;    /* after the next failure */
	uint32_t number;        /* of the last call */
	struct shutdown_call asked[SHUTDOWN_CALLS];
};

/* In which state a front is that may say something. */
enum front_state { FRONT_SERVES };

/* A front; there may be none for a while. */
struct front_child {
	pid_t pid; /* 0: none */
	int calls_fd;
	struct link_place place; /* of its calls */
	struct outbox answers;   /* its fd is owned here */
	uint64_t started_usec;
	uint64_t heard_usec; /* when it last said anything */
	uint64_t next_usec;  /* not begun again before */
	uint64_t pause_usec; /* after the next failure */
	bool is_lost;        /* to be killed, as soon as nobody uses it */
};

/* A domain that may call: which ring it has. */
enum client_step {
	CLIENT_NONE,
	CLIENT_WAITS,  /* for the time when it is offered one */
	CLIENT_ASKED,  /* the channel role was asked for one */
	CLIENT_SERVED, /* it has one, and a front */
};

struct client {
	enum client_step step;
	struct caller caller; /* zeros: none; its front is in the same place */
	int devices[CHANNEL_FDS]; /* while the role is asked; owned */
	uint64_t due_usec;
	uint64_t sessions_until_usec; /* they would last, one each second */
};

/* The channel role, which is there once a client is. It answers in order. */
struct channels {
	struct child child;
	struct link_place place;
	bool is_cleared; /* what an earlier assayd offered */
	struct channel_call asked[4 * LIMIT_CLIENTS]; /* a ring */
	uint32_t asked_first;
	uint32_t asked_count;
	uint64_t deadline_usec; /* of the first answer; 0: none is awaited */
	struct log_limit full;
};

/* What is left to do for a domain that has to go. */
enum removal_step {
	REMOVAL_NONE,
	REMOVAL_ERASE,  /* remove it */
	REMOVAL_RECORD, /* put on record that it is gone */
	REMOVAL_FORGET, /* remove it from the journal */
};

struct removal {
	enum removal_step step;
	bool is_under_way; /* a child erases it, or the tpm role records it */
	bool is_first; /* the first try: whoever waits is told how it ends */
	struct journal_pending entry;
	enum err_code why; /* of EVENT_ABANDON */
	uint32_t connection;
	struct err answer; /* what a failed build ended with; no code: the
	                    * caller wants to know how the removal ends */
	struct caller caller;
	uint32_t tag;   /* of what the tpm role was asked */
	uint32_t tries; /* that failed */
	uint64_t due_usec;
	struct err last; /* why the last one failed */
};

struct supervisor {
	const struct daemon_config *config;
	struct role_env env;
	struct role_logs logs;
	struct looks looks;
	struct watch watch;
	bool has_changed; /* supervisor_note_change() */
	struct waiter waiters[WAITERS];
	struct restart restarts[RESTARTS];
	uint64_t reap_usec;        /* when it is tried again; or 0 */
	struct xen_host_info host; /* as it was at the last look */
	const struct journal *journal;
	struct domain_table domains;
	struct image_cache cache;
	struct verdict_cache verdicts;
	struct job jobs[SUPERVISOR_JOBS];
	struct decider ready;       /* waits for the next build or listing */
	struct builder ready_build; /* waits for the next order */
	struct graves graves;
	struct removal removals[SUPERVISOR_REMOVALS];
	int listen_fd; /* the front's; kept for the next one */
	struct front_child fronts[SUPERVISOR_FRONTS];
	struct client clients[LIMIT_CLIENTS];
	struct channels channels;
	int tpm_fd; /* the tpm role; -1 once it is lost */
	pid_t tpm_pid;
	struct outbox records;            /* for it */
	struct link_place tpm_link_place; /* of its answers */
	struct asked asked[ASKED];        /* a ring, in the order of answers */
	uint32_t asked_first;
	uint32_t asked_count;
	uint32_t last_tag;
	struct evidence_call evidence[SUPERVISOR_EVIDENCE];
	bool is_development;
	struct platform platform;
	struct err_wire doubt;    /* why the TPM may miss an event; or 0 */
	struct store_epoch store; /* the store index in force, or the floor */
	struct trust_id trust;    /* the policy in force */
	int signal_fd;
	uint64_t started_usec;
	uint64_t builds_done;
	uint64_t builds_refused;
	struct log_limit refusals; /* in the log */
	struct log_limit left_behind;
	struct log_limit lost_looks;
	struct quota quota;
	uint64_t
	    log_bytes;   /* what it holds and can hold of builds; 0: no log */
	bool is_unready; /* a child that waited died: do not try at once */
	uint64_t stop_usec; /* it was told to stop, and ends then; 0: no */
};

/* --- the life of fronts ----------------------------------------------- */

/* None of them has begun. Errors: NO_MEMORY. */
int supervisor_fronts_init(struct supervisor *sup, struct err *err);
void supervisor_fronts_done(struct supervisor *sup);

/* Begin that of the socket, or begin it again, if it is time for that; end
 * those that are lost. */
void supervisor_keep_fronts(struct supervisor *sup);

/* When they have to be looked at next, on the monotonic clock. */
uint64_t supervisor_front_deadline(const struct supervisor *sup);

/* What it may ask. */
extern const struct link_table supervisor_front_calls;

/* A call is there to be read, or its end; or it takes answers again. */
void supervisor_serve_front(struct supervisor *sup, struct front_child *front);
void supervisor_flush_front(struct front_child *front);

/* Is there room for the answer to one more call? */
bool supervisor_can_take_call(const struct supervisor *sup,
    const struct front_child *front);

/* Its callers are gone with it; what is under way for them goes on. */
void supervisor_lose_front(struct front_child *front, const char *why);
void supervisor_stop_fronts(struct supervisor *sup);

/* One for a domain, on this ring, which is borrowed. Errors: SYSTEM_FAILED. */
int supervisor_begin_front(struct supervisor *sup, struct front_child *front,
    const struct front_ring *ring, struct err *err);

/* Now, if there is one: it and all that it holds are gone then. */
void supervisor_end_front(struct supervisor *sup, struct front_child *front);

/* Whoever has this reference; all of a front. */
bool callers_has(const struct callers *callers, uint32_t connection);
struct callers supervisor_callers_of(const struct supervisor *sup,
    const struct front_child *front);

/* The answer to a call, by what it ended with; or any answer, with sealed
 * memory (taken) or NULL. Nothing is sent if nobody waits. */
void supervisor_answer(struct supervisor *sup, uint32_t connection, int code,
    const struct err *outcome);
void supervisor_send(struct supervisor *sup, const struct front_answer *reply,
    struct sealed *attached);

/* What it asks. */
void supervisor_take_call(struct supervisor *sup,
    const struct front_call *call);

/* A call that waited for a look; NULL: it was seen what there is. */
void supervisor_go_on(struct supervisor *sup, const struct front_call *call,
    const struct err *failure);

/* Of one kind, so many are under way: of all, or of one rule's callers. Errors:
 * RPC_BUSY. */
int supervisor_refuse_too_many(const struct supervisor *sup,
    enum task_kind kind, uint32_t limit, const struct caller *caller,
    struct err *err);

/* supervisor_builds.c */
int supervisor_call_build(struct supervisor *sup, const struct front_call *call,
    struct err *err);
/* supervisor_destroys.c */
int supervisor_call_destroy(struct supervisor *sup,
    const struct front_call *call, struct err *err);
int supervisor_call_undelivered(struct supervisor *sup,
    const struct front_call *call, struct err *err);

/* These callers are gone: what is under way for them is given up. */
void supervisor_cancel_callers(struct supervisor *sup,
    const struct callers *gone);

/* What is asked about one domain that assayd built, and of it:
 * supervisor_domains.c. 0: it was answered, or will be. */
int supervisor_call_describe(struct supervisor *sup,
    const struct front_call *call, struct err *err);
int supervisor_call_pause(struct supervisor *sup, const struct front_call *call,
    struct err *err);
int supervisor_call_unpause(struct supervisor *sup,
    const struct front_call *call, struct err *err);
int supervisor_call_shutdown(struct supervisor *sup,
    const struct front_call *call, struct err *err);

/* --- what callers may -------------------------------------------------- */

/* Is it in the table, by id and uuid? */
bool supervisor_lives(const struct supervisor *sup,
    const struct caller_domain *client);

/* May it call at all? Errors: RPC_NOT_PERMITTED. */
int supervisor_allow_call(const struct supervisor *sup,
    const struct front_call *call, struct err *err);

/* May it have one more such domain? It may call. Errors: CALLER_QUOTA_SPENT. */
int supervisor_allow_held(const struct supervisor *sup,
    const struct front_call *call, struct err *err);
/* Does that depend on what there is? */
bool supervisor_is_held(const struct supervisor *sup,
    const struct front_call *call);

/* May it be told of what was built for `owner`? */
bool supervisor_may_see(const struct supervisor *sup,
    const struct caller *caller, const struct caller *owner);

/* The domain that the selector means, if the caller may see it; it may call.
 * Errors: those of domain_table_find(). */
int supervisor_see_domain(const struct supervisor *sup,
    const struct caller *caller, const struct domain_selector *selector,
    const struct domain_row **ret_row, struct err *err);

/* The same for one who wants to change it. Errors: those of
 * domain_table_find(); RPC_NOT_PERMITTED. */
int supervisor_find_domain(const struct supervisor *sup,
    const struct front_call *call, const struct domain_row **ret_row,
    struct err *err);

/* May it change what was built for another? Errors: RPC_NOT_PERMITTED. */
int supervisor_allow_change(const struct supervisor *sup,
    const struct caller *caller, const struct receipt *receipt,
    struct err *err);

/* Does one rule hold for both? They share what it allows. */
bool supervisor_are_one(const struct supervisor *sup,
    const struct caller *caller, const struct caller *other);

/* --- looking at what Xen has ------------------------------------------ */

/* At the start: waits for the answer, or until it is told to stop, which is
 * sup->stop_usec then. Errors: XEN_FAILED, SYSTEM_FAILED. */
int supervisor_look_first(struct supervisor *sup, struct err *err);

/* Let this call wait for a look that begins now or later, and then go on.
 * Errors: RPC_BUSY, XEN_FAILED, SYSTEM_FAILED. */
int supervisor_look_for(struct supervisor *sup, const struct front_call *call,
    struct err *err);

/* Let this domain be paused or unpaused (enum look_act); the answer comes
 * later. Errors: as above. */
int supervisor_look_act(struct supervisor *sup, uint32_t connection,
    uint32_t act, const struct receipt *receipt, struct err *err);

/* What the look role may answer. */
extern const struct link_table supervisor_look_answers;

/* An answer is there to be read, or the child's end; one is late; the caller
 * is gone; all is over. */
void supervisor_serve_look(struct supervisor *sup);
void supervisor_end_late_look(struct supervisor *sup);
/* A destroy goes on. */
void supervisor_cancel_looks(struct supervisor *sup,
    const struct callers *callers);
/* Calls that wait, of the front in this place. */
uint32_t supervisor_count_looks(const struct supervisor *sup, uint32_t place);
void supervisor_drop_looks(struct supervisor *sup);

/* Something changed: look as soon as none is under way. */
void supervisor_want_look(struct supervisor *sup);

/* When a look is late, or is to be tried again, on the monotonic clock. */
uint64_t supervisor_look_deadline(const struct supervisor *sup);

/* --- domains that come, go and shut down ------------------------------ */

/* The set of domains or the state of one is another now: all who want to know
 * are served before the supervisor waits again. */
void supervisor_note_change(struct supervisor *sup);
void supervisor_heed_change(struct supervisor *sup);

/* Callers that wait for a domain, and whose time is over, or who are gone:
 * supervisor_waits.c. */
int supervisor_call_wait(struct supervisor *sup, const struct front_call *call,
    struct err *err);
void supervisor_serve_waiters(struct supervisor *sup);
void supervisor_end_late_waits(struct supervisor *sup);
uint64_t supervisor_wait_deadline(const struct supervisor *sup);
void supervisor_cancel_waits(struct supervisor *sup,
    const struct callers *gone);

/* Begin the watch role, or begin it again, if it is time for that. */
void supervisor_keep_watch(struct supervisor *sup);
uint64_t supervisor_watch_deadline(const struct supervisor *sup);

/* What it may report. */
extern const struct link_table supervisor_watch_reports;

/* A report is there to be read, or its end; all is over. */
void supervisor_serve_watch(struct supervisor *sup);
void supervisor_drop_watch(struct supervisor *sup);

/* Let a guest be asked to shut down; the answer comes later. Errors: RPC_BUSY;
 * XENSTORE_FAILED; SYSTEM_FAILED. */
int supervisor_ask_shutdown(struct supervisor *sup, uint32_t connection,
    const struct receipt *receipt, struct err *err);
/* The callers are gone. */
void supervisor_cancel_shutdowns(struct supervisor *sup,
    const struct callers *gone);

/* --- domains that may call --------------------------------------------- */

void supervisor_clients_init(struct supervisor *sup);

/* Those that are in the table and in a rule get a channel; those that are gone
 * have none any more. */
void supervisor_check_clients(struct supervisor *sup);

/* The domain of this id is about to go, or another one has the id. */
void supervisor_end_client(struct supervisor *sup, uint32_t domid);

/* Is something of its channel still there? */
bool supervisor_client_is_ending(const struct supervisor *sup, uint32_t domid);

/* Do what is due, and when something is. */
void supervisor_keep_clients(struct supervisor *sup);
uint64_t supervisor_client_deadline(const struct supervisor *sup);

/* Who calls through the front in this place. */
const struct caller *supervisor_client_of(const struct supervisor *sup,
    uint32_t place);

/* What the channel role may answer; an answer is there, or its end; all is
 * over. */
extern const struct link_table supervisor_channel_answers;
void supervisor_serve_channels(struct supervisor *sup);
void supervisor_drop_clients(struct supervisor *sup);

/* --- jobs ------------------------------------------------------------ */

/* What its child may say in a step, and the state of that. */
extern const struct link_table supervisor_verify_reports;
extern const struct link_table supervisor_build_reports;
const struct link_table *supervisor_reports_in(enum job_step step);
uint32_t supervisor_report_state(const struct job *job);

/* A report of a child is there to be read; or it has ended. In JOB_STARTING
 * there is no supervisor yet: `sup` is NULL. */
void supervisor_serve_job(struct supervisor *sup, struct job *job);
void supervisor_end_job(struct supervisor *sup, struct job *job);

/*
 * A new job: children that wait are given the task, or new ones.
 * Errors: RPC_BUSY, SYSTEM_FAILED; STORE_IO if store or chain of policies
 * cannot be opened.
 */
int supervisor_start_task(struct supervisor *sup, const struct task *task,
    const struct job_terms *terms, struct err *err);

/* The second step of a build: a child carries out this order.
 * Errors: SYSTEM_FAILED; the job is in its first step then. */
int supervisor_start_build(struct supervisor *sup, struct job *job,
    const struct order *order, struct err *err);

/* Its domain is the caller's now. */
void supervisor_hand_over(struct supervisor *sup, struct job *job);

/* Of a build: what the journal says about it. */
struct journal_pending supervisor_entry_of(const struct job *job,
    enum journal_state state);

/* Children that waited, and are not needed. */
void supervisor_drop_decider(struct supervisor *sup, struct decider *decider);
void supervisor_drop_builder(struct supervisor *sup, struct builder *builder);

/* In the log, unless there are too many of them. `version` and others are only
 * known of what was built: this is what was asked. */
void supervisor_log_refusal(struct supervisor *sup,
    const struct build_request *request, const struct caller *caller,
    const struct err *why);

/* NULL if there is none. */
struct job *supervisor_find_job(struct supervisor *sup, enum job_state state);

/* Running tasks of this kind: of everybody, and of one rule's callers. */
uint32_t supervisor_count_tasks(const struct supervisor *sup,
    enum task_kind kind);
uint32_t supervisor_count_tasks_of(const struct supervisor *sup,
    enum task_kind kind, const struct caller *caller);

/* --- domains that have to go ----------------------------------------- */

/* What is asked of a removal beside the entry itself. */
struct removal_terms {
	enum removal_step step; /* with which it begins */
	enum err_code why;      /* of EVENT_ABANDON */
	uint32_t connection;
	const struct err *answer; /* NULL: how the removal ends */
	struct caller caller;
};

/* The entry is in the journal. Errors: RPC_BUSY if there are too many. */
int supervisor_add_removal(struct supervisor *sup,
    const struct journal_pending *entry, const struct removal_terms *terms,
    struct err *err);

/* What libxl keeps of a domain that is gone, or of none, goes. Errors:
 * STORE_IO. */
int supervisor_forget_libxl(const struct supervisor *sup, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err);

/* One that was built has to go, for this caller. Errors: RPC_BUSY; STORE_IO. */
int supervisor_remove_domain(struct supervisor *sup,
    const struct receipt *receipt, uint32_t connection,
    const struct caller *caller, struct err *err);
int supervisor_refuse_full(const struct supervisor *sup, struct err *err);

/* Do what is due. */
void supervisor_run_removals(struct supervisor *sup);
uint64_t supervisor_removal_deadline(const struct supervisor *sup);

/* A child that was to erase has ended. */
void supervisor_end_erase(struct supervisor *sup, const struct job *job,
    int code, const struct err *outcome);

/* The tpm role answered. False: the tag is of something else. */
bool supervisor_end_record(struct supervisor *sup, uint32_t tag, int code,
    const struct err *outcome);

/* One that is not gone yet, by uuid; NULL if there is none. */
struct removal *supervisor_find_removal(struct supervisor *sup,
    const uint8_t uuid[UUID_BYTES]);
uint32_t supervisor_count_removals(const struct supervisor *sup);
/* Those that a failed build left. */
uint32_t supervisor_count_failed(const struct supervisor *sup);

/* Is any tried for the first time? */
bool supervisor_has_first_removals(const struct supervisor *sup);

/* That it could not be removed; of many such lines some are left out. */
void supervisor_log_left_behind(struct supervisor *sup, uint32_t domid,
    uint32_t tries, const struct err *why);

/* --- guests that shut down --------------------------------------------- */

/* At the start, before the first look. Errors: those of the journal;
 * NO_MEMORY. */
int supervisor_load_restarts(struct supervisor *sup, struct err *err);

/* Do with those that shut down what their requests say. */
void supervisor_reap(struct supervisor *sup);

/* Do what is due. */
void supervisor_run_restarts(struct supervisor *sup);
uint64_t supervisor_restart_deadline(const struct supervisor *sup);

/* Build what ended once more: supervisor_builds.c. Errors: those of a build but
 * for what counts its caller's. */
int supervisor_build_again(struct supervisor *sup, const struct built *built,
    struct err *err);
/* Such a build has ended: 0, or why it failed. */
void supervisor_end_restart(struct supervisor *sup, const struct job *job,
    int code, const struct err *outcome);

/* Name and uuid are kept for what is built again. Errors: DOMAIN_EXISTS. */
int supervisor_refuse_restarting(struct supervisor *sup,
    const struct build_request *request, struct err *err);
/* Place `at`: what its caller is counted for; NULL: nothing, or it is counted
 * elsewhere. */
const struct receipt *supervisor_restart_held(const struct supervisor *sup,
    size_t at);

/* NULL if there is none. */
struct restart *supervisor_find_restart(struct supervisor *sup,
    const uint8_t uuid[UUID_BYTES]);
/* What is being removed is not built again. */
void supervisor_drop_restart(struct supervisor *sup,
    const uint8_t uuid[UUID_BYTES]);
/* Nor is this one, and what was begun goes; the answer comes later. Errors:
 * RPC_BUSY. */
int supervisor_end_build_again(struct supervisor *sup, struct restart *restart,
    uint32_t connection, struct err *err);
/* Likewise for a caller who names it. Errors: DOMAIN_UNKNOWN;
 * RPC_NOT_PERMITTED; RPC_BUSY. */
int supervisor_destroy_restart(struct supervisor *sup,
    const struct front_call *call, struct err *err);

/* --- the tpm role ---------------------------------------------------- */

/*
 * Start the tpm role and wait for what it found, or until it is told to stop,
 * which is sup->stop_usec then. That the platform cannot be trusted is no
 * failure: it is in sup->platform. Errors: TPM_FAILED if the role does not come
 * up; SYSTEM_FAILED.
 */
int supervisor_start_tpm_role(struct supervisor *sup, struct err *err);

/* The signal that is there: or is it a role's end, which its link tells, too?
 */
bool supervisor_is_told_to_stop(const struct supervisor *sup);

/* Let it write its last event, and wait for its end, in bounded time. */
void supervisor_stop_tpm_role(struct supervisor *sup);

/* What it may answer. */
extern const struct link_table supervisor_tpm_answers;

/* Of these, what becomes of two kinds, and of the room in the log. */
extern link_take supervisor_take_recorded;
extern link_take supervisor_take_evidence;
void supervisor_note_log(struct supervisor *sup,
    const struct tpm_answer *answer);

/* It is gone: nothing is built any more, and whoever waits for it is told. */
void supervisor_lose_tpm_role(struct supervisor *sup);
void supervisor_stop_building(struct supervisor *sup,
    const struct err_wire *why);
void supervisor_fail_records(struct supervisor *sup, const struct err *why);

/* An answer of it is there to be read, or its end; or it takes calls again. */
void supervisor_serve_tpm_role(struct supervisor *sup);
void supervisor_flush_tpm_role(struct supervisor *sup);

/* Ask it for a caller; the caller gets the answer, whatever becomes of the
 * role. Errors: RPC_BUSY; TPM_FAILED if it is gone. */
int supervisor_record_evidence(struct supervisor *sup,
    const struct front_call *front_call, struct tpm_request *asked,
    struct err *err);

/* Put a job's build on record; its child gets the answer. Errors: as above. */
int supervisor_record_build(struct supervisor *sup, struct job *job,
    const struct record_report *report, struct err *err);
int supervisor_record_store(struct supervisor *sup, struct job *job,
    const struct epoch_report *report, struct err *err);
int supervisor_record_trust(struct supervisor *sup, struct job *job,
    const struct trust_id *trust, struct err *err);

/* Of a build that is not put on record: its child hears why, and undoes it.
 * Errors: SYSTEM_FAILED if it cannot be told. */
int supervisor_refuse_record(struct job *job, const struct err *why,
    struct err *err);

/* A domain is gone: EVENT_ABANDON if its build failed, with the reason, else
 * EVENT_DESTROY. The answer comes under *ret_tag. Errors: as above. */
int supervisor_record_end(struct supervisor *sup,
    const struct journal_pending *entry, enum err_code why, uint32_t *ret_tag,
    struct err *err);

#endif
