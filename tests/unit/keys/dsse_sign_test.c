#include "keys_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "keys/dsse.h"
#include "keys/sign/dsse_sign.h"

#define TYPE DSSE_IMAGE_PAYLOAD_TYPE

static struct private_key *keys[4];

static int
make_keys(void **state)
{
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(keys); i++)
		assert_code(
		    private_key_generate((enum algorithm)i, &keys[i], &err),
		    ERR_NONE);
	return 0;
}

static int
free_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(keys); i++)
		private_key_freep(&keys[i]);
	return 0;
}

static const struct private_key *const *
from_key(size_t first)
{
	static const struct private_key *borrowed[countof(keys)];

	for (size_t i = 0; i < countof(keys); i++)
		borrowed[i] = keys[i];
	return borrowed + first;
}

/* Returns owned text. */
static char *
sign(const char *old, size_t first, size_t count)
{
	char *text = NULL;
	struct err err;

	assert_code(dsse_sign(TYPE, bytes_of_str(PAYLOAD), bytes_of_str(old),
			from_key(first), count, &text, &err),
	    ERR_NONE);
	return text;
}

static void
expect_refused(const char *type, struct bytes payload, const char *old,
    size_t count, enum err_code code)
{
	char *text = UNTOUCHED;
	struct err err;

	assert_code(dsse_sign(type, payload, bytes_of_str(old), from_key(0),
			count, &text, &err),
	    code);
	assert_int_equal(err.code, code);
	assert_ptr_equal(text, UNTOUCHED);
}

static struct dsse_envelope *
decode(const char *text)
{
	struct dsse_envelope *envelope = NULL;
	struct err err;

	assert_code(dsse_decode(bytes_of_str(text), &envelope, &err), ERR_NONE);
	return envelope;
}

/* The signature at `index` is by key `key` over PAYLOAD, and says so. */
static void
expect_signature(const struct dsse_envelope *envelope, size_t index, size_t key)
{
	const struct public_key *public = private_key_public(keys[key]);
	struct dsse_signature signature = dsse_signature_at(envelope, index);
	char id[DIGEST_HEX_SIZE];
	struct err err;
	uint8_t *pae;
	size_t len;

	digest_hex(public_key_id(public), id);
	assert_string_equal(signature.claimed_keyid, id);
	assert_code(dsse_pae(TYPE, bytes_of_str(PAYLOAD), &pae, &len, &err),
	    ERR_NONE);
	assert_true(
	    public_key_accepts(public, bytes_of(pae, len), signature.sig));
	free(pae);
}

static void
dsse_sign_signs_with_each_key(void **state)
{
	char *text = sign("", 0, 4);
	struct dsse_envelope *envelope = decode(text);

	(void)state;
	assert_string_equal(dsse_payload_type(envelope), TYPE);
	assert_true(
	    bytes_equal(dsse_raw_payload(envelope), bytes_of_str(PAYLOAD)));
	assert_int_equal(dsse_signature_count(envelope), 4);
	for (size_t i = 0; i < 4; i++)
		expect_signature(envelope, i, i);
	assert_int_equal(text[strlen(text) - 1], '\n');
	dsse_freep(&envelope);
	free(text);
}

static void
dsse_sign_keeps_old_signatures_in_front(void **state)
{
	char *old = sign("", 2, 1);
	char *text = sign(old, 0, 1);
	struct dsse_envelope *envelope = decode(text);

	(void)state;
	assert_int_equal(dsse_signature_count(envelope), 2);
	expect_signature(envelope, 0, 2);
	expect_signature(envelope, 1, 0);
	dsse_freep(&envelope);
	free(text);
	free(old);
}

static void
dsse_sign_replaces_a_signature_by_the_same_key(void **state)
{
	char *old = sign("", 0, 3);
	char *text = sign(old, 0, 1);
	struct dsse_envelope *envelope = decode(text);

	(void)state;
	assert_int_equal(dsse_signature_count(envelope), 3);
	expect_signature(envelope, 0, 1);
	expect_signature(envelope, 1, 2);
	expect_signature(envelope, 2, 0);
	dsse_freep(&envelope);
	free(text);
	free(old);
}

static void
dsse_sign_keeps_a_signature_without_keyid(void **state)
{
	json_t *tree = fixture_envelope(TYPE, bytes_of_str(PAYLOAD));
	struct dsse_envelope *envelope;
	char *old;
	char *text;

	(void)state;
	fixture_envelope_sign(tree, fixture_key(ALGORITHM_ED25519, 0), NULL);
	old = fixture_text(tree);
	text = sign(old, 0, 1);
	envelope = decode(text);
	assert_int_equal(dsse_signature_count(envelope), 2);
	assert_null(dsse_signature_at(envelope, 0).claimed_keyid);
	expect_signature(envelope, 1, 0);
	dsse_freep(&envelope);
	free(text);
	free(old);
}

