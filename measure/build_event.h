/*
 * The event that says which image was started: its bytes and its digest.
 *
 * The data is JSON with a fixed member order and no spaces, written here and
 * never parsed by the daemon, inside a TCG_PCClientTaggedEvent (little-endian
 * u32 id, u32 length, data). The digest is over that whole structure.
 * Spec: TCG PC Client Platform Firmware Profile, EV_EVENT_TAG.
 *
 * Not done yet: appending it to a log and extending a TPM register.
 */
#ifndef ASSAY_MEASURE_BUILD_EVENT_H
#define ASSAY_MEASURE_BUILD_EVENT_H

#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/uuid.h"

#define BUILD_EVENT_TAG   0x41535931u /* "ASY1" */
#define BUILD_EVENT_BYTES 1024        /* no event is longer */

struct build_event {
	uint64_t sequence; /* of this daemon run, from 1 */
	struct digest envelope;
	struct digest payload;
	struct digest kernel_elf;
	bool has_ramdisk;
	struct digest ramdisk;
	struct digest cmdline;
	uint8_t uuid[UUID_BYTES];
	uint32_t domid;
	uint32_t memory_mib;
	uint32_t vcpus;
};

/* Returns the number of bytes written. */
size_t build_event_encode(const struct build_event *event,
    uint8_t ret_bytes[static BUILD_EVENT_BYTES]);

/* SHA-256 of the encoded event. Errors: NO_MEMORY. */
int build_event_digest(const struct build_event *event,
    struct digest *ret_digest, struct err *err);

#endif
