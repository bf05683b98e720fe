/*
 * Nonces that this verifier made, each in a file that is used once.
 */
#ifndef ASSAY_MEASURE_VERIFY_NONCE_FILE_H
#define ASSAY_MEASURE_VERIFY_NONCE_FILE_H

#include "measure/verify/kept_nonce.h"

/* Errors: those of once_file_create(); SYSTEM_FAILED. */
int nonce_file_create(const char *path, int64_t minutes,
    uint8_t ret_nonce[static KEPT_NONCE_BYTES], struct err *err);

/*
 * Give the nonce, after the file says that it was used.
 * Errors: those of once_file_open() and kept_nonce_decode(); CHALLENGE_USED,
 * CHALLENGE_EXPIRED.
 */
int nonce_file_use(const char *path, uint8_t ret_nonce[static KEPT_NONCE_BYTES],
    struct err *err);

#endif
