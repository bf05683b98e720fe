#include "keys/algorithm.h"

#include <string.h>

#include "base/log.h"
#include "base/scope.h"

static const char *const names[] = {
    [ALGORITHM_ECDSA_P256_SHA256] = "ecdsa-p256-sha256",
    [ALGORITHM_ECDSA_P384_SHA384] = "ecdsa-p384-sha384",
    [ALGORITHM_ED25519] = "ed25519",
    [ALGORITHM_RSA_PSS_SHA256] = "rsa-pss-sha256",
    [ALGORITHM_ML_DSA_65] = "ml-dsa-65",
    [ALGORITHM_ML_DSA_87] = "ml-dsa-87",
};

static const char *const family_names[] = {
    [ALGORITHM_CLASSICAL] = "classical",
    [ALGORITHM_POST_QUANTUM] = "ml-dsa",
};

const char *
algorithm_name(enum algorithm algorithm)
{
	bug_unless((size_t)algorithm < countof(names));
	return names[algorithm];
}

enum algorithm_family
algorithm_family(enum algorithm algorithm)
{
	return algorithm >= ALGORITHM_ML_DSA_65 ? ALGORITHM_POST_QUANTUM
	                                        : ALGORITHM_CLASSICAL;
}

const char *
algorithm_family_name(enum algorithm_family family)
{
	return family_names[family];
}

bool
algorithm_family_from_name(const char *name, enum algorithm_family *ret_family)
{
	for (size_t i = 0; i < countof(family_names); i++) {
		if (strcmp(family_names[i], name) == 0) {
			*ret_family = (enum algorithm_family)i;
			return true;
		}
	}
	return false;
}

size_t
algorithm_raw_bytes(enum algorithm algorithm)
{
	if (algorithm == ALGORITHM_ECDSA_P256_SHA256)
		return 64;
	return algorithm == ALGORITHM_ECDSA_P384_SHA384 ? 96 : 0;
}

bool
algorithm_from_name(const char *name, enum algorithm *ret_algorithm)
{
	for (size_t i = 0; i < countof(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*ret_algorithm = (enum algorithm)i;
			return true;
		}
	}
	return false;
}
