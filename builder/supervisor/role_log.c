#include "builder/supervisor/role_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log_output.h"
#include "base/scope.h"
#include "builder/supervisor/log_queue.h"
#include "builder/timing.h"

/* A turn reads so much of one role, and one that said too much is not read for
 * a while: then it fills its pipe, and not our time. A pipe holds 64 KiB, and
 * none that is larger than the most can be left when all ends. */
enum { TURN_BYTES = 16384, PAUSE_USEC = 100000, LAST_TURNS = 64 };

static size_t fill_poll(const struct role_logs *logs, struct pollfd *fds);
static int next_timeout_ms(const struct role_logs *logs, uint64_t end_usec);
static void serve(struct role_logs *logs, const struct pollfd *fds,
    size_t count);
static void read_all(struct role_logs *logs);
static void read_turn(struct role_logs *logs, struct role_stream *stream);
static bool read_some(struct role_logs *logs, struct role_stream *stream);
static void take_byte(struct role_logs *logs, struct role_stream *stream,
    unsigned char byte);
static void say(struct role_logs *logs, struct role_stream *stream);
static void pass_on(const struct role_stream *stream);
static void say_missed(enum role role, uint64_t missed);
static void end_stream(struct role_logs *logs, struct role_stream *stream);

int
role_log_open(struct role_logs *logs, enum role role, int *ret_fd,
    struct err *err)
{
	int ends[2];

	if (logs->count == ROLE_STREAMS)
		read_all(logs);
	if (logs->count == ROLE_STREAMS)
		return err_set(err, SYSTEM_FAILED, "%zu roles speak",
		    logs->count);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "pipe2");
	logs->streams[logs->count++] = (struct role_stream){
	    .fd = ends[0],
	    .role = role,
	};
	logs->limits[role].burst = ROLE_LOG_BURST;
	logs->limits[role].usec = ROLE_LOG_USEC;
	*ret_fd = ends[1];
	return 0;
}

int
role_logs_wait(struct role_logs *logs, struct pollfd *fds, size_t count,
    int timeout_ms)
{
	const uint64_t end =
	    timeout_ms < 0 ? UINT64_MAX
			   : timing_now_usec() + (uint64_t)timeout_ms * 1000;

	for (;;) {
		size_t more = fill_poll(logs, fds + count);
		int ready = 0;

		if (poll(fds, count + more, next_timeout_ms(logs, end)) < 0)
			return -1;
		serve(logs, fds + count, more);
		for (size_t i = 0; i < count; i++)
			ready += fds[i].revents != 0;
		if (ready > 0 || timing_now_usec() >= end)
			return ready;
	}
}

void
role_logs_done(struct role_logs *logs)
{
	while (logs->count > 0) {
		struct role_stream *last = &logs->streams[logs->count - 1];
		int turns = 0;

		while (turns < LAST_TURNS && read_some(logs, last))
			turns++;
		end_stream(logs, last);
	}
	for (int role = 0; role < ROLES; role++)
		say_missed((enum role)role, logs->limits[role].missed);
}

/* The log itself first. */
static size_t
fill_poll(const struct role_logs *logs, struct pollfd *fds)
{
	uint64_t now = timing_now_usec();

	fds[0] = log_queue_poll();
	for (size_t i = 0; i < logs->count; i++)
		fds[1 + i] = (struct pollfd){
		    .fd = now < logs->streams[i].next_usec
		              ? -1
		              : logs->streams[i].fd,
		    .events = POLLIN,
		};
	return 1 + logs->count;
}

static int
next_timeout_ms(const struct role_logs *logs, uint64_t end_usec)
{
	uint64_t now = timing_now_usec();
	uint64_t next = end_usec;

	for (size_t i = 0; i < logs->count; i++) {
		uint64_t due = logs->streams[i].next_usec;

		if (due > now && due < next)
			next = due;
	}
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)((next - now) / 1000 + 1);
}

/* From the end: where a stream ends, the last one takes its place. */
static void
serve(struct role_logs *logs, const struct pollfd *fds, size_t count)
{
	if (fds[0].revents != 0)
		log_queue_flush();
	for (size_t i = count - 1; i > 0; i--) {
		struct role_stream *stream = &logs->streams[i - 1];

		if (fds[i].revents != 0)
			read_turn(logs, stream);
	}
}

/* Those that have ended make room. */
static void
read_all(struct role_logs *logs)
{
	for (size_t i = logs->count; i > 0; i--)
		read_turn(logs, &logs->streams[i - 1]);
}

static void
read_turn(struct role_logs *logs, struct role_stream *stream)
{
	if (!read_some(logs, stream) && errno != EAGAIN)
		end_stream(logs, stream);
}

/* False if there is nothing now, which is EAGAIN, or never will be. */
static bool
read_some(struct role_logs *logs, struct role_stream *stream)
{
	unsigned char bytes[TURN_BYTES];
	ssize_t got;

	do
		got = read(stream->fd, bytes, sizeof(bytes));
	while (got < 0 && errno == EINTR);
	if (got == 0)
		errno = 0;
	for (ssize_t i = 0; i < got; i++)
		take_byte(logs, stream, bytes[i]);
	/* A line without an end is one that says too much, too. */
	if (stream->cut > 0)
		stream->next_usec = timing_now_usec() + PAUSE_USEC;
	return got > 0;
}

static void
take_byte(struct role_logs *logs, struct role_stream *stream,
    unsigned char byte)
{
	bool is_printable = byte >= 0x20 && byte < 0x7f;
	char escaped[8] = {(char)byte, '\0'};
	size_t len;

	if (byte == '\n') {
		say(logs, stream);
		stream->len = 0;
		stream->cut = 0;
		return;
	}
	if (stream->cut > 0) {
		stream->cut++;
		return;
	}
	if (!is_printable)
		snprintf(escaped, sizeof(escaped), "\\x%02x", byte);
	len = strlen(escaped);
	if (stream->len + len > sizeof(stream->text)) {
		stream->cut++;
		return;
	}
	memcpy(stream->text + stream->len, escaped, len);
	stream->len += len;
}

/* As one line of that role, unless it said too much, or the log is behind. */
static void
say(struct role_logs *logs, struct role_stream *stream)
{
	struct log_limit *limit = &logs->limits[stream->role];
	uint64_t now = timing_now_usec();
	uint64_t missed = 0;

	if (!log_queue_takes_more()) {
		limit->missed++;
		stream->next_usec = now + PAUSE_USEC;
	} else if (!log_limit_allows(limit, now, &missed)) {
		stream->next_usec = now + PAUSE_USEC;
	} else {
		say_missed(stream->role, missed);
		pass_on(stream);
	}
}

static void
pass_on(const struct role_stream *stream)
{
	char line[ROLE_LOG_TEXT + 64];
	char cut[32] = "";
	int len;

	if (stream->cut > 0)
		snprintf(cut, sizeof(cut), " cut=%zu", stream->cut);
	len = snprintf(line, sizeof(line), "assayd[%s]: %.*s%s\n",
	    role_name(stream->role), (int)stream->len, stream->text, cut);
	log_write(line, (size_t)len);
}

static void
say_missed(enum role role, uint64_t missed)
{
	if (missed > 0)
		log_line("missed role=%s lines=%llu", role_name(role),
		    (unsigned long long)missed);
}

/* Also what it said last, without a line's end. */
static void
end_stream(struct role_logs *logs, struct role_stream *stream)
{
	if (stream->len > 0 || stream->cut > 0)
		say(logs, stream);
	closep(&stream->fd);
	*stream = logs->streams[--logs->count];
}
