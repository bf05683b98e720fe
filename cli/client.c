#include "cli/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/err_meaning.h"
#include "base/json.h"
#include "base/scope.h"
#include "cli/libassay/message.h"

enum { CONNECT_MS = 30 * 1000, CALL_MS = 60 * 60 * 1000 };

static void assay_freep(struct assay **assay);
static int take_failure(const struct assay *assay, struct err *err);

int
client_call(const char *address, const char *method, json_t *parameters,
    json_t **ret_reply, struct err *err)
{
	CLEANUP(json_freep) json_t *owned = parameters;
	CLEANUP(assay_freep) struct assay *assay = assay_new();
	CLEANUP(freep) char *text = json_dumps(owned, JSON_COMPACT);
	const char *reply;

	if (parameters == NULL)
		return err_set(err, RPC_PARAMETER_BAD,
		    "an argument is not UTF-8 text");
	if (assay == NULL || text == NULL)
		return err_set(err, NO_MEMORY, "call");
	if (assay_open(assay, address, CONNECT_MS) != ASSAY_DONE ||
	    assay_call(assay, method, text, CALL_MS, &reply) != ASSAY_DONE)
		return take_failure(assay, err);
	return json_parse_many(bytes_of_str(reply), MESSAGE_JSON_DEPTH,
	    MESSAGE_REPLY_VALUES, "reply", DAEMON_UNREACHABLE, ret_reply, err);
}

int
client_refuse_reply(const char *what, struct err *err)
{
	return err_set(err, DAEMON_UNREACHABLE,
	    "an answer that is not assayd's: %s is missing or malformed", what);
}

static void
assay_freep(struct assay **assay)
{
	assay_free(*assay);
	*assay = NULL;
}

/* The exit status goes by the class of a name, and each name has one. */
static int
take_failure(const struct assay *assay, struct err *err)
{
	enum err_code code;

	if (!err_from_name(assay_error_name(assay), &code))
		return err_set(err, DAEMON_UNREACHABLE,
		    "an answer that is not assayd's: %s",
		    assay_error_name(assay));
	return err_set_field(err, code, assay_error_field(assay), "%s",
	    assay_error_detail(assay));
}
