/*
 * What the children of jobs report: which record may come in which step, once
 * or often, after which others, and who takes it. One table for each link, and
 * one reader for both; a child that says anything else is ended.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/supervisor/libxl_json.h"
#include "builder/supervisor/supervisor_state.h"

/* Of struct job: its steps, and the kinds of reports that it has seen. */
#define IN(step)  (1u << (step))
#define HAS(kind) (1u << (kind))

enum report_times { OFTEN, ONCE, LAST };

struct report_rule {
	unsigned int steps; /* in which it may come; 0: never */
	enum report_times times;
	unsigned int after; /* all of these came before */
	bool has_memory;    /* sealed memory comes along */
};

static const struct report_rule verify_rules[] = {
    [VERIFY_VERDICT] = {IN(JOB_DECIDING) | IN(JOB_LISTING), OFTEN, 0, false},
    [VERIFY_EPOCH] = {IN(JOB_DECIDING) | IN(JOB_LISTING), ONCE, 0, false},
    [VERIFY_TRUST] = {IN(JOB_DECIDING) | IN(JOB_LISTING), ONCE, 0, false},
    [VERIFY_IMAGES] = {IN(JOB_LISTING), LAST, 0, true},
    [VERIFY_ORDER] = {IN(JOB_DECIDING), LAST, 0, false},
    [VERIFY_REFUSED] = {IN(JOB_STARTING) | IN(JOB_DECIDING) | IN(JOB_LISTING),
	LAST, 0, false},
    [VERIFY_MARK] = {IN(JOB_STARTING), LAST, 0, false},
};

static const struct report_rule build_rules[] = {
    [BUILD_MADE] = {IN(JOB_BUILDING), ONCE, 0, false},
    [BUILD_BLOB] = {IN(JOB_BUILDING), OFTEN, 0, true},
    [BUILD_RECORD] = {IN(JOB_BUILDING), ONCE, HAS(BUILD_MADE), false},
    [BUILD_DONE] = {IN(JOB_BUILDING) | IN(JOB_ERASING), LAST, 0, false},
    [BUILD_UNFIT] = {IN(JOB_BUILDING) | IN(JOB_ERASING), LAST, 0, false},
};

static void serve_verify(struct supervisor *sup, struct job *job);
static bool hear_verify(struct job *job, struct verify_report *ret_report,
    struct ipc_fds *fds);
static void serve_build(struct supervisor *sup, struct job *job);
static int check_turn(struct job *job, const struct report_rule *rules,
    size_t count, uint32_t kind, size_t descriptors, struct err *err);
static void lose(struct job *job, enum err_code why);
static int take_start(struct job *job, const struct verify_report *report,
    struct err *err);
static int take_refusal(struct job *job, const struct outcome *outcome,
    struct err *err);
static int take_verify(struct supervisor *sup, struct job *job,
    const struct verify_report *report, struct ipc_fds *fds, struct err *err);
static int take_order(struct supervisor *sup, struct job *job,
    const struct order *order, struct err *err);
static int take_build(struct supervisor *sup, struct job *job,
    const struct build_report *report, struct ipc_fds *fds, struct err *err);
static int note_domain(struct supervisor *sup, struct job *job, uint32_t domid,
    struct err *err);
static int note_build(struct supervisor *sup, struct job *job,
    const struct build_report *report, struct err *err);
static int write_libxl(const struct supervisor *sup, const struct job *job,
    struct err *err);
static int note_done(struct supervisor *sup, struct job *job,
    const struct build_report *report, struct err *err);

void
supervisor_serve_job(struct supervisor *sup, struct job *job)
{
	if (job->step == JOB_DECIDING || job->step == JOB_LISTING)
		serve_verify(sup, job);
	else
		serve_build(sup, job);
}

void
supervisor_serve_start(struct job *job)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct verify_report report;
	struct err failure;

	if (hear_verify(job, &report, &fds) &&
	    take_start(job, &report, &failure) != 0)
		job_kill(job, failure.code);
}

static void
serve_verify(struct supervisor *sup, struct job *job)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct verify_report report;
	struct err failure;

	if (hear_verify(job, &report, &fds) &&
	    take_verify(sup, job, &report, &fds, &failure) != 0)
		job_kill(job, failure.code);
}

/* False: there is none, or one that may not come now. */
static bool
hear_verify(struct job *job, struct verify_report *ret_report,
    struct ipc_fds *fds)
{
	struct err failure;
	bool is_end = false;

	if (ipc_receive_fds(job->child.link, ret_report, sizeof(*ret_report),
		fds, &is_end, &failure) != 0)
		lose(job, failure.code);
	else if (is_end)
		job_close_link(job);
	else if (check_turn(job, verify_rules, countof(verify_rules),
		     ret_report->kind, fds->count, &failure) != 0)
		job_kill(job, failure.code);
	else
		return true;
	return false;
}

static void
serve_build(struct supervisor *sup, struct job *job)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct build_report report;
	struct err failure;
	bool is_end = false;

	if (ipc_receive_fds(job->child.link, &report, sizeof(report), &fds,
		&is_end, &failure) != 0)
		lose(job, failure.code);
	else if (is_end)
		job_close_link(job);
	else if (check_turn(job, build_rules, countof(build_rules), report.kind,
		     fds.count, &failure) != 0 ||
		 take_build(sup, job, &report, &fds, &failure) != 0)
		job_kill(job, failure.code);
}

