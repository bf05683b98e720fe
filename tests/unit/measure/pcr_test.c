#include "base_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "measure/pcr.h"

/* printf abc | sha256sum; printf abc | sha384sum */
static const char *const abc_hex[PCR_BANKS] = {
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
    "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"};

/* The hash of as many zero bytes as the bank has and the value above, by
 * sha256sum and sha384sum. */
static const char *const extended_hex[PCR_BANKS] = {
    "589f9ffed4c477966bfb8d41f37895b08c69047df8f911d6f3b57fbe08faee8d",
    "93732e3733514a841c982cfa75ea76ab55fe011acb9cd980"
    "ef4523913c65be1b0998e04d77f8c174f81a82151619ca40"};

static void
each_bank_hashes_with_its_algorithm(void **state)
{
	struct pcr_digests digests;
	struct err err;

	(void)state;
	assert_refused(pcr_digests_of(bytes_of_str("abc"), &digests, &err), 0);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		char hex[PCR_HEX_SIZE];

		pcr_digest_hex(bank, &digests.bank[bank], hex);
		assert_string_equal(hex, abc_hex[bank]);
	}
}

static void
pcr_extend_hashes_the_old_value_and_the_digest(void **state)
{
	struct pcr_digests digests;
	struct err err;

	(void)state;
	assert_refused(pcr_digests_of(bytes_of_str("abc"), &digests, &err), 0);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		struct pcr_digest value = {{0}};
		char hex[PCR_HEX_SIZE];

		assert_refused(
		    pcr_extend(bank, &digests.bank[bank], &value, &err), 0);
		pcr_digest_hex(bank, &value, hex);
		assert_string_equal(hex, extended_hex[bank]);
	}
}

static void
banks_have_names_and_algorithms(void **state)
{
	enum pcr_bank bank = PCR_SHA256;

	(void)state;
	assert_true(pcr_bank_from_name("sha384", &bank));
	assert_int_equal(bank, PCR_SHA384);
	assert_int_equal(pcr_bank_algorithm(bank), 0x000c);
	assert_int_equal(pcr_bank_bytes(bank), 48);
	assert_true(pcr_bank_from_algorithm(0x000b, &bank));
	assert_string_equal(pcr_bank_name(bank), "sha256");
	assert_false(pcr_bank_from_name("sha1", &bank));
	assert_false(pcr_bank_from_name("sha25", &bank));
	assert_false(pcr_bank_from_algorithm(0x0004, &bank));
}

static void
hex_is_read_back_and_nothing_else(void **state)
{
	(void)state;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		struct pcr_digest digest;
		struct pcr_digest before;
		char hex[PCR_HEX_SIZE + 1] = "";

		assert_true(pcr_digest_from_hex(bank, abc_hex[bank], &digest));
		before = digest;
		pcr_digest_hex(bank, &digest, hex);
		assert_string_equal(hex, abc_hex[bank]);
		hex[2 * pcr_bank_bytes(bank)] = '0';
		assert_false(pcr_digest_from_hex(bank, hex, &digest));
		for (size_t i = 0; i < 2 * pcr_bank_bytes(bank); i++) {
			strcpy(hex, abc_hex[bank]);
			hex[i] = 'A';
			assert_false(pcr_digest_from_hex(bank, hex, &digest));
			hex[i] = '\0';
			assert_false(pcr_digest_from_hex(bank, hex, &digest));
		}
		assert_memory_equal(&digest, &before, sizeof(digest));
	}
}

static void
a_register_is_blank_when_all_bytes_are_zero_or_all_are_ones(void **state)
{
	(void)state;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		size_t len = pcr_bank_bytes(bank);
		struct pcr_digest digest;

		memset(&digest, 0, sizeof(digest));
		assert_true(pcr_digest_is_blank(bank, &digest));
		digest.bytes[len - 1] = 1;
		assert_false(pcr_digest_is_blank(bank, &digest));
		memset(digest.bytes, 0xff, len);
		assert_true(pcr_digest_is_blank(bank, &digest));
		digest.bytes[0] = 0;
		assert_false(pcr_digest_is_blank(bank, &digest));
	}
}

static void
pcr_digest_equal_looks_at_the_bytes_of_the_bank(void **state)
{
	struct pcr_digest a = {{0}};
	struct pcr_digest b = {{0}};

	(void)state;
	b.bytes[40] = 1;
	assert_true(pcr_digest_equal(PCR_SHA256, &a, &b));
	assert_false(pcr_digest_equal(PCR_SHA384, &a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_bank_hashes_with_its_algorithm),
	    cmocka_unit_test(pcr_extend_hashes_the_old_value_and_the_digest),
	    cmocka_unit_test(banks_have_names_and_algorithms),
	    cmocka_unit_test(hex_is_read_back_and_nothing_else),
	    cmocka_unit_test(
		a_register_is_blank_when_all_bytes_are_zero_or_all_are_ones),
	    cmocka_unit_test(pcr_digest_equal_looks_at_the_bytes_of_the_bank),
	};

	return cmocka_run_group_tests_name("pcr", tests, NULL, NULL);
}
