/*
 * A job: what was asked, who works on it, what they have told so far, and who
 * waits for the answer. The supervisor holds a fixed number of them.
 *
 * A build has two steps, each with a child of its own: one decides, and then
 * another one carries out its order.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_JOB_H
#define ASSAY_BUILDER_SUPERVISOR_JOB_H

#include "builder/build_link.h"
#include "builder/supervisor/built.h"
#include "builder/supervisor/child.h"
#include "builder/supervisor/role_start.h"
#include "builder/verify_link.h"

enum task_kind {
	TASK_BUILD = 1,
	TASK_LIST_IMAGES,
	TASK_ERASE, /* destroy a domain, or what is left of one */
};

struct task {
	enum task_kind kind;
	struct build_request build; /* TASK_BUILD */
	uint8_t handle[UUID_BYTES]; /* TASK_BUILD: random, for this one */
	struct domain_claim claim;  /* TASK_ERASE */
};

enum job_state {
	JOB_FREE,
	JOB_RUNNING,
	JOB_ENDING, /* answered; the child has only to end */
};

/* What its child does now. Nothing can exist before JOB_BUILDING. */
enum job_step {
	JOB_DECIDING,
	JOB_LISTING,
	JOB_BUILDING,
	JOB_ERASING,
	JOB_STARTING, /* assayd begins, and asks which policy is in force */
	JOB_WAITING,  /* of no job: for what the tpm role answers, it may say
	               * nothing */
};

struct job {
	enum job_state state;
	enum job_step step;
	struct task task;
	uint32_t connection;
	struct caller caller;    /* who asked */
	struct lineage lineage;  /* of a build that is made once more */
	uint32_t look;           /* the last one before it could run */
	struct child child;      /* that works on it now */
	struct child stage;      /* of a build or a listing */
	struct child nodes;      /* of who builds or erases: ends first */
	int stage_fd;            /* its link, for the second step */
	struct link_place place; /* in this step */
	uint32_t seconds;        /* that it may take */
	uint64_t deadline_usec;
	uint32_t domid;           /* made, or erased; 0: none reported */
	uint32_t tag;             /* of what it asked the tpm role, or 0 */
	struct store_epoch store; /* that it asked to put on record */
	struct trust_id trust;    /* likewise; JOB_STARTING: found */
	bool is_recorded;         /* its build was, or will be, put on record */
	bool is_done;             /* the last report of its last step came */
	bool is_unfit;            /* BUILD_UNFIT came */
	bool is_unwanted;         /* whoever waits wants it to be gone */
	bool is_second;           /* another child was unfit for this task */
	struct err_wire outcome;  /* once it is done */
	struct receipt receipt;
	struct sealed *listing; /* TASK_LIST_IMAGES: the rows; owned */
	enum err_code killed;   /* why we killed it, or ERR_NONE */
};

/* Who asked for a task, and until when it has to be done. */
struct job_terms {
	uint32_t connection; /* NO_CONNECTION: nobody waits */
	struct caller caller;
	uint32_t seconds;
	const struct lineage *lineage; /* NULL: a caller asked for it */
};

/* A free job has this task from now on. */
void job_begin(struct job *job, const struct task *task,
    const struct job_terms *terms);

/* This child works on it now. Takes the child. */
void job_attach(struct job *job, enum job_step step, struct child *child);

/* Likewise, of a task that has to do with Xen. */
void job_attach_builder(struct job *job, enum job_step step,
    struct builder *builder);

/* Kill the child; its end is seen by job_collect(). */
void job_kill(struct job *job, enum err_code why);

/*
 * Is its link to be read first, and its end to be seen only then? A builder's
 * is, also when it was killed: it may have told of a domain. What one says that
 * decides counts no more once it was killed; and another process, to which it
 * gave its end of the link, could keep that open for as long as it likes.
 */
bool job_is_heard(const struct job *job);

/* Nothing more is read from the child; it ends, or is killed. What it asked of
 * xenstored is over. */
void job_close_link(struct job *job);

/*
 * What to poll when it is not heard: whose end is awaited next. A nodes role
 * that is under way could still write what whoever cleans up has removed: so
 * its end comes first, and job_collect_nodes() says whether it was that.
 */
int job_end_fd(const struct job *job);
bool job_collect_nodes(struct job *job);

/*
 * The child has ended: does not wait. True if it did its task and ended well;
 * *ret_code and *err then hold its own outcome, 0 or a refusal. False if it was
 * killed or crashed; *err then says how, and *ret_code is untouched.
 */
bool job_collect(struct job *job, int *ret_code, struct err *err);

#endif
