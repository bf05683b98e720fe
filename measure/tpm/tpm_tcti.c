#include "measure/tpm/tpm_tcti.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <tss2/tss2_tpm2_types.h>

#include "base/bytes.h"
#include "base/scope.h"

#define DEVICE "device:"
#define SWTPM  "swtpm:path="

/* TPM 2.0 Part 1, "Response Header": tag, size, code. */
enum {
	header_bytes = 10,
	size_offset = 2,
	code_offset = 6,
	magic = 0x41535359
};

/* Between two tries of a command that is put off. */
enum { FIRST_PAUSE_MS = 20, LAST_PAUSE_MS = 1000 };

static int open_device(const char *path, struct tpm_tcti *tcti,
    struct err *err);
static int take_address(const char *path, struct tpm_tcti *tcti,
    struct err *err);
static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size,
    const uint8_t *command);
static TSS2_RC send_command(struct tpm_tcti *tcti);
static bool connect_socket(struct tpm_tcti *tcti);
static ssize_t write_device(struct tpm_tcti *tcti);
static void drop_late_answer(struct tpm_tcti *tcti);
static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size,
    uint8_t *response, int32_t timeout);
static bool is_put_off(const uint8_t *response);
static bool pause_before(const struct tpm_tcti *tcti, int *pause_ms);
static TSS2_RC read_response(struct tpm_tcti *tcti, size_t *size,
    uint8_t *response);
static uint32_t be32(const uint8_t *at);
static bool is_whole(const uint8_t *response, size_t have, size_t *ret_size);
static bool wait_for(struct tpm_tcti *tcti, int64_t deadline);
static int64_t now_ms(void);

int
tpm_tcti_open(const char *where, int timeout_ms, struct tpm_tcti *ret_tcti,
    struct err *err)
{
	struct tpm_tcti tcti = {.fd = -1, .timeout_ms = timeout_ms};

	if (strncmp(where, DEVICE, strlen(DEVICE)) == 0)
		TRY(open_device(where + strlen(DEVICE), &tcti, err));
	else if (strncmp(where, SWTPM, strlen(SWTPM)) == 0)
		TRY(take_address(where + strlen(SWTPM), &tcti, err));
	else
		return err_set(err, TPM_UNREACHABLE,
		    "%s: neither " DEVICE "PATH nor " SWTPM "PATH",
		    err_quote_str(where).text);
	tcti.common.v1.magic = magic;
	tcti.common.v1.version = 2;
	tcti.common.v1.transmit = transmit;
	tcti.common.v1.receive = receive;
	*ret_tcti = tcti;
	return 0;
}

void
tpm_tcti_close(struct tpm_tcti *tcti)
{
	closep(&tcti->fd);
}

void
tpm_tcti_limit(struct tpm_tcti *tcti, int seconds)
{
	tcti->until_ms = seconds == 0 ? 0 : now_ms() + (int64_t)seconds * 1000;
}

/*
 * Warnings that pass by themselves: the TPM is busy with something, spares its
 * memory, or has no room because of what others keep there.
 * Not: what only a reboot ends (OBJECT_HANDLES), what other bytes would have
 * to be sent for (CONTEXT_GAP, LOCALITY, REFERENCE_*), and LOCKOUT, which
 * asking again makes longer.
 */
bool
tpm_tcti_is_put_off(TPM2_RC reason)
{
	switch (reason) {
	case TPM2_RC_RETRY:
	case TPM2_RC_YIELDED:
	case TPM2_RC_TESTING:
	case TPM2_RC_CANCELED:
	case TPM2_RC_NV_RATE:
	case TPM2_RC_NV_UNAVAILABLE:
	case TPM2_RC_MEMORY:
	case TPM2_RC_OBJECT_MEMORY:
	case TPM2_RC_SESSION_MEMORY:
	case TPM2_RC_SESSION_HANDLES:
		return true;
	default:
		return false;
	}
}

static int
open_device(const char *path, struct tpm_tcti *tcti, struct err *err)
{
	tcti->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (tcti->fd < 0)
		return err_set_errno(err, TPM_UNREACHABLE, "%s",
		    err_quote_str(path).text);
	return 0;
}

static int
take_address(const char *path, struct tpm_tcti *tcti, struct err *err)
{
	if (path[0] != '/' || strlen(path) >= sizeof(tcti->address.sun_path))
		return err_set(err, TPM_UNREACHABLE,
		    "%s: not an absolute path of less than %zu bytes",
		    err_quote_str(path).text, sizeof(tcti->address.sun_path));
	tcti->is_socket = true;
	tcti->address.sun_family = AF_UNIX;
	strcpy(tcti->address.sun_path, path);
	return 0;
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *command)
{
	struct tpm_tcti *tcti = (struct tpm_tcti *)context;

	if (size > sizeof(tcti->command))
		return TSS2_TCTI_RC_BAD_VALUE;
	memcpy(tcti->command, command, size);
	tcti->command_len = size;
	tcti->deadline_ms = now_ms() + tcti->timeout_ms;
	if (tcti->until_ms != 0 && tcti->until_ms < tcti->deadline_ms)
		tcti->deadline_ms = tcti->until_ms;
	return send_command(tcti);
}

