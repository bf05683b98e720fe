#include "builder/front/varlink.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "base/err_meaning.h"

/* A call, and what is looked at and not kept. */
struct call {
	struct varlink_call kept;
	bool more;
	bool upgrade;
};

static int read_parameters(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_remedy(const struct json_member *member,
    const void *value);
static char *encode(const char *error, json_t *parameters);
static char *encode_unknown_method(const char *method);
static bool has_interface(const char *method, const char *interface);

/* Borrowed from the document. */
static const struct json_kind parameters_kind = {"object", read_parameters,
    NULL};
static const struct json_kind remedy_kind = {"string", NULL, write_remedy};

static const struct json_member call_members[] = {
    {MEMBER_STRING("method", struct call, kept.method)},
    {MEMBER_BOOL("more", struct call, more), .presence = JSON_NEVER_NULL},
    {MEMBER_BOOL("oneway", struct call, kept.is_oneway),
	.presence = JSON_NEVER_NULL},
    {MEMBER_BOOL("upgrade", struct call, upgrade), .presence = JSON_NEVER_NULL},
    {MEMBER_OWN("parameters", struct call, kept.parameters, parameters_kind),
	.presence = JSON_OPTIONAL},
};
static const struct json_table call_table = {JSON_MEMBERS(call_members)};

static const struct json_member error_members[] = {
    {MEMBER_CODE("code", struct err, code)},
    {MEMBER_STRING("field", struct err, field)},
    {MEMBER_STRING("detail", struct err, text)},
    {MEMBER_OWN("remedy", struct err, code, remedy_kind)},
};
const struct json_table varlink_error_table = {JSON_MEMBERS(error_members)};

int
varlink_call_decode(struct bytes message, struct varlink_call *ret_call,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct call call = {.more = false};
	struct json_at root;

	if (message.len > LIMIT_RPC_MESSAGE_BYTES)
		return err_set(err, RPC_TOO_LARGE, "%zu bytes, limit %zu",
		    message.len, LIMIT_RPC_MESSAGE_BYTES);
	TRY(json_parse(message, LIMIT_RPC_JSON_DEPTH, "call", RPC_MALFORMED,
	    &document, err));
	root = json_root(document, RPC_MALFORMED);
	TRY(json_table_read(&root, &call_table, &call, err));
	if (call.upgrade)
		return json_refuse(&root, "upgrade", err, "not supported");
	call.kept.parameters = call.kept.parameters != NULL
	                           ? json_incref(call.kept.parameters)
	                           : json_object();
	*ret_call = call.kept;
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
	return encode(class, json_table_write(&varlink_error_table, error));
}

static int
read_parameters(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct json_at parameters;

	TRY(json_object_in(root, member->name, &parameters, err));
	memcpy(ret_value, &parameters.value, sizeof(parameters.value));
	return 0;
}

static json_t *
write_remedy(const struct json_member *member, const void *value)
{
	const enum err_code *code = value;

	(void)member;
	return json_string(err_remedy(*code));
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
