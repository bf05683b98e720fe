/*
 * The events that go into log and TPM: their bytes.
 *
 * An event's data is JSON with a fixed member order and no spaces, inside a
 * TCG_PCClientTaggedEvent (little-endian u32 id, u32 length, data). What is
 * extended is the digest of that whole structure. Reading is for
 * measure/event_decode.h.
 *
 * Sequence numbers count the events of one daemon run: the start event is
 * number 1, and each further event has the number after the one before it.
 * Spec: TCG PC Client Platform Firmware Profile, EV_EVENT_TAG;
 * assay-event-log(5).
 */
#ifndef ASSAY_MEASURE_EVENT_H
#define ASSAY_MEASURE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/uuid.h"
#include "measure/caller.h"
#include "measure/domain_end.h"
#include "measure/pcr.h"

#define EVENT_TAG          0x41535931u /* "ASY1" */
#define EVENT_HEADER_BYTES 8
#define EVENT_BYTES        1280 /* with its header; no event is longer */
#define EVENT_NAME_BYTES   50   /* of a TPM Name: algorithm id and SHA-384 */
#define EVENT_END_BYTES    192  /* no abandon, destroy or stop is longer */

enum event_kind {
	EVENT_START,
	EVENT_BUILD,
	EVENT_ABANDON,
	EVENT_DESTROY,
	EVENT_POLICY,
	EVENT_STOP,
	EVENT_KINDS
};

/* What decides from now on. */
struct event_rules {
	struct digest trust; /* of the trust policy's bytes */
	int64_t trust_version;
	bool has_store; /* a signed store index */
	struct digest store;
	uint64_t epoch;       /* of that index; 0 without one */
	bool has_boot_policy; /* a signed boot policy */
	struct digest boot_policy;
};

/* The daemon started. */
struct event_start {
	char version[LIMIT_VERSION_BYTES + 1]; /* of assayd */
	struct event_rules rules;
	uint32_t pcr;                       /* the register that is used */
	struct pcr_digest found[PCR_BANKS]; /* its value before this event */
	uint8_t nv_name[EVENT_NAME_BYTES];  /* Name of the NV index */
	size_t nv_name_len;                 /* 0: none is used */
	bool is_development;
};

/* It is built in the place of another one of its uuid, which ended so. */
struct event_after {
	uint32_t domid; /* of that one; 0: there was none */
	uint32_t end;   /* enum domain_end */
};

/* A domain is built and not yet unpaused. */
struct event_build {
	struct digest envelope;
	struct digest payload;
	struct digest kernel_elf;
	bool has_ramdisk;
	struct digest ramdisk;
	struct digest cmdline;
	struct digest config;            /* all that is not in the image */
	char role[LIMIT_NAME_BYTES + 1]; /* that signed the image */
	bool is_debug;
	uint8_t uuid[UUID_BYTES];
	uint32_t domid;
	uint32_t memory_mib;
	uint32_t vcpus;
	struct caller by; /* who asked for it; older ones do not say */
	struct event_after after;
};

/* A build that was logged failed afterwards: the domain is gone. */
struct event_abandon {
	uint8_t uuid[UUID_BYTES];
	uint32_t domid;
	enum err_code why;
};

/* A domain is destroyed. */
struct event_destroy {
	uint8_t uuid[UUID_BYTES];
	uint32_t domid;
};

/* Plain value. EVENT_STOP has no further members: nothing may follow it. */
struct event {
	enum event_kind kind;
	uint64_t sequence;
	union {
		struct event_start start;
		struct event_build build;
		struct event_abandon abandon;
		struct event_destroy destroy;
		struct event_rules policy;
	} as;
};

/* "build" */
const char *event_kind_name(enum event_kind kind);

/* Letters, digits and "._+-~" only: nothing that JSON would have to escape. */
bool event_text_is_plain(const char *text);

/*
 * Returns the number of bytes written. Texts must be plain, as the
 * policies and manifests that they come from demand.
 */
size_t event_encode(const struct event *event,
    uint8_t ret_bytes[static EVENT_BYTES]);

#endif
