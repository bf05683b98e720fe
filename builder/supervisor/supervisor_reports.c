/*
 * What the children of jobs report: which record may come in which step, once
 * or often, after which others, and who takes it. A child that says anything
 * else is ended.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/supervisor/libxl_json.h"
#include "builder/supervisor/receipt_check.h"
#include "builder/supervisor/supervisor_state.h"
#include "builder/supervisor/verdict_keep.h"

#define IN(step)  LINK_BIT(step)
#define HAS(kind) LINK_BIT(kind)
#define VERIFIES  (IN(JOB_DECIDING) | IN(JOB_LISTING))

/* Who takes a report. */
struct reporter {
	struct supervisor *sup;
	struct job *job;
};

static void lose(struct job *job, enum err_code why);
static link_take take_verdict;
static link_take take_epoch;
static link_take take_trust;
static link_take take_images;
static link_take take_order;
static link_take take_refusal;
static link_take take_mark;
static link_take take_made;
static link_take take_blob;
static link_take take_build;
static link_take take_done;
static link_take take_unfit;
static int write_libxl(const struct supervisor *sup, const struct job *job,
    struct err *err);

#define BYTES(member) LINK_BYTES(verify_report, member)

static const struct link_rule verify_rules[] = {
    [VERIFY_VERDICT] = {VERIFIES, LINK_OFTEN, 0, 0, 0, BYTES(known),
	take_verdict},
    [VERIFY_EPOCH] = {VERIFIES, LINK_ONCE, 0, 0, 0, BYTES(epoch), take_epoch},
    [VERIFY_TRUST] = {VERIFIES, LINK_ONCE, 0, 0, 0, BYTES(trust), take_trust},
    [VERIFY_IMAGES] = {IN(JOB_LISTING), LINK_LAST, 0, 1, SEALED_PIECES,
	LINK_KIND_BYTES, take_images},
    [VERIFY_ORDER] = {IN(JOB_DECIDING), LINK_LAST, 0, 0, 0, BYTES(order),
	take_order},
    [VERIFY_REFUSED] = {VERIFIES | IN(JOB_STARTING), LINK_LAST, 0, 0, 0,
	BYTES(outcome), take_refusal},
    [VERIFY_MARK] = {IN(JOB_STARTING), LINK_LAST, 0, 0, 0, BYTES(trust),
	take_mark},
};

#undef BYTES
#define BYTES(member) LINK_BYTES(build_report, member)

static const struct link_rule build_rules[] = {
    [BUILD_MADE] = {IN(JOB_BUILDING), LINK_ONCE, 0, 0, 0, BYTES(domid),
	take_made},
    [BUILD_BLOB] = {IN(JOB_BUILDING), LINK_OFTEN, 0, 1, SEALED_PIECES,
	BYTES(digest), take_blob},
    [BUILD_RECORD] = {IN(JOB_BUILDING), LINK_ONCE, HAS(BUILD_MADE), 0, 0,
	BYTES(record), take_build},
    [BUILD_DONE] = {IN(JOB_BUILDING) | IN(JOB_ERASING), LINK_LAST, 0, 0, 0,
	BYTES(done), take_done},
    [BUILD_UNFIT] = {IN(JOB_BUILDING) | IN(JOB_ERASING), LINK_LAST, 0, 0, 0,
	LINK_KIND_BYTES, take_unfit},
};

const struct link_table supervisor_verify_reports = {
    "a report",
    verify_rules,
    countof(verify_rules),
    NULL,
};
const struct link_table supervisor_build_reports = {
    "a report",
    build_rules,
    countof(build_rules),
    NULL,
};

void
supervisor_serve_job(struct supervisor *sup, struct job *job)
{
	struct reporter reporter = {sup, job};
	struct err failure;

	switch (link_serve(supervisor_reports_in(job->step), job->child.link,
	    supervisor_report_state(job), &job->place, &reporter, &failure)) {
	case LINK_TAKEN:
		break;
	case LINK_END:
		job_close_link(job);
		break;
	case LINK_UNREADABLE:
		lose(job, failure.code);
		break;
	case LINK_REFUSED:
	case LINK_FAILED:
		job_kill(job, failure.code);
		break;
	}
}

const struct link_table *
supervisor_reports_in(enum job_step step)
{
	return (IN(step) & (VERIFIES | IN(JOB_STARTING))) != 0
	           ? &supervisor_verify_reports
	           : &supervisor_build_reports;
}

/* A child that asked for something waits. */
uint32_t
supervisor_report_state(const struct job *job)
{
	return job->tag != 0 ? (uint32_t)JOB_WAITING : (uint32_t)job->step;
}

/* What cannot be understood is not read any more. */
static void
lose(struct job *job, enum err_code why)
{
	job_kill(job, why);
	job_close_link(job);
}

/* --- who decides ------------------------------------------------------ */

static int
take_verdict(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct reporter *from = reporter;
	const struct verify_report *report = record;

	(void)fds;
	(void)err;
	verdict_keep(&from->sup->verdicts, &report->known.policy,
	    &report->known.verdict);
	return 0;
}

