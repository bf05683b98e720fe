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

#include "builder/config.h"
#include "keys/trust.h"

/* What it is started with. All borrowed. */
struct verify_start {
	const struct config *config;
	const struct trust_policy *root; /* of the measured ramdisk */
	int parent_pid;
	int stage_fd; /* link to its stage; taken */
};

/*
 * Run in a process of its own: one struct verify_task comes over `link`,
 * reports go back. Takes the link; never returns.
 */
void verify_role_run(const struct verify_start *start, int link)
    __attribute__((noreturn));

#endif
