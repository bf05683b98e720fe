/*
 * How often libcrypto was asked about a signature, whatever a budget says.
 * Whoever links this has its calls of EVP_DigestVerify() wrapped.
 */
#ifndef ASSAY_TESTS_VERIFY_COUNT_H
#define ASSAY_TESTS_VERIFY_COUNT_H

#include <stddef.h>

/* A test sets it to 0. */
extern size_t verify_count;

#endif
