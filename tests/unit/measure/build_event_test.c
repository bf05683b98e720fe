#include "base_fixture.h"

#include <limits.h>
#include <string.h>

#include "base/scope.h"
#include "measure/build_event.h"

/* Computed by another program, from the bytes that are spelled out below. */
#define GOLDEN_DIGEST \
	"0ec28323c97612acfda61564cd8dabcab0e86fc7c533109af971cb5c6011b709"

/* Eight times four bytes, as hex. */
#define HEX(four) four four four four four four four four

static struct build_event
good_event(void)
{
	static const uint8_t uuid[UUID_BYTES] = {0x6a, 0x2f, 0x3f, 0x1c, 0x0b,
	    0x6e, 0x4a, 0x54, 0x9a, 0x55, 0x8a, 0x7f, 0x2f, 0x3b, 0x9d, 0x11};
	struct build_event event = {
	    .sequence = 3,
	    .has_ramdisk = true,
	    .domid = 9,
	    .memory_mib = 256,
	    .vcpus = 2,
	};

	memset(event.envelope.bytes, 0x11, DIGEST_BYTES);
	memset(event.payload.bytes, 0x22, DIGEST_BYTES);
	memset(event.kernel_elf.bytes, 0x33, DIGEST_BYTES);
	memset(event.ramdisk.bytes, 0x44, DIGEST_BYTES);
	memset(event.cmdline.bytes, 0x5a, DIGEST_BYTES);
	memcpy(event.uuid, uuid, sizeof(uuid));
	return event;
}

static const char good_data[] =
    "{\"v\":1,\"ev\":\"build\",\"seq\":3,"
    "\"manifest\":\"" HEX(
	"11111111") "\","
		    "\"payload\":\"" HEX(
			"22222222") "\","
				    "\"kernel\":\"" HEX(
					"33333333") "\","
						    "\"ramdisk\":\"" HEX(
							"44444444") "\","
								    "\"cmdline"
								    "\":\"" HEX(
									"5a5a5a"
									"5a") "\","
									      "\"type\":\"pv\",\"uuid\":\"6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d11\","
									      "\"domid\":9,\"mem\":256,\"vcpus\":2}";

/* "ASY1" as a little-endian number, the length, the data. */
static void
build_event_has_exactly_these_bytes(void **state)
{
	struct build_event event = good_event();
	uint8_t bytes[BUILD_EVENT_BYTES];
	size_t len = build_event_encode(&event, bytes);
	size_t data_len = strlen(good_data);

	(void)state;
	assert_int_equal(len, 8 + data_len);
	assert_memory_equal(bytes, "\x31\x59\x53\x41", 4);
	assert_int_equal(bytes[4] | bytes[5] << 8, data_len);
	assert_int_equal(bytes[6] | bytes[7], 0);
	assert_memory_equal(bytes + 8, good_data, data_len);
}

static void
build_event_without_a_ramdisk_says_so(void **state)
{
	struct build_event event = good_event();
	uint8_t bytes[BUILD_EVENT_BYTES];

	(void)state;
	event.has_ramdisk = false;
	build_event_encode(&event, bytes);
	assert_has((const char *)bytes + 8, "\"ramdisk\":\"\",\"cmdline\"");
}

static void
build_event_digest_is_over_the_whole_structure(void **state)
{
	struct build_event event = good_event();
	uint8_t bytes[BUILD_EVENT_BYTES];
	size_t len = build_event_encode(&event, bytes);
	struct digest expected;
	struct digest digest;
	char text[DIGEST_HEX_SIZE];
	struct err err;

	(void)state;
	assert_refused(digest_of(bytes_of(bytes, len), &expected, &err), 0);
	assert_refused(build_event_digest(&event, &digest, &err), 0);
	assert_true(digest_equal(&digest, &expected));
	digest_hex(&digest, text);
	assert_string_equal(text, GOLDEN_DIGEST);
}

/* What is not in the digest could be changed unseen. */
static void
build_event_digest_depends_on_every_member(void **state)
{
	struct build_event events[11];
	struct digest digests[countof(events)];

	(void)state;
	for (size_t i = 0; i < countof(events); i++)
		events[i] = good_event();
	events[1].sequence++;
	events[2].envelope.bytes[31] ^= 1;
	events[3].payload.bytes[31] ^= 1;
	events[4].kernel_elf.bytes[31] ^= 1;
	events[5].has_ramdisk = false;
	events[6].ramdisk.bytes[31] ^= 1;
	events[7].cmdline.bytes[31] ^= 1;
	events[8].uuid[15] ^= 1;
	events[9].domid++;
	events[10].memory_mib++;
	for (size_t i = 0; i < countof(events); i++) {
		struct err err;

		assert_refused(
		    build_event_digest(&events[i], &digests[i], &err), 0);
		for (size_t j = 0; j < i; j++)
			assert_false(digest_equal(&digests[i], &digests[j]));
	}
	events[0].vcpus++;
	assert_refused(
	    build_event_digest(&events[0], &digests[1], &(struct err){0}), 0);
	assert_false(digest_equal(&digests[0], &digests[1]));
}

static void
build_event_of_the_largest_values_fits(void **state)
{
	struct build_event event = good_event();
	uint8_t bytes[BUILD_EVENT_BYTES];
	size_t len;

	(void)state;
	event.sequence = UINT64_MAX;
	event.domid = UINT32_MAX;
	event.memory_mib = UINT32_MAX;
	event.vcpus = UINT32_MAX;
	len = build_event_encode(&event, bytes);
	assert_true(len < BUILD_EVENT_BYTES);
	assert_int_equal(bytes[len - 1], '}');
	assert_has((const char *)bytes + 8, "\"seq\":18446744073709551615,");
	assert_has((const char *)bytes + 8, "\"domid\":4294967295,");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(build_event_has_exactly_these_bytes),
	    cmocka_unit_test(build_event_without_a_ramdisk_says_so),
	    cmocka_unit_test(build_event_digest_is_over_the_whole_structure),
	    cmocka_unit_test(build_event_digest_depends_on_every_member),
	    cmocka_unit_test(build_event_of_the_largest_values_fits),
	};

	return cmocka_run_group_tests_name("build_event", tests, NULL, NULL);
}
