#include "cli/key_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/pin.h"
#include "keys/sign/token_key.h"

static int read_key_text(const char *path, char **ret_text, size_t *ret_len,
    struct err *err);
static int decode_public(const char *path, struct bytes text,
    struct public_key **ret_key, struct err *err);
static int read_token_key(const char *uri, struct public_key **ret_key,
    struct err *err);
static int load_public_half(const char *path, struct public_key **ret_key,
    struct err *err);
static int copy_public(const struct public_key *key,
    struct public_key **ret_key, struct err *err);

int
key_file_public(const char *path, struct public_key **ret_key, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;
	int code;

	TRY(read_key_text(path, &text, &len, err));
	code = decode_public(path, bytes_of(text, len), ret_key, err);
	/* It may be a private key by mistake. */
	explicit_bzero(text, len);
	return code;
}

int
key_file_any(const char *path, struct public_key **ret_key, struct err *err)
{
	static const char mark[] = "PRIVATE KEY-----";
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (strncmp(path, "pkcs11:", 7) == 0)
		return read_token_key(path, ret_key, err);
	TRY(read_key_text(path, &text, &len, err));
	if (memmem(text, len, mark, strlen(mark)) == NULL)
		return decode_public(path, bytes_of(text, len), ret_key, err);
	explicit_bzero(text, len);
	return load_public_half(path, ret_key, err);
}

int
key_file_private(const char *path, struct private_key **ret_key,
    struct err *err)
{
	struct stat st;

	TRY(private_key_load(path, ret_key, err));
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & 0077) != 0)
		fprintf(stderr,
		    "assay: warning: %s: mode %04o: others than its owner may "
		    "%s this private key\n",
		    err_quote_str(path).text, st.st_mode & 07777,
		    (st.st_mode & 0022) != 0 ? "write" : "read");
	return 0;
}

/* The limit of a key is not that of an image, and the remedy neither. */
static int
read_key_text(const char *path, char **ret_text, size_t *ret_len,
    struct err *err)
{
	int code = file_read(path, LIMIT_PEM_BYTES, ret_text, ret_len, err);

	if (code == IMAGE_TOO_LARGE)
		return err_set(err, KEY_MALFORMED, "%s: over %zu bytes",
		    err_quote_str(path).text, LIMIT_PEM_BYTES);
	return code;
}

static int
decode_public(const char *path, struct bytes text, struct public_key **ret_key,
    struct err *err)
{
	if (public_key_from_pem(text, ret_key, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

static int
read_token_key(const char *uri, struct public_key **ret_key, struct err *err)
{
	CLEANUP(token_key_closep) struct token_key *key = NULL;

	TRY(token_key_open(uri, pin_ask, &key, err));
	return copy_public(token_key_public(key), ret_key, err);
}

static int
load_public_half(const char *path, struct public_key **ret_key, struct err *err)
{
	CLEANUP(private_key_freep) struct private_key *private = NULL;

	TRY(key_file_private(path, &private, err));
	return copy_public(private_key_public(private), ret_key, err);
}

static int
copy_public(const struct public_key *key, struct public_key **ret_key,
    struct err *err)
{
	CLEANUP(freep) char *pem = NULL;

	TRY(public_key_to_pem(key, &pem, err));
	return public_key_from_pem(bytes_of_str(pem), ret_key, err);
}
