#include "builder/supervisor/role_launch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/role_program.h"

/* Above all numbers that a role's descriptors get. */
enum { OUT_OF_THE_WAY = 64, EXIT_NOT_STARTED = 127 };

static void set_signals(void);
static void become(int program, const char *name, int start_fd,
    const struct role_fds *fds) __attribute__((noreturn));
static void speak_to(int log);

int
role_programs_open(struct role_programs *programs, struct err *err)
{
	for (int role = 0; role < ROLES; role++)
		TRY(role_program_open(role_name((enum role)role),
		    &programs->fds[role], err));
	return 0;
}

void
role_programs_close(struct role_programs *programs)
{
	for (int role = 0; role < ROLES; role++) {
		if (programs->fds[role] > 0)
			close(programs->fds[role]);
		programs->fds[role] = 0;
	}
}

int
role_programs_launch(void *context, const struct role_start *start,
    const struct role_fds *fds, pid_t *ret_pid, struct err *err)
{
	const struct role_programs *programs = context;
	CLEANUP(sealed_freep) struct sealed *record = NULL;
	char name[32];
	size_t pieces;

	snprintf(name, sizeof(name), "assayd-%s",
	    role_name((enum role)start->role));
	TRY(sealed_from_bytes(name, bytes_of(start, sizeof(*start)), &record,
	    err));
	*ret_pid = fork();
	if (*ret_pid < 0)
		return err_set_errno(err, SYSTEM_FAILED, "fork");
	if (*ret_pid == 0)
		become(programs->fds[start->role], name,
		    sealed_fds(record, &pieces)[0], fds);
	return 0;
}

/* After fork: only system calls. All else closes when the program begins. */
static void
become(int program, const char *name, int start_fd, const struct role_fds *fds)
{
	char *const arguments[] = {(char *)(uintptr_t)name, NULL};
	char *const environment[] = {NULL};
	int aside[1 + ROLE_FDS_MAX];

	int log = fcntl(fds->log, F_DUPFD, OUT_OF_THE_WAY);

	set_signals();
	for (size_t i = 0; i <= fds->count; i++)
		aside[i] = fcntl(i == 0 ? start_fd : fds->fds[i - 1], F_DUPFD,
		    OUT_OF_THE_WAY);
	program = fcntl(program, F_DUPFD, OUT_OF_THE_WAY);
	speak_to(log);
	for (size_t i = 0; i <= fds->count; i++) {
		if (aside[i] < 0 || dup2(aside[i], ROLE_FD_START + (int)i) < 0)
			_exit(EXIT_NOT_STARTED);
	}
	(void)close_range(ROLE_FD_START + (unsigned int)fds->count + 1, ~0u,
	    CLOSE_RANGE_CLOEXEC);
	(void)syscall(SYS_execveat, program, "", arguments, environment,
	    AT_EMPTY_PATH);
	_exit(EXIT_NOT_STARTED);
}

/*
 * Signals that end the supervisor do not end a role, which undoes what it did
 * or writes its last event when its link ends. They are ignored before they are
 * unblocked: the supervisor has them blocked.
 */
static void
set_signals(void)
{
	sigset_t none;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nothing of our own standard streams is left to it: a terminal could be read,
 * and written to. */
static void
speak_to(int log)
{
	int nothing = open("/dev/null", O_RDONLY);

	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
	    dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(EXIT_NOT_STARTED);
}
