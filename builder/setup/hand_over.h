/*
 * The last thing that the set-up does: it becomes the supervisor.
 */
#ifndef ASSAY_BUILDER_SETUP_HAND_OVER_H
#define ASSAY_BUILDER_SETUP_HAND_OVER_H

#include "builder/role.h"

/*
 * Execute assayd-supervisor in this very process, with this record and the text
 * of the trust policy in sealed memory, the standard streams, no other
 * descriptor, and an empty environment. `arguments` are for ps(1): it reads
 * none. Returns only on failure.
 * Errors: STORE_IO if the program is not there; SYSTEM_FAILED, NO_MEMORY.
 */
int hand_over(const struct role_start *start, const struct sealed *trust,
    char *const *arguments, struct err *err);

#endif
