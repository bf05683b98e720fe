#include "cli/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/key_file.h"
#include "cli/pin.h"
#include "keys/dsse.h"
#include "keys/sign/dsse_sign.h"
#include "keys/sign/token_key.h"

/* What is signed, and the envelope so far: "" for none. */
struct work {
	const char *payload_type;
	struct bytes payload;
	char *text;
};

static int write_pae(const struct work *work, struct err *err);
static int sign_in_place(const struct signing *signing, const char *path,
    struct work *work, struct err *err);
static int add_all(const struct signing *signing, struct work *work,
    struct err *err);
static int read_old(const char *path, struct work *work, struct err *err);
static int sign_with_files(const struct argument_list *paths, struct work *work,
    struct err *err);
static int sign_with_file(const char *path, struct work *work, struct err *err);
static int sign_with_token(const char *uri, struct work *work, struct err *err);
static int attach(const struct signing *signing, struct work *work,
    struct err *err);
static int read_signature(const char *path, char **ret_sig, size_t *ret_len,
    struct err *err);
static int add(const struct public_key *key, struct bytes sig,
    struct work *work, struct err *err);
static void replace_text(struct work *work, char *text);
static void work_done(struct work *work);

int
signing_check(const struct command *command, const struct signing *signing)
{
	bool has_keys = signing->keys.count + signing->tokens.count > 0;

	if (signing->pae_only && (has_keys || signing->attach != NULL))
		return command_usage(command,
		    "--pae-only signs nothing: it takes no keys");
	if (signing->attach != NULL &&
	    (signing->keys.count != 1 || signing->tokens.count != 0))
		return command_usage(command,
		    "--attach needs one --key: the signer's public key");
	if (!has_keys && !signing->pae_only)
		return command_usage(command,
		    "--key is missing, or --pkcs11, or --pae-only");
	return ARGUMENTS_READ;
}

bool
signing_is_asked(const struct signing *signing)
{
	return signing->keys.count + signing->tokens.count > 0 ||
	       signing->pae_only || signing->attach != NULL;
}

int
signing_run(const struct signing *signing, const char *payload_type,
    struct bytes payload, const char *path, struct err *err)
{
	CLEANUP(work_done)
	struct work work = {payload_type, payload, NULL};

	if (signing->pae_only)
		return write_pae(&work, err);
	return sign_in_place(signing, path, &work, err);
}

int
signing_add(const struct signing *signing, const char *payload_type,
    struct bytes payload, char **text, struct err *err)
{
	struct work work = {payload_type, payload, *text};
	int code = add_all(signing, &work, err);

	*text = work.text;
	return code;
}

/* Whoever else signs it waits, or one signature would be lost. */
static int
sign_in_place(const struct signing *signing, const char *path,
    struct work *work, struct err *err)
{
	CLEANUP(closep) int lock = -1;

	TRY(files_lock(path, &lock, err));
	TRY(read_old(path, work, err));
	TRY(add_all(signing, work, err));
	return file_write(path, bytes_of_str(work->text), 0644, FILE_REPLACE,
	    err);
}

static int
add_all(const struct signing *signing, struct work *work, struct err *err)
{
	if (signing->attach != NULL)
		TRY(attach(signing, work, err));
	else
		TRY(sign_with_files(&signing->keys, work, err));
	for (size_t i = 0; i < signing->tokens.count; i++)
		TRY(sign_with_token(signing->tokens.items[i], work, err));
	return 0;
}

static int
write_pae(const struct work *work, struct err *err)
{
	CLEANUP(freep) uint8_t *pae = NULL;
	size_t len;

	TRY(dsse_pae(work->payload_type, work->payload, &pae, &len, err));
	if (fwrite(pae, 1, len, stdout) != len || fflush(stdout) != 0)
		return err_set_errno(err, SYSTEM_FAILED,
		    "cannot write standard output");
	return 0;
}

/* No envelope yet is no error: there is just nothing to keep. */
static int
read_old(const char *path, struct work *work, struct err *err)
{
	size_t len;
	int code = file_read(path, dsse_max_bytes(work->payload_type),
	    &work->text, &len, err);

	if (code == 0 && strlen(work->text) != len)
		return err_set(err, ENVELOPE_MALFORMED, "%s: a zero byte",
		    err_quote_str(path).text);
	if (code == 0 && len == 0)
		return err_set(err, ENVELOPE_MALFORMED, "%s: empty",
		    err_quote_str(path).text);
	if (code != 0 && err->sys == ENOENT)
		return 0;
	if (code == IMAGE_TOO_LARGE)
		err->code = ENVELOPE_TOO_LARGE;
	return code != 0 ? (int)err->code : 0;
}

static int
sign_with_files(const struct argument_list *paths, struct work *work,
    struct err *err)
{
	for (size_t i = 0; i < paths->count; i++)
		TRY(sign_with_file(paths->items[i], work, err));
	return 0;
}

static int
sign_with_file(const char *path, struct work *work, struct err *err)
{
	CLEANUP(private_key_freep) struct private_key *key = NULL;
	const struct private_key *keys[1];
	char *text;

	TRY(key_file_private(path, &key, err));
	keys[0] = key;
	TRY(dsse_sign(work->payload_type, work->payload,
	    bytes_of_str(work->text != NULL ? work->text : ""), keys, 1, &text,
	    err));
	replace_text(work, text);
	return 0;
}

static int
sign_with_token(const char *uri, struct work *work, struct err *err)
{
	CLEANUP(token_key_closep) struct token_key *key = NULL;
	CLEANUP(freep) uint8_t *pae = NULL;
	CLEANUP(freep) uint8_t *sig = NULL;
	size_t pae_len, sig_len;

	TRY(token_key_open(uri, pin_ask, &key, err));
	TRY(dsse_pae(work->payload_type, work->payload, &pae, &pae_len, err));
	TRY(token_key_sign(key, bytes_of(pae, pae_len), &sig, &sig_len, err));
	return add(token_key_public(key), bytes_of(sig, sig_len), work, err);
}

static int
attach(const struct signing *signing, struct work *work, struct err *err)
{
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	CLEANUP(freep) char *sig = NULL;
	size_t len;

	TRY(key_file_any(signing->keys.items[0], &key, err));
	TRY(read_signature(signing->attach, &sig, &len, err));
	if (add(key, bytes_of(sig, len), work, err) != 0)
		return err_prefix(err, "%s",
		    err_quote_str(signing->attach).text);
	return 0;
}

static int
read_signature(const char *path, char **ret_sig, size_t *ret_len,
    struct err *err)
{
	int code =
	    file_read(path, LIMIT_SIGNATURE_BYTES, ret_sig, ret_len, err);

	if (code == IMAGE_TOO_LARGE)
		return err_set(err, SIGNATURE_NOT_BY_KEY, "%s: over %zu bytes",
		    err_quote_str(path).text, LIMIT_SIGNATURE_BYTES);
	return code;
}

static int
add(const struct public_key *key, struct bytes sig, struct work *work,
    struct err *err)
{
	char *text;

	TRY(dsse_attach(work->payload_type, work->payload,
	    bytes_of_str(work->text != NULL ? work->text : ""), key, sig, &text,
	    err));
	replace_text(work, text);
	return 0;
}

static void
replace_text(struct work *work, char *text)
{
	free(work->text);
	work->text = text;
}

static void
work_done(struct work *work)
{
	freep(&work->text);
}