static void
dsse_sign_signs_an_empty_payload(void **state)
{
	struct dsse_envelope *envelope;
	struct err err;
	char *text;

	(void)state;
	assert_code(dsse_sign(TYPE, bytes_of(NULL, 0), bytes_of(NULL, 0),
			from_key(0), 1, &text, &err),
	    ERR_NONE);
	envelope = decode(text);
	assert_int_equal(dsse_raw_payload(envelope).len, 0);
	dsse_freep(&envelope);
	free(text);
}

static void
dsse_sign_refuses_an_old_envelope_of_another_payload(void **state)
{
	char *old = sign("", 0, 1);

	(void)state;
	expect_refused(TYPE, bytes_of_str("{}"), old, 1,
	    ENVELOPE_OTHER_PAYLOAD);
	expect_refused("other", bytes_of_str(PAYLOAD), old, 1,
	    ENVELOPE_OTHER_PAYLOAD);
	free(old);
}

static void
dsse_sign_refuses_a_broken_old_envelope(void **state)
{
	(void)state;
	expect_refused(TYPE, bytes_of_str(PAYLOAD), "{}", 1,
	    ENVELOPE_MALFORMED);
	expect_refused(TYPE, bytes_of_str(PAYLOAD), "nonsense", 1,
	    ENVELOPE_MALFORMED);
}

static void
dsse_sign_refuses_to_write_an_unsigned_envelope(void **state)
{
	(void)state;
	expect_refused(TYPE, bytes_of_str(PAYLOAD), "", 0, IMAGE_UNSIGNED);
}

static void
dsse_sign_refuses_a_payload_that_makes_the_envelope_too_large(void **state)
{
	uint8_t *payload = calloc(1, LIMIT_ENVELOPE_BYTES);

	(void)state;
	expect_refused(TYPE, bytes_of(payload, LIMIT_ENVELOPE_BYTES), "", 1,
	    ENVELOPE_TOO_LARGE);
	free(payload);
}

static void
dsse_sign_refuses_a_seventeenth_signature(void **state)
{
	json_t *tree = fixture_envelope(TYPE, bytes_of_str(PAYLOAD));
	char *old;

	(void)state;
	for (int i = 0; i < LIMIT_SIGNATURES; i++)
		fixture_envelope_sign(tree, fixture_key(ALGORITHM_ED25519, 0),
		    NULL);
	old = fixture_text(tree);
	expect_refused(TYPE, bytes_of_str(PAYLOAD), old, 1, ENVELOPE_TOO_LARGE);
	free(old);
}

static void
dsse_sign_refuses_a_long_payload_type(void **state)
{
	char type[LIMIT_PAYLOAD_TYPE_BYTES + 2] = "";

	(void)state;
	memset(type, 't', sizeof(type) - 1);
	expect_refused(type, bytes_of_str(PAYLOAD), "", 1, ENVELOPE_MALFORMED);
}

/* --- signatures that were made elsewhere --- */

static char *
attach(const struct fixture_key *signer, size_t key, enum err_code code)
{
	struct bytes sig = bytes_of(NULL, 0);
	char *text = UNTOUCHED;
	struct err err;
	uint8_t *pae;
	size_t len;

	assert_code(dsse_pae(TYPE, bytes_of_str(PAYLOAD), &pae, &len, &err),
	    ERR_NONE);
	if (signer != NULL) {
		sig = fixture_sign_with(signer, bytes_of(pae, len));
	} else {
		uint8_t *made;

		assert_code(private_key_sign(keys[key], bytes_of(pae, len),
				&made, &sig.len, &err),
		    ERR_NONE);
		sig.ptr = made;
	}
	assert_code(dsse_attach(TYPE, bytes_of_str(PAYLOAD), bytes_of(NULL, 0),
			private_key_public(keys[key]), sig, &text, &err),
	    code);
	fixture_free_bytes(sig);
	free(pae);
	return text;
}

static void
dsse_attach_takes_a_signature_that_was_made_elsewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(keys); i++) {
		char *text = attach(NULL, i, ERR_NONE);
		struct dsse_envelope *envelope = decode(text);

		assert_int_equal(dsse_signature_count(envelope), 1);
		expect_signature(envelope, 0, i);
		dsse_freep(&envelope);
		free(text);
	}
}

static void
dsse_attach_refuses_a_signature_by_another_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(keys); i++)
		assert_ptr_equal(attach(fixture_key((enum algorithm)i, 0), i,
				     SIGNATURE_NOT_BY_KEY),
		    UNTOUCHED);
}

