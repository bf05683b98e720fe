/*
 * What one role may say to another: a table for each direction of a link, and
 * one reader for all of them. The table says of each kind of record how long it
 * is, in which states it may come, once or often, after which others, with or
 * without memory, and who takes it. Whoever says anything else is ended by the
 * reader's owner.
 *
 * A record is a plain struct that begins with its kind, a uint32_t, and ends
 * with the member that belongs to that kind: nothing behind it is sent. What is
 * in a record whoever takes it still has to check.
 */
#ifndef ASSAY_BUILDER_LINK_TABLE_H
#define ASSAY_BUILDER_LINK_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "builder/ipc.h"

/* Of a record whose last member is this one; of one that is a kind alone. */
#define LINK_BYTES(type, member) \
	(offsetof(struct type, member) + sizeof(((struct type *)NULL)->member))
#define LINK_KIND_BYTES sizeof(uint32_t)

/* The longest record, and the highest kind or state and one more. */
enum { LINK_RECORD_BYTES = 12288, LINK_KINDS = 32 };

/* Sets of states and of kinds. */
#define LINK_BIT(n) (1u << (n))

enum link_times {
	LINK_OFTEN,
	LINK_ONCE,
	LINK_LAST, /* once, and nothing comes after it */
};

/* `record` has room for the longest, and zeros behind its end; `fds` are closed
 * unless they are taken. Fails if what it says cannot be. */
typedef int link_take(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err);

struct link_rule {
	uint32_t states; /* in which it may come; 0: there is no such kind */
	enum link_times times;
	uint32_t after; /* all of these kinds came before */
	uint32_t min_fds;
	uint32_t max_fds;
	size_t bytes;
	link_take *take;
};

/* How a record comes out of a pipe: builder/ipc_pipe.h. */
typedef int link_pipe(int fd, void *ret_record, size_t max_bytes,
    size_t *ret_size, bool *ret_is_end, struct err *err);

struct link_table {
	const char *name; /* of one record, as "report" */
	const struct link_rule *rules;
	size_t count;
	link_pipe *pipe; /* ipc_pipe_receive_some() of one; else a socket */
};

/* How far one side came. Zero-initialised: it has said nothing. */
struct link_place {
	uint32_t seen; /* kinds */
	bool is_over;
};

enum link_event {
	LINK_TAKEN,
	LINK_END,        /* the other side closed */
	LINK_UNREADABLE, /* no record at all, or one without a kind */
	LINK_REFUSED,    /* the table does not allow it: nobody took it */
	LINK_FAILED,     /* whoever took it says no */
};

/*
 * Read one record, which poll(2) said is there, and let it be taken by `owner`.
 * *err is set but for LINK_TAKEN and LINK_END. Errors: those of ipc_receive();
 * BUG if it was refused; those of who takes it.
 */
enum link_event link_serve(const struct link_table *table, int fd,
    uint32_t state, struct link_place *place, void *owner, struct err *err);

/* The same for who waits for one record, and ends with an error or with the
 * link: *ret_is_end, and nothing was taken. */
int link_take_one(const struct link_table *table, int fd, uint32_t state,
    struct link_place *place, void *owner, bool *ret_is_end, struct err *err);

#endif
