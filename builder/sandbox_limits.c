#include "builder/sandbox_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/scope.h"
#include "base/sealed.h"
#include "builder/image_cache.h"

#define GIB(n) ((rlim_t)(n) << 30)

/* A blob of the largest size needs this many bytes of its piece. */
#define PIECE_BYTES (LIMIT_RAMDISK_BYTES / SEALED_PIECES)

/* All cached blobs: whole pieces, and a last one of each. */
#define CACHE_PIECES \
	(IMAGE_CACHE_BYTES / SEALED_PIECE_BYTES + IMAGE_CACHE_BLOBS)

enum {
	OTHER_FDS = 64, /* standard streams, links, devices, and some room */
	KILLED_LAST = -900,
	KILLED_FIRST = 1000,
};

/*
 * files: besides OTHER_FDS. Memory of one image has up to SEALED_PIECES.
 *
 * file_bytes: of each file that is written, sealed memory too.
 *
 * space_bytes: of addresses, several times what the largest input that is
 * allowed needs, since each limit of an input counts when it is read.
 *
 * oom: whose death costs least, and who is the likeliest to have taken the
 * memory, goes first.
 */
static const struct limits {
	rlim_t files;
	rlim_t file_bytes;
	rlim_t space_bytes;
	int oom;
} limits_of[] = {
    /* Connections, and an answer in sealed memory. Nothing that it could write
     * to. Replies of 8 MiB and more for each connection. */
    [SANDBOX_FRONT] = {LIMIT_RPC_CONNECTIONS + SEALED_PIECES, RLIM_INFINITY,
	GIB(2), 500},
    /* A kernel as it was stored and as it is unpacked; a ramdisk of 1 GiB, or
     * twice 256 MiB and a decompressor. */
    [SANDBOX_STAGE] = {2 * SEALED_PIECES, PIECE_BYTES, GIB(2), KILLED_FIRST},
    /* One document after the other, of 4 MiB. */
    [SANDBOX_VERIFY] = {SEALED_PIECES, PIECE_BYTES, GIB(1), KILLED_FIRST},
    /* The cache, and a kernel, its ELF file and a ramdisk; 1 and 1.5 GiB. Then
     * what is mapped of the guest and counts like any memory: the same once
     * more, and for the largest guest, of 1 TiB, twice 8 bytes for each page:
     * 4 GiB. */
    [SANDBOX_BUILD] = {CACHE_PIECES + 4 * SEALED_PIECES, PIECE_BYTES, GIB(12),
	0},
    /* An event log of 32 MiB, and evidence made of it. The log's end is its
     * own limit, and lines on a standard error that is a file have none. */
    [SANDBOX_TPM] = {SEALED_PIECES, RLIM_INFINITY, GIB(1), KILLED_LAST},
};

static int limit(int what, rlim_t most, struct err *err);
static int limit_space(const struct limits *limits, struct err *err);
static int be_killed(int when, struct err *err);

int
sandbox_limits_set(enum sandbox_role role, struct err *err)
{
	const struct limits *limits = &limits_of[role];

	TRY(be_killed(limits->oom, err));
	signal(SIGXFSZ, SIG_IGN);
	TRY(limit(RLIMIT_CORE, 0, err));
	/* Its filter has no call that makes a process: this holds without. */
	TRY(limit(RLIMIT_NPROC, 0, err));
	TRY(limit(RLIMIT_NOFILE, OTHER_FDS + limits->files, err));
	TRY(limit(RLIMIT_FSIZE, limits->file_bytes, err));
	return limit_space(limits, err);
}

void
sandbox_limits_keep(void)
{
	struct err ignored;

	(void)be_killed(KILLED_LAST, &ignored);
}

/* Never more than whoever started us allows. */
static int
limit(int what, rlim_t most, struct err *err)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)what, &now) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "getrlimit %d", what);
	now.rlim_max = most < now.rlim_max ? most : now.rlim_max;
	now.rlim_cur = now.rlim_max;
	if (setrlimit((__rlimit_resource_t)what, &now) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "setrlimit %d", what);
	return 0;
}

#ifdef __SANITIZE_ADDRESS__
/* A test build maps terabytes for its own use. */
static int
limit_space(const struct limits *limits, struct err *err)
{
	(void)limits;
	(void)err;
	return 0;
}
#else
static int
limit_space(const struct limits *limits, struct err *err)
{
	return limit(RLIMIT_AS, limits->space_bytes, err);
}
#endif

/* From -1000, never, to 1000. To come later than before is for root. */
static int
be_killed(int when, struct err *err)
{
	CLEANUP(closep)
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	char text[16];

	snprintf(text, sizeof(text), "%d", when);
	if (fd < 0)
		return err_set_errno(err, SYSTEM_FAILED, "oom_score_adj");
	if (write(fd, text, strlen(text)) < 0 && errno != EACCES)
		return err_set_errno(err, SYSTEM_FAILED, "oom_score_adj: %s",
		    text);
	return 0;
}
