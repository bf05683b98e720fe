#include "measure/verify/nonce_file.h"

#include <string.h>

#include <openssl/rand.h>

#include "base/scope.h"
#include "measure/verify/once_file.h"

static int use(struct once_file *file, struct kept_nonce *nonce,
    struct err *err);
static int encode(const struct kept_nonce *nonce, char **ret_text,
    struct err *err);

int
nonce_file_create(const char *path, int64_t minutes,
    uint8_t ret_nonce[static KEPT_NONCE_BYTES], struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	struct kept_nonce nonce;
	int64_t now;

	TRY(once_file_now(&now, err));
	nonce.once = once_begin(now, minutes);
	if (RAND_bytes(nonce.nonce, KEPT_NONCE_BYTES) != 1)
		return err_set(err, SYSTEM_FAILED, "no random numbers");
	TRY(encode(&nonce, &text, err));
	TRY(once_file_create(path, bytes_of_str(text), err));
	memcpy(ret_nonce, nonce.nonce, KEPT_NONCE_BYTES);
	return 0;
}

int
nonce_file_use(const char *path, uint8_t ret_nonce[static KEPT_NONCE_BYTES],
    struct err *err)
{
	CLEANUP(once_file_close)
	struct once_file file = {.fd = -1, .dir_fd = -1};
	struct kept_nonce nonce;

	TRY(once_file_open(path, &file, err));
	if (use(&file, &nonce, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	memcpy(ret_nonce, nonce.nonce, KEPT_NONCE_BYTES);
	return 0;
}

static int
use(struct once_file *file, struct kept_nonce *nonce, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	int64_t now;

	TRY(once_file_now(&now, err));
	TRY(kept_nonce_decode(bytes_of(file->text, file->len), nonce, err));
	TRY(once_check(&nonce->once, now, err));
	nonce->once.used = now;
	TRY(encode(nonce, &text, err));
	return once_file_replace(file, bytes_of_str(text), err);
}

static int
encode(const struct kept_nonce *nonce, char **ret_text, struct err *err)
{
	CLEANUP(json_freep) json_t *document = kept_nonce_encode(nonce);

	*ret_text =
	    document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
	return *ret_text != NULL ? 0 : err_set(err, NO_MEMORY, "nonce");
}
