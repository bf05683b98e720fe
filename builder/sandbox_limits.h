/*
 * How much of the host a role can use up, and who is killed first when the
 * host's memory is.
 *
 * Not done: memory that a role makes and hands over is bounded for each piece
 * and by the number of descriptors, not as a sum; for that a host has cgroups.
 */
#ifndef ASSAY_BUILDER_SANDBOX_LIMITS_H
#define ASSAY_BUILDER_SANDBOX_LIMITS_H

#include <sys/resource.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/sealed.h"

enum {
	/* Standard streams, links, devices, and some room. */
	SANDBOX_FDS = 64,
	SANDBOX_KILLED_LAST = -900,
	SANDBOX_KILLED_FIRST = 1000,
};

struct sandbox_limits {
	rlim_t files;      /* besides SANDBOX_FDS */
	rlim_t file_bytes; /* each that it writes, sealed memory too */
	/* Of addresses: several times what the largest input that is allowed
	 * needs, since each limit of an input counts when it is read. */
	rlim_t space_bytes;
	/* Whose death costs least, and who is the likeliest to have taken the
	 * host's memory, goes first. */
	int oom;
};

#define SANDBOX_GIB(n) ((rlim_t)(n) << 30)

/* Of a blob of the largest size; memory of one has up to SEALED_PIECES. */
#define SANDBOX_PIECE_BYTES (LIMIT_RAMDISK_BYTES / SEALED_PIECES)

/*
 * Of this process, for good. Needs no privilege, but one that was started
 * without any keeps its place among those that are killed.
 * Effects: SIGXFSZ is ignored, so that a file that grows too large is an error.
 * Errors: SYSTEM_FAILED.
 */
int sandbox_limits_set(const struct sandbox_limits *limits, struct err *err);

/* When the host has no memory left: from -1000, never, to 1000. To come later
 * than before is for root. Errors: SYSTEM_FAILED. */
int sandbox_limits_killed(int when, struct err *err);

#endif
