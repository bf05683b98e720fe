#include "keys/dsse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"

struct owned_signature {
	const char *claimed_keyid; /* in the document, or NULL */
	uint8_t *sig;
	size_t len;
};

struct dsse_envelope {
	json_t *document; /* holds the strings */
	const char *payload_type;
	uint8_t *payload;
	size_t payload_len;
	struct owned_signature signatures[LIMIT_SIGNATURES];
	size_t signature_count;
};

static int decode_signatures(const struct json_at *root,
    struct dsse_envelope *envelope, struct err *err);
static int decode_signature(const struct json_at *at,
    struct owned_signature *signature, struct err *err);
static int decode_keyid(const struct json_at *at, const char **ret_keyid,
    struct err *err);
static int decode_sig(const struct json_at *at, uint8_t **ret_sig,
    size_t *ret_len, struct err *err);

int
dsse_decode(struct bytes raw, struct dsse_envelope **ret_envelope,
    struct err *err)
{
	return dsse_decode_max(raw, LIMIT_ENVELOPE_BYTES, ret_envelope, err);
}

size_t
dsse_max_bytes(const char *payload_type)
{
	if (strcmp(payload_type, DSSE_TRUST_PAYLOAD_TYPE) == 0)
		return LIMIT_TRUST_ENVELOPE_BYTES;
	if (strcmp(payload_type, DSSE_STORE_INDEX_PAYLOAD_TYPE) == 0)
		return LIMIT_INDEX_ENVELOPE_BYTES;
	return LIMIT_ENVELOPE_BYTES;
}

int
dsse_decode_max(struct bytes raw, size_t max_bytes,
    struct dsse_envelope **ret_envelope, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct json_at root;

	if (raw.len > max_bytes)
		return err_set(err, ENVELOPE_TOO_LARGE,
		    "envelope: %zu bytes, limit %zu", raw.len, max_bytes);
	envelope = calloc(1, sizeof(*envelope));
	if (envelope == NULL)
		return err_set(err, NO_MEMORY, "envelope");
	TRY(json_parse(raw, LIMIT_ENVELOPE_JSON_DEPTH, "envelope",
	    ENVELOPE_MALFORMED, &envelope->document, err));
	root = json_root(envelope->document, ENVELOPE_MALFORMED);
	TRY(json_string_in(&root, "payloadType", LIMIT_PAYLOAD_TYPE_BYTES,
	    &envelope->payload_type, err));
	TRY(json_base64_in(&root, "payload", LIMIT_INDEX_ENVELOPE_BYTES,
	    &envelope->payload, &envelope->payload_len, err));
	TRY(decode_signatures(&root, envelope, err));
	*ret_envelope = take_ptr(&envelope);
	return 0;
}

void
dsse_freep(struct dsse_envelope **envelope)
{
	if (*envelope == NULL)
		return;
	for (size_t i = 0; i < LIMIT_SIGNATURES; i++)
		free((*envelope)->signatures[i].sig);
	free((*envelope)->payload);
	json_freep(&(*envelope)->document);
	freep(envelope);
}

struct bytes
dsse_raw_payload(const struct dsse_envelope *envelope)
{
	return bytes_of(envelope->payload, envelope->payload_len);
}

const char *
dsse_payload_type(const struct dsse_envelope *envelope)
{
	return envelope->payload_type;
}

size_t
dsse_signature_count(const struct dsse_envelope *envelope)
{
	return envelope->signature_count;
}

struct dsse_signature
dsse_signature_at(const struct dsse_envelope *envelope, size_t index)
{
	const struct owned_signature *owned;

	bug_unless(index < envelope->signature_count);
	owned = &envelope->signatures[index];
	return (struct dsse_signature){
	    .claimed_keyid = owned->claimed_keyid,
	    .sig = bytes_of(owned->sig, owned->len),
	};
}

int
dsse_pae(const char *payload_type, struct bytes payload, uint8_t **ret_pae,
    size_t *ret_len, struct err *err)
{
	static const char format[] = "DSSEv1 %zu %s %zu ";
	size_t type_len = strlen(payload_type);
	int head =
	    snprintf(NULL, 0, format, type_len, payload_type, payload.len);
	uint8_t *pae;

	bug_unless(head > 0);
	pae = malloc((size_t)head + 1 + payload.len);
	if (pae == NULL)
		return err_set(err, NO_MEMORY, "pae of %zu bytes", payload.len);
	snprintf((char *)pae, (size_t)head + 1, format, type_len, payload_type,
	    payload.len);
	if (payload.len > 0)
		memcpy(pae + head, payload.ptr, payload.len);
	*ret_pae = pae;
	*ret_len = (size_t)head + payload.len;
	return 0;
}

static int
decode_signatures(const struct json_at *root, struct dsse_envelope *envelope,
    struct err *err)
{
	struct json_at array, item;
	size_t count;

	TRY(json_array_in(root, "signatures", SIZE_MAX, &array, err));
	count = json_array_size(array.value);
	if (count == 0)
		return err_set_field(err, IMAGE_UNSIGNED, array.path,
		    "envelope: signatures: none");
	if (count > LIMIT_SIGNATURES)
		return err_set_field(err, ENVELOPE_TOO_LARGE, array.path,
		    "envelope: %zu signatures, limit %d", count,
		    LIMIT_SIGNATURES);
	for (size_t i = 0; i < count; i++) {
		TRY(json_item_object(&array, i, &item, err));
		TRY(decode_signature(&item, &envelope->signatures[i], err));
	}
	envelope->signature_count = count;
	return 0;
}

static int
decode_signature(const struct json_at *at, struct owned_signature *signature,
    struct err *err)
{
	TRY(decode_keyid(at, &signature->claimed_keyid, err));
	TRY(decode_sig(at, &signature->sig, &signature->len, err));
	return 0;
}

/* envelope.md: absent and empty mean the same. Null is neither. */
static int
decode_keyid(const struct json_at *at, const char **ret_keyid, struct err *err)
{
	const char *keyid;

	if (json_object_get(at->value, "keyid") == NULL)
		return 0;
	TRY(json_string_in(at, "keyid", LIMIT_KEYID_BYTES, &keyid, err));
	if (keyid[0] != '\0')
		*ret_keyid = keyid;
	return 0;
}

static int
decode_sig(const struct json_at *at, uint8_t **ret_sig, size_t *ret_len,
    struct err *err)
{
	TRY(json_base64_in(at, "sig", LIMIT_ENVELOPE_BYTES, ret_sig, ret_len,
	    err));
	if (*ret_len == 0)
		return json_refuse(at, "sig", err, "empty");
	if (*ret_len > LIMIT_SIGNATURE_BYTES)
		return err_set_field(err, ENVELOPE_TOO_LARGE, at->path,
		    "%s.sig: over %zu bytes", at->path, LIMIT_SIGNATURE_BYTES);
	return 0;
}
