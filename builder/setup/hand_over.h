/*
 * The last thing that the set-up does: it becomes the supervisor.
 */
#ifndef ASSAY_BUILDER_SETUP_HAND_OVER_H
#define ASSAY_BUILDER_SETUP_HAND_OVER_H

#include "builder/role.h"

/* Above all numbers that descriptors get in the supervisor. */
enum { HAND_OVER_OUT_OF_THE_WAY = 64 };

/*
 * Execute assayd-supervisor in this very process, with this record and the text
 * of the trust policy in sealed memory, the standard streams, the
 * socket to listen at if `listen_fd` is one, no other descriptor, and an empty
 * environment. That socket is above HAND_OVER_OUT_OF_THE_WAY. `arguments` are
 * for ps(1): it reads none. Returns only on failure. Errors: STORE_IO if the
 * program is not there; SYSTEM_FAILED, NO_MEMORY.
 */
int hand_over(const struct role_start *start, const struct sealed *trust,
    int listen_fd, char *const *arguments, struct err *err);

#endif
