#include "keys_fixture.h"

static void
algorithm_names_are_read_back(void **state)
{
	static const char *const names[] = {"ecdsa-p256-sha256",
	    "ecdsa-p384-sha384", "ed25519", "rsa-pss-sha256"};
	enum algorithm algorithm;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(algorithm_from_name(names[i], &algorithm));
		assert_int_equal(algorithm, i);
		assert_string_equal(algorithm_name(algorithm), names[i]);
	}
}

static void
algorithm_from_name_knows_no_other_name(void **state)
{
	static const char *const names[] = {"", "ED25519", "ed25519 ",
	    "rsa-pss", "ecdsa-p384-sha3844", "ml-dsa-65", "none"};

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		enum algorithm algorithm = ALGORITHM_RSA_PSS_SHA256;

		assert_false(algorithm_from_name(names[i], &algorithm));
		assert_int_equal(algorithm, ALGORITHM_RSA_PSS_SHA256);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(algorithm_names_are_read_back),
	    cmocka_unit_test(algorithm_from_name_knows_no_other_name),
	};

	return cmocka_run_group_tests_name("algorithm", tests, NULL, NULL);
}
