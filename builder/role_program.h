/*
 * The programs of assayd lie beside each other: whoever runs one finds the
 * others there, whatever it was called by.
 */
#ifndef ASSAY_BUILDER_ROLE_PROGRAM_H
#define ASSAY_BUILDER_ROLE_PROGRAM_H

#include "base/err.h"

/*
 * "supervisor": assayd-supervisor beside the program that runs, for execveat(2)
 * and nothing else. Errors: STORE_IO, with its path; SYSTEM_FAILED.
 */
int role_program_open(const char *name, int *ret_fd, struct err *err);

#endif
