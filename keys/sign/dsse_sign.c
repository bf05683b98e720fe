#include "keys/sign/dsse_sign.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "keys/dsse.h"

static int check_signature(const char *payload_type, struct bytes payload,
    const struct public_key *key, struct bytes sig, struct err *err);
static int finish(const char *payload_type, struct bytes payload,
    json_t *signatures, char **ret_text, struct err *err);
static int keep_old(const char *payload_type, struct bytes payload,
    struct bytes raw_old, json_t *signatures, struct err *err);
static int sign_all(const char *payload_type, struct bytes payload,
    const struct private_key *const *keys, size_t key_count, json_t *signatures,
    struct err *err);
static int sign_one(struct bytes pae, const struct private_key *key,
    json_t *signatures, struct err *err);
static int put(json_t *signatures, const struct public_key *key,
    struct bytes sig, struct err *err);
static void drop_keyid(json_t *signatures, const char *keyid);
static int append(json_t *signatures, const char *keyid, struct bytes sig,
    struct err *err);
static int write_text(const char *payload_type, struct bytes payload,
    json_t *signatures, char **ret_text, struct err *err);
static int check_text(const char *payload_type, const char *text,
    struct err *err);

int
dsse_sign(const char *payload_type, struct bytes payload, struct bytes raw_old,
    const struct private_key *const *keys, size_t key_count, char **ret_text,
    struct err *err)
{
	CLEANUP(json_freep) json_t *signatures = json_array();

	if (signatures == NULL)
		return err_set(err, NO_MEMORY, "signatures");
	TRY(keep_old(payload_type, payload, raw_old, signatures, err));
	TRY(sign_all(payload_type, payload, keys, key_count, signatures, err));
	return finish(payload_type, payload, signatures, ret_text, err);
}

int
dsse_attach(const char *payload_type, struct bytes payload,
    struct bytes raw_old, const struct public_key *key, struct bytes sig,
    char **ret_text, struct err *err)
{
	CLEANUP(json_freep) json_t *signatures = json_array();

	if (signatures == NULL)
		return err_set(err, NO_MEMORY, "signatures");
	TRY(check_signature(payload_type, payload, key, sig, err));
	TRY(keep_old(payload_type, payload, raw_old, signatures, err));
	TRY(put(signatures, key, sig, err));
	return finish(payload_type, payload, signatures, ret_text, err);
}

static int
check_signature(const char *payload_type, struct bytes payload,
    const struct public_key *key, struct bytes sig, struct err *err)
{
	CLEANUP(freep) uint8_t *pae = NULL;
	size_t len;

	TRY(dsse_pae(payload_type, payload, &pae, &len, err));
	if (public_key_accepts(key, bytes_of(pae, len), sig))
		return 0;
	return public_key_refuse(key, bytes_of(pae, len), sig,
	    SIGNATURE_NOT_BY_KEY, err);
}

static int
finish(const char *payload_type, struct bytes payload, json_t *signatures,
    char **ret_text, struct err *err)
{
	CLEANUP(freep) char *text = NULL;

	TRY(write_text(payload_type, payload, signatures, &text, err));
	TRY(check_text(payload_type, text, err));
	*ret_text = take_ptr(&text);
	return 0;
}

static int
keep_old(const char *payload_type, struct bytes payload, struct bytes raw_old,
    json_t *signatures, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *old = NULL;

	if (raw_old.len == 0)
		return 0;
	TRY(dsse_decode_max(raw_old, dsse_max_bytes(payload_type), &old, err));
	if (strcmp(dsse_payload_type(old), payload_type) != 0 ||
	    !bytes_equal(dsse_raw_payload(old), payload))
		return err_set(err, ENVELOPE_OTHER_PAYLOAD,
		    "the old envelope has another payload or payload type");
	for (size_t i = 0; i < dsse_signature_count(old); i++) {
		struct dsse_signature kept = dsse_signature_at(old, i);

		TRY(append(signatures, kept.claimed_keyid, kept.sig, err));
	}
	return 0;
}

static int
sign_all(const char *payload_type, struct bytes payload,
    const struct private_key *const *keys, size_t key_count, json_t *signatures,
    struct err *err)
{
	CLEANUP(freep) uint8_t *pae = NULL;
	size_t len;

	TRY(dsse_pae(payload_type, payload, &pae, &len, err));
	for (size_t i = 0; i < key_count; i++)
		TRY(sign_one(bytes_of(pae, len), keys[i], signatures, err));
	return 0;
}

static int
sign_one(struct bytes pae, const struct private_key *key, json_t *signatures,
    struct err *err)
{
	CLEANUP(freep) uint8_t *sig = NULL;
	size_t len;

	TRY(private_key_sign(key, pae, &sig, &len, err));
	return put(signatures, private_key_public(key), bytes_of(sig, len),
	    err);
}

/* In place of one that says it is by the same key. */
static int
put(json_t *signatures, const struct public_key *key, struct bytes sig,
    struct err *err)
{
	char keyid[DIGEST_HEX_SIZE];

	digest_hex(public_key_id(key), keyid);
	drop_keyid(signatures, keyid);
	return append(signatures, keyid, sig, err);
}

static void
drop_keyid(json_t *signatures, const char *keyid)
{
	for (size_t i = json_array_size(signatures); i-- > 0;) {
		json_t *claimed =
		    json_object_get(json_array_get(signatures, i), "keyid");

		if (claimed != NULL &&
		    strcmp(json_string_value(claimed), keyid) == 0)
			json_array_remove(signatures, i);
	}
}

/* `keyid` may be NULL. */
static int
append(json_t *signatures, const char *keyid, struct bytes sig, struct err *err)
{
	CLEANUP(freep) char *base64 = base64_encode(sig);
	json_t *item = json_pack("{s:s*, s:s}", "keyid", keyid, "sig", base64);

	if (json_array_append_new(signatures, item) != 0)
		return err_set(err, NO_MEMORY, "signature");
	return 0;
}

static int
write_text(const char *payload_type, struct bytes payload, json_t *signatures,
    char **ret_text, struct err *err)
{
	CLEANUP(freep) char *base64 = base64_encode(payload);
	CLEANUP(freep) char *text = NULL;
	CLEANUP(json_freep) json_t *envelope = NULL;
	char *line;

	envelope = json_pack("{s:s, s:s, s:O}", "payload", base64,
	    "payloadType", payload_type, "signatures", signatures);
	text = json_dumps(envelope, JSON_COMPACT);
	if (text == NULL || asprintf(&line, "%s\n", text) < 0)
		return err_set(err, NO_MEMORY, "envelope");
	*ret_text = line;
	return 0;
}

/* Give out nothing that the verifying side would not even read. */
static int
check_text(const char *payload_type, const char *text, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;

	return dsse_decode_max(bytes_of_str(text), dsse_max_bytes(payload_type),
	    &envelope, err);
}
