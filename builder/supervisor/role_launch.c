#include "builder/supervisor/role_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/scope.h"

/* Above all numbers that a role's descriptors get. */
enum { OUT_OF_THE_WAY = 64, EXIT_NOT_STARTED = 127 };

static int find_directory(char ret_path[PATH_MAX], struct err *err);
static void become(int program, const char *name, int start_fd,
    const struct role_fds *fds) __attribute__((noreturn));
static void speak_to(int log);

int
role_programs_open(struct role_programs *programs, struct err *err)
{
	char directory[PATH_MAX];
	char path[PATH_MAX + 32];

	TRY(find_directory(directory, err));
	for (int role = 0; role < ROLES; role++) {
		snprintf(path, sizeof(path), "%s/assayd-%s", directory,
		    role_name((enum role)role));
		programs->fds[role] = open(path, O_PATH | O_CLOEXEC);
		if (programs->fds[role] < 0)
			return err_set_errno(err, STORE_IO, "%s", path);
	}
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

/* Where the running program is, whatever it was called. */
static int
find_directory(char ret_path[PATH_MAX], struct err *err)
{
	ssize_t len = readlink("/proc/self/exe", ret_path, PATH_MAX - 1);

	if (len < 0)
		return err_set_errno(err, SYSTEM_FAILED, "/proc/self/exe");
	ret_path[len] = '\0';
	*strrchr(ret_path, '/') = '\0'; /* it is absolute */
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
