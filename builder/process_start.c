#include "builder/process_start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err_meaning.h"
#include "base/log.h"
#include "base/scope.h"

static int fill_streams(struct err *err);
static int reset_signals(struct err *err);

int
process_start(struct err *err)
{
	TRY(fill_streams(err));
	TRY(reset_signals(err));
	umask(022);
	return 0;
}

int
process_failed(const struct err *err)
{
	log_line("failed code=%s detail=\"%s\" remedy=\"%s\"",
	    err_name(err->code), log_quote(err->text).text,
	    err_remedy(err->code));
	return err_class_of(err->code) == ERR_CLASS_REFUSAL ? EXIT_REFUSED
	                                                    : EXIT_ENVIRONMENT;
}

/* Lowest first: open(2) gives the lowest number that is free. */
static int
fill_streams(struct err *err)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
			continue;
		if (open("/dev/null", O_RDWR) != fd)
			return err_set_errno(err, SYSTEM_FAILED,
			    "/dev/null as descriptor %d", fd);
	}
	return 0;
}

static int
reset_signals(struct err *err)
{
	const struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t none;

	sigemptyset(&none);
	if (sigaction(SIGCHLD, &by_default, NULL) != 0 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "signals");
	return 0;
}
