#include "builder/ipc_now.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/scope.h"

int
ipc_pair(int ret_fds[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "socketpair");
	return 0;
}

int
ipc_send_now(int fd, const void *record, size_t size,
    const struct sealed *attached, bool *ret_is_full, struct err *err)
{
	size_t count = 0;
	const int *fds = attached != NULL ? sealed_fds(attached, &count) : NULL;

	return ipc_send_fds_now(fd, record, size, fds, count, ret_is_full, err);
}

int
ipc_send_fds_now(int fd, const void *record, size_t size, const int *fds,
    size_t count, bool *ret_is_full, struct err *err)
{
	ssize_t sent =
	    ipc_send_message(fd, record, size, fds, count, MSG_DONTWAIT);

	/* Of descriptors under way each user has a share: ETOOMANYREFS. */
	*ret_is_full = sent < 0 && (errno == EAGAIN || errno == ENOBUFS ||
				       errno == ETOOMANYREFS);
	if (sent != (ssize_t)size && !*ret_is_full)
		return err_set_errno(err, SYSTEM_FAILED, "sendmsg");
	return 0;
}
