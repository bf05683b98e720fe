#include "measure/verify/credential.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/log.h"
#include "base/scope.h"

enum { SEED_BYTES = PCR_MAX_BYTES, POINT_BYTES = 2 * 48 + 1 };

static const char identity[] = "IDENTITY"; /* labels count their NUL */

/* Appends to a buffer of a known size. */
struct out {
	uint8_t *ptr;
	size_t len;
	size_t max;
};

static void put(struct out *out, const void *data, size_t len);
static void put_u16(struct out *out, size_t value);
static void put_u32(struct out *out, uint32_t value);
static void put_sized(struct out *out, const void *data, size_t len);
static bool make_seed(const struct credential_key *ek, uint8_t *seed,
    struct out *encrypted);
static bool rsa_seed(const struct credential_key *ek, uint8_t *seed,
    struct out *encrypted);
static bool ecc_seed(const struct credential_key *ek, uint8_t *seed,
    struct out *encrypted);
static bool take_point(EVP_PKEY *key, uint8_t point[POINT_BYTES],
    size_t *ret_half);
static bool derive_shared(EVP_PKEY *ours, EVP_PKEY *theirs, uint8_t *z,
    size_t *len);
static bool wrap_secret(const struct credential_key *ek,
    const struct tpm_name *name, const uint8_t *seed, const uint8_t *secret,
    struct out *blob);
static bool kdf_a(enum pcr_bank hash, struct bytes key, const char *label,
    struct bytes context, uint8_t *out, size_t len);
static bool kdf_e(enum pcr_bank hash, struct bytes z, struct bytes info,
    uint8_t *out, size_t len);
static bool derive(const char *kdf, OSSL_PARAM *params, uint8_t *out,
    size_t len);
static bool encrypt_cfb(unsigned bits, const uint8_t *key, struct bytes plain,
    uint8_t *out);
static const EVP_MD *md_of(enum pcr_bank hash);
static void pkey_ctx_freep(EVP_PKEY_CTX **ctx);
static void kdf_freep(EVP_KDF **kdf);
static void kdf_ctx_freep(EVP_KDF_CTX **ctx);
static void cipher_ctx_freep(EVP_CIPHER_CTX **ctx);

int
credential_key_of_public(const struct tpm_public *public,
    struct credential_key *ret_key, struct err *err)
{
	const uint32_t needed = TPM_OBJECT_FIXED_TPM | TPM_OBJECT_FIXED_PARENT |
	                        TPM_OBJECT_RESTRICTED | TPM_OBJECT_DECRYPT;
	struct credential_key key = {
	    .name_hash = public->name_hash,
	    .symmetric_bits = public->symmetric_bits,
	};

	if ((public->attributes & needed) != needed ||
	    (public->attributes & TPM_OBJECT_SIGN) != 0 ||
	    public->symmetric_bits == 0)
		return err_set(err, TPM_ALGORITHM_UNSUPPORTED,
		    "endorsement key: not a restricted decryption key that is "
		    "fixed to its TPM");
	TRY(tpm_public_key(public, &key.key, err));
	*ret_key = key;
	return 0;
}

int
credential_key_of_certificate(EVP_PKEY *key, struct credential_key *ret_key,
    struct err *err)
{
	CLEANUP(tpm_key_freep) EVP_PKEY *owned = key;
	char group[32] = "";

	EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	if (!(EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 2048) &&
	    !(EVP_PKEY_is_a(key, "EC") && strcmp(group, "prime256v1") == 0))
		return err_set(err, TPM_ALGORITHM_UNSUPPORTED,
		    "endorsement certificate: neither RSA 2048 nor P-256: "
		    "give the public area instead");
	*ret_key = (struct credential_key){
	    .key = take_ptr(&owned),
	    .name_hash = PCR_SHA256,
	    .symmetric_bits = 128,
	};
	return 0;
}

void
credential_key_done(struct credential_key *key)
{
	tpm_key_freep(&key->key);
}

/* magic, version, TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET */
int
credential_make(const struct credential_key *ek, const struct tpm_name *ak_name,
    const uint8_t secret[CREDENTIAL_SECRET_BYTES], uint8_t *ret_file,
    size_t *ret_len, struct err *err)
{
	uint8_t seed[SEED_BYTES];
	uint8_t encrypted_bytes[TPM_KEY_MAX_BYTES + 8];
	uint8_t blob_bytes[256];
	struct out encrypted = {encrypted_bytes, 0, sizeof(encrypted_bytes)};
	struct out blob = {blob_bytes, 0, sizeof(blob_bytes)};
	struct out file = {ret_file, 0, CREDENTIAL_MAX_BYTES};

	if (!make_seed(ek, seed, &encrypted) ||
	    !wrap_secret(ek, ak_name, seed, secret, &blob))
		return err_set(err, SYSTEM_FAILED,
		    "credential: libcrypto failed");
	put_u32(&file, 0xbadcc0de);
	put_u32(&file, 1);
	put_sized(&file, blob.ptr, blob.len);
	put_sized(&file, encrypted.ptr, encrypted.len);
	OPENSSL_cleanse(seed, sizeof(seed));
	*ret_len = file.len;
	return 0;
}

