/*
 * Reading assayd.conf(5).
 */
#ifndef ASSAY_BUILDER_SETUP_DAEMON_CONFIG_LOAD_H
#define ASSAY_BUILDER_SETUP_DAEMON_CONFIG_LOAD_H

#include "builder/daemon_config.h"

/* Errors: CONFIG_BAD with the member; STORE_IO. */
int daemon_config_load(const char *path, struct daemon_config *ret_config,
    struct err *err);

#endif
