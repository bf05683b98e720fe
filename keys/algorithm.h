/*
 * The signature algorithms assay knows, by their names in trust.json.
 *
 * An algorithm is a property of a key in the trust policy. It never comes
 * from an envelope. FORMATS "Algorithms"; ids for ML-DSA are reserved.
 */
#ifndef ASSAY_KEYS_ALGORITHM_H
#define ASSAY_KEYS_ALGORITHM_H

#include <stdbool.h>

enum algorithm {
	ALGORITHM_ECDSA_P256_SHA256,
	ALGORITHM_ECDSA_P384_SHA384,
	ALGORITHM_ED25519,
	ALGORITHM_RSA_PSS_SHA256,
};

/* "ecdsa-p384-sha384" */
const char *algorithm_name(enum algorithm algorithm);

bool algorithm_from_name(const char *name, enum algorithm *ret_algorithm);

#endif
