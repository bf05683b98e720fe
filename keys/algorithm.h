/*
 * The signature algorithms assay knows, by their names in trust.json.
 *
 * An algorithm is a property of a key in the trust policy. It never comes
 * from an envelope. FORMATS "Algorithms".
 */
#ifndef ASSAY_KEYS_ALGORITHM_H
#define ASSAY_KEYS_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>

enum algorithm {
	ALGORITHM_ECDSA_P256_SHA256,
	ALGORITHM_ECDSA_P384_SHA384,
	ALGORITHM_ED25519,
	ALGORITHM_RSA_PSS_SHA256,
	ALGORITHM_ML_DSA_65, /* FIPS 204; where libcrypto is 3.5 or later */
	ALGORITHM_ML_DSA_87,
};

/* What would have to break for all of a family to fall at once. */
enum algorithm_family {
	ALGORITHM_CLASSICAL,
	ALGORITHM_POST_QUANTUM,
	ALGORITHM_FAMILIES,
};

/* "ecdsa-p384-sha384" */
const char *algorithm_name(enum algorithm algorithm);

enum algorithm_family algorithm_family(enum algorithm algorithm);

/* "classical", "ml-dsa" */
const char *algorithm_family_name(enum algorithm_family family);
bool algorithm_family_from_name(const char *name,
    enum algorithm_family *ret_family);

/* Bytes of an ECDSA signature as raw r||s; 0 if the algorithm is another. */
size_t algorithm_raw_bytes(enum algorithm algorithm);

bool algorithm_from_name(const char *name, enum algorithm *ret_algorithm);

#endif
