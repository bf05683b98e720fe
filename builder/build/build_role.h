/*
 * The build role: one child process for one task. It opens Xen and enters its
 * sandbox; then it waits to be told the task, carries it out, tells the
 * supervisor, and ends. One such child always waits, so that a build does not
 * have to wait for it.
 *
 * It is the trusted role: it writes guest memory. It decides nothing: what it
 * may build is an order of the verify role, of which it believes no more than
 * that these are the digests to compare with. It parses no RPC, no JSON and no
 * signature, and contains no decompressor.
 */
#ifndef ASSAY_BUILDER_BUILD_BUILD_ROLE_H
#define ASSAY_BUILDER_BUILD_BUILD_ROLE_H

#include "builder/config.h"
#include "builder/image_cache.h"
#include "builder/xen/fault.h"

/* What a child prepares for: one that only erases needs no cache, so that a
 * destroy does not use up the child that waits for a build. */
enum child_kind {
	CHILD_TO_BUILD,
	CHILD_TO_ERASE,
};

/* What it is started with. All borrowed. */
struct build_start {
	const struct config *config;
	struct image_cache *cache;
	struct fault fault;
	int parent_pid;
	enum child_kind kind;
};

/*
 * Run in a process of its own: one struct build_task comes over `link`, reports
 * go back. Takes the link; never returns.
 */
void build_role_run(const struct build_start *start, int link)
    __attribute__((noreturn));

#endif
