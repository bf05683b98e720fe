#include "cli/files.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"

int
files_public_key(const char *path, struct public_key **ret_key,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	TRY(file_read(path, LIMIT_PEM_BYTES, &text, &len, err));
	if (public_key_from_pem(bytes_of(text, len), ret_key, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

int
files_trust(const char *path, struct trust_policy **ret_policy,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	TRY(file_read(path, LIMIT_TRUST_BYTES, &text, &len, err));
	if (trust_decode(bytes_of(text, len), ret_policy, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

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
files_join(const char *dir, const char *name, char ret_path[FILES_PATH_SIZE],
    struct err *err)
{
	int len = snprintf(ret_path, FILES_PATH_SIZE, "%s/%s", dir, name);

	if (len >= FILES_PATH_SIZE)
		return err_set(err, STORE_IO, "path too long");
	return 0;
}
