/*
 * Reading a sealed secret, signed or not: assay-tpm(1), tpm seal --sign-key.
 */
#ifndef ASSAY_CLI_TPM_SECRET_FILE_H
#define ASSAY_CLI_TPM_SECRET_FILE_H

#include <stddef.h>

#include "base/err.h"

/*
 * What tpm_secret_unseal() takes. With the path of a public key in `signer` it
 * has to be signed by that; without, it must not be signed at all, so that
 * nobody forgets to ask whose it is. Returns owned.
 * Errors: SIGNER_OTHER; those of dsse_open_signed() and key_file_public();
 * SECRET_MALFORMED (too long); STORE_IO; NO_MEMORY.
 */
int secret_file_read(const char *path, const char *signer, char **ret_text,
    size_t *ret_len, struct err *err);

#endif
