#include "builder/setup/hand_over.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/role_program.h"

static int place(int fd, int number, struct err *err);
static int only_fd(const struct sealed *sealed);

int
hand_over(const struct role_start *start, const struct sealed *trust,
    int listen_fd, char *const *arguments, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *record = NULL;
	CLEANUP(closep) int program = -1;
	CLEANUP(closep) int aside = -1;
	CLEANUP(closep) int trust_aside = -1;
	char *const environment[] = {NULL};
	const unsigned int last =
	    start->has_listener ? SUPERVISOR_FD_LISTEN : SUPERVISOR_FD_TRUST;

	TRY(sealed_from_bytes("assayd-supervisor",
	    bytes_of(start, sizeof(*start)), &record, err));
	TRY(role_program_open("supervisor", &program, err));
	/* First out of each other's way: either may have the other's number. */
	aside = fcntl(program, F_DUPFD_CLOEXEC, HAND_OVER_OUT_OF_THE_WAY);
	trust_aside =
	    fcntl(only_fd(trust), F_DUPFD_CLOEXEC, HAND_OVER_OUT_OF_THE_WAY);
	if (aside < 0 || trust_aside < 0)
		return err_set_errno(err, SYSTEM_FAILED, "fcntl");
	TRY(place(only_fd(record), ROLE_FD_START, err));
	TRY(place(trust_aside, SUPERVISOR_FD_TRUST, err));
	if (start->has_listener)
		TRY(place(listen_fd, SUPERVISOR_FD_LISTEN, err));
	if (close_range(last + 1, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "close_range");
	(void)syscall(SYS_execveat, aside, "", arguments, environment,
	    AT_EMPTY_PATH);
	return err_set_errno(err, SYSTEM_FAILED, "execveat assayd-supervisor");
}

/* It stays open over the exec. */
static int
place(int fd, int number, struct err *err)
{
	if (fd == number ? fcntl(fd, F_SETFD, 0) != 0 : dup2(fd, number) < 0)
		return err_set_errno(err, SYSTEM_FAILED, "descriptor %d",
		    number);
	return 0;
}

/* Both are small: one piece. */
static int
only_fd(const struct sealed *sealed)
{
	size_t count;

	return sealed_fds(sealed, &count)[0];
}
