#include "base_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "measure/predict/efi_variables.h"
#include "measure/predict/predict_uefi.h"
#include "pe_fixture.h"

/* A volume of 0x48 bytes of header, a store behind it. */
enum { STORE_AT = 0x48, FIRST_AT = STORE_AT + 28, STORE_ROOM = 2048 };

struct store {
	uint8_t bytes[STORE_ROOM];
	size_t len;
};

static const uint8_t store_guid[16] = {0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a,
    0x43, 0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92};
static const uint8_t enable_guid[16] = {0xc7, 0x0b, 0xa3, 0xf0, 0x08, 0xaf,
    0x56, 0x45, 0x99, 0xc4, 0x00, 0x10, 0x09, 0xc9, 0x3a, 0x44};

static void
put32(uint8_t *out, size_t value)
{
	for (size_t i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static struct store
empty_store(void)
{
	struct store store = {.len = FIRST_AT};

	memset(store.bytes, 0xff, STORE_ROOM);
	memcpy(store.bytes + 0x28, "_FVH", 4);
	put32(store.bytes + 0x30, STORE_AT);
	memcpy(store.bytes + STORE_AT, store_guid, 16);
	put32(store.bytes + STORE_AT + 16, STORE_ROOM - STORE_AT);
	store.bytes[STORE_AT + 20] = 0x5a;
	store.bytes[STORE_AT + 21] = 0xfe;
	return store;
}

static void
add(struct store *store, const char *name, const uint8_t *guid, uint8_t state,
    struct bytes data)
{
	uint8_t *header = store->bytes + store->len;
	size_t name_len = strlen(name) + 1;

	memset(header, 0, 60 + 2 * name_len);
	put32(header, 0x55aa | (size_t)state << 16);
	put32(header + 36, 2 * name_len);
	put32(header + 40, data.len);
	memcpy(header + 44, guid, 16);
	for (size_t i = 0; i < name_len; i++)
		header[60 + 2 * i] = (uint8_t)name[i];
	memcpy(header + 60 + 2 * name_len, data.ptr, data.len);
	store->len += (60 + 2 * name_len + data.len + 3) & ~(size_t)3;
}

/* One list of one SHA-256 digest, each byte `fill`. */
static struct bytes
list_of(uint8_t *room, uint8_t fill)
{
	static const uint8_t type[16] = {0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50,
	    0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28};

	memcpy(room, type, 16);
	put32(room + 16, 28 + 48);
	put32(room + 20, 0);
	put32(room + 24, 48);
	memset(room + 28, 0x0e, 16);
	memset(room + 44, fill, 32);
	return bytes_of(room, 28 + 48);
}

static struct store
good_store(void)
{
	struct store store = empty_store();
	uint8_t room[80];

	add(&store, "other", efi_variable_guid(EFI_PK), 0x3f,
	    bytes_of_str("x"));
	add(&store, "PK", efi_variable_guid(EFI_PK), 0x3f, list_of(room, 1));
	add(&store, "db", efi_variable_guid(EFI_DB), 0x3d, list_of(room, 2));
	add(&store, "db", efi_variable_guid(EFI_DB), 0x3f, list_of(room, 3));
	add(&store, "db", efi_variable_guid(EFI_DB), 0x3e, list_of(room, 4));
	add(&store, "db", efi_variable_guid(EFI_PK), 0x3f, list_of(room, 5));
	return store;
}

static struct efi_variables
read_store(const struct store *store)
{
	struct efi_variables variables;
	struct err err = {0};

	assert_refused(
	    efi_variables_from_store(bytes_of(store->bytes, STORE_ROOM),
		&variables, &err),
	    0);
	return variables;
}

static void
efi_variables_are_those_that_are_valid_and_of_their_owner(void **state)
{
	struct store store = good_store();
	struct efi_variables variables = read_store(&store);
	uint8_t room[80];

	(void)state;
	assert_true(bytes_equal(variables.data[EFI_PK], list_of(room, 1)));
	assert_true(bytes_equal(variables.data[EFI_DB], list_of(room, 3)));
	assert_int_equal(variables.data[EFI_KEK].len, 0);
	assert_int_equal(variables.data[EFI_DBX].len, 0);
}

static void
secure_boot_is_on_with_a_pk_unless_it_is_disabled(void **state)
{
	struct store store = empty_store();
	struct efi_variables variables = read_store(&store);

	(void)state;
	assert_false(efi_secure_boot_is_on(&variables));
	store = good_store();
	variables = read_store(&store);
	assert_true(efi_secure_boot_is_on(&variables));
	add(&store, "SecureBootEnable", enable_guid, 0x3f, bytes_of("\1", 1));
	variables = read_store(&store);
	assert_true(efi_secure_boot_is_on(&variables));
	store = good_store();
	add(&store, "SecureBootEnable", enable_guid, 0x3f, bytes_of("\0", 1));
	variables = read_store(&store);
	assert_false(efi_secure_boot_is_on(&variables));
}

static void
secure_boot_is_as_it_is_wanted_or_refused(void **state)
{
	struct store store = empty_store();
	struct efi_variables variables = read_store(&store);
	struct err err = {0};

	(void)state;
	assert_refused(efi_variables_want(&variables, false, &err), 0);
	assert_refused(efi_variables_want(&variables, true, &err),
	    SECURE_BOOT_OTHER);
	assert_string_equal(err.field, "PK");
	store = good_store();
	variables = read_store(&store);
	assert_refused(efi_variables_want(&variables, true, &err), 0);
	assert_refused(efi_variables_want(&variables, false, &err),
	    SECURE_BOOT_OTHER);
	assert_string_equal(err.field, "SecureBoot");
	add(&store, "SecureBootEnable", enable_guid, 0x3f, bytes_of("\0", 1));
	variables = read_store(&store);
	assert_refused(efi_variables_want(&variables, false, &err), 0);
	assert_refused(efi_variables_want(&variables, true, &err),
	    SECURE_BOOT_OTHER);
	assert_string_equal(err.field, "SecureBoot");
}

static const struct {
	const char *what;
	size_t offset;
	uint32_t value;
} bad_stores[] = {
    {"signature", 0x28, 0},
    {"header length", 0x30, STORE_ROOM},
    {"guid", STORE_AT, 0},
    {"size", STORE_AT + 16, STORE_ROOM},
    {"small size", STORE_AT + 16, 27},
    {"format", STORE_AT + 20, 0xfe5b},
    {"state", STORE_AT + 20, 0xff5a},
    {"name size", FIRST_AT + 36, 0xffffffff},
    {"data size", FIRST_AT + 40, 0xfffffff0},
};

static void
efi_variables_refuse_a_store_that_is_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad_stores); i++) {
		struct store store = good_store();
		struct efi_variables variables;
		struct err err = {0};

		put32(store.bytes + bad_stores[i].offset, bad_stores[i].value);
		if (efi_variables_from_store(bytes_of(store.bytes, STORE_ROOM),
			&variables, &err) == 0)
			fail_msg("accepted: %s", bad_stores[i].what);
		assert_refused((int)err.code, EFI_VARIABLES_MALFORMED);
	}
}

