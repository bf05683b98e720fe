/*
 * A ramdisk of files of this machine, such that only names and bytes decide:
 * not the order of the list or of a directory, not owners, times, umask or
 * locale.
 *
 * Files become 0755 if their owner may execute them, else 0644; directories
 * become 0755, also those that only paths name; a mode in the list overrides
 * both for what it names itself. Symbolic links inside of directories stay
 * links; what the list names itself is followed. Hard links become files.
 *
 * Not done: compression, devices (kernels make what they need).
 */
#ifndef ASSAY_MEASURE_PREDICT_RAMDISK_WRITE_H
#define ASSAY_MEASURE_PREDICT_RAMDISK_WRITE_H

#include <sys/types.h>

#include "measure/predict/cpio.h"

struct ramdisk_list;

int ramdisk_list_new(struct ramdisk_list **ret_list, struct err *err);
void ramdisk_list_freep(struct ramdisk_list **list);

/*
 * Add "HOST:GUEST" or "HOST:GUEST:MODE", with MODE in octal. HOST is a file or
 * a directory with all that is in it; GUEST is where it goes, from the root;
 * "/" for a directory's contents. Neither holds a colon.
 * Errors: RAMDISK_LIST_BAD: the form, a path with "." or "..", what is neither
 * file, directory nor link, over LIMIT_RAMDISK_ENTRIES; STORE_IO; NO_MEMORY.
 */
int ramdisk_list_add(struct ramdisk_list *list, const char *spec,
    struct err *err);

/*
 * Add each line of a text; empty ones and those that begin with '#' are passed
 * over. Errors: as above, with the number of the line.
 */
int ramdisk_list_add_lines(struct ramdisk_list *list, struct bytes text,
    struct err *err);

/*
 * Write all entries, sorted, behind what is in `cpio`, and end it.
 * Errors: RAMDISK_LIST_BAD for two things of one name; STORE_IO for a file that
 * cannot be read; IMAGE_TOO_LARGE; NO_MEMORY.
 */
int ramdisk_list_write(struct ramdisk_list *list, struct cpio *cpio,
    struct err *err);

#endif
