#include "cli/tpm/secret_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/key_file.h"
#include "keys/sign/dsse_signer.h"

static int refuse_signed(const char *path, struct bytes raw, struct err *err);
static int open_signed(const char *path, const char *signer, struct bytes raw,
    char **ret_text, size_t *ret_len, struct err *err);

int
secret_file_read(const char *path, const char *signer, char **ret_text,
    size_t *ret_len, struct err *err)
{
	CLEANUP(freep) char *raw = NULL;
	size_t len;
	int code = file_read(path, LIMIT_ENVELOPE_BYTES, &raw, &len, err);

	if (code == IMAGE_TOO_LARGE)
		err->code = SECRET_MALFORMED;
	if (code != 0)
		return (int)err->code;
	if (signer != NULL)
		return open_signed(path, signer, bytes_of(raw, len), ret_text,
		    ret_len, err);
	TRY(refuse_signed(path, bytes_of(raw, len), err));
	*ret_text = take_ptr(&raw);
	*ret_len = len;
	return 0;
}

static int
refuse_signed(const char *path, struct bytes raw, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct err ignored;

	if (dsse_decode(raw, &envelope, &ignored) != 0)
		return 0;
	return err_set(err, SIGNER_OTHER,
	    "%s: it is signed; say by whom with --signed-by",
	    err_quote_str(path).text);
}

static int
open_signed(const char *path, const char *signer, struct bytes raw,
    char **ret_text, size_t *ret_len, struct err *err)
{
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct bytes payload;
	char *text;

	TRY(key_file_public(signer, &key, err));
	if (dsse_open_signed(raw, DSSE_SECRET_PAYLOAD_TYPE, key, &envelope,
		err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	payload = dsse_raw_payload(envelope);
	text = malloc(payload.len + 1);
	if (text == NULL)
		return err_set(err, NO_MEMORY, "sealed secret");
	memcpy(text, payload.ptr, payload.len);
	text[payload.len] = '\0';
	*ret_text = text;
	*ret_len = payload.len;
	return 0;
}
