/*
 * make_log LOG [PAYLOAD [NAME [TRUST VERSION]]]: what assayd would write: a
 * start, three builds of the image with this digest, a destroy; NAME is that of
 * the NV index in hex, or empty; TRUST the digest of the trust policy. With
 * DEBUG in the environment, domain 3 is of a debug image, what is destroyed
 * is no domain, and the daemon stops. Prints a
 * line "sha256=<hex>,sha384=<hex>" for each event, as tpm2_pcrextend(1) takes
 * them behind the register's number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "measure/event_log.h"
#include "measure/tpm_identity.h"
#include "measure_fixture.h"

static struct digest payload;
static struct tpm_name nv_name;
static bool has_nv_name;
static struct digest trust;
static int64_t trust_version; /* 0: the fixture's */

static void
write_event(struct event_log *log, enum event_kind kind, uint64_t sequence,
    uint32_t domid)
{
	struct event event = good_event(kind);
	char sha256[PCR_HEX_SIZE], sha384[PCR_HEX_SIZE];
	uint8_t bytes[EVENT_BYTES];
	struct pcr_digests digests;
	struct err err;

	event.sequence = sequence;
	if (kind == EVENT_START) {
		event.as.start.nv_name_len = has_nv_name ? TPM_NAME_BYTES : 0;
		memcpy(event.as.start.nv_name, nv_name.bytes, TPM_NAME_BYTES);
	}
	if (kind == EVENT_START && trust_version > 0) {
		event.as.start.rules.trust = trust;
		event.as.start.rules.trust_version = trust_version;
	}
	if (kind == EVENT_BUILD) {
		event.as.build.payload = payload;
		event.as.build.domid = domid;
		event.as.build.uuid[15] = (uint8_t)domid;
		event.as.build.is_debug = domid == 3 && getenv("DEBUG") != NULL;
	}
	if (kind == EVENT_DESTROY) {
		event.as.destroy.domid = getenv("DEBUG") != NULL ? 99 : domid;
		event.as.destroy.uuid[15] = (uint8_t)domid;
	}
	if (event_log_append(log, 13,
		bytes_of(bytes, event_encode(&event, bytes)), &digests,
		&err) != 0)
		exit(3);
	pcr_digest_hex(PCR_SHA256, &digests.bank[PCR_SHA256], sha256);
	pcr_digest_hex(PCR_SHA384, &digests.bank[PCR_SHA384], sha384);
	printf("sha256=%s,sha384=%s\n", sha256, sha384);
}

int
main(int argc, char **argv)
{
	CLEANUP(event_log_closep) struct event_log *log = NULL;
	struct err err;

	if (argc < 2 ||
	    event_log_open(argv[1], LIMIT_EVENT_LOG_BYTES, &log, &err) != 0 ||
	    (argc > 2 && !digest_from_text(argv[2], &payload)))
		return 2;
	has_nv_name = argc > 3 && argv[3][0] != '\0';
	if (argc > 5 && !digest_from_text(argv[4], &trust))
		return 2;
	trust_version = argc > 5 ? strtoll(argv[5], NULL, 10) : 0;
	if (has_nv_name && !tpm_name_from_hex(argv[3], &nv_name))
		return 2;
	write_event(log, EVENT_START, 1, 0);
	for (uint32_t n = 1; n <= 3; n++)
		write_event(log, EVENT_BUILD, n + 1, n);
	write_event(log, EVENT_DESTROY, 5, 2);
	if (getenv("DEBUG") != NULL)
		write_event(log, EVENT_STOP, 6, 0);
	return 0;
}
