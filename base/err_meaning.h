/*
 * What an error means and what to do about it: for whoever tells people. What a
 * failing function needs is in base/err.h.
 */
#ifndef ASSAY_BASE_ERR_MEANING_H
#define ASSAY_BASE_ERR_MEANING_H

#include "base/err.h"

enum err_class {
	ERR_CLASS_REFUSAL,
	ERR_CLASS_ENVIRONMENT,
	ERR_CLASS_BUG,
};

const char *err_meaning(enum err_code code);

const char *err_remedy(enum err_code code);

enum err_class err_class_of(enum err_code code);

/* False for what is no name of the table. */
bool err_from_name(const char *name, enum err_code *ret_code);

#endif
