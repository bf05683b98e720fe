#include "builder/ipc_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"

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
	if (got != size)
		return err_set(err, STAGE_FAILED,
		    "a record of %zu bytes instead of %zu", got, size);
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
