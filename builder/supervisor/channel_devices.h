/*
 * The kernel's devices for one ring, opened for roles that may not open files.
 * Nothing is asked of them here.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_CHANNEL_DEVICES_H
#define ASSAY_BUILDER_SUPERVISOR_CHANNEL_DEVICES_H

#include "base/err.h"
#include "builder/channel_link.h"

/* Errors: XEN_FAILED. */
int channel_devices_open(int ret_fds[static CHANNEL_FDS], struct err *err);

#endif
