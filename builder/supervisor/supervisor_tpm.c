/*
 * The tpm role's life and its link. What it is asked: supervisor_records.c.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err_meaning.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/tpm_link.h"
#include "builder/supervisor/supervisor_state.h"
#include "measure/recorder.h"
#include "builder/trust_id.h"

/* A slow TPM tests itself when it is first asked. At the end, what was logged
 * and not extended the next role makes up for. */
enum { START_SECONDS = 60, STOP_SECONDS = 10 };

static int await_start(struct supervisor *sup, struct err *err);
static void log_platform(const struct platform *platform);
static link_take take_start;

#define STARTED LINK_BIT(TPM_REQUEST_START)
#define ANSWER(times, after, most_fds, member, take)                   \
	{                                                              \
		LINK_BIT(TPM_ROLE_ANSWERS), times, after, 0, most_fds, \
		    LINK_BYTES(tpm_answer, member), take               \
	}

static const struct link_rule rules[] = {
    [TPM_REQUEST_START] = ANSWER(LINK_ONCE, 0, 0, platform, take_start),
    [TPM_REQUEST_EVENT] =
	ANSWER(LINK_OFTEN, STARTED, 0, recorded, supervisor_take_recorded),
    [TPM_REQUEST_EPOCH] =
	ANSWER(LINK_OFTEN, STARTED, 0, recorded, supervisor_take_recorded),
    [TPM_REQUEST_TRUST] =
	ANSWER(LINK_OFTEN, STARTED, 0, recorded, supervisor_take_recorded),
    [TPM_REQUEST_QUOTE] = ANSWER(LINK_OFTEN, STARTED, SEALED_PIECES, recorded,
	supervisor_take_evidence),
    [TPM_REQUEST_LOG] = ANSWER(LINK_OFTEN, STARTED, SEALED_PIECES, recorded,
	supervisor_take_evidence),
};

const struct link_table supervisor_tpm_answers = {
    "an answer",
    rules,
    countof(rules),
    NULL,
};

int
supervisor_start_tpm_role(struct supervisor *sup, struct err *err)
{
	struct child child = CHILD_NONE;

	TRY(role_start_tpm(&sup->env, &child, err));
	sup->tpm_fd = child.link;
	outbox_attach(&sup->records, child.link);
	sup->tpm_pid = child.pid;
	close(child.pidfd);
	return await_start(sup, err);
}

static int
await_start(struct supervisor *sup, struct err *err)
{
	struct pollfd wait[2 + ROLE_LOG_FDS] = {
	    {.fd = sup->tpm_fd, .events = POLLIN},
	    {.fd = sup->signal_fd, .events = POLLIN},
	};

	do {
		if (role_logs_wait(&sup->logs, wait, 2, START_SECONDS * 1000) <=
		    0)
			return err_set(err, TPM_FAILED,
			    "the tpm role was not ready after %d seconds",
			    START_SECONDS);
		if (wait[1].revents != 0 && supervisor_is_told_to_stop(sup)) {
			sup->stop_usec = timing_now_usec();
			return 0;
		}
	} while (wait[0].revents == 0);
	switch (link_serve(&supervisor_tpm_answers, sup->tpm_fd,
	    TPM_ROLE_ANSWERS, &sup->tpm_link_place, sup, err)) {
	case LINK_TAKEN:
		return 0;
	case LINK_END:
		return err_set(err, TPM_FAILED, "the tpm role died at start");
	case LINK_UNREADABLE:
	case LINK_REFUSED:
	case LINK_FAILED:
		break;
	}
	return (int)err->code;
}

bool
supervisor_is_told_to_stop(const struct supervisor *sup)
{
	struct signalfd_siginfo info;

	return read(sup->signal_fd, &info, sizeof(info)) == sizeof(info) &&
	       info.ssi_signo != SIGCHLD;
}

