/*
 * A job: one build child, what it was asked, what it has told so far, and who
 * waits for the answer. The supervisor holds a fixed number of them.
 */
#ifndef ASSAY_BUILDER_JOB_H
#define ASSAY_BUILDER_JOB_H

#include <sys/types.h>

#include "builder/build_link.h"
#include "builder/build_role.h"

enum job_state {
	JOB_FREE,
	JOB_READY, /* a child waits for a task */
	JOB_RUNNING,
	JOB_CLEANING, /* a second child removes what the first one left */
	JOB_ENDING,   /* answered; the child has only to end */
};

#define JOB_NO_CONNECTION 0u /* nobody waits for the answer */

struct job {
	enum job_state state;
	struct task task;
	uint32_t connection;
	pid_t pid;
	int link;
	uint64_t deadline_usec;
	uint32_t domid;              /* 0: none reported */
	uint32_t tag;                /* of what it asked the tpm role, or 0 */
	struct store_epoch store;    /* that it asked to put on record */
	struct trust_in_force trust; /* likewise; owned */
	bool is_recorded; /* its build was, or will be, put on record */
	bool is_done;     /* REPORT_DONE came */
	struct report done;
	enum err_code killed; /* why we killed it, or ERR_NONE */
	struct err final;     /* JOB_CLEANING: the answer */
};

/* Start a child that waits, in a free job. Errors: SYSTEM_FAILED. */
int job_prepare(struct job *job, const struct role_env *env,
    enum child_kind kind, struct err *err);

/*
 * Give a waiting child its task. On failure the child is as good as dead and
 * the job stays what it was.
 * Errors: SYSTEM_FAILED.
 */
int job_assign(struct job *job, const struct task *task, uint32_t connection,
    struct err *err);

/* Kill the child; its end is seen by job_collect(). */
void job_kill(struct job *job, enum err_code why);

/*
 * The child closed its link: wait for it. True if it did its task and ended
 * well; *ret_code and *err then hold its own outcome, 0 or a refusal. False if
 * it was killed or crashed; *err then says how, and *ret_code is untouched.
 */
bool job_collect(struct job *job, int *ret_code, struct err *err);

#endif
