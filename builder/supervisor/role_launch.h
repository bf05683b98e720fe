/*
 * Roles as programs: the launcher of the real assayd. The programs lie beside
 * it, and are opened once, when it starts: what runs later is what was there
 * then.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_ROLE_LAUNCH_H
#define ASSAY_BUILDER_SUPERVISOR_ROLE_LAUNCH_H

#include "builder/supervisor/role_start.h"

struct role_programs {
	int fds[ROLES]; /* zero-initialised: none is open */
};

/* Errors: STORE_IO, with the program's name. */
int role_programs_open(struct role_programs *programs, struct err *err);
void role_programs_close(struct role_programs *programs);

/* For struct role_launcher; `context` is a struct role_programs. */
int role_programs_launch(void *context, const struct role_start *start,
    const struct role_fds *fds, pid_t *ret_pid, struct err *err);

#endif
