#include "cli/libassay/failure.h"

#include <stdio.h>
#include <string.h>

#include "base/err_meaning.h"

static int decode_varlink(const char *error, const json_t *parameters,
    struct failure *ret_failure);
static bool is_name(const char *name);
static const char *remedy_for(const char *name, const json_t *parameters);
static const char *string_in(const json_t *object, const char *member);
static void keep(char *ret_text, size_t size, const char *text);

struct failure
failure_of_err(const struct err *err)
{
	struct failure failure = {
	    .is_refusal = err_class_of(err->code) == ERR_CLASS_REFUSAL};

	keep(failure.name, sizeof(failure.name), err_name(err->code));
	keep(failure.field, sizeof(failure.field), err->field);
	keep(failure.detail, sizeof(failure.detail), err->text);
	keep(failure.remedy, sizeof(failure.remedy), err_remedy(err->code));
	return failure;
}

int
failure_decode(const char *error, const json_t *parameters,
    struct failure *ret_failure, struct err *err)
{
	const char *name = string_in(parameters, "code");
	bool is_refusal = strcmp(error, "org.assay.Builder.Refused") == 0;

	if (strncmp(error, "org.varlink.service.", 20) == 0)
		return decode_varlink(error + 20, parameters, ret_failure);
	if ((!is_refusal && strcmp(error, "org.assay.Builder.Failed") != 0) ||
	    !is_name(name))
		return err_set(err, DAEMON_UNREACHABLE,
		    "an answer that is not assayd's: %s",
		    err_quote_str(error).text);
	*ret_failure = (struct failure){.is_refusal = is_refusal};
	keep(ret_failure->name, sizeof(ret_failure->name), name);
	keep(ret_failure->field, sizeof(ret_failure->field),
	    string_in(parameters, "field"));
	keep(ret_failure->detail, sizeof(ret_failure->detail),
	    string_in(parameters, "detail"));
	keep(ret_failure->remedy, sizeof(ret_failure->remedy),
	    remedy_for(name, parameters));
	return 0;
}

static int
decode_varlink(const char *error, const json_t *parameters,
    struct failure *ret_failure)
{
	struct err_quoted parameter =
	    err_quote_str(string_in(parameters, "parameter"));
	struct err_quoted method =
	    err_quote_str(string_in(parameters, "method"));
	struct err err;

	if (strcmp(error, "InvalidParameter") == 0)
		err_set_field(&err, RPC_PARAMETER_BAD, parameter.text,
		    "assayd does not take this value of %s", parameter.text);
	else if (strcmp(error, "MethodNotFound") == 0)
		err_set_field(&err, RPC_METHOD_UNKNOWN, "method",
		    "this assayd has no method %s", method.text);
	else
		err_set(&err, RPC_METHOD_UNKNOWN, "org.varlink.service.%s",
		    err_quote_str(error).text);
	*ret_failure = failure_of_err(&err);
	return 0;
}

static bool
is_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t len = strspn(name, letters);

	return len > 0 && name[len] == '\0' &&
	       len < sizeof(((struct failure *)0)->name);
}

/* What people are told to do is ours, where the name is known. */
static const char *
remedy_for(const char *name, const json_t *parameters)
{
	enum err_code code;

	if (err_from_name(name, &code))
		return err_remedy(code);
	return string_in(parameters, "remedy");
}

static const char *
string_in(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text != NULL ? text : "";
}

/* assayd has escaped what is foreign; whoever else answers may not have, and
 * this may be shown on a terminal. */
static void
keep(char *ret_text, size_t size, const char *text)
{
	snprintf(ret_text, size, "%s", text);
	for (; *ret_text != '\0'; ret_text++) {
		if (*ret_text < 0x20 || *ret_text > 0x7e)
			*ret_text = '?';
	}
}
