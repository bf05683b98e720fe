/*
 * What a receipt may be, as JSON for callers, and as a file that assayd reads
 * when it is begun again.
 */
#include "builder/supervisor/receipt_check.h"
#include "builder/supervisor/timing_total.h"
#include "builder_fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/front/receipt_json.h"
#include "builder/supervisor/receipt_file.h"
#include "builder/front/timing_names.h"

/* The header of a file: builder/supervisor/receipt_file.h. */
enum { AT_MAGIC = 0, AT_FORMAT = 8, AT_SIZE = 12, AT_DIGEST = 16, HEAD = 48 };

static const char path[] = "receipt";

/* --- as JSON ---------------------------------------------------------- */

static void
receipt_names_every_phase_of_the_build(void **state)
{
	struct receipt receipt = good_receipt();
	json_t *document = json_table_write(&receipt_table, &receipt);
	json_t *timing = json_object_get(document, "timing_usec");

	(void)state;
	assert_int_equal(json_object_size(timing), TIMING_PHASE_COUNT);
	for (int i = 0; i < TIMING_PHASE_COUNT; i++)
		assert_int_equal(json_integer_value(json_object_get(timing,
				     timing_phase_name((enum timing_phase)i))),
		    i + 1);
	json_decref(document);
}

/* Of many that were passed over, the first few. */
static void
receipt_tells_what_was_passed_over(void **state)
{
	static const uint32_t counts[] = {0, 1, LIMIT_PASSED_OVER, 77};

	(void)state;
	for (size_t i = 0; i < countof(counts); i++) {
		struct receipt receipt = good_receipt();
		json_t *document;
		json_t *passed;

		receipt.passed_over.count = counts[i];
		document = json_table_write(&receipt_table, &receipt);
		passed = json_object_get(document, "passed_over");
		assert_int_equal(
		    json_integer_value(json_object_get(passed, "count")),
		    counts[i]);
		assert_int_equal(
		    json_array_size(json_object_get(passed, "images")),
		    counts[i] < LIMIT_PASSED_OVER ? counts[i]
						  : LIMIT_PASSED_OVER);
		json_decref(document);
	}
}

/* --- as a file -------------------------------------------------------- */

static void
write_receipt(const struct receipt *receipt)
{
	const struct built built = {.receipt = *receipt};
	struct err err = {0};

	if (receipt_file_write(path, &built, &err) != 0)
		fail_msg("%s", err.text);
}

static void
receipt_file_gives_back_each_byte(void **state)
{
	struct built built;
	struct built back;
	struct stat st;
	struct err err = {0};

	(void)state;
	memset(&built, 0, sizeof(built));
	built.receipt = good_receipt();
	built.lineage.request = good_build_request();
	built.lineage.restarts = 3;
	built.lineage.after = (struct event_after){6, DOMAIN_END_CRASH};
	if (receipt_file_write(path, &built, &err) != 0)
		fail_msg("%s", err.text);
	memset(&back, 0x5a, sizeof(back));
	if (receipt_file_read(path, &back, &err) != 0)
		fail_msg("%s", err.text);
	assert_memory_equal(&back, &built, sizeof(back));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, HEAD + sizeof(struct built));
}

static void
assert_file_refused(const char *why)
{
	struct built receipt;
	struct built before;
	struct err err = {0};

	memset(&receipt, 0x5a, sizeof(receipt));
	memcpy(&before, &receipt, sizeof(before));
	if (receipt_file_read(path, &receipt, &err) == 0)
		fail_msg("taken, and it should be: %s", why);
	assert_code((int)err.code, CONFIG_BAD);
	assert_has(err.text, path);
	assert_has(err.text, why);
	assert_has(err.text, "; remove this file: assayd then does not know");
	assert_memory_equal(&receipt, &before, sizeof(receipt));
}

static void
receipt_file_says_what_else_it_is(void **state)
{
	char many[9000];

	(void)state;
	memset(many, 'm', sizeof(many));
	write_file(path, bytes_of_str(""));
	assert_file_refused("not a receipt");
	write_file(path, bytes_of_str("ASSAY"));
	assert_file_refused("not a receipt");
	write_file(path, bytes_of(many, sizeof(many)));
	assert_file_refused("limit 8192");
	write_file(path, bytes_of(many, HEAD + sizeof(struct built)));
	assert_file_refused("not a receipt");
	write_file(path, bytes_of_str("{\"schema\":\"assay.receipt/1\"}"));
	assert_file_refused("in JSON, as an older assayd wrote it");
	write_file(path, bytes_of_str("ASSAYRCT"));
	assert_file_refused("in format 0; this assayd reads 3");
}

