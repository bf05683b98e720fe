#include "builder/build/build_sandbox.h"

#include <sys/syscall.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/scope.h"
#include "builder/build_link.h"

/* Xen's devices, see below; sealed memory is mapped. Not here: any way to open
 * a file or a socket, to start a program, to trace. */
static const int calls[] = {
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_mlock,
    SYS_munlock,
    SYS_pread64,
    SYS_sched_yield,
    SYS_dup,
};

/*
 * Of ioctl(2): what libxencall and libxenforeignmemory ask of /dev/xen/privcmd
 * once it is open, which is all that libxenctrl and libxenguest do with a
 * device for a PV guest. The same in Xen 4.17 to 4.20. Spec: Xen
 * tools/include/xen-sys/Linux/privcmd.h, numbers and sizes.
 *
 * Which hypercall it is stands in memory, where no filter can look.
 *
 * Of fcntl(2): what the C library and Xen's may ask of a descriptor.
 */
static const struct sandbox_argument arguments[] = {
    /* tools/libs/call/linux.c osdep_hypercall */
    {SYS_ioctl, _IOC(_IOC_NONE, 'P', 0, 48)}, /* IOCTL_PRIVCMD_HYPERCALL */
    /* tools/libs/foreignmemory/linux.c osdep_xenforeignmemory_map; the older
     * one after the newer one said EINVAL, so that this stays an error. */
    {SYS_ioctl, _IOC(_IOC_NONE, 'P', 4, 32)}, /* IOCTL_PRIVCMD_MMAPBATCH_V2 */
    {SYS_ioctl, _IOC(_IOC_NONE, 'P', 3, 24)}, /* IOCTL_PRIVCMD_MMAPBATCH */
    /* tools/libs/foreignmemory/linux.c osdep_xenforeignmemory_map_resource:
     * the grant table */
    {SYS_ioctl, _IOC(_IOC_NONE, 'P', 7, 32)}, /* IOCTL_PRIVCMD_MMAP_RESOURCE */
    {SYS_fcntl, F_DUPFD},
    {SYS_fcntl, F_DUPFD_CLOEXEC},
    {SYS_fcntl, F_GETFD},
    {SYS_fcntl, F_SETFD},
    {SYS_fcntl, F_GETFL},
    {SYS_fcntl, F_SETFL},
};

/* All cached blobs: whole pieces, and a last one of each. */
#define CACHE_PIECES \
	(IMAGE_CACHE_BYTES / SEALED_PIECE_BYTES + IMAGE_CACHE_BLOBS)

const struct sandbox build_sandbox = {
    SANDBOX_CALLS(calls),
    SANDBOX_ARGUMENTS(arguments),
    .limits =
	{
	    /* The cache, and a kernel, its ELF file and a ramdisk. */
	    .files = CACHE_PIECES + 4 * SEALED_PIECES,
	    .file_bytes = SANDBOX_PIECE_BYTES,
	    /* Those take 1 and 1.5 GiB. Then what is mapped of the guest and
             * counts like any memory: the same once more, and for the largest
             * guest, of 1 TiB, twice 8 bytes for each page: 4 GiB. */
	    .space_bytes = SANDBOX_GIB(12),
	    .oom = 0,
	},
};
