/*
 * How the program of a role begins: what its main() calls first.
 */
#ifndef ASSAY_BUILDER_ROLE_MAIN_H
#define ASSAY_BUILDER_ROLE_MAIN_H

#include "builder/role.h"

/*
 * Take what the supervisor handed over: the start record, whose descriptor is
 * closed. The environment chooses nothing. Whoever calls the program by hand is
 * told so, and the process ends.
 */
void role_main_begin(enum role role, struct role_start *ret_start);

/*
 * The start record alone, which is read and closed. False if there is none for
 * this role: somebody called the program by hand.
 */
bool role_main_take_start(uint32_t role, struct role_start *ret_start);

#endif
