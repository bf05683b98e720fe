#include "measure/verify/endorsement.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/scope.h"
#include "keys/pem.h"
#include "measure/verify/endorsement_profile.h"

/* 112 bits, as libcrypto counts them: no SHA-1 and no RSA under 2048 bits in
 * any link of a chain. SSL_CTX_set_security_level(3). */
enum { SECURITY_LEVEL = 2 };

static int read_public(struct bytes raw, const struct endorsement_cas *cas,
    struct credential_key *ret_key, struct err *err);
static int read_certificate(struct bytes raw, const struct endorsement_cas *cas,
    struct credential_key *ret_key, struct err *err);
static bool is_pem(struct bytes raw);
static X509 *parse_certificate(struct bytes raw);
static int check_trust(X509 *certificate, const struct endorsement_cas *cas,
    struct err *err);
static int check_chain(X509 *certificate, const struct endorsement_cas *cas,
    struct err *err);
static int refuse_question(char *buf, int size, int is_for_writing,
    void *context);
static int add_authorities(X509_STORE *store, struct bytes pem,
    struct err *err);
static bool is_end_of_pem(void);
static int digest_key(EVP_PKEY *key, struct digest *ret_digest,
    struct err *err);
static void x509_freep(X509 **certificate);
static void store_freep(X509_STORE **store);
static void store_ctx_freep(X509_STORE_CTX **ctx);
static void bio_freep(BIO **bio);

int
endorsement_read(struct bytes raw, const struct endorsement_cas *cas,
    struct endorsement *ret_endorsement, struct err *err)
{
	CLEANUP(endorsement_done)
	struct endorsement endorsement = {.key = {.key = NULL}};

	if (raw.len > 0 && raw.ptr[0] == 0x30)
		TRY(read_certificate(raw, cas, &endorsement.key, err));
	else
		TRY(read_public(raw, cas, &endorsement.key, err));
	endorsement.is_certified = cas->count > 0;
	TRY(digest_key(endorsement.key.key, &endorsement.digest, err));
	*ret_endorsement = endorsement;
	endorsement.key.key = NULL;
	return 0;
}

int
endorsement_read_file(struct bytes text, const struct endorsement_cas *cas,
    struct endorsement *ret_endorsement, struct err *err)
{
	static const char *const labels[] = {"CERTIFICATE", NULL};
	CLEANUP(pem_block_done) struct pem_block block = {.der = NULL};
	int code;

	if (!is_pem(text))
		return endorsement_read(text, cas, ret_endorsement, err);
	code = pem_decode(text, labels, &block, err);
	if (code == KEY_MALFORMED) {
		err->code = TPM_STRUCTURE_MALFORMED;
		return err_prefix(err, "endorsement certificate");
	}
	if (code != 0)
		return code;
	return endorsement_read(bytes_of(block.der, block.len), cas,
	    ret_endorsement, err);
}

void
endorsement_done(struct endorsement *endorsement)
{
	credential_key_done(&endorsement->key);
}

static int
read_public(struct bytes raw, const struct endorsement_cas *cas,
    struct credential_key *ret_key, struct err *err)
{
	struct tpm_public public;

	if (cas->count > 0)
		return err_set(err, EK_UNTRUSTED,
		    "endorsement key: a public area alone, no certificate");
	TRY(tpm_public_decode(raw, &public, err));
	return credential_key_of_public(&public, ret_key, err);
}

static int
read_certificate(struct bytes raw, const struct endorsement_cas *cas,
    struct credential_key *ret_key, struct err *err)
{
	CLEANUP(x509_freep) X509 *certificate = parse_certificate(raw);
	EVP_PKEY *key = NULL;

	if (certificate != NULL)
		key = X509_get_pubkey(certificate);
	if (key == NULL)
		return err_set(err, TPM_STRUCTURE_MALFORMED,
		    "endorsement certificate: not X.509 in DER");
	TRY(credential_key_of_certificate(key, ret_key, err));
	if (check_trust(certificate, cas, err) != 0) {
		credential_key_done(ret_key);
		return (int)err->code;
	}
	return 0;
}

