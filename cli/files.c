#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/draft.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/pin.h"
#include "image-store/image_dir.h"
#include "keys/private_key.h"
#include "keys/token_key.h"

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
static bool is_directory(const char *path);

int
files_sealed(const char *path, size_t max_bytes, struct sealed **ret_sealed,
    struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	return sealed_copy_max(fd, max_bytes, err_quote_str(path).text,
	    ret_sealed, err);
}

int
files_public_key(const char *path, struct public_key **ret_key, struct err *err)
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
files_any_key(const char *path, struct public_key **ret_key, struct err *err)
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
files_of_image(const char *dir, const char *name, size_t max_bytes,
    struct sealed **ret_sealed, struct err *err)
{
	char path[FILES_PATH_SIZE];

	TRY(files_join(dir, name, path, err));
	if (files_sealed(path, max_bytes, ret_sealed, err) == 0)
		return 0;
	if (strcmp(name, IMAGE_DIR_ENVELOPE) != 0)
		return (int)err->code;
	if (err->sys == ENOENT && is_directory(dir))
		return err_set(err, IMAGE_UNSIGNED, "no %s in %s",
		    IMAGE_DIR_ENVELOPE, err_quote_str(dir).text);
	if (err->code == IMAGE_TOO_LARGE)
		err->code = ENVELOPE_TOO_LARGE;
	return (int)err->code;
}

int
files_join(const char *dir, const char *name, char ret_path[FILES_PATH_SIZE],
    struct err *err)
{
	int len = snprintf(ret_path, FILES_PATH_SIZE, "%s/%s", dir, name);

	if (len >= FILES_PATH_SIZE)
		return err_set(err, STORE_IO, "%s: the path is over %d bytes",
		    err_quote_str(dir).text, FILES_PATH_SIZE - 1);
	return 0;
}

int
files_lock(const char *path, int *ret_fd, struct err *err)
{
	CLEANUP(freep) char *copy = strdup(path);
	CLEANUP(closep) int fd = -1;

	if (copy == NULL)
		return err_set(err, NO_MEMORY, "path");
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	*ret_fd = take_fd(&fd);
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

	TRY(private_key_load(path, &private, err));
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

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}
