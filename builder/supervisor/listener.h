/*
 * Where callers connect.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_LISTENER_H
#define ASSAY_BUILDER_SUPERVISOR_LISTENER_H

#include "builder/daemon_config.h"

/*
 * Make the listening socket: an old one that nobody listens at any more is
 * replaced, the new one can be connected to by everybody, or by root alone if
 * nobody else is allowed; who may call is decided by SO_PEERCRED.
 * Errors: SYSTEM_FAILED; CONFIG_BAD (what is there is no socket).
 */
int listener_open(const struct daemon_config *config, int *ret_listen_fd,
    struct err *err);

#endif
