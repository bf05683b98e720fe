#include "base_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "measure_fixture.h"

/* Sixteen bytes of one value, as hex. */
#define HEX16(two) \
	two two two two two two two two two two two two two two two two
#define HEX32(two) HEX16(two) HEX16(two)
#define HEX48(two) HEX32(two) HEX16(two)

#define UUID_OF_GOOD "6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d11"

/* clang-format off */
static const char *const good_data[EVENT_KINDS] = {
	[EVENT_START] =
	    "{\"v\":1,\"ev\":\"start\",\"seq\":1,\"assayd\":\"0.1.0~rc+1\","
	    "\"trust\":\"" HEX32("11") "\",\"trust_version\":4,"
	    "\"store\":\"" HEX32("22") "\",\"epoch\":12,"
	    "\"boot_policy\":\"" HEX32("33") "\",\"pcr\":13,"
	    "\"found\":{\"sha256\":\"" HEX32("00") "\","
	    "\"sha384\":\"" HEX48("00") "\"},"
	    "\"nv\":\"000b" HEX32("aa") "\",\"development\":false}",
	[EVENT_BUILD] =
	    "{\"v\":1,\"ev\":\"build\",\"seq\":3,"
	    "\"envelope\":\"" HEX32("44") "\",\"payload\":\"" HEX32("55") "\","
	    "\"kernel\":\"" HEX32("66") "\",\"ramdisk\":\"" HEX32("77") "\","
	    "\"cmdline\":\"" HEX32("5a") "\",\"config\":\"" HEX32("3c") "\","
	    "\"role\":\"prod\","
	    "\"debug\":false,\"type\":\"pv\",\"uuid\":\"" UUID_OF_GOOD "\","
	    "\"domid\":9,\"mem\":256,\"vcpus\":2}",
	[EVENT_ABANDON] =
	    "{\"v\":1,\"ev\":\"abandon\",\"seq\":4,"
	    "\"uuid\":\"" UUID_OF_GOOD "\",\"domid\":9,"
	    "\"error\":\"XEN_FAILED\"}",
	[EVENT_DESTROY] =
	    "{\"v\":1,\"ev\":\"destroy\",\"seq\":5,"
	    "\"uuid\":\"" UUID_OF_GOOD "\",\"domid\":9}",
	[EVENT_POLICY] =
	    "{\"v\":1,\"ev\":\"policy\",\"seq\":6,"
	    "\"trust\":\"" HEX32("11") "\",\"trust_version\":4,"
	    "\"store\":\"" HEX32("22") "\",\"epoch\":12,"
	    "\"boot_policy\":\"" HEX32("33") "\"}",
	[EVENT_STOP] =
	    "{\"v\":1,\"ev\":\"stop\",\"seq\":7}",
};
/* clang-format on */

/* "ASY1" as a little-endian number, the length, the data. */
static void
every_event_has_exactly_these_bytes(void **state)
{
	(void)state;
	for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
		struct event event = good_event(kind);
		uint8_t bytes[EVENT_BYTES];
		size_t len = event_encode(&event, bytes);
		size_t data_len = strlen(good_data[kind]);

		assert_memory_equal(bytes, "\x31\x59\x53\x41", 4);
		assert_int_equal(bytes[4] | bytes[5] << 8, len - 8);
		assert_int_equal(bytes[6] | bytes[7], 0);
		if (len != 8 + data_len ||
		    memcmp(bytes + 8, good_data[kind], data_len) != 0)
			fail_msg("%.*s\nis not\n%s", (int)len - 8,
			    (char *)bytes + 8, good_data[kind]);
	}
}

static void
what_an_event_does_not_have_is_an_empty_text(void **state)
{
	struct event start = good_event(EVENT_START);
	struct event build = good_event(EVENT_BUILD);
	uint8_t bytes[EVENT_BYTES + 1] = {0};

	(void)state;
	start.as.start.rules.has_store = false;
	start.as.start.rules.has_boot_policy = false;
	start.as.start.nv_name_len = 0;
	start.as.start.is_development = true;
	event_encode(&start, bytes);
	assert_has((char *)bytes + 8, "\"store\":\"\",\"epoch\"");
	assert_has((char *)bytes + 8, "\"boot_policy\":\"\",\"pcr\"");
	assert_has((char *)bytes + 8, "\"nv\":\"\",\"development\":true}");
	build.as.build.has_ramdisk = false;
	build.as.build.is_debug = true;
	event_encode(&build, bytes);
	assert_has((char *)bytes + 8, "\"ramdisk\":\"\",\"cmdline\"");
	assert_has((char *)bytes + 8, "\"debug\":true,");
}

