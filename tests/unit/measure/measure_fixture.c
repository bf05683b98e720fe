#include "measure_fixture.h"

#include <stdio.h>
#include <string.h>

static const uint8_t good_uuid[UUID_BYTES] = {0x6a, 0x2f, 0x3f, 0x1c, 0x0b,
    0x6e, 0x4a, 0x54, 0x9a, 0x55, 0x8a, 0x7f, 0x2f, 0x3b, 0x9d, 0x11};

static struct digest
filled(uint8_t byte)
{
	struct digest digest;

	memset(digest.bytes, byte, sizeof(digest.bytes));
	return digest;
}

static struct event_rules
good_rules(void)
{
	return (struct event_rules){
	    .trust = filled(0x11),
	    .trust_version = 4,
	    .has_store = true,
	    .store = filled(0x22),
	    .epoch = 12,
	    .has_boot_policy = true,
	    .boot_policy = filled(0x33),
	};
}

static struct event_start
good_start(void)
{
	struct event_start start = {
	    .version = "0.1.0~rc+1",
	    .rules = good_rules(),
	    .pcr = 13,
	    .nv_name_len = 34,
	};

	memset(start.nv_name, 0xaa, sizeof(start.nv_name));
	memcpy(start.nv_name, "\x00\x0b", 2);
	return start;
}

static struct event_build
good_build(void)
{
	struct event_build build = {
	    .envelope = filled(0x44),
	    .payload = filled(0x55),
	    .kernel_elf = filled(0x66),
	    .has_ramdisk = true,
	    .ramdisk = filled(0x77),
	    .cmdline = filled(0x5a),
	    .config = filled(0x3c),
	    .role = "prod",
	    .domid = 9,
	    .memory_mib = 256,
	    .vcpus = 2,
	};

	memcpy(build.uuid, good_uuid, UUID_BYTES);
	return build;
}

struct caller
good_client(void)
{
	struct caller caller = {
	    .kind = CALLER_DOMAIN,
	    .domain = {.domid = 5, .image = "toolstack", .role = "infra"},
	};

	memcpy(caller.domain.uuid, good_uuid, UUID_BYTES);
	memset(caller.domain.envelope.bytes, 0x66, DIGEST_BYTES);
	return caller;
}

struct event
good_event(enum event_kind kind)
{
	struct event event = {.kind = kind};

	event.sequence = kind == EVENT_START ? 1 : (uint64_t)kind + 2;
	if (kind == EVENT_START)
		event.as.start = good_start();
	else if (kind == EVENT_BUILD)
		event.as.build = good_build();
	else if (kind == EVENT_POLICY)
		event.as.policy = good_rules();
	else if (kind == EVENT_ABANDON)
		event.as.abandon =
		    (struct event_abandon){.domid = 9, .why = XEN_FAILED};
	else if (kind == EVENT_DESTROY)
		event.as.destroy = (struct event_destroy){.domid = 9};
	if (kind == EVENT_ABANDON)
		memcpy(event.as.abandon.uuid, good_uuid, UUID_BYTES);
	if (kind == EVENT_DESTROY)
		memcpy(event.as.destroy.uuid, good_uuid, UUID_BYTES);
	return event;
}
