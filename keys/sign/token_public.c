#include "keys/sign/token_public.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "base/scope.h"

struct value {
	uint8_t *ptr;
	size_t len;
};

static int make_rsa(const struct token_session *session,
    CK_OBJECT_HANDLE object, EVP_PKEY **ret_pkey, struct err *err);
static int make_ec(const struct token_session *session, CK_OBJECT_HANDLE object,
    EVP_PKEY **ret_pkey, struct err *err);
static int make_edwards(const struct token_session *session,
    CK_OBJECT_HANDLE object, EVP_PKEY **ret_pkey, struct err *err);
static int read_value(const struct token_session *session,
    CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct value *value,
    struct err *err);
static int read_point(const struct token_session *session,
    CK_OBJECT_HANDLE object, struct value *point, struct err *err);
static const char *group_of(struct bytes ec_params);
static EVP_PKEY *pkey_from(const char *type, OSSL_PARAM_BLD *builder);
static int encode(EVP_PKEY *pkey, struct public_key **ret_key, struct err *err);
static void value_done(struct value *value);
static void free_pkey(EVP_PKEY **pkey);
static void free_builder(OSSL_PARAM_BLD **builder);
static void free_bn(BIGNUM **bn);

int
token_public_read(const struct token_session *session, CK_OBJECT_HANDLE object,
    struct public_key **ret_key, struct err *err)
{
	CLEANUP(free_pkey) EVP_PKEY *pkey = NULL;
	CLEANUP(value_done) struct value type = {NULL, 0};
	CK_KEY_TYPE key_type;

	TRY(read_value(session, object, CKA_KEY_TYPE, &type, err));
	if (type.len != sizeof(key_type))
		return err_set(err, PKCS11_FAILED, "CKA_KEY_TYPE: %zu bytes",
		    type.len);
	memcpy(&key_type, type.ptr, sizeof(key_type));
	if (key_type == CKK_RSA)
		TRY(make_rsa(session, object, &pkey, err));
	else if (key_type == CKK_EC)
		TRY(make_ec(session, object, &pkey, err));
	else if (key_type == CKK_EC_EDWARDS)
		TRY(make_edwards(session, object, &pkey, err));
	else
		return err_set(err, KEY_UNSUPPORTED,
		    "a token's key of the PKCS#11 type 0x%lx", key_type);
	ERR_clear_error();
	if (pkey == NULL)
		return err_set(err, KEY_MALFORMED,
		    "the token's public key is none that libcrypto can read");
	return encode(pkey, ret_key, err);
}

static int
make_rsa(const struct token_session *session, CK_OBJECT_HANDLE object,
    EVP_PKEY **ret_pkey, struct err *err)
{
	CLEANUP(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	CLEANUP(value_done) struct value modulus = {NULL, 0};
	CLEANUP(value_done) struct value exponent = {NULL, 0};
	CLEANUP(free_bn) BIGNUM *n = NULL;
	CLEANUP(free_bn) BIGNUM *e = NULL;

	TRY(read_value(session, object, CKA_MODULUS, &modulus, err));
	TRY(read_value(session, object, CKA_PUBLIC_EXPONENT, &exponent, err));
	n = BN_bin2bn(modulus.ptr, (int)modulus.len, NULL);
	e = BN_bin2bn(exponent.ptr, (int)exponent.len, NULL);
	if (builder == NULL || n == NULL || e == NULL ||
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return err_set(err, NO_MEMORY, "public key of a token");
	*ret_pkey = pkey_from("RSA", builder);
	return 0;
}

static int
make_ec(const struct token_session *session, CK_OBJECT_HANDLE object,
    EVP_PKEY **ret_pkey, struct err *err)
{
	CLEANUP(free_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	CLEANUP(value_done) struct value params = {NULL, 0};
	CLEANUP(value_done) struct value point = {NULL, 0};
	const char *group;

	TRY(read_value(session, object, CKA_EC_PARAMS, &params, err));
	TRY(read_point(session, object, &point, err));
	group = group_of(bytes_of(params.ptr, params.len));
	if (group == NULL)
		return err_set(err, KEY_CURVE_WRONG,
		    "ec: the token's curve has no name that is known");
	if (builder == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME,
		group, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
		point.ptr, point.len) != 1)
		return err_set(err, NO_MEMORY, "public key of a token");
	*ret_pkey = pkey_from("EC", builder);
	return 0;
}

/* Ed25519 has points of 32 bytes; any other curve is refused by that. */
static int
make_edwards(const struct token_session *session, CK_OBJECT_HANDLE object,
    EVP_PKEY **ret_pkey, struct err *err)
{
	CLEANUP(value_done) struct value point = {NULL, 0};

	TRY(read_point(session, object, &point, err));
	*ret_pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
	    point.ptr, point.len);
	return 0;
}

static int
read_value(const struct token_session *session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, struct value *value, struct err *err)
{
	return token_session_read(session, object, type, &value->ptr,
	    &value->len, err);
}

/* CKA_EC_POINT is a DER OCTET STRING around the point. */
static int
read_point(const struct token_session *session, CK_OBJECT_HANDLE object,
    struct value *point, struct err *err)
{
	CLEANUP(value_done) struct value der = {NULL, 0};
	ASN1_OCTET_STRING *string;
	const uint8_t *pos;

	TRY(read_value(session, object, CKA_EC_POINT, &der, err));
	pos = der.ptr;
	string = d2i_ASN1_OCTET_STRING(NULL, &pos, (long)der.len);
	if (string == NULL)
		return err_set(err, KEY_MALFORMED,
		    "CKA_EC_POINT: not a DER octet string");
	point->len = (size_t)ASN1_STRING_length(string);
	point->ptr = malloc(point->len + 1);
	if (point->ptr != NULL)
		memcpy(point->ptr, ASN1_STRING_get0_data(string), point->len);
	ASN1_OCTET_STRING_free(string);
	if (point->ptr == NULL)
		return err_set(err, NO_MEMORY, "public key of a token");
	return 0;
}

/* NULL for explicit parameters, and for a curve that libcrypto cannot name. */
static const char *
group_of(struct bytes ec_params)
{
	const uint8_t *pos = ec_params.ptr;
	ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &pos, (long)ec_params.len);
	int nid = OBJ_obj2nid(object);

	ASN1_OBJECT_free(object);
	return nid == NID_undef ? NULL : OBJ_nid2sn(nid);
}

/* NULL if libcrypto finds no key in it. */
static EVP_PKEY *
pkey_from(const char *type, OSSL_PARAM_BLD *builder)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY *pkey = NULL;

	if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static int
encode(EVP_PKEY *pkey, struct public_key **ret_key, struct err *err)
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(pkey, &der);
	int code;

	if (len < 0)
		return err_set(err, NO_MEMORY, "public key of a token");
	code = public_key_from_spki(bytes_of(der, (size_t)len), ret_key, err);
	OPENSSL_free(der);
	return code;
}

static void
value_done(struct value *value)
{
	freep(&value->ptr);
}

static void
free_pkey(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void
free_builder(OSSL_PARAM_BLD **builder)
{
	OSSL_PARAM_BLD_free(*builder);
}

static void
free_bn(BIGNUM **bn)
{
	BN_free(*bn);
}
