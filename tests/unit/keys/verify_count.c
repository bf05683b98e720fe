#include "verify_count.h"

#include <openssl/evp.h>

size_t verify_count;

int __real_EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig,
    size_t sig_len, const unsigned char *text, size_t len);
int __wrap_EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig,
    size_t sig_len, const unsigned char *text, size_t len);

int
__wrap_EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig,
    size_t sig_len, const unsigned char *text, size_t len)
{
	verify_count++;
	return __real_EVP_DigestVerify(ctx, sig, sig_len, text, len);
}