static const struct {
	size_t offset;
	uint32_t value;
} bad_lists[] = {
    {16, 124},
    {16, 77},
    {16, 27},
    {16, 0},
    {16, 75},
    {20, 49},
    {20, 1},
    {24, 47},
    {24, 16},
    {24, 0},
    {20, 0xffffffff},
    {24, 0xffffffff},
};

static void
efi_variables_refuse_lists_that_are_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad_lists); i++) {
		struct efi_variables variables = {0};
		struct err err = {0};
		uint8_t room[80];

		variables.data[EFI_DB] = list_of(room, 1);
		put32(room + bad_lists[i].offset, bad_lists[i].value);
		assert_refused(efi_variables_check(&variables, &err),
		    EFI_VARIABLES_MALFORMED);
		assert_has(err.text, "db: offset 0");
	}
}

static void
efi_variables_refuse_secure_boot_without_a_pk(void **state)
{
	struct efi_variables variables = {0};
	struct err err = {0};

	(void)state;
	variables.data[EFI_SECURE_BOOT] = bytes_of("\1", 1);
	assert_refused(efi_variables_check(&variables, &err),
	    EFI_VARIABLES_MALFORMED);
	variables.data[EFI_SECURE_BOOT] = bytes_of("\0\0", 2);
	assert_refused(efi_variables_check(&variables, &err),
	    EFI_VARIABLES_MALFORMED);
}

