/*
 * A guest's file for xl(1), as an operand of `assay build`: read by the program
 * assay-xl-config, which lies in ../libexec/assay from where `assay` is.
 */
#ifndef ASSAY_CLI_DOMAIN_GUEST_CONFIG_H
#define ASSAY_CLI_DOMAIN_GUEST_CONFIG_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/xl/xl_answer.h"

/* Is the operand a path, by its looks alone? One that ends in ".cfg" or that
 * has a slash. An image whose name ends so is named with --image. */
bool guest_config_is_path(const char *operand);

/*
 * Trust: what answers is a program of this build that read a file of anybody.
 * Errors: those of xl_config_read(); STORE_IO (the file cannot be read);
 * XL_READER_FAILED (the program is not there, died, or gave no answer).
 */
int guest_config_read(const char *path, struct xl_answer *ret_answer,
    struct err *err);

#endif
