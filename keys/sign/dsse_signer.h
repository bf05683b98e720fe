/*
 * An envelope that one known key has to have signed: for documents that no role
 * of a trust policy is for. Where there is a role, keys/trust.h decides.
 */
#ifndef ASSAY_KEYS_SIGN_DSSE_SIGNER_H
#define ASSAY_KEYS_SIGN_DSSE_SIGNER_H

#include "keys/dsse.h"
#include "keys/public_key.h"

/*
 * There is an envelope for the caller only if `key` signed it, whichever ids
 * its signatures claim, and others besides. Returns owned. Order:
 * dsse_decode(); is a signature over PAE by `key`; the payload type. Errors:
 * those of dsse_decode(); SIGNER_OTHER; PAYLOAD_TYPE_UNKNOWN.
 */
int dsse_open_signed(struct bytes raw, const char *payload_type,
    const struct public_key *key, struct dsse_envelope **ret_envelope,
    struct err *err);

#endif
