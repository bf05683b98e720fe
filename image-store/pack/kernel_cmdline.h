/*
 * A command line as Linux reads it: words end at white space outside of double
 * quotes, the quotes round a value are not of it, and what follows a word "--"
 * is init's. Source: Linux 6.1, lib/cmdline.c next_arg(), kernel/params.c
 * parse_args(), parameq().
 */
#ifndef ASSAY_IMAGE_STORE_PACK_KERNEL_CMDLINE_H
#define ASSAY_IMAGE_STORE_PACK_KERNEL_CMDLINE_H

#include <stdbool.h>

#include "base/bytes.h"

/* Both lie in the command line. */
struct kernel_parameter {
	struct bytes key;
	struct bytes value; /* ptr NULL: there is no "=" */
};

/*
 * The next parameter behind `*at`, which is moved behind it. False at the end,
 * or at what is init's.
 */
bool kernel_cmdline_next(const char **at, struct kernel_parameter *ret);

/* "-" and "_" are the same to Linux. */
bool kernel_parameter_is(const struct kernel_parameter *parameter,
    const char *key);

/* Of several, the last decides. False if there is none, or it has no value. */
bool kernel_cmdline_last(const char *cmdline, const char *key,
    struct bytes *ret_value);

#endif
