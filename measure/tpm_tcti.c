#include "measure/tpm_tcti.h"

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
enum { header_bytes = 10, size_offset = 2, magic = 0x41535359 };

static int open_device(const char *path, struct tpm_tcti *tcti,
    struct err *err);
static int take_address(const char *path, struct tpm_tcti *tcti,
    struct err *err);
static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size,
    const uint8_t *command);
static bool connect_socket(struct tpm_tcti *tcti);
static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size,
    uint8_t *response, int32_t timeout);
static TSS2_RC read_response(struct tpm_tcti *tcti, size_t *size,
    uint8_t *response);
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
	ssize_t sent;

	if (tcti->is_socket && !connect_socket(tcti))
		return TSS2_TCTI_RC_NO_CONNECTION;
	sent = tcti->is_socket ? send(tcti->fd, command, size, MSG_NOSIGNAL)
	                       : write(tcti->fd, command, size);
	return sent == (ssize_t)size ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

static bool
connect_socket(struct tpm_tcti *tcti)
{
	/* Bounds connect(2) too, when the queue of the socket is full. */
	struct timeval limit = {.tv_sec = tcti->timeout_ms / 1000,
	    .tv_usec = tcti->timeout_ms % 1000 * 1000};

	closep(&tcti->fd);
	tcti->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return tcti->fd >= 0 &&
	       setsockopt(tcti->fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
		   sizeof(limit)) == 0 &&
	       connect(tcti->fd, (const struct sockaddr *)&tcti->address,
		   sizeof(tcti->address)) == 0;
}

/* The limit is ours, whatever ESYS says: its calls would wait for ever. */
static TSS2_RC
receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response,
    int32_t timeout)
{
	struct tpm_tcti *tcti = (struct tpm_tcti *)context;
	TSS2_RC rc;

	(void)timeout;
	if (response == NULL) {
		*size = TPM2_MAX_RESPONSE_SIZE;
		return TSS2_RC_SUCCESS;
	}
	rc = read_response(tcti, size, response);
	if (tcti->is_socket)
		closep(&tcti->fd);
	return rc;
}

/* A kernel's device gives its answer in one piece; others in any. */
static TSS2_RC
read_response(struct tpm_tcti *tcti, size_t *size, uint8_t *response)
{
	int64_t deadline = now_ms() + tcti->timeout_ms;
	size_t max = *size;
	size_t have = 0;

	do {
		ssize_t got;

		if (!wait_for(tcti, deadline))
			return TSS2_TCTI_RC_IO_ERROR;
		got = read(tcti->fd, response + have, max - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return TSS2_TCTI_RC_NO_CONNECTION;
		have += (size_t)got;
	} while (!is_whole(response, have, size) && have < max);
	return *size == have ? TSS2_RC_SUCCESS
	                     : TSS2_TCTI_RC_MALFORMED_RESPONSE;
}

/* Has all come that the header announces? */
static bool
is_whole(const uint8_t *response, size_t have, size_t *ret_size)
{
	const uint8_t *at = response + size_offset;

	*ret_size = 0;
	if (have >= header_bytes)
		*ret_size = (size_t)at[0] << 24 | (size_t)at[1] << 16 |
		            (size_t)at[2] << 8 | at[3];
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

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
