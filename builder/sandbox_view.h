/*
 * What a role sees of the host's files: nothing, but for the stage its store.
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

#include <stdbool.h>

#include "base/err.h"

/*
 * The working directory and the root become an empty directory that nobody can
 * write. That takes root: without it the working directory is "/".
 * Errors: SYSTEM_FAILED.
 */
int sandbox_view_enter(struct err *err);

/*
 * Of files that are not open yet nothing may be done, but for reading, until
 * sandbox_read_beneath(), if the role `may_read`. Nor may it connect to anybody
 * or send a signal to who is not in the same sandbox, if the kernel is as new.
 * Nothing happens if the kernel has no Landlock.
 * Errors: SYSTEM_FAILED.
 */
int sandbox_view_restrict(bool may_read, struct err *err);

#endif
