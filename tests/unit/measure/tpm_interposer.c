#include "tpm_interposer.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/scope.h"

unsigned interposer_times;

struct message {
	uint8_t bytes[4096];
	size_t len;
};

static uint32_t
be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

/* A whole message: bytes 2 to 5 are its length. */
static bool
read_message(int fd, struct message *message)
{
	message->len = 0;
	while (message->len < 10 || message->len < be32(message->bytes + 2)) {
		ssize_t got = read(fd, message->bytes + message->len,
		    sizeof(message->bytes) - message->len);

		if (got <= 0)
			return false;
		message->len += (size_t)got;
	}
	return true;
}

static int
open_socket(const char *path, bool is_server)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int code;

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	code = is_server
	           ? bind(fd, (struct sockaddr *)&address, sizeof(address))
	           : connect(fd, (struct sockaddr *)&address, sizeof(address));
	if (code != 0 || (is_server && listen(fd, 8) != 0))
		_exit(125);
	return fd;
}

static void
record(const struct message *message)
{
	FILE *file = fopen("wire", "ae");

	fwrite(message->bytes, 1, message->len, file);
	fclose(file);
}

static void
put_code(struct message *message, uint32_t code)
{
	static const uint8_t done[] = {0x80, 0x01, 0, 0, 0, 10};

	memcpy(message->bytes, done, sizeof(done));
	for (int i = 0; i < 4; i++)
		message->bytes[sizeof(done) + (size_t)i] =
		    (uint8_t)(code >> (24 - 8 * i));
	message->len = 10;
}

static bool
ask(const struct swtpm *swtpm, struct message *message)
{
	CLEANUP(closep) int tpm = open_socket(swtpm->path, false);

	return write(tpm, message->bytes, message->len) > 0 &&
	       read_message(tpm, message);
}

/* TPM2_PCR_Extend of register 10, in SHA-256, with an empty password. */
static void
extend(const struct swtpm *swtpm)
{
	static const uint8_t command[] = {0x80, 0x02, 0, 0, 0, 65, 0, 0, 0x01,
	    0x82, 0, 0, 0, 10, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0,
	    0, 1, 0, 0x0b};
	struct message message = {.len = sizeof(command) + 32};

	memcpy(message.bytes, command, sizeof(command));
	if (!ask(swtpm, &message) || be32(message.bytes + 6) != 0)
		_exit(123);
}

static void
hold(void)
{
	while (access("go", F_OK) != 0)
		poll(NULL, 0, 5);
}

/* In place of the TPM, or on the way back. */
static bool
answer(const struct swtpm *swtpm, struct message *message,
    enum interposer_twist twist, size_t offset)
{
	switch (twist) {
	case TWIST_FAKE_DONE:
		put_code(message, 0);
		return true;
	case TWIST_CODE:
		put_code(message, (uint32_t)offset);
		return true;
	case TWIST_RECORD:
		record(message);
		break;
	case TWIST_EXTEND:
		extend(swtpm);
		break;
	case TWIST_LAST_BYTE:
	case TWIST_BYTE:
	case TWIST_GARBLE:
	case TWIST_HOLD:
		break;
	}
	if (!ask(swtpm, message))
		return false;
	if (twist == TWIST_RECORD)
		record(message);
	if (twist == TWIST_LAST_BYTE)
		message->bytes[message->len - 1] ^= 1;
	if (twist == TWIST_BYTE && offset < message->len)
		message->bytes[offset] ^= 1;
	if (twist == TWIST_GARBLE) {
		put_code(message, 0);
		message->bytes[5] = 5; /* shorter than a header */
	}
	if (twist == TWIST_HOLD)
		hold();
	return true;
}

static void
serve(const struct swtpm *swtpm, int client, uint32_t command,
    enum interposer_twist twist, size_t offset)
{
	static unsigned count;
	struct message message;
	bool is_it;

	if (!read_message(client, &message))
		return;
	is_it = (command == 0 || be32(message.bytes + 6) == command) &&
	        (interposer_times == 0 || count++ < interposer_times);
	if (is_it ? !answer(swtpm, &message, twist, offset)
		  : !ask(swtpm, &message))
		return;
	if (write(client, message.bytes, message.len) < 0)
		_exit(124);
	if (is_it && twist == TWIST_HOLD)
		close(open("gone", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

struct interposer
interposer_start(const struct swtpm *swtpm, uint32_t command,
    enum interposer_twist twist, size_t offset)
{
	struct interposer interposer;
	char path[112];
	int server;

	snprintf(path, sizeof(path), "%s.interposer", swtpm->path);
	snprintf(interposer.where, sizeof(interposer.where), "swtpm:path=%s",
	    path);
	unlink(path);
	server = open_socket(path, true);
	interposer.pid = fork();
	assert_true(interposer.pid >= 0);
	if (interposer.pid > 0) {
		close(server);
		return interposer;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		CLEANUP(closep) int client = accept(server, NULL, NULL);

		serve(swtpm, client, command, twist, offset);
	}
}

/* A terminal in raw mode stands for the device: what is written to its end in
 * our hands is read there, and back. */
struct interposer
interposer_start_device(const struct swtpm *swtpm, uint32_t command,
    enum interposer_twist twist, size_t offset)
{
	struct interposer interposer;
	int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios settings;
	CLEANUP(closep) int theirs = -1;

	assert_true(ours >= 0);
	assert_int_equal(grantpt(ours), 0);
	assert_int_equal(unlockpt(ours), 0);
	snprintf(interposer.where, sizeof(interposer.where), "device:%s",
	    ptsname(ours));
	theirs = open(ptsname(ours), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(theirs >= 0);
	assert_int_equal(tcgetattr(theirs, &settings), 0);
	cfmakeraw(&settings);
	assert_int_equal(tcsetattr(theirs, TCSANOW, &settings), 0);
	interposer.pid = fork();
	assert_true(interposer.pid >= 0);
	if (interposer.pid > 0) {
		close(ours);
		return interposer;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		serve(swtpm, ours, command, twist, offset);
}

void
interposer_stop(struct interposer *interposer)
{
	kill(interposer->pid, SIGKILL);
	waitpid(interposer->pid, NULL, 0);
}
