#include "builder/supervisor/log_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log_output.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/timing.h"

enum { LAST_USEC = 1000000 };

/* How a write does not wait. */
enum queue_kind {
	QUEUE_CLOSED,
	QUEUE_FILE,   /* none does, but for a disk: a file, or our own open */
	QUEUE_SOCKET, /* MSG_DONTWAIT */
	QUEUE_SHARED, /* asked before: others may fill it meanwhile */
};

static struct queue {
	enum queue_kind kind;
	int own_fd; /* QUEUE_FILE: of ours, or -1 */
	size_t len;
	uint64_t missed;
	bool is_telling; /* how many it missed */
	bool is_inside;  /* a line of which a part was taken */
	bool is_cut;     /* such a line whose rest is lost */
	char bytes[LOG_QUEUE_BYTES];
} queue;

static enum queue_kind open_again(int *ret_fd);
static void put(const char *line, size_t len);
static bool add(const char *line, size_t len);
static ssize_t write_line(const char *line, size_t len);
static ssize_t write_some(const char *bytes, size_t len);
static int queue_fd(void);

void
log_queue_open(void)
{
	struct stat st = {.st_mode = 0};

	queue.own_fd = -1;
	queue.len = 0;
	queue.missed = 0;
	queue.is_inside = false;
	queue.is_cut = false;
	(void)fstat(STDERR_FILENO, &st);
	if (S_ISSOCK(st.st_mode))
		queue.kind = QUEUE_SOCKET;
	else if (S_ISREG(st.st_mode))
		queue.kind = QUEUE_FILE;
	else
		queue.kind = open_again(&queue.own_fd);
	log_set_output(put);
}

static enum queue_kind
open_again(int *ret_fd)
{
	*ret_fd = open("/proc/self/fd/2",
	    O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return *ret_fd < 0 ? QUEUE_SHARED : QUEUE_FILE;
}

void
log_queue_close(void)
{
	const uint64_t end = timing_now_usec() + LAST_USEC;

	while (queue.len > 0 && timing_now_usec() < end) {
		struct pollfd wait = log_queue_poll();

		(void)poll(&wait, 1, LAST_USEC / 1000 / 10);
		log_queue_flush();
	}
	closep(&queue.own_fd);
	queue.kind = QUEUE_CLOSED;
	log_set_output(NULL);
}

struct pollfd
log_queue_poll(void)
{
	return (struct pollfd){
	    .fd =
		queue.kind == QUEUE_CLOSED || queue.len == 0 ? -1 : queue_fd(),
	    .events = POLLOUT,
	};
}

bool
log_queue_takes_more(void)
{
	return queue.kind == QUEUE_CLOSED || queue.len < LOG_QUEUE_BYTES / 2;
}

/* A line a write: what reads them may take each for a record. One that cannot
 * be written at all is lost, like one that found no place. */
void
log_queue_flush(void)
{
	size_t done = 0;

	while (done < queue.len) {
		const char *line = queue.bytes + done;
		const char *end = memchr(line, '\n', queue.len - done);
		size_t len =
		    end != NULL ? (size_t)(end - line) + 1 : queue.len - done;
		ssize_t written = write_line(line, len);

		if (written < 0 && errno == EAGAIN)
			break;
		queue.missed += written < 0;
		done += written < 0 ? len : (size_t)written;
	}
	queue.len -= done;
	memmove(queue.bytes, queue.bytes + done, queue.len);
}

static void
put(const char *line, size_t len)
{
	if (queue.missed > 0 && !queue.is_telling &&
	    queue.len + LOG_LINE_BYTES + len <= LOG_QUEUE_BYTES) {
		uint64_t missed = queue.missed;

		queue.is_telling = true;
		queue.missed = 0;
		log_line("missed lines=%llu", (unsigned long long)missed);
		queue.is_telling = false;
	}
	if (!add(line, len))
		queue.missed++;
	log_queue_flush();
}

static bool
add(const char *line, size_t len)
{
	if (len > LOG_QUEUE_BYTES - queue.len)
		return false;
	memcpy(queue.bytes + queue.len, line, len);
	queue.len += len;
	return true;
}

/* Or what is left of it. After one whose rest is lost, as on a full disk, the
 * next line begins as a line. */
static ssize_t
write_line(const char *line, size_t len)
{
	ssize_t written;

	if (queue.is_cut && write_some("\n", 1) < 0)
		return -1;
	queue.is_cut = false;
	written = write_some(line, len);
	if (written >= 0) {
		queue.is_inside = (size_t)written < len;
	} else if (errno != EAGAIN) {
		queue.is_cut = queue.is_inside;
		queue.is_inside = false;
	}
	return written;
}

static ssize_t
write_some(const char *bytes, size_t len)
{
	struct pollfd wait = {.fd = queue_fd(), .events = POLLOUT};
	ssize_t written;

	if (queue.kind == QUEUE_SHARED && poll(&wait, 1, 0) != 1) {
		errno = EAGAIN;
		return -1;
	}
	do
		written = queue.kind == QUEUE_SOCKET
		              ? send(queue_fd(), bytes, len,
				    MSG_DONTWAIT | MSG_NOSIGNAL)
		              : write(queue_fd(), bytes, len);
	while (written < 0 && errno == EINTR);
	return written;
}

static int
queue_fd(void)
{
	return queue.own_fd >= 0 ? queue.own_fd : STDERR_FILENO;
}
