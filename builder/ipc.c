#include "builder/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"

/* Aligned room for the control message of the most descriptors. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(SEALED_PIECES * sizeof(int))];
};

static int send_with(int fd, const void *record, size_t size, const int *fds,
    size_t count, struct err *err);
static ssize_t send_message(int fd, const void *record, size_t size,
    const int *fds, size_t count, int flags);
static int receive_with(int fd, void *ret_record, size_t size, size_t max_fds,
    struct ipc_fds *ret_fds, bool *ret_is_end, struct err *err);
static int receive_message(int fd, void *ret_record, size_t max_bytes,
    size_t max_fds, struct ipc_fds *ret_fds, size_t *ret_size, struct err *err);
static int check_size(size_t got, size_t size, struct err *err);
static void take_descriptors(struct msghdr *message, struct ipc_fds *ret_fds);

int
ipc_pair(int ret_fds[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "socketpair");
	return 0;
}

int
ipc_fork(int *ret_link, pid_t *ret_pid, struct err *err)
{
	int link[2];
	pid_t pid;

	TRY(ipc_pair(link, err));
	pid = fork();
	if (pid < 0) {
		close(link[0]);
		close(link[1]);
		return err_set_errno(err, SYSTEM_FAILED, "fork");
	}
	close(link[pid == 0 ? 0 : 1]);
	*ret_link = link[pid == 0 ? 1 : 0];
	*ret_pid = pid;
	return 0;
}

int
ipc_send(int fd, const void *record, size_t size, int pass_fd, struct err *err)
{
	return send_with(fd, record, size, &pass_fd, pass_fd >= 0 ? 1 : 0, err);
}

int
ipc_send_sealed(int fd, const void *record, size_t size,
    const struct sealed *sealed, struct err *err)
{
	size_t count;
	const int *fds = sealed_fds(sealed, &count);

	return send_with(fd, record, size, fds, count, err);
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
	ssize_t sent = send_message(fd, record, size, fds, count, MSG_DONTWAIT);

	/* Of descriptors under way each user has a share: ETOOMANYREFS. */
	*ret_is_full = sent < 0 && (errno == EAGAIN || errno == ENOBUFS ||
				       errno == ETOOMANYREFS);
	if (sent != (ssize_t)size && !*ret_is_full)
		return err_set_errno(err, SYSTEM_FAILED, "sendmsg");
	return 0;
}

int
ipc_pipe(int ret_fds[2], struct err *err)
{
	if (pipe2(ret_fds, O_DIRECT | O_NONBLOCK | O_CLOEXEC) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "pipe2");
	return 0;
}

int
ipc_pipe_send(int fd, const void *record, size_t size, bool *ret_is_full,
    struct err *err)
{
	ssize_t sent;

	bug_unless(size <= IPC_PIPE_BYTES);
	do
		sent = write(fd, record, size);
	while (sent < 0 && errno == EINTR);
	*ret_is_full = sent < 0 && errno == EAGAIN;
	if (sent != (ssize_t)size && !*ret_is_full)
		return err_set_errno(err, SYSTEM_FAILED, "write");
	return 0;
}

int
ipc_pipe_receive(int fd, void *ret_record, size_t size, bool *ret_is_end,
    struct err *err)
{
	char packet[IPC_PIPE_BYTES];
	size_t got;

	memset(ret_record, 0, size);
	TRY(ipc_pipe_receive_some(fd, packet, sizeof(packet), &got, ret_is_end,
	    err));
	if (*ret_is_end)
		return 0;
	TRY(check_size(got, size, err));
	memcpy(ret_record, packet, size);
	return 0;
}

int
ipc_pipe_receive_some(int fd, void *ret_record, size_t max_bytes,
    size_t *ret_size, bool *ret_is_end, struct err *err)
{
	ssize_t got;

	bug_unless(max_bytes >= IPC_PIPE_BYTES); /* or it would be cut */
	memset(ret_record, 0, max_bytes);
	do
		got = read(fd, ret_record, max_bytes);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set_errno(err, SYSTEM_FAILED, "read");
	*ret_is_end = got == 0;
	*ret_size = (size_t)got;
	return 0;
}

int
ipc_receive(int fd, void *ret_record, size_t size, int *ret_fd,
    bool *ret_is_end, struct err *err)
{
	struct ipc_fds passed;

	TRY(receive_with(fd, ret_record, size, 1, &passed, ret_is_end, err));
	if (passed.count > 0 && ret_fd == NULL) {
		ipc_fds_done(&passed);
		return err_set(err, STAGE_FAILED, "an unexpected descriptor");
	}
	if (ret_fd != NULL && !*ret_is_end)
		*ret_fd = passed.count > 0 ? passed.fd[0] : -1;
	return 0;
}

