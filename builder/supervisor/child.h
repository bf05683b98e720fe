/*
 * A child process of the supervisor, and those that are let go of.
 *
 * Nobody waits for the end of a child: a killed process may need its time, when
 * it is in the middle of a disk or of Xen.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_CHILD_H
#define ASSAY_BUILDER_SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct child {
	pid_t pid; /* 0: none */
	int pidfd; /* readable once it has ended */
	int link;  /* -1: nothing more is to be read from it */
};

#define CHILD_NONE ((struct child){.pidfd = -1, .link = -1})

/*
 * A process that was just forked, and our end of its link, which is taken. On
 * failure it is killed. Errors: SYSTEM_FAILED.
 */
int child_adopt(pid_t pid, int *link, struct child *ret_child, struct err *err);

void child_kill(const struct child *child);
void child_close_link(struct child *child);

/* It has ended: collect it. `child` is none afterwards. Returns its status as
 * waitpid(2) tells it, or -1 if nobody knows it. */
int child_collect(struct child *child);

/* Children that were killed and whose end nobody waits for. */
enum { GRAVES = 256 };

struct graves {
	pid_t pids[GRAVES];
	size_t count;
};

/* Is there room for the children of so many tasks, and for those that wait?
 * Whatever is under way may end here, and some ends may take their time. */
bool graves_have_room(const struct graves *graves, size_t tasks);

/* Kill it, unless it is none, and forget it; it is none afterwards. */
void graves_add(struct graves *graves, struct child *child);

/* Collect those that have ended: after SIGCHLD. */
void graves_collect(struct graves *graves);

#endif
