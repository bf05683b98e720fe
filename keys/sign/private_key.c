#include "keys/sign/private_key.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"
#include "keys/pem.h"
#include "keys/scheme.h"

struct private_key {
	EVP_PKEY *pkey;
	struct public_key *public;
};

struct secret_text {
	char *ptr;
	size_t len;
};

static EVP_PKEY *generate(enum algorithm algorithm);
static int read_text(const char *path, struct secret_text *ret_text,
    struct err *err);
static int decode_text(struct bytes text, EVP_PKEY **ret_pkey, struct err *err);
static EVP_PKEY *decode_block(const struct pem_block *block);
static EVP_PKEY *decode_pkcs8(const uint8_t **pos, long len);
static int check_pair(EVP_PKEY *pkey, struct err *err);
static int add_public(struct private_key *key, struct err *err);
static int libcrypto_failed(struct err *err, const char *what);
static void secret_text_done(struct secret_text *text);
static void free_pkey(EVP_PKEY **pkey);
static void free_pkey_ctx(EVP_PKEY_CTX **ctx);
static void free_md_ctx(EVP_MD_CTX **ctx);
static void free_bio(BIO **bio);

int
private_key_generate(enum algorithm algorithm, struct private_key **ret_key,
    struct err *err)
{
	CLEANUP(private_key_freep) struct private_key *key = NULL;

	TRY(scheme_check_available(algorithm, err));
	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return err_set(err, NO_MEMORY, "private key");
	key->pkey = generate(algorithm);
	if (key->pkey == NULL)
		return libcrypto_failed(err, "make a key");
	TRY(add_public(key, err));
	*ret_key = take_ptr(&key);
	return 0;
}

int
private_key_load(const char *path, struct private_key **ret_key,
    struct err *err)
{
	CLEANUP(private_key_freep) struct private_key *key = NULL;
	CLEANUP(secret_text_done) struct secret_text text = {.ptr = NULL};

	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return err_set(err, NO_MEMORY, "private key");
	TRY(read_text(path, &text, err));
	if (decode_text(bytes_of(text.ptr, text.len), &key->pkey, err) != 0 ||
	    add_public(key, err) != 0 || check_pair(key->pkey, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	*ret_key = take_ptr(&key);
	return 0;
}

int
private_key_save(const struct private_key *key, const char *path,
    struct err *err)
{
	CLEANUP(free_bio) BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long len;

	if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL,
			       NULL, 0, NULL, NULL) != 1)
		return libcrypto_failed(err, "write a key");
	len = BIO_get_mem_data(bio, &text);
	return file_write(path, bytes_of(text, (size_t)len), 0600, FILE_REFUSE,
	    err);
}

void
private_key_freep(struct private_key **key)
{
	if (*key == NULL)
		return;
	EVP_PKEY_free((*key)->pkey);
	public_key_freep(&(*key)->public);
	freep(key);
}

const struct public_key *
private_key_public(const struct private_key *key)
{
	return key->public;
}

