/*
 * All that may be tried with a table of builder/link_table.h: each kind, each
 * size that is near one that may be right, and numbers of descriptors, in each
 * state and with each past.
 */
#ifndef ASSAY_TESTS_LINK_TRIALS_H
#define ASSAY_TESTS_LINK_TRIALS_H

#include "builder/link_table.h"

enum { MOST_FDS = 2 };

/* What was said before. */
enum past { NOTHING, WHAT_IT_FOLLOWS, ITSELF, THE_LAST, PASTS };

struct trial {
	const struct link_table *table;
	uint32_t state;
	uint32_t kind;
	size_t size;
	size_t fds;
	enum past past;
};

const struct link_rule *trial_rule(const struct trial *trial);

/* How far the sender came, by its past. */
struct link_place trial_place(const struct trial *trial);

/* As the header of the table says it, not as the reader does it. */
bool trial_is_allowed(const struct trial *trial);

/* A record of zeros, but for its kind. */
void trial_send(const struct trial *trial, int fd);

void trials_each(const struct link_table *table, uint32_t states,
    void (*try)(const struct trial *trial));

/* The same at the real role, in a process of its own, which has said or heard
 * nothing yet: `begin` starts one and gives the link to it. What its table does
 * not have is its end. */
void trials_at_role(const struct link_table *table, uint32_t state,
    int (*begin)(pid_t *ret_pid));

void trial_fail(const struct trial *trial, const char *what);

#endif
