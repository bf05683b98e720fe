/*
 * Envelopes that one known key has to have signed.
 */
#include "keys_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "keys/sign/dsse_sign.h"
#include "keys/sign/dsse_signer.h"

#define TYPE DSSE_SECRET_PAYLOAD_TYPE

/* keys[2] signed nothing. */
static struct private_key *keys[3];

static int
make_keys(void **state)
{
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(keys); i++)
		assert_code(
		    private_key_generate(ALGORITHM_ED25519, &keys[i], &err),
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

/* By the first two keys. Returns owned text. */
static char *
sign(const char *type)
{
	const struct private_key *signers[] = {keys[0], keys[1]};
	char *text = NULL;
	struct err err;

	assert_code(dsse_sign(type, bytes_of_str(PAYLOAD), bytes_of_str(""),
			signers, countof(signers), &text, &err),
	    ERR_NONE);
	return text;
}

static void
opens(const char *text, size_t key, enum err_code code)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct err err;

	assert_code(dsse_open_signed(bytes_of_str(text), TYPE,
			private_key_public(keys[key]), &envelope, &err),
	    code);
	assert_true((code == ERR_NONE) == (envelope != NULL));
	if (envelope != NULL)
		assert_true(bytes_equal(dsse_raw_payload(envelope),
		    bytes_of_str(PAYLOAD)));
}

static void
an_envelope_opens_for_each_key_that_signed_it(void **state)
{
	CLEANUP(freep) char *text = sign(TYPE);

	(void)state;
	opens(text, 0, ERR_NONE);
	opens(text, 1, ERR_NONE);
}

/* Nor if it says that this key signed. */
static void
an_envelope_of_other_keys_is_refused(void **state)
{
	CLEANUP(freep) char *text = sign(TYPE);
	char hex[DIGEST_HEX_SIZE];
	char *id;

	(void)state;
	opens(text, 2, SIGNER_OTHER);
	digest_hex(public_key_id(private_key_public(keys[0])), hex);
	id = strstr(text, hex);
	assert_non_null(id);
	digest_hex(public_key_id(private_key_public(keys[2])), hex);
	memcpy(id, hex, strlen(hex));
	opens(text, 2, SIGNER_OTHER);
}

static void
an_envelope_that_was_changed_is_refused(void **state)
{
	CLEANUP(freep) char *text = sign(TYPE);
	char *at = strstr(text, "\"payload\"");

	(void)state;
	assert_non_null(at);
	at = strchr(at + strlen("\"payload\""), '"') + 1;
	at[0] = at[0] == 'e' ? 'f' : 'e';
	opens(text, 0, SIGNER_OTHER);
}

static void
a_document_of_another_kind_is_refused(void **state)
{
	CLEANUP(freep) char *text = sign(DSSE_IMAGE_PAYLOAD_TYPE);

	(void)state;
	opens(text, 0, PAYLOAD_TYPE_UNKNOWN);
}

static void
what_nobody_signed_is_refused(void **state)
{
	(void)state;
	opens("{}", 0, ENVELOPE_MALFORMED);
	opens("{\"payloadType\":\"" TYPE "\",\"payload\":\"e30=\","
	      "\"signatures\":[]}",
	    0, IMAGE_UNSIGNED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_envelope_opens_for_each_key_that_signed_it),
	    cmocka_unit_test(an_envelope_of_other_keys_is_refused),
	    cmocka_unit_test(an_envelope_that_was_changed_is_refused),
	    cmocka_unit_test(a_document_of_another_kind_is_refused),
	    cmocka_unit_test(what_nobody_signed_is_refused),
	};

	return cmocka_run_group_tests_name("dsse_signer", tests, make_keys,
	    free_keys);
}
