#include "cli/trust_edits.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"

int
edits_check(const struct command *command, const struct edit_target *target)
{
	if ((target->out != NULL) == target->in_place)
		return command_usage(command, "--out or --in-place, and one");
	return ARGUMENTS_READ;
}

int
edits_open(const char *path, struct trust_edit **ret_edit, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (file_read(path, LIMIT_TRUST_BYTES, &text, &len, err) != 0) {
		if (err->code == IMAGE_TOO_LARGE)
			err->code = TRUST_TOO_LARGE;
		return (int)err->code;
	}
	if (trust_edit_open(bytes_of(text, len), ret_edit, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

int
edits_close(struct trust_edit *edit, const struct edit_target *target,
    const char *path, struct err *err)
{
	CLEANUP(freep) char *text = NULL;

	TRY(trust_edit_finish(edit, 0, &text, err));
	return file_write(target->in_place ? path : target->out,
	    bytes_of_str(text), 0644,
	    target->in_place ? FILE_REPLACE : FILE_REFUSE, err);
}

int
edits_key(const char *argument, struct digest *ret_id,
    struct public_key **ret_key, struct err *err)
{
	if (digest_from_hex(argument, ret_id)) {
		*ret_key = NULL;
		return 0;
	}
	TRY(files_any_key(argument, ret_key, err));
	*ret_id = *public_key_id(*ret_key);
	return 0;
}
