/*
 * Which trust policy may follow which.
 */
#ifndef ASSAY_BUILDER_TRUST_ID_H
#define ASSAY_BUILDER_TRUST_ID_H

#include "builder/rules.h"

/*
 * May `next` take the place of `current`? Yes if it is the same policy, too.
 * Errors: TRUST_DOWNGRADE for an older one, as when lines of the chain were
 * taken away; TRUST_REPLAYED for another one of the same version.
 */
int trust_id_check(const struct trust_id *current, const struct trust_id *next,
    struct err *err);

#endif
