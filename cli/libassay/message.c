#include "cli/libassay/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"

enum { METHOD_MAX_BYTES = 128 };

static int name_method(const char *method, char ret_name[METHOD_MAX_BYTES + 1],
    struct err *err);
static int parse_parameters(const char *text, json_t **ret_parameters,
    struct err *err);
static int decode_success(const json_t *document, struct reply *ret_reply,
    struct err *err);
static int refuse(const char *what, struct err *err);
static char *print(const json_t *value);
static void replace_escapes(char *text);
static size_t unprintable(const char *text);

int
message_encode_call(const char *method, const char *parameters, bool takes_more,
    char **ret_call, size_t *ret_len, struct err *err)
{
	CLEANUP(json_freep) json_t *object = NULL;
	CLEANUP(json_freep) json_t *call = NULL;
	char name[METHOD_MAX_BYTES + 1];
	char *text;

	TRY(name_method(method, name, err));
	TRY(parse_parameters(parameters, &object, err));
	call = json_pack("{s:s, s:O}", "method", name, "parameters", object);
	if (call == NULL ||
	    (takes_more && json_object_set_new(call, "more", json_true()) != 0))
		return err_set(err, NO_MEMORY, "call");
	text = json_dumps(call, JSON_COMPACT);
	if (text == NULL)
		return err_set(err, NO_MEMORY, "call");
	*ret_len = strlen(text) + 1;
	*ret_call = text;
	return 0;
}

int
message_decode_reply(struct bytes message, struct reply *ret_reply,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	const json_t *error;

	TRY(json_parse_many(message, MESSAGE_JSON_DEPTH, MESSAGE_REPLY_VALUES,
	    "reply", DAEMON_UNREACHABLE, &document, err));
	error = json_object_get(document, "error");
	if (error == NULL)
		return decode_success(document, ret_reply, err);
	if (!json_is_string(error))
		return refuse("error", err);
	*ret_reply = (struct reply){.parameters = NULL};
	return failure_decode(json_string_value(error),
	    json_object_get(document, "parameters"), &ret_reply->failure, err);
}

static int
name_method(const char *method, char ret_name[METHOD_MAX_BYTES + 1],
    struct err *err)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789.-";
	const char *interface =
	    strchr(method, '.') == NULL ? "org.assay.Builder." : "";
	int len =
	    snprintf(ret_name, METHOD_MAX_BYTES + 1, "%s%s", interface, method);

	if (method[0] == '\0' || method[strspn(method, characters)] != '\0' ||
	    len > METHOD_MAX_BYTES)
		return err_set_field(err, RPC_METHOD_UNKNOWN, "method",
		    "%s is no name of a method", err_quote_str(method).text);
	return 0;
}

static int
parse_parameters(const char *text, json_t **ret_parameters, struct err *err)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (len > MESSAGE_CALL_MAX_BYTES)
		return err_set_field(err, RPC_TOO_LARGE, "parameters",
		    "parameters of over %d bytes", MESSAGE_CALL_MAX_BYTES);
	if (text != NULL)
		return json_parse(bytes_of(text, len), MESSAGE_JSON_DEPTH,
		    "parameters", RPC_PARAMETER_BAD, ret_parameters, err);
	*ret_parameters = json_object();
	return *ret_parameters != NULL ? 0 : err_set(err, NO_MEMORY, "call");
}

static int
decode_success(const json_t *document, struct reply *ret_reply, struct err *err)
{
	const json_t *parameters = json_object_get(document, "parameters");
	const json_t *continues = json_object_get(document, "continues");
	struct reply reply = {.continues = json_is_true(continues)};

	if (continues != NULL && !json_is_boolean(continues))
		return refuse("continues", err);
	if (parameters == NULL || json_is_null(parameters))
		reply.parameters = strdup("{}");
	else if (json_is_object(parameters))
		reply.parameters = print(parameters);
	else
		return refuse("parameters", err);
	if (reply.parameters == NULL)
		return err_set(err, NO_MEMORY, "reply");
	*ret_reply = reply;
	return 0;
}

static int
refuse(const char *what, struct err *err)
{
	return err_set(err, DAEMON_UNREACHABLE,
	    "an answer that is not assayd's: %s is missing or malformed", what);
}

/* NULL if there is no memory. */
static char *
print(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);

	if (text != NULL)
		replace_escapes(text);
	return text;
}

/*
 * The front that answers may be taken over: what is shown of its strings shall
 * not steer a terminal. jansson wrote ASCII, in which a character that is not
 * printable stands as an escape.
 */
static void
replace_escapes(char *text)
{
	char *to = text;

	while (*text != '\0') {
		size_t len = unprintable(text);

		if (len > 0) {
			*to++ = '?';
			text += len;
			continue;
		}
		if (*text == '\\')
			*to++ = *text++;
		*to++ = *text++;
	}
	*to = '\0';
}

/* The bytes of the character that is written here; 0 if it is printable. */
static size_t
unprintable(const char *text)
{
	if (*text == 0x7f)
		return 1;
	if (*text != '\\' || text[1] == '\\' || text[1] == '"')
		return 0;
	return text[1] == 'u' ? strlen("\\uXXXX") : 2;
}