/* The good file with this byte as that. */
static void
damage(size_t at, uint8_t byte)
{
	struct receipt receipt = good_receipt();
	CLEANUP(buffer_done) struct buffer file = {0};

	write_receipt(&receipt);
	file = read_file(path);
	assert_int_equal(file.len, HEAD + sizeof(struct built));
	assert_int_not_equal(file.ptr[at], byte);
	file.ptr[at] = byte;
	write_file(path, buffer_bytes(&file));
}

static void
receipt_file_of_another_format_is_not_read(void **state)
{
	(void)state;
	damage(AT_MAGIC, 'a');
	assert_file_refused("not a receipt");
	damage(AT_FORMAT, 1);
	assert_file_refused("in format 1; this assayd reads 3");
	damage(AT_FORMAT + 3, 1);
	assert_file_refused("in format 16777219");
	damage(AT_SIZE, 1);
	assert_file_refused("a damaged receipt");
	damage(AT_DIGEST, 0);
	assert_file_refused("not of its digest");
}

static void
receipt_file_with_any_other_bit_is_not_read(void **state)
{
	struct receipt receipt = good_receipt();
	CLEANUP(buffer_done) struct buffer file = {0};

	(void)state;
	write_receipt(&receipt);
	file = read_file(path);
	for (size_t at = 0; at < file.len; at++) {
		file.ptr[at] ^= (uint8_t)(1u << at % 8);
		write_file(path, buffer_bytes(&file));
		file.ptr[at] ^= (uint8_t)(1u << at % 8);
		assert_file_refused("receipt");
	}
}

static void
receipt_file_that_was_cut_or_grew_is_not_read(void **state)
{
	struct receipt receipt = good_receipt();
	CLEANUP(buffer_done) struct buffer file = {0};

	(void)state;
	write_receipt(&receipt);
	file = read_file(path);
	for (size_t len = 0; len < file.len; len++) {
		write_file(path, bytes_of(file.ptr, len));
		assert_file_refused("receipt");
	}
	buffer_add(&file, "", 1);
	write_file(path, buffer_bytes(&file));
	assert_file_refused("a damaged receipt");
}

/* --- what is in it ---------------------------------------------------- */

/* Also from a file that has its digest. */
static void
assert_none(const struct receipt *receipt, const char *field)
{
	struct err err = {0};

	if (receipt_check(receipt, &err) == 0)
		fail_msg("taken with another %s", field);
	assert_code((int)err.code, CONFIG_BAD);
	assert_string_equal(err.field, field);
	write_receipt(receipt);
	assert_file_refused(field);
}

