/*
 * Reading a key that a command was given: a file, or a key in a token. Not in
 * programs that only verify.
 */
#ifndef ASSAY_CLI_KEY_FILE_H
#define ASSAY_CLI_KEY_FILE_H

#include "keys/sign/private_key.h"
#include "keys/public_key.h"

/*
 * A public key; key_file_any() takes a private one too, for its public half,
 * and the URI of one in a token (pkcs11:...). Each returns owned; errors name
 * the file.
 * Errors: KEY_MALFORMED; KEY_UNSUPPORTED; STORE_IO; NO_MEMORY; those of
 * token_key_open().
 */
int key_file_public(const char *path, struct public_key **ret_key,
    struct err *err);
int key_file_any(const char *path, struct public_key **ret_key,
    struct err *err);

/*
 * A private key from a file; owned. Warns on standard error of one that others
 * than its owner may read or write: it is taken, since where it lies may be
 * closed to them.
 * Errors: those of private_key_load().
 */
int key_file_private(const char *path, struct private_key **ret_key,
    struct err *err);

#endif
