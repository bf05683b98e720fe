/*
 * The messages of assay-rpc(7): a call as it is sent, a reply as it came.
 *
 * Trust: a reply may be anything. It is bounded in depth and values before
 * memory is taken for it, and what is handed on of it is printable ASCII.
 */
#ifndef ASSAY_CLI_LIBASSAY_MESSAGE_H
#define ASSAY_CLI_LIBASSAY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "cli/libassay/failure.h"

enum {
	MESSAGE_CALL_MAX_BYTES = 256 << 10, /* of the parameters, as given */
	MESSAGE_JSON_DEPTH = 16,
	MESSAGE_REPLY_VALUES = 1 << 18,
};

/*
 * A call, with its zero byte. `parameters` is JSON, or NULL for none. Owned.
 * Errors: RPC_METHOD_UNKNOWN, RPC_PARAMETER_BAD, RPC_TOO_LARGE, NO_MEMORY.
 */
int message_encode_call(const char *method, const char *parameters,
    bool takes_more, char **ret_call, size_t *ret_len, struct err *err);

struct reply {
	char *parameters; /* owned: a JSON object; NULL if it is an error */
	bool continues;
	struct failure failure;
};

/* Errors: DAEMON_UNREACHABLE for what is no reply of assayd's, NO_MEMORY. */
int message_decode_reply(struct bytes message, struct reply *ret_reply,
    struct err *err);

#endif
