#include "measure/build_event.h"

#include <stdio.h>

#include "base/log.h"

enum { HEADER_BYTES = 8 };

static void put_le32(uint8_t *out, uint32_t value);

size_t
build_event_encode(const struct build_event *event,
    uint8_t ret_bytes[static BUILD_EVENT_BYTES])
{
	char envelope[DIGEST_HEX_SIZE];
	char payload[DIGEST_HEX_SIZE];
	char kernel[DIGEST_HEX_SIZE];
	char ramdisk[DIGEST_HEX_SIZE] = "";
	char cmdline[DIGEST_HEX_SIZE];
	char uuid[UUID_TEXT_SIZE];
	int len;

	digest_hex(&event->envelope, envelope);
	digest_hex(&event->payload, payload);
	digest_hex(&event->kernel_elf, kernel);
	if (event->has_ramdisk)
		digest_hex(&event->ramdisk, ramdisk);
	digest_hex(&event->cmdline, cmdline);
	uuid_text(event->uuid, uuid);
	len = snprintf((char *)ret_bytes + HEADER_BYTES,
	    BUILD_EVENT_BYTES - HEADER_BYTES,
	    "{\"v\":1,\"ev\":\"build\",\"seq\":%llu,\"manifest\":\"%s\","
	    "\"payload\":\"%s\",\"kernel\":\"%s\",\"ramdisk\":\"%s\","
	    "\"cmdline\":\"%s\",\"type\":\"pv\",\"uuid\":\"%s\","
	    "\"domid\":%u,\"mem\":%u,\"vcpus\":%u}",
	    (unsigned long long)event->sequence, envelope, payload, kernel,
	    ramdisk, cmdline, uuid, event->domid, event->memory_mib,
	    event->vcpus);
	bug_unless(len > 0 && len < BUILD_EVENT_BYTES - HEADER_BYTES);
	put_le32(ret_bytes, BUILD_EVENT_TAG);
	put_le32(ret_bytes + 4, (uint32_t)len);
	return HEADER_BYTES + (size_t)len;
}

int
build_event_digest(const struct build_event *event, struct digest *ret_digest,
    struct err *err)
{
	uint8_t bytes[BUILD_EVENT_BYTES];
	size_t len = build_event_encode(event, bytes);

	return digest_of(bytes_of(bytes, len), ret_digest, err);
}

static void
put_le32(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)value;
	out[1] = (uint8_t)(value >> 8);
	out[2] = (uint8_t)(value >> 16);
	out[3] = (uint8_t)(value >> 24);
}
