/*
 * Making envelopes: wrap a payload, add signatures, write it out.
 *
 * An envelope that cannot be completed yields no output at all.
 */
#ifndef ASSAY_KEYS_SIGN_DSSE_SIGN_H
#define ASSAY_KEYS_SIGN_DSSE_SIGN_H

#include "base/bytes.h"
#include "base/err.h"
#include "keys/sign/private_key.h"

/*
 * Sign `payload` with each key and give the whole envelope as JSON text, in
 * which each signature carries its key's id as the keyid. If `raw_old` is not
 * empty it is an envelope over the same payload and type, whose signatures are
 * kept in front; a signature by the same keyid is replaced.
 * Returns owned text (malloc, NUL-terminated).
 * Errors: those of dsse_decode, for the old envelope and for the new one (so
 * IMAGE_UNSIGNED if there is no key at all); ENVELOPE_OTHER_PAYLOAD if the old
 * one has another payload or type; SYSTEM_FAILED; NO_MEMORY.
 */
int dsse_sign(const char *payload_type, struct bytes payload,
    struct bytes raw_old, const struct private_key *const *keys,
    size_t key_count, char **ret_text, struct err *err);

/*
 * The same with one signature that was made elsewhere (in a token, by a key
 * service, by a person): it is verified with `key` before anything else.
 * Errors: those of public_key_refuse(), SIGNATURE_NOT_BY_KEY; those above.
 */
int dsse_attach(const char *payload_type, struct bytes payload,
    struct bytes raw_old, const struct public_key *key, struct bytes sig,
    char **ret_text, struct err *err);

#endif
