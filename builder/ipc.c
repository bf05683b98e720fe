#include "builder/ipc.h"

#include <errno.h>
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
static void take_descriptors(struct msghdr *message, struct ipc_fds *ret_fds);

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
ipc_receive(int fd, void *ret_record, size_t size, int *ret_fd,
    bool *ret_is_end, struct err *err)
{
	struct ipc_fds passed;

	TRY(ipc_receive_fds(fd, ret_record, size, &passed, ret_is_end, err));
	if (passed.count > (ret_fd != NULL ? 1 : 0)) {
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
	size_t got;

	TRY(ipc_receive_some(fd, ret_record, size, &got, ret_fds, ret_is_end,
	    err));
	if (*ret_is_end || got == size)
		return 0;
	ipc_fds_done(ret_fds);
	return err_set(err, STAGE_FAILED,
	    "a record of %zu bytes instead of %zu", got, size);
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

bool
ipc_is_line(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return len < size;
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
	if (ipc_send_message(fd, record, size, fds, count, 0) != (ssize_t)size)
		return err_set_errno(err, SYSTEM_FAILED, "sendmsg");
	return 0;
}

ssize_t
ipc_send_message(int fd, const void *record, size_t size, const int *fds,
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

/* No descriptors come with an end, although they may come without a byte. */
int
ipc_receive_some(int fd, void *ret_record, size_t max_bytes, size_t *ret_size,
    struct ipc_fds *ret_fds, bool *ret_is_end, struct err *err)
{
	union control control = {0};
	struct iovec part = {.iov_base = ret_record, .iov_len = max_bytes};
	struct msghdr message = {
	    .msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control.room,
	    /* Without the padding, in which one more would fit. */
	    .msg_controllen = CMSG_LEN(sizeof(ret_fds->fd)),
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
	*ret_is_end = got == 0;
	if (got > 0 && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return 0;
	ipc_fds_done(ret_fds);
	if (got == 0)
		return 0;
	return err_set(err, STAGE_FAILED,
	    "a longer record, or more descriptors, instead of %zu bytes",
	    max_bytes);
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
