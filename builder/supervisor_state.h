/*
 * The supervisor's state, shared by its four files: supervisor.c (its life),
 * supervisor_calls.c (what the front asks), supervisor_jobs.c (what build
 * children report) and supervisor_record.c (what the tpm role does for them).
 * Nobody else includes this.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_STATE_H
#define ASSAY_BUILDER_SUPERVISOR_STATE_H

#include "builder/domain_table.h"
#include "builder/image_cache.h"
#include "builder/front_link.h"
#include "builder/job.h"
#include "builder/record_link.h"
#include "builder/supervisor.h"

/* Builds, and room for what is short: listings and destroys. */
enum { SUPERVISOR_JOBS = LIMIT_BUILDS + 8 };

/* Calls for evidence that wait for the tpm role at once: builds wait there
 * too, behind them. */
enum { SUPERVISOR_EVIDENCE = 8 };

/* A call for evidence under way; the caller may be gone. */
struct evidence_call {
	bool is_used;
	uint32_t connection;
};

struct supervisor {
	const struct config *config;
	struct role_env env;
	struct xen_port xen;
	const struct journal *journal;
	struct domain_table domains;
	struct image_cache cache;
	struct job jobs[SUPERVISOR_JOBS];
	int front_fd;
	pid_t front_pid;
	int recorder_fd; /* the tpm role; -1 once it is lost */
	pid_t recorder_pid;
	uint32_t last_tag;
	struct evidence_call evidence[SUPERVISOR_EVIDENCE];
	bool is_development;
	struct platform platform;
	struct store_epoch store; /* the store index in force, or the floor */
	int signal_fd;
	uint64_t started_usec;
	uint64_t builds_done;
	uint64_t builds_refused;
	bool is_unready; /* the child that waited died: do not try at once */
};

/* A record of the front is there to be read: do what it asks. Errors: only
 * those after which the supervisor cannot go on. */
int supervisor_serve_front(struct supervisor *sup, struct err *err);

/* A report of a child is there to be read, or its end. Errors: as above. */
int supervisor_serve_job(struct supervisor *sup, struct job *job,
    struct err *err);

/*
 * Start the tpm role and wait for what it found. That the platform cannot be
 * trusted is no failure: it is in sup->platform. Errors: TPM_FAILED if the role
 * does not come up; SYSTEM_FAILED.
 */
int supervisor_start_recorder(struct supervisor *sup, struct err *err);

/* Let it write its last event, and wait for its end, in bounded time. */
void supervisor_stop_recorder(struct supervisor *sup);

/* An answer of it is there to be read, or its end. Errors: as above. */
int supervisor_serve_recorder(struct supervisor *sup, struct err *err);

/* Ask it something. Errors: TPM_FAILED, SYSTEM_FAILED. */
int supervisor_record(struct supervisor *sup, struct record_call *call,
    struct err *err);

/* Ask it for a caller, whose connection is the tag; the caller gets the answer,
 * whatever becomes of the role. Errors: RPC_BUSY; as above. */
int supervisor_record_evidence(struct supervisor *sup, struct record_call *call,
    struct err *err);

/* Put a job's build on record; its child gets the answer. Errors: as above. */
int supervisor_record_build(struct supervisor *sup, struct job *job,
    const struct report *report, struct err *err);
int supervisor_record_store(struct supervisor *sup, struct job *job,
    const struct report *report, struct err *err);
int supervisor_record_trust(struct supervisor *sup, struct job *job,
    const struct sealed *chain, struct err *err);

/* A domain is gone: EVENT_ABANDON if its build failed, with the reason, else
 * EVENT_DESTROY. */
void supervisor_record_end(struct supervisor *sup, enum event_kind kind,
    const uint8_t uuid[UUID_BYTES], uint32_t domid, enum err_code why);

/* Give a task to the child that waits, or to a new one.
 * Errors: RPC_BUSY, SYSTEM_FAILED. */
int supervisor_start_task(struct supervisor *sup, const struct task *task,
    uint32_t connection, struct err *err);

/* Remove a domain and its traces in this process: at start and stop, and when
 * no child can be had. False if it may still be there: that is logged, and it
 * stays pending. */
bool supervisor_erase(struct supervisor *sup, uint32_t domid,
    const uint8_t uuid[UUID_BYTES]);

/* NULL if there is none. */
struct job *supervisor_find_job(struct supervisor *sup, enum job_state state);
uint32_t supervisor_count_builds(const struct supervisor *sup);

/* The last answer to a call, by what it ended with; or any answer. Nothing is
 * sent if nobody waits. Errors: SYSTEM_FAILED if the front is gone. */
int supervisor_answer(struct supervisor *sup, uint32_t connection, int code,
    const struct err *outcome, struct err *err);
int supervisor_send(struct supervisor *sup, const struct front_answer *reply,
    struct err *err);

#endif
