/*
 * A caller of assayd: one varlink call over its socket.
 *
 * Trust: what answers may be anything; an answer that is not one of assayd's,
 * see assay-rpc(7), is DAEMON_UNREACHABLE.
 */
#ifndef ASSAY_CLI_CLIENT_H
#define ASSAY_CLI_CLIENT_H

#include <jansson.h>

#include "base/err.h"

#define CLIENT_DEFAULT_SOCKET "/run/assay/builder.sock"

/*
 * Call org.assay.Builder.<method> and give the reply's parameters, which are an
 * object. Takes `parameters`; NULL is what json_pack() gives for text that is
 * not UTF-8. Returns owned. Errors: the daemon's own, by name;
 * DAEMON_UNREACHABLE; RPC_PARAMETER_BAD.
 */
int client_call(const char *socket_path, const char *method, json_t *parameters,
    json_t **ret_reply, struct err *err);

/* The reply lacks this, or has it in another form: DAEMON_UNREACHABLE. */
int client_refuse_reply(const char *what, struct err *err);

#endif