/* Behind all that was there before anybody wrote it down. */
static void
build_says_who_asked_for_it(void **state)
{
	struct event build = good_event(EVENT_BUILD);
	uint8_t bytes[EVENT_BYTES + 1] = {0};

	(void)state;
	build.as.build.by = (struct caller){
	    .kind = CALLER_USER,
	    .user = {1000, 1001, 1002},
	};
	event_encode(&build, bytes);
	assert_has((char *)bytes + 8,
	    "\"vcpus\":2,\"by\":{\"uid\":1000,\"gid\":1001}}");
	build.as.build.by = good_client();
	event_encode(&build, bytes);
	/* clang-format off */
	assert_has((char *)bytes + 8, "\"vcpus\":2,\"by\":{\"domid\":5,"
	    "\"uuid\":\"" UUID_OF_GOOD "\",\"image\":\"toolstack\","
	    "\"role\":\"infra\",\"envelope\":\"" HEX32("66") "\"}}");
	/* clang-format on */
}

/* What is not in the bytes could be changed unseen. */
static void
every_member_of_every_event_is_in_its_bytes(void **state)
{
	struct event events[48];
	uint8_t bytes[countof(events)][EVENT_BYTES];
	size_t lens[countof(events)];
	size_t n = 0;

	(void)state;
	memset(bytes, 0, sizeof(bytes));
	events[n++] = good_event(EVENT_START);
#define CHANGED(kind, change)                   \
	do {                                    \
		struct event *e = &events[n];   \
		events[n++] = good_event(kind); \
		change;                         \
	} while (0)
	CHANGED(EVENT_START, e->sequence++);
	CHANGED(EVENT_START, e->as.start.version[0] = '9');
	CHANGED(EVENT_START, e->as.start.rules.trust.bytes[31] ^= 1);
	CHANGED(EVENT_START, e->as.start.rules.trust_version++);
	CHANGED(EVENT_START, e->as.start.rules.store.bytes[31] ^= 1);
	CHANGED(EVENT_START, e->as.start.rules.epoch++);
	CHANGED(EVENT_START, e->as.start.rules.boot_policy.bytes[31] ^= 1);
	CHANGED(EVENT_START, e->as.start.pcr++);
	CHANGED(EVENT_START, e->as.start.found[PCR_SHA256].bytes[31] ^= 1);
	CHANGED(EVENT_START, e->as.start.found[PCR_SHA384].bytes[47] ^= 1);
	CHANGED(EVENT_START, e->as.start.nv_name[33] ^= 1);
	CHANGED(EVENT_START, e->as.start.is_development = true);
	CHANGED(EVENT_BUILD, e->sequence++);
	CHANGED(EVENT_BUILD, e->as.build.envelope.bytes[31] ^= 1);
	CHANGED(EVENT_BUILD, e->as.build.payload.bytes[31] ^= 1);
	CHANGED(EVENT_BUILD, e->as.build.kernel_elf.bytes[31] ^= 1);
	CHANGED(EVENT_BUILD, e->as.build.ramdisk.bytes[31] ^= 1);
	CHANGED(EVENT_BUILD, e->as.build.cmdline.bytes[31] ^= 1);
	CHANGED(EVENT_BUILD, e->as.build.config.bytes[31] ^= 1);
	CHANGED(EVENT_BUILD, e->as.build.role[0] = 'x');
	CHANGED(EVENT_BUILD, e->as.build.is_debug = true);
	CHANGED(EVENT_BUILD, e->as.build.uuid[15] ^= 1);
	CHANGED(EVENT_BUILD, e->as.build.domid++);
	CHANGED(EVENT_BUILD, e->as.build.memory_mib++);
	CHANGED(EVENT_BUILD, e->as.build.vcpus++);
	CHANGED(EVENT_BUILD, e->as.build.by.kind = CALLER_USER);
#define USER(member)                               \
	CHANGED(EVENT_BUILD, {                     \
		e->as.build.by.kind = CALLER_USER; \
		e->as.build.by.user.member = 1;    \
	})
	USER(uid);
	USER(gid);
#define CLIENT(change)                          \
	CHANGED(EVENT_BUILD, {                  \
		struct caller_domain *d;        \
		e->as.build.by = good_client(); \
		d = &e->as.build.by.domain;     \
		change;                         \
	})
	CLIENT((void)d);
	CLIENT(d->domid++);
	CLIENT(d->uuid[15] ^= 1);
	CLIENT(d->image[0] = 'x');
	CLIENT(d->role[0] = 'x');
	CLIENT(d->envelope.bytes[31] ^= 1);
	CHANGED(EVENT_ABANDON, e->as.abandon.why = NO_MEMORY);
	CHANGED(EVENT_ABANDON, e->as.abandon.uuid[15] ^= 1);
	CHANGED(EVENT_DESTROY, e->as.destroy.domid++);
#undef CHANGED
	assert_true(n <= countof(events));
	for (size_t i = 0; i < n; i++) {
		lens[i] = event_encode(&events[i], bytes[i]);
		for (size_t j = 0; j < i; j++)
			assert_false(bytes_equal(bytes_of(bytes[i], lens[i]),
			    bytes_of(bytes[j], lens[j])));
	}
}