/* Two lists, the first with two entries. */
static void
efi_signature_next_finds_every_entry_once(void **state)
{
	struct efi_variables variables = {0};
	struct efi_signature signature = {.next = 0};
	uint8_t room[256];
	struct err err = {0};

	(void)state;
	(void)list_of(room, 1);
	put32(room + 16, 28 + 96);
	memset(room + 76, 0x0e, 16);
	memset(room + 92, 2, 32);
	(void)list_of(room + 124, 3);
	variables.data[EFI_DB] = bytes_of(room, 200);
	assert_refused(efi_variables_check(&variables, &err), 0);
	for (uint8_t i = 1; i <= 3; i++) {
		assert_true(
		    efi_signature_next(variables.data[EFI_DB], &signature));
		assert_true(efi_signature_is_sha256(&signature));
		assert_false(efi_signature_is_x509(&signature));
		assert_int_equal(signature.data.len, 32);
		assert_int_equal(signature.data.ptr[0], i);
		assert_int_equal(signature.owned.len, 48);
		assert_int_equal(signature.owned.ptr[0], 0x0e);
	}
	assert_false(efi_signature_next(variables.data[EFI_DB], &signature));
}

/* What the TPM of a machine showed in PCR 7: OVMF 2022.11 without keys. */
static void
predicted_register_7_is_that_of_a_machine_without_keys(void **state)
{
	static const char *const found[PCR_BANKS] = {
	    "65caf8dd1e0ea7a6347b635d2b379c93b9a1351edc2afc3ecda700e534eb3068",
	    "98441c7f7625d10058c47683aec486ce311c633235eb555593a7ee791121e3578a"
	    "e72d04ecef661f272d59058b77af35"};
	struct prediction prediction = {0};
	struct efi_variables variables = {0};
	struct pe_image image = pe_good();
	struct err err = {0};
	struct pe pe;

	(void)state;
	assert_refused(pe_decode(pe_bytes(&image), &pe, &err), 0);
	assert_refused(efi_variables_check(&variables, &err), 0);
	assert_refused(
	    predict_uefi_secure_boot(&variables, &pe, &prediction, &err), 0);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		char hex[PCR_HEX_SIZE];

		pcr_digest_hex(bank, &prediction.values.value[bank][7], hex);
		assert_string_equal(hex, found[bank]);
	}
}

/* The values themselves are in tests/cli/boot, from other programs. */
static void
predicted_register_4_grows_with_options_and_programs(void **state)
{
	struct pe_image image = pe_good();
	struct pcr_digest seen[4];
	struct err err = {0};
	struct pe pe;
	const struct pe *images[2] = {&pe, &pe};

	(void)state;
	assert_refused(pe_decode(pe_bytes(&image), &pe, &err), 0);
	for (unsigned int i = 0; i < 4; i++) {
		struct prediction prediction = {0};

		assert_refused(predict_uefi_boot(images, 1 + i / 2, i % 2,
				   &prediction, &err),
		    0);
		assert_int_equal(prediction.values.known[PCR_SHA256], 1 << 4);
		assert_int_equal(prediction.values.known[PCR_SHA384], 1 << 4);
		seen[i] = prediction.values.value[PCR_SHA256][4];
		for (unsigned int j = 0; j < i; j++)
			assert_false(
			    pcr_digest_equal(PCR_SHA256, &seen[i], &seen[j]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		efi_variables_are_those_that_are_valid_and_of_their_owner),
	    cmocka_unit_test(secure_boot_is_on_with_a_pk_unless_it_is_disabled),
	    cmocka_unit_test(secure_boot_is_as_it_is_wanted_or_refused),
	    cmocka_unit_test(efi_variables_refuse_a_store_that_is_broken),
	    cmocka_unit_test(efi_variables_refuse_lists_that_are_broken),
	    cmocka_unit_test(efi_variables_refuse_secure_boot_without_a_pk),
	    cmocka_unit_test(efi_signature_next_finds_every_entry_once),
	    cmocka_unit_test(
		predicted_register_7_is_that_of_a_machine_without_keys),
	    cmocka_unit_test(
		predicted_register_4_grows_with_options_and_programs),
	};

	return cmocka_run_group_tests_name("efi_variables", tests, NULL, NULL);
}
