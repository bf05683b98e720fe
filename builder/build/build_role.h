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

#include "builder/link_table.h"
#include "builder/role.h"

/* In which state it is that is told something. */
enum build_role_state { BUILD_AWAITS };

/* What it may be told: builder/build_link.h. */
extern const struct link_table build_calls;

/*
 * Run in a process of its own. Over `link` come cached blobs, and then one
 * task; reports go back. At the other end of `nodes_fd` is its nodes role:
 * builder/nodes_link.h. Takes both; never returns.
 */
void build_role_run(const struct role_start *start, int link, int nodes_fd)
    __attribute__((noreturn));

#endif
