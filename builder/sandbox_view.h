/*
 * What a role sees of the host's files: nothing, or one directory.
 *
 * Two means, since each has a gap. An empty root hides all names, but a role
 * that holds a directory gets out of it by "..". Landlock is bound to no name
 * and no descriptor, but does not hide that a name is there, and a kernel may
 * be without it.
 *
 * Spec: Linux Documentation/userspace-api/landlock.rst.
 */
#ifndef ASSAY_BUILDER_SANDBOX_VIEW_H
#define ASSAY_BUILDER_SANDBOX_VIEW_H

#include "builder/sandbox.h"

/*
 * The working directory and, for root, the root become `directory`, or an empty
 * directory that nobody can write if it is NULL, "" or missing. Without root
 * nothing is empty: then the working directory is "/".
 * Errors: SYSTEM_FAILED.
 */
int sandbox_view_enter(const char *directory, struct err *err);

/*
 * Of files that are not open yet: the build role may make, write and remove
 * those of its working directory if `has_directory`; the stage may read, until
 * sandbox_read_beneath(); none may do anything else. Nor connect to anybody or
 * send a signal to who is not in the same sandbox, if the kernel is as new.
 * Nothing happens if the kernel has no Landlock.
 * Errors: SYSTEM_FAILED.
 */
int sandbox_view_restrict(enum sandbox_role role, bool has_directory,
    struct err *err);

#endif
