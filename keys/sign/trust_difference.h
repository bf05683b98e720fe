/*
 * What changes from one trust policy to another, for those who sign the other:
 * a line for each thing, whatever the order in which a policy is written.
 *
 * Complete by the way it is made: every value of a policy becomes a line, and
 * nothing names the members that are looked at. Left out are "schema",
 * "version" and "previous", and the text of a key, which its id stands for.
 */
#ifndef ASSAY_KEYS_SIGN_TRUST_DIFFERENCE_H
#define ASSAY_KEYS_SIGN_TRUST_DIFFERENCE_H

#include "base/err.h"
#include "keys/trust.h"

/*
 * Lines as "+ roles.prod.keys \"82926e26...\"\n", sorted by what follows the
 * sign: "-" is only in `current`, "+" only in `next`. "" if nothing differs.
 * What is foreign is escaped, so that the lines are ASCII.
 * Returns owned text (malloc, NUL-terminated). Errors: NO_MEMORY.
 */
int trust_difference(const struct trust_policy *current,
    const struct trust_policy *next, char **ret_text, struct err *err);

#endif
