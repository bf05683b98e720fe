/*
 * The varlink wire: JSON objects, each followed by a zero byte.
 *
 * Decodes one call message and encodes replies; knows no methods.
 * Spec: varlink.org, Method Call. Strict where it leaves room: unknown members
 * and duplicate ones are refused, "upgrade" is refused.
 */
#ifndef ASSAY_BUILDER_FRONT_VARLINK_H
#define ASSAY_BUILDER_FRONT_VARLINK_H

#include <stdbool.h>

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/json_table.h"

#define VARLINK_INTERFACE "org.assay.Builder"
#define VARLINK_SERVICE   "org.varlink.service"

enum { VARLINK_METHOD_BYTES = 128 };

struct varlink_call {
	char method[VARLINK_METHOD_BYTES + 1];
	json_t *parameters; /* owned: an object, maybe empty */
	bool is_oneway;     /* no reply may be sent */
};

/*
 * One message without its zero byte. Errors: RPC_TOO_LARGE; RPC_MALFORMED;
 * those of json_parse().
 */
int varlink_call_decode(struct bytes message, struct varlink_call *ret_call,
    struct err *err);
void varlink_call_done(struct varlink_call *call);

/*
 * A reply as text, without its zero byte. Takes `parameters` (NULL: none).
 * Returns owned, NULL if memory is short.
 */
char *varlink_reply_encode(json_t *parameters);

/* What Refused and Failed hold: a struct err. */
extern const struct json_table varlink_error_table;

/*
 * An error reply. RPC_METHOD_UNKNOWN and RPC_PARAMETER_BAD become the errors
 * of org.varlink.service; the rest become org.assay.Builder.Refused or
 * .Failed with code, field, detail and remedy. `method` may be "".
 */
char *varlink_error_encode(const struct err *error, const char *method);

#endif