int
ipc_receive_fds(int fd, void *ret_record, size_t size, struct ipc_fds *ret_fds,
    bool *ret_is_end, struct err *err)
{
	return receive_with(fd, ret_record, size, SEALED_PIECES, ret_fds,
	    ret_is_end, err);
}

int
ipc_receive_some(int fd, void *ret_record, size_t max_bytes, size_t *ret_size,
    struct ipc_fds *ret_fds, bool *ret_is_end, struct err *err)
{
	TRY(receive_message(fd, ret_record, max_bytes, SEALED_PIECES, ret_fds,
	    ret_size, err));
	*ret_is_end = *ret_size == 0;
	return 0;
}

void
ipc_fds_done(struct ipc_fds *fds)
{
	for (size_t i = 0; i < fds->count; i++)
		close(fds->fd[i]);
	fds->count = 0;
}

void
ipc_fds_donep(struct ipc_fds **fds)
{
	ipc_fds_done(*fds);
}

bool
ipc_is_bool(const bool *member)
{
	unsigned char byte;

	_Static_assert(sizeof(bool) == 1, "a bool is a byte");
	memcpy(&byte, member, 1);
	return byte <= 1;
}

int
ipc_take_sealed(struct ipc_fds *fds, size_t max_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err)
{
	size_t count = fds->count;

	fds->count = 0;
	return sealed_from_fds(fds->fd, count, max_bytes, what, ret_sealed,
	    err);
}

static int
send_with(int fd, const void *record, size_t size, const int *fds, size_t count,
    struct err *err)
{
	if (send_message(fd, record, size, fds, count, 0) != (ssize_t)size)
		return err_set_errno(err, SYSTEM_FAILED, "sendmsg");
	return 0;
}

static ssize_t
send_message(int fd, const void *record, size_t size, const int *fds,
    size_t count, int flags)
{
	union control control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)record,
	    .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	size_t fds_bytes = count * sizeof(int);
	ssize_t sent;

	if (count > 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(fds_bytes);
		memcpy(CMSG_DATA(&control.header), fds, fds_bytes);
		message.msg_control = control.room;
		message.msg_controllen = CMSG_SPACE(fds_bytes);
	}
	do
		sent = sendmsg(fd, &message, MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
	return sent;
}

static int
receive_with(int fd, void *ret_record, size_t size, size_t max_fds,
    struct ipc_fds *ret_fds, bool *ret_is_end, struct err *err)
{
	size_t got;

	TRY(receive_message(fd, ret_record, size, max_fds, ret_fds, &got, err));
	*ret_is_end = got == 0;
	if (got == 0 || check_size(got, size, err) == 0)
		return 0;
	ipc_fds_done(ret_fds);
	return (int)err->code;
}

/* No descriptors come with an end, although they may come without a byte. */
static int
receive_message(int fd, void *ret_record, size_t max_bytes, size_t max_fds,
    struct ipc_fds *ret_fds, size_t *ret_size, struct err *err)
{
	union control control = {0};
	struct iovec part = {.iov_base = ret_record, .iov_len = max_bytes};
	struct msghdr message = {
	    .msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    /* Without the padding, in which one more would fit. */
	    .msg_controllen = CMSG_LEN(max_fds * sizeof(int)),
	};
	ssize_t got;

	memset(ret_record, 0, max_bytes);
	ret_fds->count = 0;
	/* A reset is said once, when the peer ended with a record of ours
	 * unread. What it sent before comes after it, and then the end. */
	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return err_set_errno(err, SYSTEM_FAILED, "recvmsg");
	take_descriptors(&message, ret_fds);
	*ret_size = (size_t)got;
	if (got > 0 && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return 0;
	ipc_fds_done(ret_fds);
	if (got == 0)
		return 0;
	return err_set(err, STAGE_FAILED,
	    "a longer record, or more descriptors, instead of %zu bytes",
	    max_bytes);
}

static int
check_size(size_t got, size_t size, struct err *err)
{
	if (got != size)
		return err_set(err, STAGE_FAILED,
		    "a record of %zu bytes instead of %zu", got, size);
	return 0;
}

static void
take_descriptors(struct msghdr *message, struct ipc_fds *ret_fds)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t fds_bytes;

	if (header == NULL || header->cmsg_level != SOL_SOCKET ||
	    header->cmsg_type != SCM_RIGHTS)
		return;
	fds_bytes = header->cmsg_len - CMSG_LEN(0);
	bug_unless(fds_bytes <= sizeof(ret_fds->fd));
	memcpy(ret_fds->fd, CMSG_DATA(header), fds_bytes);
	ret_fds->count = fds_bytes / sizeof(int);
}
