/*
 * Where the time of a build goes: microseconds by phase, on the monotonic
 * clock. For people and benchmarks; nothing depends on it.
 */
#ifndef ASSAY_BUILDER_TIMING_H
#define ASSAY_BUILDER_TIMING_H

#include <stdint.h>

/* X(NAME, "name in replies"), in the order of the build. */
#define TIMING_PHASES(X)                                                    \
	X(TIMING_START, "start")       /* the store is opened */            \
	X(TIMING_ENVELOPE, "envelope") /* find and verify the manifest */   \
	X(TIMING_COPY, "copy")         /* blobs into sealed memory */       \
	X(TIMING_UNPACK, "unpack")     /* decompress the kernel */          \
	X(TIMING_HASH, "hash")         /* digests of blobs */               \
	X(TIMING_CREATE, "create")     /* create, limits, event channels */ \
	X(TIMING_LOAD, "load")         /* libxenguest */                    \
	X(TIMING_GRANTS, "grants")     /* seed and read back */             \
	X(TIMING_RECORD, "record")     /* measurement */                    \
	X(TIMING_PUBLISH, "publish")   /* xenstore nodes, libxl's file */   \
	X(TIMING_RUN, "run")           /* introduce, unpause */

enum timing_phase {
#define TIMING_ENUM(phase, name) phase,
	TIMING_PHASES(TIMING_ENUM)
#undef TIMING_ENUM
	    TIMING_PHASE_COUNT
};

struct timing {
	uint64_t last_usec;
	uint32_t phase_usec[TIMING_PHASE_COUNT];
};

/* The time since the last call belongs to this phase. */
void timing_mark(struct timing *timing, enum timing_phase phase);

/* Microseconds on the monotonic clock. */
uint64_t timing_now_usec(void);

/* Start the clock. */
static inline void
timing_start(struct timing *timing)
{
	*timing = (struct timing){.last_usec = timing_now_usec()};
}

#endif
