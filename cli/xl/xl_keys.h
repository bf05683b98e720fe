/*
 * Which keys a file for xl(1) sets, and in which lines: libxlutil answers only
 * whether it has a key that one names, and a key that nobody asks for would be
 * passed over.
 *
 * Input: text that libxlutil took, or the keys are not those that it has. Its
 * grammar lets a word outside of strings, numbers and comments be nothing but
 * a key. Spec: Xen 4.17, tools/libs/util/libxlu_cfg_l.l and libxlu_cfg_y.y.
 */
#ifndef ASSAY_CLI_XL_XL_KEYS_H
#define ASSAY_CLI_XL_XL_KEYS_H

#include <stdbool.h>

#include "base/bytes.h"

struct xl_keys {
	struct bytes rest; /* borrowed */
	unsigned int line; /* in which it begins, from 1 */
};

struct xl_key {
	struct bytes name; /* in the text */
	unsigned int line;
};

/* The next key, or false at the end. */
bool xl_keys_next(struct xl_keys *keys, struct xl_key *ret_key);

#endif
