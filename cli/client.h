/*
 * A command's one call of assayd, through libassay: what the command line adds.
 *
 * Trust: what answers may be anything; an answer that is not one of assayd's,
 * see assay-rpc(7), is DAEMON_UNREACHABLE.
 */
#ifndef ASSAY_CLI_CLIENT_H
#define ASSAY_CLI_CLIENT_H

#include <jansson.h>

#include "base/err.h"
#include "cli/libassay/assay.h"

/*
 * Connect, call org.assay.Builder.<method> and give the reply's parameters,
 * which are an object. Takes `parameters`; NULL is what json_pack() gives for
 * text that is not UTF-8. Returns owned. It waits for an hour: a build, and its
 * turn, can take long.
 * Errors: the daemon's own, by name; DAEMON_UNREACHABLE, CALL_TIMEOUT,
 * CHANNEL_BROKEN; ADDRESS_BAD; RPC_PARAMETER_BAD.
 */
int client_call(const char *address, const char *method, json_t *parameters,
    json_t **ret_reply, struct err *err);

/* The reply lacks this, or has it in another form: DAEMON_UNREACHABLE. */
int client_refuse_reply(const char *what, struct err *err);

#endif