static int
take_start(void *supervisor, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct supervisor *sup = supervisor;
	const struct tpm_answer *answer = record;
	const struct platform *platform = &answer->platform;

	(void)fds;
	if (!ipc_is_bool(&platform->is_development) ||
	    !ipc_is_bool(&platform->has_tpm) ||
	    !ipc_is_bool(&platform->has_epoch_floor) ||
	    !ipc_is_bool(&platform->is_lost) ||
	    memchr(platform->release, '\0', sizeof(platform->release)) == NULL)
		return err_set(err, TPM_FAILED, "a platform of no kind");
	sup->platform = *platform;
	supervisor_note_log(sup, answer);
	sup->store.epoch = platform->epoch_floor;
	log_platform(platform);
	return 0;
}

static void
log_platform(const struct platform *platform)
{
	struct err why = {0};
	int code = err_wire_to(&platform->why, BUG, &why);

	log_line("platform trusted=%d development=%d tpm=%d release=%s code=%s "
		 "detail=\"%s\"",
	    code == 0, platform->is_development, platform->has_tpm,
	    platform->release, code == 0 ? "0" : err_name(why.code),
	    log_quote(why.text).text);
}

void
supervisor_serve_tpm_role(struct supervisor *sup)
{
	struct err failure;
	enum link_event event = link_serve(&supervisor_tpm_answers, sup->tpm_fd,
	    TPM_ROLE_ANSWERS, &sup->tpm_link_place, sup, &failure);

	if (event == LINK_TAKEN)
		return;
	/* One that died goes by itself; one that lies may not. */
	if (event != LINK_END && sup->tpm_pid > 0)
		kill(sup->tpm_pid, SIGKILL);
	supervisor_lose_tpm_role(sup);
}

void
supervisor_flush_tpm_role(struct supervisor *sup)
{
	struct err failure;

	if (outbox_flush(&sup->records, &failure) != 0)
		supervisor_lose_tpm_role(sup);
}

/* What is not on record does not run, and log and TPM may differ by now. */
void
supervisor_stop_building(struct supervisor *sup, const struct err_wire *why)
{
	struct err_wire because = *why;
	struct err err = {0};

	if (sup->platform.is_lost)
		return;
	/* What was asked needed no recorder, and yet it is seen to be broken.
	 */
	if (because.code == 0)
		err_wire_from(&because,
		    err_set(&err, TPM_FAILED,
			"nothing can be put on record any more"),
		    &err);
	sup->platform.is_lost = true;
	sup->platform.why = because;
	log_line("platform trusted=0 code=%s",
	    err_name((enum err_code)err_wire_to(&because, BUG, &err)));
}

void
supervisor_lose_tpm_role(struct supervisor *sup)
{
	struct err_wire outcome;
	struct err why;
	int code = err_set(&why, TPM_FAILED, "the tpm role died");

	if (sup->tpm_fd < 0)
		return;
	closep(&sup->tpm_fd);
	outbox_attach(&sup->records, -1);
	sup->asked_count = 0;
	err_wire_from(&outcome, code, &why);
	supervisor_stop_building(sup, &outcome);
	supervisor_fail_records(sup, &why);
}

void
supervisor_stop_tpm_role(struct supervisor *sup)
{
	CLEANUP(closep) int pidfd = -1;
	struct pollfd end[1 + ROLE_LOG_FDS] = {{.events = POLLIN}};

	/* It reads what is under way, writes its last event, and ends. */
	closep(&sup->tpm_fd);
	outbox_attach(&sup->records, -1);
	if (sup->tpm_pid <= 0)
		return;
	pidfd = pidfd_open(sup->tpm_pid, 0);
	end[0].fd = pidfd;
	if (pidfd < 0 ||
	    role_logs_wait(&sup->logs, end, 1, STOP_SECONDS * 1000) != 1) {
		log_line("killed role=tpm reason=\"it did not end\"");
		kill(sup->tpm_pid, SIGKILL);
	}
	waitpid(sup->tpm_pid, NULL, 0);
}
