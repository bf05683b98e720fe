/*
 * May assayd build, by what the tpm role found of the host?
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_PLATFORM_ALLOWS_H
#define ASSAY_BUILDER_SUPERVISOR_PLATFORM_ALLOWS_H

#include "builder/platform.h"

/* May it build? Errors: what is wrong. */
int platform_allows(const struct platform *platform, struct err *err);

#endif