int
credential_check_answer(const uint8_t secret[CREDENTIAL_SECRET_BYTES],
    struct bytes answer, struct err *err)
{
	if (answer.len != CREDENTIAL_SECRET_BYTES ||
	    CRYPTO_memcmp(answer.ptr, secret, CREDENTIAL_SECRET_BYTES) != 0)
		return err_set(err, CREDENTIAL_WRONG,
		    "the answer is not the secret of this challenge");
	return 0;
}

static bool
make_seed(const struct credential_key *ek, uint8_t *seed, struct out *encrypted)
{
	if (EVP_PKEY_is_a(ek->key, "RSA"))
		return rsa_seed(ek, seed, encrypted);
	return ecc_seed(ek, seed, encrypted);
}

/* Part 1 B.10.3: a random seed under OAEP, whose label ends in a NUL. */
static bool
rsa_seed(const struct credential_key *ek, uint8_t *seed, struct out *encrypted)
{
	CLEANUP(pkey_ctx_freep)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ek->key, NULL);
	size_t len = TPM_KEY_MAX_BYTES;
	size_t seed_len = pcr_bank_bytes(ek->name_hash);
	void *label = OPENSSL_memdup(identity, sizeof(identity));

	if (ctx == NULL || label == NULL ||
	    RAND_bytes(seed, (int)seed_len) != 1 ||
	    EVP_PKEY_encrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md_of(ek->name_hash)) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md_of(ek->name_hash)) != 1 ||
	    EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, sizeof(identity)) !=
		1) {
		OPENSSL_free(label);
		return false;
	}
	if (EVP_PKEY_encrypt(ctx, encrypted->ptr, &len, seed, seed_len) != 1)
		return false;
	encrypted->len = len;
	return true;
}

/* Part 1 C.6.4: the seed comes from a key that is made for this once. */
static bool
ecc_seed(const struct credential_key *ek, uint8_t *seed, struct out *encrypted)
{
	CLEANUP(tpm_key_freep) EVP_PKEY *once = NULL;
	char group[32];
	uint8_t ours[POINT_BYTES], theirs[POINT_BYTES];
	uint8_t z[48], info_bytes[sizeof(identity) + 2 * 48];
	struct out info = {info_bytes, 0, sizeof(info_bytes)};
	size_t half = 0, their_half = 0, z_len = sizeof(z);

	if (EVP_PKEY_get_group_name(ek->key, group, sizeof(group), NULL) != 1)
		return false;
	once = EVP_EC_gen(group);
	if (once == NULL || !take_point(once, ours, &half) ||
	    !take_point(ek->key, theirs, &their_half) || half != their_half ||
	    !derive_shared(once, ek->key, z, &z_len))
		return false;
	put(&info, identity, sizeof(identity));
	put(&info, ours + 1, half);
	put(&info, theirs + 1, half);
	put_sized(encrypted, ours + 1, half);
	put_sized(encrypted, ours + 1 + half, half);
	return kdf_e(ek->name_hash, bytes_of(z, z_len),
	    bytes_of(info.ptr, info.len), seed, pcr_bank_bytes(ek->name_hash));
}

static bool
take_point(EVP_PKEY *key, uint8_t point[POINT_BYTES], size_t *ret_half)
{
	size_t len = 0;

	if (EVP_PKEY_get_octet_string_param(key,
		OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, POINT_BYTES,
		&len) != 1 ||
	    len % 2 != 1)
		return false;
	*ret_half = (len - 1) / 2;
	return true;
}

static bool
derive_shared(EVP_PKEY *ours, EVP_PKEY *theirs, uint8_t *z, size_t *len)
{
	CLEANUP(pkey_ctx_freep)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ours, NULL);

	return ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
	       EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
	       EVP_PKEY_derive(ctx, z, len) == 1;
}

/* Part 1 "Credential Protection": encrypted, then authenticated with the Name
 * that the TPM has to know the key under. */
