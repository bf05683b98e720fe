/*
 * What roles say on standard error, which is for each a pipe of its own to the
 * supervisor. The supervisor puts the role's name before each line, so that
 * none can write another's, escapes what is not printable, cuts what is long,
 * and passes on so many lines of each kind of role and no more.
 *
 * The other end of a pipe does not wait either: a role that finds it full loses
 * the line, and says so later. What a role had said when it died is still read.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_ROLE_LOG_H
#define ASSAY_BUILDER_SUPERVISOR_ROLE_LOG_H

#include <poll.h>

#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "builder/role.h"
#include "builder/supervisor/child.h"

/* One for each process, of which those that have not ended yet are most:
 * graves_have_room(). */
enum { ROLE_STREAMS = GRAVES + 16 };

/* Room that role_logs_wait() needs: one for each stream, one for the log. */
enum { ROLE_LOG_FDS = ROLE_STREAMS + 1 };

/* So many lines at once of one kind of role, then one each second. Of a line so
 * many characters, escapes counted. */
enum {
	ROLE_LOG_BURST = 256,
	ROLE_LOG_USEC = 1000000,
	ROLE_LOG_TEXT = LOG_LINE_BYTES,
};

struct role_stream {
	int fd;
	enum role role;
	uint64_t next_usec; /* not read before: it said too much */
	size_t len;         /* of the line so far, escaped */
	size_t cut;         /* bytes of it that had no room */
	char text[ROLE_LOG_TEXT];
};

/* Zero-initialised: nobody speaks. */
struct role_logs {
	struct role_stream streams[ROLE_STREAMS];
	size_t count;
	struct log_limit limits[ROLES];
};

/* One more that speaks: *ret_fd is its standard error, owned by the caller.
 * Errors: SYSTEM_FAILED. */
int role_log_open(struct role_logs *logs, enum role role, int *ret_fd,
    struct err *err);

/*
 * poll(2) on `count` of `fds`, which has room for ROLE_LOG_FDS more, and pass
 * on what roles say until one of them is ready or the time is over. Returns how
 * many are; -1 as poll(2) does.
 */
int role_logs_wait(struct role_logs *logs, struct pollfd *fds, size_t count,
    int timeout_ms);

/* What is there to be read now, and nothing more: the end. */
void role_logs_done(struct role_logs *logs);

#endif
