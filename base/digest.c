#include "base/digest.h"

#include <openssl/evp.h>

#include "base/hex.h"
#include "base/scope.h"

struct hasher {
	EVP_MD_CTX *context;
};

static const char prefix[] = "sha256:";

int
digest_of(struct bytes data, struct digest *ret_digest, struct err *err)
{
	if (EVP_Digest(data.ptr, data.len, ret_digest->bytes, NULL,
		EVP_sha256(), NULL) != 1)
		return err_set(err, NO_MEMORY, "sha256 of %zu bytes", data.len);
	return 0;
}

int
hasher_new(struct hasher **ret_hasher, struct err *err)
{
	CLEANUP(hasher_freep)
	struct hasher *hasher = calloc(1, sizeof(*hasher));

	if (hasher == NULL)
		return err_set(err, NO_MEMORY, "sha256");
	hasher->context = EVP_MD_CTX_new();
	if (hasher->context == NULL ||
	    EVP_DigestInit_ex(hasher->context, EVP_sha256(), NULL) != 1)
		return err_set(err, NO_MEMORY, "sha256");
	*ret_hasher = take_ptr(&hasher);
	return 0;
}

int
hasher_add(struct hasher *hasher, struct bytes data, struct err *err)
{
	if (EVP_DigestUpdate(hasher->context, data.ptr, data.len) != 1)
		return err_set(err, NO_MEMORY, "sha256 of %zu bytes", data.len);
	return 0;
}

int
hasher_end(struct hasher *hasher, struct digest *ret_digest, struct err *err)
{
	if (EVP_DigestFinal_ex(hasher->context, ret_digest->bytes, NULL) != 1)
		return err_set(err, NO_MEMORY, "sha256");
	return 0;
}

void
hasher_freep(struct hasher **hasher)
{
	if (*hasher == NULL)
		return;
	EVP_MD_CTX_free((*hasher)->context);
	free(*hasher);
	*hasher = NULL;
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

void
digest_hex(const struct digest *digest, char ret_hex[DIGEST_HEX_SIZE])
{
	hex_encode(bytes_of(digest->bytes, DIGEST_BYTES), ret_hex);
}

void
digest_text(const struct digest *digest, char ret_text[DIGEST_TEXT_SIZE])
{
	memcpy(ret_text, prefix, sizeof(prefix));
	digest_hex(digest, ret_text + sizeof(prefix) - 1);
}