#define REFUSED_WITH(part, field, value)                  \
	do {                                              \
		struct receipt receipt_ = good_receipt(); \
		receipt_.part field = (value);            \
		assert_none(&receipt_, #field);           \
	} while (0)

static void
receipt_refuses_numbers_out_of_range(void **state)
{
	(void)state;
	REFUSED_WITH(, domid, 0);
	REFUSED_WITH(, domid, UINT16_MAX + 1);
	REFUSED_WITH(, domid, UINT32_MAX);
	REFUSED_WITH(, sequence, 0);
	REFUSED_WITH(, sequence, (uint64_t)INT64_MAX + 1);
	REFUSED_WITH(guest., memory_mib, 0);
	REFUSED_WITH(guest., memory_mib, LIMIT_MEMORY_MIB + 1);
	REFUSED_WITH(guest., vcpus, 0);
	REFUSED_WITH(guest., vcpus, LIMIT_VCPUS + 1);
	REFUSED_WITH(image., signer_count, LIMIT_SIGNATURES + 1);
	REFUSED_WITH(image., signer_count, UINT32_MAX);
	REFUSED_WITH(image., rollback_index, -1);
	REFUSED_WITH(image., rollback_index, INT64_MIN);
}

#define REFUSED_TEXT(member, name)                                     \
	do {                                                           \
		struct receipt receipt_ = good_receipt();              \
		memset(receipt_.member, 'a', sizeof(receipt_.member)); \
		assert_none(&receipt_, name);                          \
		receipt_ = good_receipt();                             \
		receipt_.member[0] = '\n';                             \
		assert_none(&receipt_, name);                          \
		receipt_.member[0] = (char)0x80;                       \
		assert_none(&receipt_, name);                          \
	} while (0)

static void
receipt_refuses_a_text_that_does_not_end_or_is_none(void **state)
{
	(void)state;
	REFUSED_TEXT(guest.name, "name");
	REFUSED_TEXT(image.name, "image");
	REFUSED_TEXT(image.version, "version");
	REFUSED_TEXT(image.role, "role");
	REFUSED_TEXT(image.rollback_location, "rollback_location");
	REFUSED_TEXT(configuration, "configuration");
}

static void
receipt_refuses_a_bool_that_is_none(void **state)
{
	struct receipt receipt = good_receipt();

	(void)state;
	memset(&receipt.image.is_debug, 2, 1);
	assert_none(&receipt, "is_debug");
	receipt = good_receipt();
	memset(&receipt.was_cached, 0xff, 1);
	assert_none(&receipt, "was_cached");
}

static void
receipt_refuses_the_configuration_of_another_digest(void **state)
{
	struct receipt receipt = good_receipt();

	(void)state;
	receipt.configuration[3] ^= 1;
	assert_none(&receipt, "config");
	receipt = good_receipt();
	receipt.config.bytes[31] ^= 1;
	assert_none(&receipt, "config");
}

static void
receipt_refuses_a_false_account_of_what_was_passed_over(void **state)
{
	struct receipt receipt = good_receipt();
	struct passed_over *passed = &receipt.passed_over;

	(void)state;
	passed->count = LIMIT_INDEX_IMAGES + 1;
	assert_none(&receipt, "passed_over");
	passed->count = 3; /* and one behind them */
	assert_none(&receipt, "passed_over");
	receipt = good_receipt();
	passed->images[1].code = ERR_NONE;
	assert_none(&receipt, "passed_over");
	receipt = good_receipt();
	memset(&passed->images[1].code, 0x7f, sizeof(passed->images[1].code));
	assert_none(&receipt, "passed_over");
	receipt = good_receipt();
	memset(passed->images[3].version, '1',
	    sizeof(passed->images[3].version));
	assert_none(&receipt, "passed_over");
	receipt = good_receipt();
	strcpy(passed->images[0].version, "1 or so");
	assert_none(&receipt, "passed_over");
}

static void
receipt_may_have_passed_over_nothing(void **state)
{
	struct receipt receipt = good_receipt();
	struct built back;
	struct err err;

	(void)state;
	memset(&receipt.passed_over, 0, sizeof(receipt.passed_over));
	write_receipt(&receipt);
	assert_code(receipt_file_read(path, &back, &err), 0);
	assert_int_equal(back.receipt.passed_over.count, 0);
}

/* --- times ------------------------------------------------------------ */

static void
timing_gives_each_phase_its_time(void **state)
{
	struct timing timing;
	uint64_t before = timing_now_usec();

	(void)state;
	timing_start(&timing);
	timing.last_usec -= 1000;
	timing_mark(&timing, TIMING_LOAD);
	timing.last_usec -= 500;
	timing_mark(&timing, TIMING_HASH);
	assert_true(timing.phase_usec[TIMING_LOAD] >= 1000);
	assert_true(timing.phase_usec[TIMING_HASH] >= 500);
	assert_int_equal(timing.phase_usec[TIMING_START], 0);
	assert_int_equal(timing_total_usec(&timing),
	    timing.phase_usec[TIMING_LOAD] + timing.phase_usec[TIMING_HASH]);
	assert_true(timing.last_usec >= before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(receipt_names_every_phase_of_the_build),
	    cmocka_unit_test(receipt_tells_what_was_passed_over),
	    directory_test(receipt_file_gives_back_each_byte),
	    directory_test(receipt_file_says_what_else_it_is),
	    directory_test(receipt_file_of_another_format_is_not_read),
	    directory_test(receipt_file_with_any_other_bit_is_not_read),
	    directory_test(receipt_file_that_was_cut_or_grew_is_not_read),
	    directory_test(receipt_refuses_numbers_out_of_range),
	    directory_test(receipt_refuses_a_text_that_does_not_end_or_is_none),
	    directory_test(receipt_refuses_a_bool_that_is_none),
	    directory_test(receipt_refuses_the_configuration_of_another_digest),
	    directory_test(
		receipt_refuses_a_false_account_of_what_was_passed_over),
	    directory_test(receipt_may_have_passed_over_nothing),
	    cmocka_unit_test(timing_gives_each_phase_its_time),
	};

	return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
