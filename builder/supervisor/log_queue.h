/*
 * The supervisor's standard error, which may be read slowly: a terminal that
 * was stopped, a journal that is busy. It waits for nobody: what is not taken
 * now waits in a queue of bounded length, and what finds no place there is
 * counted and told: "missed lines=...".
 *
 * There is one, as there is one standard error: log_line() of the whole process
 * goes through it while it is open.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_LOG_QUEUE_H
#define ASSAY_BUILDER_SUPERVISOR_LOG_QUEUE_H

#include <poll.h>
#include <stdbool.h>

enum { LOG_QUEUE_BYTES = 65536 };

/*
 * A pipe or a terminal is opened once more, since O_NONBLOCK on standard error
 * itself would hold for all that share it, such as the shell that started us.
 * Where that cannot be, a line may have to wait for a reader after all; and one
 * for a file waits for its disk, or its server.
 */
void log_queue_open(void);

/* What is in the queue has a second more; then lines go to standard error at
 * once again. */
void log_queue_close(void);

/* What to poll for: nothing, unless something waits. */
struct pollfd log_queue_poll(void);
void log_queue_flush(void);

/* Half of the queue is for the supervisor's own lines: has the other half room
 * for one more of a role? */
bool log_queue_takes_more(void);

#endif