static TSS2_RC
send_command(struct tpm_tcti *tcti)
{
	ssize_t sent;

	if (tcti->deadline_ms <= now_ms() ||
	    (tcti->is_socket && !connect_socket(tcti)))
		return TSS2_TCTI_RC_NO_CONNECTION;
	sent = tcti->is_socket ? send(tcti->fd, tcti->command,
				     tcti->command_len, MSG_NOSIGNAL)
	                       : write_device(tcti);
	return sent == (ssize_t)tcti->command_len ? TSS2_RC_SUCCESS
	                                          : TSS2_TCTI_RC_IO_ERROR;
}

static bool
connect_socket(struct tpm_tcti *tcti)
{
	/* Bounds connect(2) too, when the queue of the socket is full. */
	int64_t left_ms = tcti->deadline_ms - now_ms();
	struct timeval limit = {.tv_sec = left_ms / 1000,
	    .tv_usec = left_ms % 1000 * 1000 + 1};

	closep(&tcti->fd);
	tcti->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return tcti->fd >= 0 &&
	       setsockopt(tcti->fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
		   sizeof(limit)) == 0 &&
	       connect(tcti->fd, (const struct sockaddr *)&tcti->address,
		   sizeof(tcti->address)) == 0;
}

/*
 * A device of the kernel takes no command before the answer to the last one is
 * there and was read: EBUSY [Linux drivers/char/tpm/tpm-dev-common.c,
 * tpm_common_write]. So an answer that came too late is never taken for that
 * to a later command.
 */
static ssize_t
write_device(struct tpm_tcti *tcti)
{
	ssize_t sent;

	drop_late_answer(tcti);
	sent = write(tcti->fd, tcti->command, tcti->command_len);
	if (sent < 0 && errno == EBUSY && wait_for(tcti, tcti->deadline_ms)) {
		drop_late_answer(tcti);
		sent = write(tcti->fd, tcti->command, tcti->command_len);
	}
	tcti->is_owed = true;
	return sent;
}

static void
drop_late_answer(struct tpm_tcti *tcti)
{
	uint8_t late[TPM2_MAX_RESPONSE_SIZE];
	struct pollfd poll_fd = {.fd = tcti->fd, .events = POLLIN};

	while (tcti->is_owed && poll(&poll_fd, 1, 0) > 0 &&
	       read(tcti->fd, late, sizeof(late)) > 0)
		continue;
}

/* The limit is ours, whatever ESYS says: its calls would wait for ever. */
static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct tpm_tcti *tcti = (struct tpm_tcti *)context;
	size_t max = *size;
	int pause_ms = FIRST_PAUSE_MS;
	TSS2_RC rc;

	(void)timeout;
	if (response == NULL) {
		*size = TPM2_MAX_RESPONSE_SIZE;
		return TSS2_RC_SUCCESS;
	}
	do {
		*size = max;
		rc = read_response(tcti, size, response);
		if (tcti->is_socket)
			closep(&tcti->fd);
		if (rc != TSS2_RC_SUCCESS || !is_put_off(response))
			return rc;
		/* No time for another try. As a resource manager's answer it is
		 * the TPM's word too, but ESYS does not send it again. */
		if (!pause_before(tcti, &pause_ms)) {
			response[code_offset + 1] =
			    TSS2_RESMGR_TPM_RC_LAYER >> 16;
			return TSS2_RC_SUCCESS;
		}
		rc = send_command(tcti);
	} while (rc == TSS2_RC_SUCCESS);
	return rc;
}

static bool
is_put_off(const uint8_t *response)
{
	return tpm_tcti_is_put_off(be32(response + code_offset));
}

/* False if the time would be over then. */
static bool
pause_before(const struct tpm_tcti *tcti, int *pause_ms)
{
	if (now_ms() + *pause_ms >= tcti->deadline_ms)
		return false;
	poll(NULL, 0, *pause_ms);
	*pause_ms *= 2;
	if (*pause_ms > LAST_PAUSE_MS)
		*pause_ms = LAST_PAUSE_MS;
	return true;
}

/* A kernel's device gives its answer in one piece; others in any. */
static TSS2_RC
read_response(struct tpm_tcti *tcti, size_t *size, uint8_t *response)
{
	size_t max = *size;
	size_t have = 0;

	do {
		ssize_t got;

		if (!wait_for(tcti, tcti->deadline_ms))
			return TSS2_TCTI_RC_IO_ERROR;
		got = read(tcti->fd, response + have, max - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return TSS2_TCTI_RC_NO_CONNECTION;
		have += (size_t)got;
	} while (!is_whole(response, have, size) && have < max);
	tcti->is_owed = false;
	return *size == have && have >= header_bytes
	           ? TSS2_RC_SUCCESS
	           : TSS2_TCTI_RC_MALFORMED_RESPONSE;
}

/* Has all come that the header announces? */
static bool
is_whole(const uint8_t *response, size_t have, size_t *ret_size)
{
	*ret_size = have >= header_bytes ? be32(response + size_offset) : 0;
	return have >= header_bytes && have >= *ret_size;
}

static bool
wait_for(struct tpm_tcti *tcti, int64_t deadline)
{
	for (;;) {
		struct pollfd poll_fd = {.fd = tcti->fd, .events = POLLIN};
		int64_t left = deadline - now_ms();
		int ready = left > 0 ? poll(&poll_fd, 1, (int)left) : 0;

		if (ready > 0)
			return true;
		if (ready == 0 || errno != EINTR)
			return false;
	}
}

static uint32_t
be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
