#include "keys/sign/token_key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"
#include "keys/sign/ecdsa_form.h"
#include "keys/scheme.h"
#include "keys/sign/token_public.h"
#include "keys/sign/token_session.h"

struct token_key {
	struct token_session session;
	CK_OBJECT_HANDLE private;
	struct public_key *public;
};

static int find_private(struct token_key *key, struct err *err);
static int find_public(const struct token_key *key,
    CK_OBJECT_HANDLE *ret_object, struct err *err);
static int hash(enum algorithm algorithm, struct bytes message,
    uint8_t hashed[EVP_MAX_MD_SIZE], struct bytes *ret_data, struct err *err);
static int sign(const struct token_key *key, struct bytes data,
    uint8_t **ret_sig, size_t *ret_len, struct err *err);
static CK_MECHANISM mechanism_of(enum algorithm algorithm);

int
token_key_open(const char *uri, token_ask_fn *ask, struct token_key **ret_key,
    struct err *err)
{
	CLEANUP(token_key_closep) struct token_key *key = NULL;
	CK_OBJECT_HANDLE public;

	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return err_set(err, NO_MEMORY, "token");
	TRY(token_session_open(uri, ask, &key->session, err));
	TRY(find_private(key, err));
	TRY(find_public(key, &public, err));
	TRY(token_public_read(&key->session, public, &key->public, err));
	*ret_key = take_ptr(&key);
	return 0;
}

void
token_key_closep(struct token_key **key)
{
	if (*key == NULL)
		return;
	token_session_close(&(*key)->session);
	public_key_freep(&(*key)->public);
	freep(key);
}

const struct public_key *
token_key_public(const struct token_key *key)
{
	return key->public;
}

int
token_key_sign(const struct token_key *key, struct bytes message,
    uint8_t **ret_sig, size_t *ret_len, struct err *err)
{
	enum algorithm algorithm = public_key_algorithm(key->public);
	CLEANUP(freep) uint8_t *sig = NULL;
	uint8_t hashed[EVP_MAX_MD_SIZE];
	struct bytes data;
	size_t len = 0;

	TRY(hash(algorithm, message, hashed, &data, err));
	TRY(sign(key, data, &sig, &len, err));
	if (algorithm_raw_bytes(algorithm) > 0)
		return ecdsa_form_to_der(bytes_of(sig, len), ret_sig, ret_len,
		    err);
	*ret_sig = take_ptr(&sig);
	*ret_len = len;
	return 0;
}

/* As the URI says, but always a private key. */
static int
find_private(struct token_key *key, struct err *err)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	const CK_ATTRIBUTE *from;
	CK_ATTRIBUTE wanted[8] = {{CKA_CLASS, &class, sizeof(class)}};
	CK_ULONG from_count, count = 1;

	from = p11_kit_uri_get_attributes(key->session.uri, &from_count);
	for (CK_ULONG i = 0; i < from_count && count < countof(wanted); i++) {
		if (from[i].type != CKA_CLASS)
			wanted[count++] = from[i];
	}
	return token_session_find(&key->session, wanted, count, "private key",
	    &key->private, err);
}

/* PKCS #11 §4.9: the CKA_ID of a private key is that of its public key. */
static int
find_public(const struct token_key *key, CK_OBJECT_HANDLE *ret_object,
    struct err *err)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_ATTRIBUTE wanted[] = {
	    {CKA_CLASS, &class, sizeof(class)},
	    {CKA_ID, NULL, 0},
	};
	CLEANUP(freep) uint8_t *id = NULL;
	size_t len;

	TRY(token_session_read(&key->session, key->private, CKA_ID, &id, &len,
	    err));
	wanted[1].pValue = id;
	wanted[1].ulValueLen = len;
	return token_session_find(&key->session, wanted, countof(wanted),
	    "public key (one with the CKA_ID of the private key)", ret_object,
	    err);
}

/* What the token is to sign: tokens hash in too many ways to rely on one. */
static int
hash(enum algorithm algorithm, struct bytes message,
    uint8_t hashed[EVP_MAX_MD_SIZE], struct bytes *ret_data, struct err *err)
{
	const EVP_MD *md = scheme_hash(algorithm);
	unsigned int len;

	*ret_data = message;
	if (md == NULL)
		return 0;
	if (EVP_Digest(message.ptr, message.len, hashed, &len, md, NULL) != 1)
		return err_set(err, SYSTEM_FAILED, "libcrypto: cannot hash");
	*ret_data = bytes_of(hashed, len);
	return 0;
}

static int
sign(const struct token_key *key, struct bytes data, uint8_t **ret_sig,
    size_t *ret_len, struct err *err)
{
	const struct token_session *session = &key->session;
	CK_MECHANISM mechanism =
	    mechanism_of(public_key_algorithm(key->public));
	CLEANUP(freep) uint8_t *copy = malloc(data.len + 1);
	CLEANUP(freep) uint8_t *sig = malloc(LIMIT_SIGNATURE_BYTES);
	CK_ULONG len = LIMIT_SIGNATURE_BYTES;
	CK_RV rv;

	if (copy == NULL || sig == NULL)
		return err_set(err, NO_MEMORY, "signature");
	memcpy(copy, data.ptr, data.len);
	rv = session->module->C_SignInit(session->handle, &mechanism,
	    key->private);
	if (rv != CKR_OK)
		return token_session_failed(err, "C_SignInit", rv);
	rv =
	    session->module->C_Sign(session->handle, copy, data.len, sig, &len);
	if (rv != CKR_OK)
		return token_session_failed(err, "C_Sign", rv);
	*ret_sig = take_ptr(&sig);
	*ret_len = len;
	return 0;
}

static CK_MECHANISM
mechanism_of(enum algorithm algorithm)
{
	static CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};

	switch (algorithm) {
	case ALGORITHM_ECDSA_P256_SHA256:
	case ALGORITHM_ECDSA_P384_SHA384:
		return (CK_MECHANISM){CKM_ECDSA, NULL, 0};
	case ALGORITHM_RSA_PSS_SHA256:
		return (CK_MECHANISM){CKM_RSA_PKCS_PSS, &pss, sizeof(pss)};
	case ALGORITHM_ED25519:
		return (CK_MECHANISM){CKM_EDDSA, NULL, 0};
	case ALGORITHM_ML_DSA_65:
	case ALGORITHM_ML_DSA_87:
		break; /* token_public.h reads no such key */
	}
	log_bug(__FILE__, __LINE__, "algorithm is one of ours");
}