static bool
wrap_secret(const struct credential_key *ek, const struct tpm_name *name,
    const uint8_t *seed, const uint8_t *secret, struct out *blob)
{
	size_t hash_len = pcr_bank_bytes(ek->name_hash);
	struct bytes seed_bytes = bytes_of(seed, hash_len);
	struct bytes name_bytes = bytes_of(name->bytes, TPM_NAME_BYTES);
	uint8_t plain[2 + CREDENTIAL_SECRET_BYTES];
	uint8_t both[sizeof(plain) + TPM_NAME_BYTES];
	uint8_t key[32], hmac_key[PCR_MAX_BYTES], hmac[PCR_MAX_BYTES];
	struct out sized = {plain, 0, sizeof(plain)};

	put_sized(&sized, secret, CREDENTIAL_SECRET_BYTES);
	if (!kdf_a(ek->name_hash, seed_bytes, "STORAGE", name_bytes, key,
		ek->symmetric_bits / 8) ||
	    !encrypt_cfb(ek->symmetric_bits, key,
		bytes_of(plain, sizeof(plain)), both) ||
	    !kdf_a(ek->name_hash, seed_bytes, "INTEGRITY", bytes_of(NULL, 0),
		hmac_key, hash_len))
		return false;
	memcpy(both + sizeof(plain), name->bytes, TPM_NAME_BYTES);
	if (HMAC(md_of(ek->name_hash), hmac_key, (int)hash_len, both,
		sizeof(both), hmac, NULL) == NULL)
		return false;
	put_sized(blob, hmac, hash_len);
	put(blob, both, sizeof(plain));
	return true;
}

/* SP 800-108 in counter mode; libcrypto adds the zero byte after the label. */
static bool
kdf_a(enum pcr_bank hash, struct bytes key, const char *label,
    struct bytes context, uint8_t *out, size_t len)
{
	char mode[] = "counter", mac[] = "HMAC", md[16], salt[16];
	uint8_t key_copy[PCR_MAX_BYTES], info[TPM_NAME_BYTES];
	OSSL_PARAM params[7];
	size_t n = 0;

	snprintf(md, sizeof(md), "%s", EVP_MD_get0_name(md_of(hash)));
	snprintf(salt, sizeof(salt), "%s", label);
	memcpy(key_copy, key.ptr, key.len);
	if (context.len > 0)
		memcpy(info, context.ptr, context.len);
	params[n++] =
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, mode, 0);
	params[n++] =
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, mac, 0);
	params[n++] =
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, md, 0);
	params[n++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
	    key_copy, key.len);
	params[n++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
	    salt, strlen(salt));
	if (context.len > 0)
		params[n++] = OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_INFO, info, context.len);
	params[n] = OSSL_PARAM_construct_end();
	return derive("KBKDF", params, out, len);
}

/* SP 800-56A: libcrypto calls it the single-step KDF. */
static bool
kdf_e(enum pcr_bank hash, struct bytes z, struct bytes info, uint8_t *out,
    size_t len)
{
	char md[16];
	uint8_t z_copy[48], info_copy[sizeof(identity) + 2 * 48];
	OSSL_PARAM params[4];

	snprintf(md, sizeof(md), "%s", EVP_MD_get0_name(md_of(hash)));
	memcpy(z_copy, z.ptr, z.len);
	memcpy(info_copy, info.ptr, info.len);
	params[0] =
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, md, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET,
	    z_copy, z.len);
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
	    info_copy, info.len);
	params[3] = OSSL_PARAM_construct_end();
	return derive("SSKDF", params, out, len);
}

static bool
derive(const char *name, OSSL_PARAM *params, uint8_t *out, size_t len)
{
	CLEANUP(kdf_freep) EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, NULL);
	CLEANUP(kdf_ctx_freep) EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

	return ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;
}

static bool
encrypt_cfb(unsigned bits, const uint8_t *key, struct bytes plain, uint8_t *out)
{
	CLEANUP(cipher_ctx_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	static const uint8_t zero_iv[16];
	int len = 0;

	return ctx != NULL &&
	       EVP_EncryptInit_ex(ctx,
		   bits == 128 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128(),
		   NULL, key, zero_iv) == 1 &&
	       EVP_EncryptUpdate(ctx, out, &len, plain.ptr, (int)plain.len) ==
	           1 &&
	       (size_t)len == plain.len;
}

static const EVP_MD *
md_of(enum pcr_bank hash)
{
	return hash == PCR_SHA256 ? EVP_sha256() : EVP_sha384();
}

static void
put(struct out *out, const void *data, size_t len)
{
	bug_unless(len <= out->max - out->len);
	memcpy(out->ptr + out->len, data, len);
	out->len += len;
}

static void
put_u16(struct out *out, size_t value)
{
	uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	put(out, bytes, sizeof(bytes));
}

static void
put_u32(struct out *out, uint32_t value)
{
	put_u16(out, value >> 16);
	put_u16(out, value & 0xffff);
}

static void
put_sized(struct out *out, const void *data, size_t len)
{
	put_u16(out, len);
	put(out, data, len);
}

static void
pkey_ctx_freep(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void
kdf_freep(EVP_KDF **kdf)
{
	EVP_KDF_free(*kdf);
}

static void
kdf_ctx_freep(EVP_KDF_CTX **ctx)
{
	EVP_KDF_CTX_free(*ctx);
}

static void
cipher_ctx_freep(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}
