/*
 * A caller of assayd: one varlink call over its socket.
 */
#ifndef ASSAY_CLI_CLIENT_H
#define ASSAY_CLI_CLIENT_H

#include <jansson.h>

#include "base/err.h"

#define CLIENT_DEFAULT_SOCKET "/run/assay/builder.sock"

/*
 * Call org.assay.Builder.<method> and give the reply's parameters. Takes
 * `parameters` (may be NULL). Returns owned.
 * Errors: the daemon's own, by name; DAEMON_UNREACHABLE.
 */
int client_call(const char *socket_path, const char *method,
    json_t *parameters, json_t **ret_reply, struct err *err);

#endif