static void
events_of_the_largest_values_fit(void **state)
{
	uint8_t bytes[EVENT_BYTES];

	(void)state;
	for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
		struct event event;
		size_t len;

		memset(&event.as, 0xff, sizeof(event.as));
		event.kind = kind;
		event.sequence = UINT64_MAX;
		if (kind == EVENT_START) {
			memset(event.as.start.version, 'v',
			    LIMIT_VERSION_BYTES);
			event.as.start.version[LIMIT_VERSION_BYTES] = '\0';
			event.as.start.nv_name_len = EVENT_NAME_BYTES;
			event.as.start.rules.has_store = true;
			event.as.start.rules.has_boot_policy = true;
			event.as.start.rules.trust_version = INT64_MIN;
			event.as.start.is_development = false;
		} else if (kind == EVENT_BUILD) {
			memset(event.as.build.role, 'r', LIMIT_NAME_BYTES);
			event.as.build.role[LIMIT_NAME_BYTES] = '\0';
			event.as.build.has_ramdisk = true;
			event.as.build.is_debug = false;
			event.as.build.by.kind = CALLER_DOMAIN;
			memset(event.as.build.by.domain.image, 'i',
			    LIMIT_NAME_BYTES);
			memset(event.as.build.by.domain.role, 'r',
			    LIMIT_NAME_BYTES);
			event.as.build.by.domain.image[LIMIT_NAME_BYTES] = '\0';
			event.as.build.by.domain.role[LIMIT_NAME_BYTES] = '\0';
			event.as.build.after.end = DOMAIN_END_POWEROFF;
		} else if (kind == EVENT_POLICY) {
			event.as.policy.has_store = true;
			event.as.policy.has_boot_policy = true;
		} else if (kind == EVENT_ABANDON) {
			event.as.abandon.why = PAYLOAD_TYPE_UNKNOWN;
		}
		len = event_encode(&event, bytes);
		assert_true(len <= EVENT_BYTES - 64);
		assert_int_equal(bytes[len - 1], '}');
	}
}

/* Room is kept for that much in the log. */
static void
no_end_is_longer_than_its_limit(void **state)
{
	static const enum event_kind kinds[] = {EVENT_ABANDON, EVENT_DESTROY,
	    EVENT_STOP};
	uint8_t bytes[EVENT_BYTES];
	size_t longest = 0;

	(void)state;
	for (size_t i = 0; i < countof(kinds); i++) {
		for (int code = 1; code <= BUG; code++) {
			struct event event = good_event(kinds[i]);
			size_t len;

			if (!err_is_known(code))
				continue;
			event.sequence = UINT64_MAX;
			if (event.kind == EVENT_ABANDON) {
				event.as.abandon.domid = UINT32_MAX;
				event.as.abandon.why = (enum err_code)code;
			}
			if (event.kind == EVENT_DESTROY)
				event.as.destroy.domid = UINT32_MAX;
			len = event_encode(&event, bytes);
			longest = len > longest ? len : longest;
		}
	}
	assert_in_range(longest, 140, EVENT_END_BYTES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_event_has_exactly_these_bytes),
	    cmocka_unit_test(what_an_event_does_not_have_is_an_empty_text),
	    cmocka_unit_test(build_says_who_asked_for_it),
	    cmocka_unit_test(every_member_of_every_event_is_in_its_bytes),
	    cmocka_unit_test(events_of_the_largest_values_fit),
	    cmocka_unit_test(no_end_is_longer_than_its_limit),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
