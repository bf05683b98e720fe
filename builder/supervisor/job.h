/*
 * A job: one build child, what it was asked, what it has told so far, and who
 * waits for the answer. The supervisor holds a fixed number of them.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_JOB_H
#define ASSAY_BUILDER_SUPERVISOR_JOB_H

#include <sys/types.h>

#include "builder/build_link.h"
#include "builder/build/build_role.h"

enum job_state {
	JOB_FREE,
	JOB_READY, /* a child waits for a task */
	JOB_RUNNING,
	JOB_ENDING, /* answered; the child has only to end */
};

struct job {
	enum job_state state;
	struct task task;
	uint32_t connection;
	uint32_t uid; /* who asked */
	pid_t pid;
	int pidfd;        /* readable once the child has ended */
	int link;         /* -1: nothing more is to be read from it */
	uint32_t seconds; /* that it may take */
	uint64_t deadline_usec;
	uint32_t domid;              /* 0: none reported */
	uint32_t tag;                /* of what it asked the tpm role, or 0 */
	struct store_epoch store;    /* that it asked to put on record */
	struct trust_in_force trust; /* likewise; owned */
	bool is_recorded; /* its build was, or will be, put on record */
	bool is_done;     /* REPORT_DONE came */
	bool is_unfit;    /* REPORT_UNFIT came */
	bool is_second;   /* another child was unfit for this task */
	struct report done;
	struct sealed *listing; /* TASK_LIST_IMAGES: the rows; owned */
	enum err_code killed;   /* why we killed it, or ERR_NONE */
};

/* Start a child that waits, in a free job. Errors: SYSTEM_FAILED. */
int job_prepare(struct job *job, const struct role_env *env,
    enum child_kind kind, struct err *err);

/* Who asked for a task, and until when it has to be done. */
struct job_terms {
	uint32_t connection; /* NO_CONNECTION: nobody waits */
	uint32_t uid;
	uint32_t seconds;
};

/*
 * Give a waiting child its task. On failure the child is as good as dead and
 * the job stays what it was.
 * Errors: SYSTEM_FAILED.
 */
int job_assign(struct job *job, const struct task *task,
    const struct job_terms *terms, struct err *err);

/* Kill the child; its end is seen by job_collect(). */
void job_kill(struct job *job, enum err_code why);

/* Nothing more is read from the child; it ends, or is killed. */
void job_close_link(struct job *job);

/*
 * The child has ended: does not wait. True if it did its task and ended well;
 * *ret_code and *err then hold its own outcome, 0 or a refusal. False if it was
 * killed or crashed; *err then says how, and *ret_code is untouched.
 */
bool job_collect(struct job *job, int *ret_code, struct err *err);

#endif
