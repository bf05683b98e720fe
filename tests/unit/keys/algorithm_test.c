#include "keys_fixture.h"

static void
algorithm_names_are_read_back(void **state)
{
	static const char *const names[] = {"ecdsa-p256-sha256",
	    "ecdsa-p384-sha384", "ed25519", "rsa-pss-sha256", "ml-dsa-65",
	    "ml-dsa-87"};
	enum algorithm algorithm;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_true(algorithm_from_name(names[i], &algorithm));
		assert_int_equal(algorithm, i);
		assert_string_equal(algorithm_name(algorithm), names[i]);
	}
}

static void
algorithm_from_name_knows_no_other_name(void **state)
{
	static const char *const names[] = {"", "ED25519", "ed25519 ",
	    "rsa-pss", "ecdsa-p384-sha3844", "ml-dsa-44", "none"};

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		enum algorithm algorithm = ALGORITHM_RSA_PSS_SHA256;

		assert_false(algorithm_from_name(names[i], &algorithm));
		assert_int_equal(algorithm, ALGORITHM_RSA_PSS_SHA256);
	}
}

static void
algorithm_families_are_told_apart(void **state)
{
	enum algorithm_family family = ALGORITHM_FAMILIES;

	(void)state;
	assert_int_equal(algorithm_family(ALGORITHM_RSA_PSS_SHA256),
	    ALGORITHM_CLASSICAL);
	assert_int_equal(algorithm_family(ALGORITHM_ED25519),
	    ALGORITHM_CLASSICAL);
	assert_int_equal(algorithm_family(ALGORITHM_ML_DSA_65),
	    ALGORITHM_POST_QUANTUM);
	assert_int_equal(algorithm_family(ALGORITHM_ML_DSA_87),
	    ALGORITHM_POST_QUANTUM);
	assert_true(algorithm_family_from_name("ml-dsa", &family));
	assert_int_equal(family, ALGORITHM_POST_QUANTUM);
	assert_false(algorithm_family_from_name("", &family));
	assert_false(algorithm_family_from_name("ml-dsa-65", &family));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(algorithm_families_are_told_apart),
	    cmocka_unit_test(algorithm_names_are_read_back),
	    cmocka_unit_test(algorithm_from_name_knows_no_other_name),
	};

	return cmocka_run_group_tests_name("algorithm", tests, NULL, NULL);
}
