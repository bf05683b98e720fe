/*
 * A receipt as a file, with the request behind it: a header and the struct, as
 *it lies in memory.
 *
 *	bytes  what
 *	8      "ASSAYRCT"
 *	4      RECEIPT_FORMAT, little endian, as all that follows
 *	4      size of the struct
 *	32     SHA-256 of the struct
 *	...    struct built
 *
 * No other program reads it, and it does not outlive the boot of a host whose
 * assayd comes with the measured ramdisk. So it needs no format that others
 * could read, and its reader is short: what is no such file, or is damaged, is
 * refused.
 *
 * Trust: the file is root's. The digest shows damage, not malice; what is in it
 * is checked all the same.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_RECEIPT_FILE_H
#define ASSAY_BUILDER_SUPERVISOR_RECEIPT_FILE_H

#include "builder/supervisor/built.h"

/* Of struct built: another one for each change of it. */
#define RECEIPT_FORMAT 3u

/* Written whole, for root alone, in the place of what is there.
 * Errors: those of file_write_volatile(). */
int receipt_file_write(const char *path, const struct built *built,
    struct err *err);

/* Errors: STORE_IO; CONFIG_BAD for what is no receipt, with the file and what
 * is wrong with it. *ret_built is untouched then. */
int receipt_file_read(const char *path, struct built *ret_built,
    struct err *err);

#endif
