/*
 * DSSE envelopes: a payload, its type and signatures over both.
 *
 * Decodes the strict profile of FORMATS §1.2 and computes PAE, the bytes that
 * are signed. Decides nothing: whose signatures count is for keys/trust.h.
 *
 * Trust: the whole envelope is foreign. The payload must not be parsed before
 * trust_verify_for() accepted it; claimed_keyid is a hint and decides nothing.
 * Spec: DSSE v1 protocol.md and envelope.md.
 */
#ifndef ASSAY_KEYS_DSSE_H
#define ASSAY_KEYS_DSSE_H

#include "base/bytes.h"
#include "base/err.h"

#define DSSE_IMAGE_PAYLOAD_TYPE     "application/vnd.assay.image-manifest.v1+json"
#define DSSE_STATEMENT_PAYLOAD_TYPE "application/vnd.in-toto+json"
#define DSSE_BOOT_POLICY_PAYLOAD_TYPE \
	"application/vnd.assay.boot-policy.v1+json"
#define DSSE_STORE_INDEX_PAYLOAD_TYPE \
	"application/vnd.assay.store-index.v1+json"
#define DSSE_SECRET_PAYLOAD_TYPE "application/vnd.assay.secret.v1+json"
#define DSSE_TRUST_PAYLOAD_TYPE  "application/vnd.assay.trust.v1+json"

struct dsse_signature {
	const char *claimed_keyid; /* NULL if absent or empty; borrowed */
	struct bytes sig;
};

struct dsse_envelope;

/*
 * Returns owned; copies what it needs of `raw`. Unknown members are ignored,
 * as envelope.md demands.
 * Order: size, JSON (depth, duplicates), members, base64.
 * Errors: ENVELOPE_TOO_LARGE (envelope, number of signatures, one signature);
 * IMAGE_UNSIGNED (no signature at all); those of json_parse() and
 * json_base64_in(); ENVELOPE_MALFORMED; NO_MEMORY.
 */
int dsse_decode(struct bytes raw, struct dsse_envelope **ret_envelope,
    struct err *err);

/*
 * The same with another limit, at most LIMIT_INDEX_ENVELOPE_BYTES, for kinds of
 * documents that may be longer than a manifest.
 */
int dsse_decode_max(struct bytes raw, size_t max_bytes,
    struct dsse_envelope **ret_envelope, struct err *err);

/* How long an envelope of this payload type may be. */
size_t dsse_max_bytes(const char *payload_type);

void dsse_freep(struct dsse_envelope **envelope);

/* All borrowed from the envelope. */
struct bytes dsse_raw_payload(const struct dsse_envelope *envelope);
const char *dsse_payload_type(const struct dsse_envelope *envelope);
size_t dsse_signature_count(const struct dsse_envelope *envelope);
struct dsse_signature dsse_signature_at(const struct dsse_envelope *envelope,
    size_t index);

/* The bytes that are signed. Returns owned (malloc). Errors: NO_MEMORY. */
int dsse_pae(const char *payload_type, struct bytes payload, uint8_t **ret_pae,
    size_t *ret_len, struct err *err);

#endif
