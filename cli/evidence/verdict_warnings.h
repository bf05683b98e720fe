/*
 * What a person should know of a host that is verified all the same.
 */
#ifndef ASSAY_CLI_EVIDENCE_VERDICT_WARNINGS_H
#define ASSAY_CLI_EVIDENCE_VERDICT_WARNINGS_H

#include <stddef.h>

#include "cli/evidence/verdict.h"

/* The next one that applies, from *at on, which is 0 at first; NULL after the
 * last. */
const char *verdict_warning(const struct verdict_context *context, size_t *at);

#endif
