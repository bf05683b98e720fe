#include "builder/front/varlink.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"

static char *encode(const char *error, json_t *parameters);
static char *encode_unknown_method(const char *method);
static bool has_interface(const char *method, const char *interface);

int
varlink_call_decode(struct bytes message, struct varlink_call *ret_call,
    struct err *err)
{
	static const char *const known[] = {"method", "parameters", "oneway",
	    "more", "upgrade", NULL};
	CLEANUP(json_freep) json_t *document = NULL;
	struct varlink_call call = {0};
	struct json_at root;
	struct json_at parameters;
	const char *method;
	bool flag = false;

	if (message.len > LIMIT_RPC_MESSAGE_BYTES)
		return err_set(err, RPC_TOO_LARGE, "%zu bytes, limit %zu",
		    message.len, LIMIT_RPC_MESSAGE_BYTES);
	TRY(json_parse(message, LIMIT_RPC_JSON_DEPTH, "call", RPC_MALFORMED,
	    &document, err));
	root = json_root(document, RPC_MALFORMED);
	TRY(json_known(&root, known, err));
	TRY(json_string_in(&root, "method", VARLINK_METHOD_BYTES, &method,
	    err));
	snprintf(call.method, sizeof(call.method), "%s", method);
	if (json_object_get(document, "more") != NULL)
		TRY(json_bool_in(&root, "more", &flag, err));
	if (json_object_get(document, "oneway") != NULL)
		TRY(json_bool_in(&root, "oneway", &call.is_oneway, err));
	if (json_object_get(document, "upgrade") != NULL) {
		TRY(json_bool_in(&root, "upgrade", &flag, err));
		if (flag)
			return json_refuse(&root, "upgrade", err,
			    "not supported");
	}
	if (json_has(&root, "parameters")) {
		TRY(json_object_in(&root, "parameters", &parameters, err));
		call.parameters = json_incref(parameters.value);
	} else {
		call.parameters = json_object();
	}
	*ret_call = call;
	return 0;
}

void
varlink_call_done(struct varlink_call *call)
{
	json_decref(call->parameters);
	*call = (struct varlink_call){0};
}

char *
varlink_reply_encode(json_t *parameters)
{
	return encode(NULL, parameters);
}

char *
varlink_error_encode(const struct err *error, const char *method)
{
	const char *class = err_class_of(error->code) == ERR_CLASS_REFUSAL
	                        ? VARLINK_INTERFACE ".Refused"
	                        : VARLINK_INTERFACE ".Failed";

	if (error->code == RPC_METHOD_UNKNOWN && error->field[0] != '\0')
		return encode(VARLINK_SERVICE ".InterfaceNotFound",
		    json_pack("{s:s}", "interface", error->field));
	if (error->code == RPC_METHOD_UNKNOWN)
		return encode_unknown_method(method);
	if (error->code == RPC_PARAMETER_BAD)
		return encode(VARLINK_SERVICE ".InvalidParameter",
		    json_pack("{s:s}", "parameter", error->field));
	return encode(class,
	    json_pack("{s:s, s:s, s:s, s:s}", "code", err_name(error->code),
		"field", error->field, "detail", error->text, "remedy",
		err_remedy(error->code)));
}

static char *
encode(const char *error, json_t *parameters)
{
	CLEANUP(json_freep) json_t *reply = json_object();
	char *text;

	if (error != NULL)
		json_object_set_new(reply, "error", json_string(error));
	if (parameters == NULL)
		parameters = json_object();
	if (json_object_set_new(reply, "parameters", parameters) != 0)
		return NULL;
	text = json_dumps(reply, JSON_COMPACT);
	return text;
}

static char *
encode_unknown_method(const char *method)
{
	const char *dot = strrchr(method, '.');
	int len = dot == NULL ? (int)strlen(method) : (int)(dot - method);

	if (has_interface(method, VARLINK_INTERFACE) ||
	    has_interface(method, VARLINK_SERVICE))
		return encode(VARLINK_SERVICE ".MethodNotFound",
		    json_pack("{s:s}", "method", method));
	return encode(VARLINK_SERVICE ".InterfaceNotFound",
	    json_pack("{s:s%}", "interface", method, (size_t)len));
}

static bool
has_interface(const char *method, const char *interface)
{
	size_t len = strlen(interface);

	return strncmp(method, interface, len) == 0 && method[len] == '.';
}
