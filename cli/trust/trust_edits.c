#include "cli/trust/trust_edits.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/key_file.h"

static int make(const char *path, const struct edit_target *target,
    edits_fn *edit, const void *options, struct err *err);
static int read_policy(const char *path, struct trust_edit **ret_edit,
    struct err *err);
static int write_policy(struct trust_edit *edit,
    const struct edit_target *target, const char *path, struct err *err);

int
edits_check(const struct command *command, const struct edit_target *target)
{
	if ((target->out != NULL) == target->in_place)
		return command_usage(command, "--out or --in-place, and one");
	return ARGUMENTS_READ;
}

int
edits_run(const char *path, const struct edit_target *target, edits_fn *edit,
    const void *options)
{
	struct err err = {0};

	if (make(path, target, edit, options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

int
edits_key(const char *argument, struct digest *ret_id,
    struct public_key **ret_key, struct err *err)
{
	if (digest_from_hex(argument, ret_id)) {
		*ret_key = NULL;
		return 0;
	}
	TRY(key_file_any(argument, ret_key, err));
	*ret_id = *public_key_id(*ret_key);
	return 0;
}

/* Whoever else edits it in place waits, or one edit would be lost. By whatever
 * name: a symbolic link would be replaced, and the policy stay as it was. */
static int
make(const char *path, const struct edit_target *target, edits_fn *edit,
    const void *options, struct err *err)
{
	CLEANUP(trust_edit_freep) struct trust_edit *policy = NULL;
	CLEANUP(freep) char *own_path = NULL;
	CLEANUP(closep) int lock = -1;

	if (target->in_place) {
		own_path = realpath(path, NULL);
		if (own_path == NULL)
			return err_set_errno(err, STORE_IO, "%s",
			    err_quote_str(path).text);
		path = own_path;
		TRY(files_lock(path, &lock, err));
	}
	TRY(read_policy(path, &policy, err));
	TRY(edit(policy, options, err));
	return write_policy(policy, target, path, err);
}

static int
read_policy(const char *path, struct trust_edit **ret_edit, struct err *err)
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

static int
write_policy(struct trust_edit *edit, const struct edit_target *target,
    const char *path, struct err *err)
{
	CLEANUP(freep) char *text = NULL;

	TRY(trust_edit_finish(edit, 0, NULL, &text, err));
	return file_write(target->in_place ? path : target->out,
	    bytes_of_str(text), 0644,
	    target->in_place ? FILE_REPLACE : FILE_REFUSE, err);
}
