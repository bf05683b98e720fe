#include "cli/domain/domain_words.h"

#include <string.h>

#include "base/digest.h"
#include "base/limits.h"
#include "base/scope.h"
#include "base/uuid.h"
#include "base/uuid_make.h"
#include "cli/arguments.h"

#define NAME_RULE                                                              \
	"1 to 63 letters, digits, dots, underscores and dashes, a letter or a" \
	" digit first"

static bool is_number(const char *text);
static bool may_be_name(const char *text);
static bool has_upper_case(const char *text);

int
domain_words_check_operand(const struct command *command, const char *operand)
{
	int64_t domid;

	if (is_number(operand) &&
	    (!arguments_number(operand, UINT16_MAX, &domid) || domid == 0))
		return command_usage(command,
		    "%s: a domid is a number from 1 to %d",
		    err_quote_str(operand).text, UINT16_MAX);
	if (!may_be_name(operand))
		return command_usage(command,
		    "%s: neither a domid nor a uuid, and a name has " NAME_RULE,
		    err_quote_str(operand).text);
	return ARGUMENTS_READ;
}

int
domain_words_check_image(const struct command *command, const char *image)
{
	if (!may_be_name(image) || has_upper_case(image))
		return command_usage(command,
		    "%s: the name of an image has 1 to 63 lower-case letters, "
		    "digits, dots, underscores and dashes, a letter or a digit "
		    "first",
		    err_quote_str(image).text);
	return ARGUMENTS_READ;
}

int
domain_words_check_name(const struct command *command, const char *name)
{
	uint8_t uuid[UUID_BYTES];

	if (!may_be_name(name))
		return command_usage(command,
		    "--name: %s: a name has " NAME_RULE,
		    err_quote_str(name).text);
	if (is_number(name) || uuid_from_text(name, uuid))
		return command_usage(command,
		    "--name: %s would be taken for a domid or a uuid: give "
		    "another one",
		    err_quote_str(name).text);
	return ARGUMENTS_READ;
}

int
domain_words_check_uuid(const struct command *command, const char *uuid)
{
	uint8_t bytes[UUID_BYTES];

	if (uuid != NULL && !uuid_from_text(uuid, bytes))
		return command_usage(command,
		    "--uuid: %s: a uuid has 32 lower-case hexadecimal digits "
		    "and four dashes, 8-4-4-4-12",
		    err_quote_str(uuid).text);
	return ARGUMENTS_READ;
}

int
domain_words_check_digest(const struct command *command, const char *option,
    const char *digest)
{
	struct digest value;

	if (digest != NULL && !digest_from_text(digest, &value))
		return command_usage(command,
		    "--%s: %s: a digest is sha256: and 64 lower-case "
		    "hexadecimal digits",
		    option, err_quote_str(digest).text);
	return ARGUMENTS_READ;
}

static bool
is_number(const char *text)
{
	return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* A uuid may be one too. */
static bool
may_be_name(const char *text)
{
	static const char dashed[] = "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._-";
	size_t len = strlen(text);

	return len >= 1 && len <= LIMIT_NAME_BYTES &&
	       strchr("._-", text[0]) == NULL && strspn(text, dashed) == len;
}

static bool
has_upper_case(const char *text)
{
	return strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
}