static int
take_epoch(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct reporter *from = reporter;
	const struct verify_report *report = record;

	(void)fds;
	if (!ipc_is_bool(&report->epoch.decided_by.has_store))
		return err_set(err, BUG, "a basis with no bool");
	return supervisor_record_store(from->sup, from->job, &report->epoch,
	    err);
}

static int
take_trust(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct reporter *from = reporter;
	const struct verify_report *report = record;

	(void)fds;
	return supervisor_record_trust(from->sup, from->job, &report->trust,
	    err);
}

static int
take_images(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct job *job = ((struct reporter *)reporter)->job;

	(void)record;
	job->is_done = true;
	return ipc_take_sealed(fds, FRONT_ATTACHED_BYTES, "listing",
	    &job->listing, err);
}

/* Who decided has ended its work; another one carries it out. */
static int
take_order(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct reporter *from = reporter;
	const struct verify_report *report = record;

	(void)fds;
	if (from->job->killed != ERR_NONE)
		return 0; /* its end is seen soon */
	return supervisor_start_build(from->sup, from->job, &report->order,
	    err);
}

/* A refusal that says nothing is not one. */
static int
take_refusal(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct job *job = ((struct reporter *)reporter)->job;
	const struct verify_report *report = record;

	(void)fds;
	job->is_done = true;
	job->outcome = report->outcome;
	if (job->outcome.code == 0)
		return err_set(err, BUG, "a refusal without a reason");
	return 0;
}

/* At the start, when nothing else is there. */
static int
take_mark(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct job *job = ((struct reporter *)reporter)->job;
	const struct verify_report *report = record;

	(void)fds;
	if (report->trust.version < 1)
		return err_set(err, BUG, "a policy without a version");
	job->is_done = true;
	job->trust = report->trust;
	return 0;
}

/* --- who builds: what is to be kept, or to be put on record. A child that
 * reports what cannot be noted does not go on. ------------------------- */

static int
take_made(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct reporter *from = reporter;
	const struct build_report *report = record;
	struct journal_pending entry;

	(void)fds;
	from->job->domid = report->domid;
	/* Whoever had the id is gone, and nobody looked yet. */
	supervisor_end_client(from->sup, report->domid);
	entry = supervisor_entry_of(from->job, JOURNAL_MADE);
	return journal_update(from->sup->journal, &entry, err);
}

/* One that does not get here is read again. */
static int
take_blob(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct reporter *from = reporter;
	const struct build_report *report = record;
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	struct err ignored;

	(void)err;
	if (ipc_take_sealed(fds, LIMIT_RAMDISK_BYTES, "blob", &sealed,
		&ignored) == 0)
		image_cache_add(&from->sup->cache, &report->digest,
		    take_ptr(&sealed));
	return 0;
}

/*
 * libxl's record first: without it nothing goes on record, and the child hears
 * why. The journal has the domain's id since BUILD_MADE.
 *
 * The journal before the event: were assayd killed between the two, an event
 * that says that the domain is gone would be missing; one too many ends
 * nothing.
 */
static int
take_build(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct reporter *from = reporter;
	const struct build_report *report = record;
	struct journal_pending entry =
	    supervisor_entry_of(from->job, JOURNAL_RECORDED);
	struct err why;

	(void)fds;
	from->job->look = from->sup->looks.number;
	if (write_libxl(from->sup, from->job, &why) != 0)
		return supervisor_refuse_record(from->job, &why, err);
	TRY(journal_update(from->sup->journal, &entry, err));
	return supervisor_record_build(from->sup, from->job, &report->record,
	    err);
}

static int
write_libxl(const struct supervisor *sup, const struct job *job,
    struct err *err)
{
	if (sup->config->libxl_dir[0] == '\0')
		return 0;
	return libxl_json_write(sup->config->libxl_dir, job->domid,
	    &job->task.build, err);
}

/* What is not on record was not built, and what the next assayd could not read
 * is not kept. */
static int
take_done(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct reporter *from = reporter;
	const struct build_report *report = record;
	struct job *job = from->job;
	bool is_built =
	    job->step == JOB_BUILDING && report->done.outcome.code == 0;

	(void)fds;
	if (is_built && (!job->is_recorded || job->domid == 0))
		return err_set(err, BUG, "a domain that is not on record");
	job->receipt = report->done.receipt;
	job->receipt.caller = job->caller; /* who built does not know */
	if (is_built && receipt_check(&job->receipt, err) != 0)
		return err_set(err, BUG, "a receipt that is none");
	job->is_done = true;
	job->outcome = report->done.outcome;
	if (job->step == JOB_ERASING)
		job->domid = report->done.domid;
	if (is_built)
		supervisor_hand_over(from->sup, job);
	return 0;
}

static int
take_unfit(void *reporter, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct job *job = ((struct reporter *)reporter)->job;

	(void)record;
	(void)fds;
	if ((job->place.seen & HAS(BUILD_MADE)) != 0)
		return err_set(err, BUG, "nothing was done, but a domain made");
	job->is_unfit = true;
	return 0;
}
