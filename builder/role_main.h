/*
 * How the program of a role begins: what its main() calls first.
 */
#ifndef ASSAY_BUILDER_ROLE_MAIN_H
#define ASSAY_BUILDER_ROLE_MAIN_H

#include "builder/role.h"

/*
 * Take what the supervisor handed over: signals that end the supervisor do not
 * end a role, which undoes what it did or writes its last event when its link
 * ends; the environment chooses nothing; the start record is read and its
 * descriptor closed. Whoever calls the program by hand is told so, and the
 * process ends.
 */
void role_main_begin(enum role role, struct role_start *ret_start);

/*
 * The start record alone, which is read and closed. False if there is none for
 * this role: somebody called the program by hand.
 */
bool role_main_take_start(uint32_t role, struct role_start *ret_start);

/*
 * A descriptor with sealed memory that was handed over; taken. At most
 * `max_bytes`. Returns owned; the process ends if it is something else.
 */
struct sealed *role_main_sealed(int fd, size_t max_bytes, const char *what);

/* It cannot go on: say why, and end. */
void role_main_fail(const struct err *err) __attribute__((noreturn));

#endif
