#include "builder/ipc.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/scope.h"

/* Aligned room for the control message of one descriptor. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int take_descriptor(struct msghdr *message);

int
ipc_pair(int ret_fds[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "socketpair");
	return 0;
}

int
ipc_send(int fd, const void *record, size_t size, int pass_fd, struct err *err)
{
	union control control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)record,
	    .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	if (pass_fd >= 0) {
		struct cmsghdr *header;

		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &pass_fd, sizeof(int));
	}
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent != (ssize_t)size)
		return err_set_errno(err, SYSTEM_FAILED, "sendmsg");
	return 0;
}

int
ipc_receive(int fd, void *ret_record, size_t size, int *ret_fd,
    bool *ret_is_end, struct err *err)
{
	CLEANUP(closep) int passed = -1;
	union control control = {0};
	struct iovec part = {.iov_base = ret_record, .iov_len = size};
	struct msghdr message = {
	    .msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    /* Without the padding, in which a second one would fit. */
	    .msg_controllen = CMSG_LEN(sizeof(int)),
	};
	ssize_t got;

	memset(ret_record, 0, size);
	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno != ECONNRESET)
		return err_set_errno(err, SYSTEM_FAILED, "recvmsg");
	*ret_is_end = got <= 0;
	if (got <= 0)
		return 0;
	passed = take_descriptor(&message);
	if ((size_t)got != size ||
	    (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return err_set(err, STAGE_FAILED,
		    "a record of %zd bytes instead of %zu", got, size);
	if (passed >= 0 && ret_fd == NULL)
		return err_set(err, STAGE_FAILED, "an unexpected descriptor");
	if (ret_fd != NULL)
		*ret_fd = take_fd(&passed);
	return 0;
}

static int
take_descriptor(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd;

	if (header == NULL || header->cmsg_level != SOL_SOCKET ||
	    header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(int));
	return fd;
}
