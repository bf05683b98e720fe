/*
 * Has this kernel Landlock? Without it roles have one means less to see no
 * file: builder/sandbox_view.h.
 */
#ifndef ASSAY_BUILDER_SETUP_LANDLOCK_H
#define ASSAY_BUILDER_SETUP_LANDLOCK_H

#include <stdbool.h>

bool landlock_is_there(void);

#endif
