#include "base_fixture.h"

#include <string.h>

#include "base/digest.h"
#include "base/scope.h"

#define ABC_HEX \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void
digest_of_is_sha256(void **state)
{
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];
	struct err err;

	(void)state;
	assert_refused(digest_of(bytes_of_str("abc"), &digest, &err), 0);
	digest_hex(&digest, hex);
	assert_string_equal(hex, ABC_HEX);
	assert_refused(digest_of(bytes_of(NULL, 0), &digest, &err), 0);
	digest_hex(&digest, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb924"
				 "27ae41e4649b934ca495991b7852b855");
}

static void
digest_text_is_read_back(void **state)
{
	struct digest digest;
	struct digest back;
	char text[DIGEST_TEXT_SIZE];
	struct err err;

	(void)state;
	assert_refused(digest_of(bytes_of_str("abc"), &digest, &err), 0);
	digest_text(&digest, text);
	assert_string_equal(text, "sha256:" ABC_HEX);
	assert_true(digest_from_text(text, &back));
	assert_true(digest_equal(&digest, &back));
	assert_true(digest_from_hex(ABC_HEX, &back));
	assert_true(digest_equal(&digest, &back));
}

static void
digest_equal_looks_at_every_bit(void **state)
{
	struct digest one = {{0}};

	(void)state;
	for (size_t bit = 0; bit < DIGEST_BYTES * 8; bit++) {
		struct digest other = one;

		other.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(digest_equal(&one, &other));
	}
	assert_true(digest_equal(&one, &one));
}

static void
digest_from_hex_refuses_what_is_not_exactly_64_lower_case_digits(void **state)
{
	struct digest digest;
	struct digest before;

	(void)state;
	memset(&digest, 0x5a, sizeof(digest));
	before = digest;
	for (size_t len = 0; len < 64; len++) {
		char hex[] = ABC_HEX;

		hex[len] = '\0';
		assert_false(digest_from_hex(hex, &digest));
		hex[len] = 'A';
		assert_false(digest_from_hex(hex, &digest));
		hex[len] = 'g';
		assert_false(digest_from_hex(hex, &digest));
		hex[len] = ' ';
		assert_false(digest_from_hex(hex, &digest));
	}
	assert_false(digest_from_hex(ABC_HEX "0", &digest));
	assert_memory_equal(&digest, &before, sizeof(digest));
}

static void
digest_from_text_refuses_other_prefixes(void **state)
{
	static const char *const texts[] = {ABC_HEX, "sha256" ABC_HEX,
	    "SHA256:" ABC_HEX, "sha512:" ABC_HEX, "sha256: " ABC_HEX,
	    "sha256:sha256:" ABC_HEX, "sha256:", "sha256", "s", ""};
	struct digest digest;

	(void)state;
	for (size_t i = 0; i < countof(texts); i++)
		assert_false(digest_from_text(texts[i], &digest));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digest_of_is_sha256),
	    cmocka_unit_test(digest_text_is_read_back),
	    cmocka_unit_test(digest_equal_looks_at_every_bit),
	    cmocka_unit_test(
		digest_from_hex_refuses_what_is_not_exactly_64_lower_case_digits),
	    cmocka_unit_test(digest_from_text_refuses_other_prefixes),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
