/*
 * A receipt that came from outside of the supervisor: a build role, a file.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_RECEIPT_CHECK_H
#define ASSAY_BUILDER_SUPERVISOR_RECEIPT_CHECK_H

#include "builder/supervisor/built.h"

/*
 * Is it a receipt? Whoever takes one from outside asks, before anything of it
 * is used: bools are bools, texts end and are one printable line, numbers are
 * in their ranges, and the configuration has its digest.
 * Errors: CONFIG_BAD, with the member.
 */
int receipt_check(const struct receipt *receipt, struct err *err);

/* And of what is kept beside it, all that is read before it is checked once
 * more: numbers that name something, bools, ends of texts. Errors: CONFIG_BAD.
 */
int built_check(const struct built *built, struct err *err);

#endif