static void
dsse_attach_refuses_raw_r_and_s_by_its_own_name(void **state)
{
	static const size_t raw_bytes[] = {64, 96};
	uint8_t raw[96];
	char *text = UNTOUCHED;
	struct err err;

	(void)state;
	memset(raw, 0x11, sizeof(raw));
	for (size_t i = 0; i < countof(raw_bytes); i++)
		assert_code(dsse_attach(TYPE, bytes_of_str(PAYLOAD),
				bytes_of(NULL, 0), private_key_public(keys[i]),
				bytes_of(raw, raw_bytes[i]), &text, &err),
		    SIGNATURE_NOT_DER);
	assert_code(dsse_attach(TYPE, bytes_of_str(PAYLOAD), bytes_of(NULL, 0),
			private_key_public(keys[ALGORITHM_ED25519]),
			bytes_of(raw, 64), &text, &err),
	    SIGNATURE_NOT_BY_KEY);
	assert_ptr_equal(text, UNTOUCHED);
}

/* The key is right and so are the bytes, which must not be enough. */
static void
dsse_attach_refuses_a_signature_in_another_manner_by_its_name(void **state)
{
	static const struct {
		enum algorithm algorithm;
		const char *hash;
		enum err_code code;
	} rows[] = {
	    {ALGORITHM_ECDSA_P384_SHA384, "SHA384", ERR_NONE},
	    {ALGORITHM_ECDSA_P384_SHA384, "SHA256", SIGNATURE_OTHER_HASH},
	    {ALGORITHM_ECDSA_P256_SHA256, "SHA512", SIGNATURE_OTHER_HASH},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const struct fixture_key *made =
		    fixture_key(rows[i].algorithm, 0);
		CLEANUP(public_key_freep) struct public_key *key = NULL;
		CLEANUP(freep) uint8_t *pae = NULL;
		struct bytes sig;
		char *text = UNTOUCHED;
		size_t len;
		struct err err;

		assert_code(
		    public_key_from_pem(bytes_of_str(made->pem), &key, &err),
		    ERR_NONE);
		assert_code(
		    dsse_pae(TYPE, bytes_of_str(PAYLOAD), &pae, &len, &err),
		    ERR_NONE);
		sig =
		    fixture_sign(made->pkey, rows[i].hash, bytes_of(pae, len));
		assert_code(dsse_attach(TYPE, bytes_of_str(PAYLOAD),
				bytes_of(NULL, 0), key, sig, &text, &err),
		    rows[i].code);
		assert_true((text == UNTOUCHED) == (rows[i].code != ERR_NONE));
		if (text != UNTOUCHED)
			free(text);
		fixture_free_bytes(sig);
	}
}

static void
dsse_attach_refuses_an_old_envelope_of_another_payload(void **state)
{
	struct bytes other = bytes_of_str("{}");
	char *old = sign("", 0, 1);
	char *text = UNTOUCHED;
	struct err err;
	uint8_t *pae, *sig;
	size_t pae_len, sig_len;

	(void)state;
	assert_code(dsse_pae(TYPE, other, &pae, &pae_len, &err), ERR_NONE);
	assert_code(private_key_sign(keys[1], bytes_of(pae, pae_len), &sig,
			&sig_len, &err),
	    ERR_NONE);
	assert_code(dsse_attach(TYPE, other, bytes_of_str(old),
			private_key_public(keys[1]), bytes_of(sig, sig_len),
			&text, &err),
	    ENVELOPE_OTHER_PAYLOAD);
	assert_ptr_equal(text, UNTOUCHED);
	free(sig);
	free(pae);
	free(old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(dsse_sign_signs_with_each_key),
	    cmocka_unit_test(dsse_sign_keeps_old_signatures_in_front),
	    cmocka_unit_test(dsse_sign_replaces_a_signature_by_the_same_key),
	    cmocka_unit_test(dsse_sign_keeps_a_signature_without_keyid),
	    cmocka_unit_test(dsse_sign_signs_an_empty_payload),
	    cmocka_unit_test(
		dsse_sign_refuses_an_old_envelope_of_another_payload),
	    cmocka_unit_test(dsse_sign_refuses_a_broken_old_envelope),
	    cmocka_unit_test(dsse_sign_refuses_to_write_an_unsigned_envelope),
	    cmocka_unit_test(
		dsse_sign_refuses_a_payload_that_makes_the_envelope_too_large),
	    cmocka_unit_test(dsse_sign_refuses_a_seventeenth_signature),
	    cmocka_unit_test(dsse_sign_refuses_a_long_payload_type),
	    cmocka_unit_test(
		dsse_attach_takes_a_signature_that_was_made_elsewhere),
	    cmocka_unit_test(dsse_attach_refuses_a_signature_by_another_key),
	    cmocka_unit_test(dsse_attach_refuses_raw_r_and_s_by_its_own_name),
	    cmocka_unit_test(
		dsse_attach_refuses_a_signature_in_another_manner_by_its_name),
	    cmocka_unit_test(
		dsse_attach_refuses_an_old_envelope_of_another_payload),
	};

	return cmocka_run_group_tests_name("dsse_sign", tests, make_keys,
	    free_keys);
}
