/*
 * The verify role: one process for one task. It decides what may be built, and
 * writes the order for it. One such process always waits, so that a build does
 * not have to wait for it.
 *
 * It parses what a hostile store holds, without any privilege, without a handle
 * of Xen, and without a path: the store it reaches through the stage alone, and
 * the bytes that will run it never sees. Taken over, it writes a wrong order:
 * an unsigned guest, on record.
 */
#ifndef ASSAY_BUILDER_VERIFY_VERIFY_ROLE_H
#define ASSAY_BUILDER_VERIFY_VERIFY_ROLE_H

#include "builder/link_table.h"
#include "builder/role.h"

/* In which state it gets a task, and what that may be. */
enum verify_state_kind { VERIFY_WAITS };

extern const struct link_table verify_tasks;

/*
 * Run in a process of its own: one struct verify_task comes over `link`,
 * reports go back. `root` is the text of the policy of the measured ramdisk,
 * `stage_fd` the link to its stage. Nothing is parsed before the sandbox: a
 * policy that is none is told to whoever has a task. Takes both links; never
 * returns.
 */
void verify_role_run(const struct role_start *start, const struct sealed *root,
    int link, int stage_fd) __attribute__((noreturn));

#endif
