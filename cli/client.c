#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"

enum { REPLY_BYTES = 16 << 20, REPLY_JSON_DEPTH = 16, REPLY_VALUES = 1 << 18 };

static int connect_to(const char *path, int *ret_fd, struct err *err);
static int send_call(int fd, const char *method, json_t *parameters,
    struct err *err);
static int send_all(int fd, const char *data, size_t len, struct err *err);
static int receive_reply(int fd, json_t **ret_document, struct err *err);
static int take_parameters(json_t *document, json_t **ret_reply,
    struct err *err);
static int take_error(json_t *document, struct err *err);
static int take_varlink_error(const char *error, json_t *parameters,
    struct err *err);
static enum err_code code_by_name(const char *name);
static const char *string_in(json_t *object, const char *member);
static void make_strings_printable(json_t *value);
static void make_printable(char *text);

int
client_call(const char *socket_path, const char *method, json_t *parameters,
    json_t **ret_reply, struct err *err)
{
	CLEANUP(json_freep) json_t *owned = parameters;
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(closep) int fd = -1;

	if (parameters == NULL)
		return err_set(err, RPC_PARAMETER_BAD,
		    "an argument is not UTF-8 text");
	TRY(connect_to(socket_path, &fd, err));
	TRY(send_call(fd, method, owned, err));
	TRY(receive_reply(fd, &document, err));
	if (json_object_get(document, "error") != NULL)
		return take_error(document, err);
	return take_parameters(document, ret_reply, err);
}

int
client_refuse_reply(const char *what, struct err *err)
{
	return err_set(err, DAEMON_UNREACHABLE,
	    "an answer that is not assayd's: %s is missing or malformed", what);
}

static int
connect_to(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, DAEMON_UNREACHABLE,
		    "%s: over %zu bytes, which no socket's path can have",
		    err_quote_str(path).text, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return err_set_errno(err, DAEMON_UNREACHABLE, "%s",
		    err_quote_str(path).text);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int
send_call(int fd, const char *method, json_t *parameters, struct err *err)
{
	CLEANUP(json_freep) json_t *call = NULL;
	CLEANUP(freep) char *text = NULL;
	char name[128];

	snprintf(name, sizeof(name), "org.assay.Builder.%s", method);
	call =
	    json_pack("{s:s, s:O}", "method", name, "parameters", parameters);
	text = call != NULL ? json_dumps(call, JSON_COMPACT) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "call");
	return send_all(fd, text, strlen(text) + 1, err);
}

/* A daemon that turned the caller away has said why: that is there to read. */
static int
send_all(int fd, const char *data, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0)
			return err_set_errno(err, DAEMON_UNREACHABLE,
			    "cannot send the call");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
receive_reply(int fd, json_t **ret_document, struct err *err)
{
	CLEANUP(freep) char *text = malloc(REPLY_BYTES);
	size_t len = 0;

	if (text == NULL)
		return err_set(err, NO_MEMORY, "reply");
	while (len == 0 || text[len - 1] != '\0') {
		ssize_t n;

		if (len == REPLY_BYTES)
			return err_set(err, DAEMON_UNREACHABLE,
			    "a reply of over %d bytes", REPLY_BYTES);
		n = recv(fd, text + len, REPLY_BYTES - len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ECONNRESET)
			return err_set_errno(err, DAEMON_UNREACHABLE,
			    "cannot read the reply");
		if (n <= 0)
			return err_set(err, DAEMON_UNREACHABLE,
			    "the connection ended before a whole reply");
		len += (size_t)n;
	}
	return json_parse_many(bytes_of(text, len - 1), REPLY_JSON_DEPTH,
	    REPLY_VALUES, "reply", DAEMON_UNREACHABLE, ret_document, err);
}

static int
take_parameters(json_t *document, json_t **ret_reply, struct err *err)
{
	json_t *reply = json_object_get(document, "parameters");

	if (reply != NULL && !json_is_object(reply))
		return client_refuse_reply("parameters", err);
	make_strings_printable(reply);
	*ret_reply = reply != NULL ? json_incref(reply) : json_object();
	return 0;
}

static int
take_error(json_t *document, struct err *err)
{
	const char *error = string_in(document, "error");
	json_t *parameters = json_object_get(document, "parameters");
	enum err_code code = code_by_name(string_in(parameters, "code"));

	if (strncmp(error, "org.varlink.service.", 20) == 0)
		return take_varlink_error(error + 20, parameters, err);
	if (code == ERR_NONE)
		return err_set(err, DAEMON_UNREACHABLE,
		    "an answer that is not assayd's: %s",
		    err_quote_str(error).text);
	err_set_field(err, code, string_in(parameters, "field"), "%s",
	    string_in(parameters, "detail"));
	make_printable(err->field);
	make_printable(err->text);
	return (int)code;
}

static int
take_varlink_error(const char *error, json_t *parameters, struct err *err)
{
	struct err_quoted parameter =
	    err_quote_str(string_in(parameters, "parameter"));
	struct err_quoted method =
	    err_quote_str(string_in(parameters, "method"));

	if (strcmp(error, "InvalidParameter") == 0)
		return err_set_field(err, RPC_PARAMETER_BAD, parameter.text,
		    "assayd does not take this value of %s", parameter.text);
	if (strcmp(error, "MethodNotFound") == 0)
		return err_set_field(err, RPC_METHOD_UNKNOWN, "method",
		    "this assayd has no method %s", method.text);
	return err_set(err, RPC_METHOD_UNKNOWN, "org.varlink.service.%s",
	    err_quote_str(error).text);
}

static enum err_code
code_by_name(const char *name)
{
	static const enum err_code codes[] = {
#define ERR_CODE(number, code, class, meaning, remedy) code,
	    ERR_TABLE(ERR_CODE)
#undef ERR_CODE
	};

	for (size_t i = 0; i < countof(codes); i++) {
		if (strcmp(err_name(codes[i]), name) == 0)
			return codes[i];
	}
	return ERR_NONE;
}

static const char *
string_in(json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text != NULL ? text : "";
}

/* The front that answers may be taken over: what is shown of it shall not steer
 * a terminal. */
static void
make_strings_printable(json_t *value)
{
	const char *member;
	json_t *part;
	size_t i;

	if (json_is_string(value)) {
		CLEANUP(freep) char *text = strdup(json_string_value(value));

		bug_unless(text != NULL);
		make_printable(text);
		json_string_set(value, text);
	}
	json_array_foreach(value, i, part) make_strings_printable(part);
	json_object_foreach(value, member, part) make_strings_printable(part);
}

/* assayd has escaped what is foreign; whoever else answers may not have. */
static void
make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
	}
}