int
private_key_sign(const struct private_key *key, struct bytes message,
    uint8_t **ret_sig, size_t *ret_len, struct err *err)
{
	enum algorithm algorithm = public_key_algorithm(key->public);
	CLEANUP(free_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CLEANUP(freep) uint8_t *sig = NULL;
	size_t len = (size_t)EVP_PKEY_get_size(key->pkey);
	EVP_PKEY_CTX *borrowed = NULL;

	sig = malloc(len);
	if (sig == NULL || ctx == NULL)
		return err_set(err, NO_MEMORY, "signature");
	if (EVP_DigestSignInit(ctx, &borrowed, scheme_hash(algorithm), NULL,
		key->pkey) != 1 ||
	    !scheme_set_padding(algorithm, borrowed) ||
	    EVP_DigestSign(ctx, sig, &len, message.ptr, message.len) != 1)
		return libcrypto_failed(err, "sign");
	*ret_sig = take_ptr(&sig);
	*ret_len = len;
	return 0;
}

static EVP_PKEY *
generate(enum algorithm algorithm)
{
	static const size_t rsa_bits = 3072;

	switch (algorithm) {
	case ALGORITHM_ECDSA_P256_SHA256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	case ALGORITHM_ECDSA_P384_SHA384:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	case ALGORITHM_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case ALGORITHM_RSA_PSS_SHA256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", rsa_bits);
	case ALGORITHM_ML_DSA_65:
	case ALGORITHM_ML_DSA_87:
		return EVP_PKEY_Q_keygen(NULL, NULL,
		    scheme_ml_dsa_name(algorithm));
	}
	log_bug(__FILE__, __LINE__, "algorithm is one of ours");
}

static int
read_text(const char *path, struct secret_text *ret_text, struct err *err)
{
	int code = file_read(path, LIMIT_PEM_BYTES, &ret_text->ptr,
	    &ret_text->len, err);

	if (code == IMAGE_TOO_LARGE)
		return err_set(err, KEY_MALFORMED, "%s: over %zu bytes",
		    err_quote_str(path).text, LIMIT_PEM_BYTES);
	return code;
}

static int
decode_text(struct bytes text, EVP_PKEY **ret_pkey, struct err *err)
{
	static const char *const labels[] = {"PRIVATE KEY", "EC PRIVATE KEY",
	    "RSA PRIVATE KEY", NULL};
	CLEANUP(pem_block_done) struct pem_block block = {.der = NULL};
	EVP_PKEY *pkey;
	int code = pem_decode(text, labels, &block, err);

	if (code == KEY_MALFORMED &&
	    memmem(text.ptr, text.len, "ENCRYPTED", 9) != NULL)
		return err_set(err, KEY_MALFORMED,
		    "the key is encrypted, and assay asks for no passphrase");
	TRY(code);
	pkey = decode_block(&block);
	ERR_clear_error();
	if (pkey == NULL)
		return err_set(err, KEY_MALFORMED, "not one DER \"%s\"",
		    block.label);
	*ret_pkey = pkey;
	return 0;
}

/* NULL if it is not the whole of one key of the type that the label says. */
static EVP_PKEY *
decode_block(const struct pem_block *block)
{
	CLEANUP(free_pkey) EVP_PKEY *pkey = NULL;
	const uint8_t *pos = block->der;
	long len = (long)block->len;

	if (strcmp(block->label, "PRIVATE KEY") == 0)
		pkey = decode_pkcs8(&pos, len);
	else if (strcmp(block->label, "EC PRIVATE KEY") == 0)
		pkey = d2i_PrivateKey(EVP_PKEY_EC, NULL, &pos, len);
	else
		pkey = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &pos, len);
	if (pos != block->der + block->len)
		return NULL;
	return take_ptr(&pkey);
}

static EVP_PKEY *
decode_pkcs8(const uint8_t **pos, long len)
{
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, pos, len);
	EVP_PKEY *pkey;

	if (info == NULL)
		return NULL;
	pkey = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	return pkey;
}

/* The public half in the file could be another key's. */
static int
check_pair(EVP_PKEY *pkey, struct err *err)
{
	CLEANUP(free_pkey_ctx) EVP_PKEY_CTX *ctx = NULL;
	int result;

	ctx = EVP_PKEY_CTX_new(pkey, NULL);
	if (ctx == NULL)
		return libcrypto_failed(err, "check a key");
	result = EVP_PKEY_pairwise_check(ctx);
	ERR_clear_error();
	if (result != 1)
		return err_set(err, KEY_MALFORMED,
		    "the private and the public half do not belong together");
	return 0;
}

/* Through the same door as any public key, so the same rules hold. */
static int
add_public(struct private_key *key, struct err *err)
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key->pkey, &der);
	int code;

	if (len < 0)
		return libcrypto_failed(err, "encode a public key");
	code =
	    public_key_from_spki(bytes_of(der, (size_t)len), &key->public, err);
	OPENSSL_free(der);
	return code;
}

static int
libcrypto_failed(struct err *err, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	err_set(err, SYSTEM_FAILED, "libcrypto: cannot %s: %s", what,
	    reason != NULL ? reason : "no reason given");
	ERR_clear_error();
	return (int)err->code;
}

static void
secret_text_done(struct secret_text *text)
{
	if (text->ptr != NULL)
		OPENSSL_cleanse(text->ptr, text->len);
	freep(&text->ptr);
}

static void
free_pkey(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void
free_pkey_ctx(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void
free_md_ctx(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static void
free_bio(BIO **bio)
{
	BIO_free(*bio);
}
