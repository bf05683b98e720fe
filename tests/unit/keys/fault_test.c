/*
 * Every allocation of keys/ and base/ fails once, by index. Each time the call
 * must report it, leave its outputs alone and leak nothing (run with ASan).
 */
#include "keys_fixture.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "keys/dsse.h"
#include "keys/sign/dsse_sign.h"
#include "keys/sign/private_key.h"
#include "keys/trust.h"
#include "keys/sign/trust_write.h"

enum { max_allocations = 1000 };

static int left = INT_MAX; /* allocations until one fails */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *
__wrap_malloc(size_t size)
{
	return left-- == 0 ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return left-- == 0 ? NULL : __real_calloc(count, size);
}

/* One call that allocates. Asserts that its output is untouched if it fails. */
typedef int attempt(struct err *err);

static char *trust_text;
static char *envelope_text;
static struct private_key *signer;

static int
decode_envelope(struct err *err)
{
	struct dsse_envelope *envelope = UNTOUCHED;
	int code = dsse_decode(bytes_of_str(envelope_text), &envelope, err);

	if (code == 0)
		dsse_freep(&envelope);
	else
		assert_ptr_equal(envelope, UNTOUCHED);
	return code;
}

static int
decode_trust(struct err *err)
{
	struct trust_policy *policy = UNTOUCHED;
	int code = trust_decode(bytes_of_str(trust_text), &policy, err);

	if (code == 0)
		trust_freep(&policy);
	else
		assert_ptr_equal(policy, UNTOUCHED);
	return code;
}

static int
verify(struct err *err)
{
	int armed = left;
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct trust_verdict verdict = {.roles = 77};
	int code;

	left = INT_MAX;
	assert_code(trust_decode(bytes_of_str(trust_text), &policy, err),
	    ERR_NONE);
	assert_code(dsse_decode(bytes_of_str(envelope_text), &envelope, err),
	    ERR_NONE);
	left = armed;
	code = trust_verify_for(policy, TRUST_IMAGE,
	    bytes_of_str(envelope_text), envelope, FRESH_BUDGET, &verdict, err);
	assert_int_equal(verdict.roles, code == 0 ? 1 : 77);
	return code;
}

static int
sign(struct err *err)
{
	const struct private_key *keys[] = {signer};
	char *text = UNTOUCHED;
	int code = dsse_sign(DSSE_IMAGE_PAYLOAD_TYPE, bytes_of_str(PAYLOAD),
	    bytes_of_str(envelope_text), keys, 1, &text, err);

	if (code == 0)
		free(text);
	else
		assert_ptr_equal(text, UNTOUCHED);
	return code;
}

static int
generate(struct err *err)
{
	struct private_key *key = UNTOUCHED;
	int code = private_key_generate(ALGORITHM_ED25519, &key, err);

	if (code == 0)
		private_key_freep(&key);
	else
		assert_ptr_equal(key, UNTOUCHED);
	return code;
}

static int
write_trust(struct err *err)
{
	static const char *const patterns[] = {"*"};
	const struct public_key *keys[] = {private_key_public(signer)};
	struct trust_draft draft = {
	    .version = 1,
	    .role = "prod",
	    .threshold = 1,
	    .keys = keys,
	    .key_count = 1,
	    .patterns = patterns,
	    .pattern_count = 1,
	};
	char *text = UNTOUCHED;
	int code = trust_encode_new(&draft, &text, err);

	if (code == 0)
		free(text);
	else
		assert_ptr_equal(text, UNTOUCHED);
	return code;
}

static void
fail_each_allocation_of(attempt *call)
{
	int failed = 0;

	for (int i = 0; i < max_allocations; i++) {
		struct err err = {.code = ERR_NONE};
		int code;

		left = i;
		code = call(&err);
		if (left >= 0) { /* it needed fewer than that */
			left = INT_MAX;
			assert_code(code, ERR_NONE);
			assert_true(failed > 0);
			return;
		}
		left = INT_MAX;
		assert_code(code, NO_MEMORY);
		assert_int_equal(err.code, code);
		failed++;
	}
	fail_msg("no end of allocations");
}

static int
prepare(void **state)
{
	struct err err;

	(void)state;
	trust_text = fixture_text(fixture_trust());
	envelope_text = fixture_text(fixture_signed_envelope());
	assert_code(private_key_generate(ALGORITHM_ED25519, &signer, &err),
	    ERR_NONE);
	return 0;
}

static int
tidy(void **state)
{
	(void)state;
	free(trust_text);
	free(envelope_text);
	private_key_freep(&signer);
	return 0;
}

static void
dsse_decode_survives_any_failed_allocation(void **state)
{
	(void)state;
	fail_each_allocation_of(decode_envelope);
}

static void
trust_decode_survives_any_failed_allocation(void **state)
{
	(void)state;
	fail_each_allocation_of(decode_trust);
}

static void
trust_verify_survives_any_failed_allocation(void **state)
{
	(void)state;
	fail_each_allocation_of(verify);
}

static void
dsse_sign_survives_any_failed_allocation(void **state)
{
	(void)state;
	fail_each_allocation_of(sign);
}

static void
private_key_generate_survives_any_failed_allocation(void **state)
{
	(void)state;
	fail_each_allocation_of(generate);
}

static void
trust_encode_new_survives_any_failed_allocation(void **state)
{
	(void)state;
	fail_each_allocation_of(write_trust);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(dsse_decode_survives_any_failed_allocation),
	    cmocka_unit_test(trust_decode_survives_any_failed_allocation),
	    cmocka_unit_test(trust_verify_survives_any_failed_allocation),
	    cmocka_unit_test(dsse_sign_survives_any_failed_allocation),
	    cmocka_unit_test(
		private_key_generate_survives_any_failed_allocation),
	    cmocka_unit_test(trust_encode_new_survives_any_failed_allocation),
	};

	return cmocka_run_group_tests_name("fault", tests, prepare, tidy);
}