static bool
is_pem(struct bytes raw)
{
	static const char head[] = "-----BEGIN ";

	return raw.len > sizeof(head) &&
	       memcmp(raw.ptr, head, sizeof(head) - 1) == 0;
}

/* DER has nothing behind it. */
static X509 *
parse_certificate(struct bytes raw)
{
	const uint8_t *at = raw.ptr;
	CLEANUP(x509_freep)
	X509 *certificate = d2i_X509(NULL, &at, (long)raw.len);

	return at == raw.ptr + raw.len ? take_ptr(&certificate) : NULL;
}

/* Of an endorsement key it has to be, whoever is asked about it. */
static int
check_trust(X509 *certificate, const struct endorsement_cas *cas,
    struct err *err)
{
	if (cas->count > 0)
		TRY(check_chain(certificate, cas, err));
	return endorsement_profile_check(certificate, err);
}

static int
check_chain(X509 *certificate, const struct endorsement_cas *cas,
    struct err *err)
{
	CLEANUP(store_freep) X509_STORE *store = X509_STORE_new();
	CLEANUP(store_ctx_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	if (store == NULL || ctx == NULL)
		return err_set(err, NO_MEMORY, "certificates");
	for (size_t i = 0; i < cas->count; i++)
		TRY(add_authorities(store, cas->pem[i], err));
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	if (X509_STORE_CTX_init(ctx, store, certificate, NULL) != 1)
		return err_set(err, NO_MEMORY, "certificates");
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(ctx),
	    SECURITY_LEVEL);
	if (X509_verify_cert(ctx) != 1)
		return err_set(err, EK_UNTRUSTED, "endorsement certificate: %s",
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(ctx)));
	return 0;
}

/* libcrypto's own would ask the terminal, and wait. */
static int
refuse_question(char *buf, int size, int is_for_writing, void *context)
{
	(void)buf;
	(void)size;
	(void)is_for_writing;
	(void)context;
	return -1;
}

static int
add_authorities(X509_STORE *store, struct bytes pem, struct err *err)
{
	CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	size_t count = 0;

	for (;;) {
		CLEANUP(x509_freep)
		X509 *authority =
		    PEM_read_bio_X509(bio, NULL, refuse_question, NULL);

		if (authority == NULL)
			break;
		if (X509_STORE_add_cert(store, authority) != 1)
			return err_set(err, NO_MEMORY, "certificates");
		count++;
	}
	if (count == 0 || !is_end_of_pem())
		return err_set(err, EK_UNTRUSTED,
		    count > 0
			? "an authority's file holds more than PEM certificates"
			: "an authority's file holds no PEM certificate");
	return 0;
}

/* Why no further certificate was read; the queue is empty after that. */
static bool
is_end_of_pem(void)
{
	unsigned long why = ERR_peek_last_error();

	ERR_clear_error();
	return ERR_GET_LIB(why) == ERR_LIB_PEM &&
	       ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
}

static int
digest_key(EVP_PKEY *key, struct digest *ret_digest, struct err *err)
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	int code;

	if (len <= 0)
		return err_set(err, NO_MEMORY, "endorsement key");
	code = digest_of(bytes_of(der, (size_t)len), ret_digest, err);
	OPENSSL_free(der);
	return code;
}

static void
x509_freep(X509 **certificate)
{
	X509_free(*certificate);
	*certificate = NULL;
}

static void
store_freep(X509_STORE **store)
{
	X509_STORE_free(*store);
}

static void
store_ctx_freep(X509_STORE_CTX **ctx)
{
	X509_STORE_CTX_free(*ctx);
}

static void
bio_freep(BIO **bio)
{
	BIO_free(*bio);
}
