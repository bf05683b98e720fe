#include "builder/stage/stage_sandbox.h"

#include <sys/syscall.h>

#include "base/scope.h"

/* Files of the store, read, of which image-store/layout_file.c opens each
 * beneath the store; sealed memory, made. */
static const int calls[] = {
    SYS_openat2,
    SYS_landlock_create_ruleset, /* sandbox_read_beneath() */
    SYS_landlock_add_rule,
    SYS_landlock_restrict_self,
    SYS_pread64,
    SYS_pwrite64,
    SYS_memfd_create,
};

const struct sandbox stage_sandbox = {
    SANDBOX_CALLS(calls),
    .may_read = true,
    .limits =
	{
	    /* A kernel as it was stored and as it is unpacked; a ramdisk of
             * 1 GiB, or twice 256 MiB and a decompressor. */
	    .files = 2 * SEALED_PIECES,
	    .file_bytes = SANDBOX_PIECE_BYTES,
	    .space_bytes = SANDBOX_GIB(2),
	    .oom = SANDBOX_KILLED_FIRST,
	},
};