/* What cannot be understood is not read any more. */
static void
lose(struct job *job, enum err_code why)
{
	job_kill(job, why);
	job_close_link(job);
}

/* May this report come now? A child that asked for something waits. */
static int
check_turn(struct job *job, const struct report_rule *rules, size_t count,
    uint32_t kind, size_t descriptors, struct err *err)
{
	const struct report_rule *rule = kind < count ? &rules[kind] : NULL;

	if (rule == NULL || (rule->steps & IN(job->step)) == 0 ||
	    job->is_done || job->is_unfit || job->tag != 0 ||
	    (rule->times != OFTEN && (job->seen & HAS(kind)) != 0) ||
	    (job->seen & rule->after) != rule->after ||
	    (!rule->has_memory && descriptors > 0))
		return err_set(err, BUG, "report %u in step %d", kind,
		    (int)job->step);
	job->seen |= HAS(kind);
	return 0;
}

static int
take_verify(struct supervisor *sup, struct job *job,
    const struct verify_report *report, struct ipc_fds *fds, struct err *err)
{
	switch ((enum verify_report_kind)report->kind) {
	case VERIFY_VERDICT:
		verdict_cache_add(&sup->verdicts, &report->known.policy,
		    &report->known.verdict);
		return 0;
	case VERIFY_EPOCH:
		if (!ipc_is_bool(&report->basis.has_store))
			return err_set(err, BUG, "a basis with no bool");
		return supervisor_record_store(sup, job, report, err);
	case VERIFY_TRUST:
		return supervisor_record_trust(sup, job, &report->trust, err);
	case VERIFY_IMAGES:
		job->is_done = true;
		return ipc_take_sealed(fds, FRONT_ATTACHED_BYTES, "listing",
		    &job->listing, err);
	case VERIFY_ORDER:
		return take_order(sup, job, &report->order, err);
	case VERIFY_REFUSED:
		return take_refusal(job, &report->outcome, err);
	case VERIFY_MARK:
		break;
	}
	return err_set(err, BUG, "report %u", report->kind);
}

static int
take_start(struct job *job, const struct verify_report *report, struct err *err)
{
	if (report->kind == VERIFY_REFUSED)
		return take_refusal(job, &report->outcome, err);
	if (report->trust.version < 1)
		return err_set(err, BUG, "a policy without a version");
	job->is_done = true;
	job->trust = report->trust;
	return 0;
}

/* One that says nothing is none. */
static int
take_refusal(struct job *job, const struct outcome *outcome, struct err *err)
{
	job->is_done = true;
	job->outcome = *outcome;
	if (outcome->code == 0)
		return err_set(err, BUG, "a refusal without a reason");
	return 0;
}

/* Who decided has ended its work; another one carries it out. */
static int
take_order(struct supervisor *sup, struct job *job, const struct order *order,
    struct err *err)
{
	if (job->killed != ERR_NONE)
		return 0; /* its end is seen soon */
	return supervisor_start_build(sup, job, order, err);
}

/* What is to be kept, or to be put on record. A child that reports what cannot
 * be noted does not go on. */
static int
take_build(struct supervisor *sup, struct job *job,
    const struct build_report *report, struct ipc_fds *fds, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	struct err ignored;

	switch ((enum build_report_kind)report->kind) {
	case BUILD_MADE:
		return note_domain(sup, job, report->domid, err);
	case BUILD_BLOB: /* one that does not get here is read again */
		if (ipc_take_sealed(fds, LIMIT_RAMDISK_BYTES, "blob", &sealed,
			&ignored) == 0)
			image_cache_add(&sup->cache, &report->digest,
			    take_ptr(&sealed));
		return 0;
	case BUILD_RECORD:
		return note_build(sup, job, report, err);
	case BUILD_DONE:
		return note_done(sup, job, report, err);
	case BUILD_UNFIT:
		job->is_unfit = true;
		return 0;
	}
	return err_set(err, BUG, "report %u", report->kind);
}

static int
note_domain(struct supervisor *sup, struct job *job, uint32_t domid,
    struct err *err)
{
	struct journal_pending entry;

	job->domid = domid;
	entry = supervisor_entry_of(job, JOURNAL_MADE);
	return journal_update(sup->journal, &entry, err);
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
note_build(struct supervisor *sup, struct job *job,
    const struct build_report *report, struct err *err)
{
	struct journal_pending entry =
	    supervisor_entry_of(job, JOURNAL_RECORDED);
	struct err why;

	if (write_libxl(sup, job, &why) != 0)
		return supervisor_refuse_record(job, &why, err);
	TRY(journal_update(sup->journal, &entry, err));
	return supervisor_record_build(sup, job, report, err);
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
note_done(struct supervisor *sup, struct job *job,
    const struct build_report *report, struct err *err)
{
	bool is_built = job->step == JOB_BUILDING && report->outcome.code == 0;

	if (is_built && (!job->is_recorded || job->domid == 0))
		return err_set(err, BUG, "a domain that is not on record");
	if (is_built && receipt_check(&report->receipt, err) != 0)
		return err_set(err, BUG, "a receipt that is none");
	job->is_done = true;
	job->outcome = report->outcome;
	job->receipt = report->receipt;
	if (job->step == JOB_ERASING)
		job->domid = report->domid;
	if (is_built)
		supervisor_hand_over(sup, job);
	return 0;
}
