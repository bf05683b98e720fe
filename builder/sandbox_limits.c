#include "builder/sandbox_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/scope.h"

#ifdef __SANITIZE_ADDRESS__
/* A test build maps terabytes for its own use. */
#define SPACE(limits) ((void)(limits), RLIM_INFINITY)
#else
#define SPACE(limits) ((limits)->space_bytes)
#endif

static int limit(int what, rlim_t most, struct err *err);

int
sandbox_limits_set(const struct sandbox_limits *limits, struct err *err)
{
	TRY(sandbox_limits_killed(limits->oom, err));
	signal(SIGXFSZ, SIG_IGN);
	TRY(limit(RLIMIT_CORE, 0, err));
	/* Its filter has no call that makes a process: this holds without. */
	TRY(limit(RLIMIT_NPROC, 0, err));
	TRY(limit(RLIMIT_NOFILE, SANDBOX_FDS + limits->files, err));
	TRY(limit(RLIMIT_FSIZE, limits->file_bytes, err));
	return limit(RLIMIT_AS, SPACE(limits), err);
}

/* Never more than whoever started us allows. */
static int
limit(int what, rlim_t most, struct err *err)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)what, &now) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "getrlimit %d", what);
	now.rlim_max = most < now.rlim_max ? most : now.rlim_max;
	now.rlim_cur = now.rlim_max;
	if (setrlimit((__rlimit_resource_t)what, &now) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "setrlimit %d", what);
	return 0;
}

int
sandbox_limits_killed(int when, struct err *err)
{
	CLEANUP(closep)
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	char text[16];

	snprintf(text, sizeof(text), "%d", when);
	if (fd < 0)
		return err_set_errno(err, SYSTEM_FAILED, "oom_score_adj");
	if (write(fd, text, strlen(text)) < 0 && errno != EACCES)
		return err_set_errno(err, SYSTEM_FAILED, "oom_score_adj: %s",
		    text);
	return 0;
}
