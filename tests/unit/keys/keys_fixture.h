/*
 * Good keys, policies and envelopes for the tests of keys/, each in one call,
 * as JSON trees in which a test breaks one thing.
 *
 * Signs with libcrypto directly, not with keys/sign/private_key.h, and computes
 * PAE in its own way, so that the two sides check each other.
 */
#ifndef ASSAY_TESTS_KEYS_FIXTURE_H
#define ASSAY_TESTS_KEYS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/limits.h"
#include "keys/algorithm.h"
#include "keys/dsse.h"
#include "keys/verify_budget.h"

#define PAYLOAD "{\"schema\":\"assay.image/1\"}"

/* The code is asserted by name, so that a failure can be read. */
#define assert_code(result, code) \
	fixture_assert_code((result), (code), __FILE__, __LINE__)
void fixture_assert_code(int result, enum err_code code, const char *file,
    int line);

/* What an output parameter holds before a call that must not touch it. */
#define UNTOUCHED ((void *)untouched)
extern char untouched[1];

/* For a call whose work is not what the test is about. */
#define FRESH_BUDGET                                                       \
	(&(struct verify_budget){.max_verifications = LIMIT_VERIFICATIONS, \
	    .max_envelope_bytes = LIMIT_REQUEST_ENVELOPE_BYTES})

struct fixture_key {
	EVP_PKEY *pkey;
	enum algorithm algorithm;
	char *pem;
	char id[DIGEST_HEX_SIZE];
};

/* The n-th key of the algorithm, n < 4; made when first asked for. */
const struct fixture_key *fixture_key(enum algorithm algorithm, size_t n);

/* PEM of any public key. Returns owned. */
char *fixture_pem(EVP_PKEY *pkey);

/* PEM around any bytes. Returns owned. */
char *fixture_pem_of_der(const char *label, struct bytes der);

/* Sign with any digest, or NULL. Returns owned. */
struct bytes fixture_sign(EVP_PKEY *pkey, const char *hash,
    struct bytes message);

/* Sign as the key's algorithm demands. Returns owned. */
struct bytes fixture_sign_with(const struct fixture_key *key,
    struct bytes message);

void fixture_free_bytes(struct bytes bytes);

/*
 * A good policy. Role "prod": two of P-384 #0, Ed25519 #0, RSA #0, images
 * "web-*" and "db"; role "lab": P-256 #0, debug, images "*".
 */
json_t *fixture_trust(void);

/* List a key in a policy; it is in no role yet. */
void fixture_trust_add_key(json_t *trust, const struct fixture_key *key);

json_t *fixture_role(json_t *trust, const char *role);

/* An envelope without signatures. */
json_t *fixture_envelope(const char *payload_type, struct bytes payload);

/* What a signer of the envelope signs. Returns owned. */
struct bytes fixture_pae(json_t *envelope);

/* Sign the envelope as it is. `keyid` may be NULL. */
void fixture_envelope_sign(json_t *envelope, const struct fixture_key *key,
    const char *keyid);

/* PAYLOAD signed by P-384 #0 and Ed25519 #0. */
json_t *fixture_signed_envelope(void);

/* JSON text. Takes the tree. Returns owned. */
char *fixture_text(json_t *tree);

/* base64, standard alphabet. Returns owned. */
char *fixture_base64(struct bytes bytes);

#endif
