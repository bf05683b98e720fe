/*
 * What the commands that edit a trust policy share: a policy is read, changed
 * and written as its next version, to a new file or in place of the old one.
 */
#ifndef ASSAY_CLI_TRUST_TRUST_EDITS_H
#define ASSAY_CLI_TRUST_TRUST_EDITS_H

#include "cli/arguments.h"
#include "keys/sign/trust_edit.h"

/* Where an edited policy goes: one of the two. */
struct edit_target {
	const char *out;
	bool in_place;
};

/* clang-format off */
#define EDIT_ARGUMENTS(target) \
	{"out", required_argument, .text = &(target)->out}, \
	{"in-place", no_argument, .flag = &(target)->in_place}
/* clang-format on */
#define EDIT_USAGE "(--out FILE | --in-place)"

/* ARGUMENTS_READ, or EXIT_USAGE after saying that it is not one of the two. */
int edits_check(const struct command *command,
    const struct edit_target *target);

/* The changes of one command. */
typedef int edits_fn(struct trust_edit *policy, const void *options,
    struct err *err);

/*
 * Read a policy, change it, and write its next version; or say why not. In
 * place, the directory is locked meanwhile: of two edits at once neither is
 * lost. Returns an exit status.
 * Errors: TRUST_TOO_LARGE; those of trust_decode, `edit`, trust_edit_finish;
 * FILE_EXISTS; STORE_IO.
 */
int edits_run(const char *path, const struct edit_target *target,
    edits_fn *edit, const void *options);

/*
 * A key by its id, 64 hexadecimal digits, or by a file with either half.
 * *ret_key is NULL for an id. Returns owned. Errors: those of key_file_any.
 */
int edits_key(const char *argument, struct digest *ret_id,
    struct public_key **ret_key, struct err *err);

#endif
