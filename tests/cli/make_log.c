/*
 * make_log LOG [PAYLOAD [NAME [TRUST VERSION]]]: what assayd would write: a
 * start, three builds of the image with this digest, a destroy; NAME is that of
 * the NV index in hex, or empty; TRUST the digest of the trust policy. Prints a
 * line "sha256=<hex>,sha384=<hex>" for each event that is measured, as
 * tpm2_pcrextend(1) takes them behind the register's number.
 *
 * Words in STORY, in the environment, make it another log:
 *   debug        domain 3 is of a debug image, what is destroyed is no domain,
 *                102 times, and the daemon stops
 *   development  the first start is one in the development mode
 *   lost         a fourth build is logged and not measured; then
 *   again        the daemon starts a second time
 *   more         nothing but a fourth build, which is appended
 * CONFIGURATION is the text of that of domains 1 and 3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "measure/event_log.h"
#include "measure/tpm_identity.h"
#include "measure_fixture.h"

static struct event_log *event_log;
static struct digest payload;
static struct tpm_name nv_name;
static bool has_nv_name;
static struct digest trust;
static int64_t trust_version;    /* 0: the fixture's */
static struct pcr_digests found; /* what the register holds */

static bool
is_told(const char *word)
{
	const char *story = getenv("STORY");

	return story != NULL && strstr(story, word) != NULL;
}

static struct pcr_digests
write_event(const struct event *event)
{
	uint8_t bytes[EVENT_BYTES];
	struct pcr_digests digests;
	struct err err;

	if (event_log_append(event_log, 13,
		bytes_of(bytes, event_encode(event, bytes)), &digests,
		&err) != 0)
		exit(3);
	return digests;
}

static void
measure_event(const struct event *event)
{
	char sha256[PCR_HEX_SIZE], sha384[PCR_HEX_SIZE];
	struct pcr_digests digests = write_event(event);
	struct err err;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if (pcr_extend(bank, &digests.bank[bank], &found.bank[bank],
			&err) != 0)
			exit(3);
	}
	pcr_digest_hex(PCR_SHA256, &digests.bank[PCR_SHA256], sha256);
	pcr_digest_hex(PCR_SHA384, &digests.bank[PCR_SHA384], sha384);
	printf("sha256=%s,sha384=%s\n", sha256, sha384);
}

static void
start(bool is_development)
{
	struct event event = good_event(EVENT_START);

	event.as.start.is_development = is_development;
	event.as.start.nv_name_len = has_nv_name ? TPM_NAME_BYTES : 0;
	memcpy(event.as.start.nv_name, nv_name.bytes, TPM_NAME_BYTES);
	memcpy(event.as.start.found, found.bank, sizeof(found.bank));
	if (trust_version > 0) {
		event.as.start.rules.trust = trust;
		event.as.start.rules.trust_version = trust_version;
	}
	measure_event(&event);
}

/* The first domain is a toolstack, which asked for the third; with "debug" it
 * is one that the log does not have. */
static struct caller
client(void)
{
	const struct event_build build = good_event(EVENT_BUILD).as.build;
	struct caller by = good_client();

	by.domain.domid = 1;
	memcpy(by.domain.uuid, build.uuid, UUID_BYTES);
	by.domain.uuid[15] = 1;
	strcpy(by.domain.role, is_told("debug") ? "release" : build.role);
	by.domain.envelope = build.envelope;
	return by;
}

static const struct caller user = {
    .kind = CALLER_USER,
    .user = {.uid = 1000, .gid = 100},
};

static struct event
build_of(uint32_t domid)
{
	const char *configuration = getenv("CONFIGURATION");
	struct event event = good_event(EVENT_BUILD);
	struct err err;

	event.sequence = domid + 1;
	event.as.build.payload = payload;
	event.as.build.domid = domid;
	event.as.build.uuid[15] = (uint8_t)domid;
	event.as.build.is_debug = domid == 3 && is_told("debug");
	if (domid == 3)
		event.as.build.by = client();
	else if (domid == 1)
		event.as.build.by = user;
	if (configuration != NULL && domid != 2 &&
	    digest_of(bytes_of_str(configuration), &event.as.build.config,
		&err) != 0)
		exit(3);
	return event;
}

static void
destroy(uint32_t domid, uint64_t sequence)
{
	struct event event = good_event(EVENT_DESTROY);

	event.sequence = sequence;
	event.as.destroy.domid = is_told("debug") ? 99 : domid;
	event.as.destroy.uuid[15] = (uint8_t)domid;
	measure_event(&event);
}

static void
tell_story(void)
{
	struct event event = build_of(4);

	event.sequence = 6;
	if (is_told("more")) {
		measure_event(&event);
		return;
	}
	start(is_told("development"));
	for (uint32_t domid = 1; domid <= 3; domid++) {
		event = build_of(domid);
		measure_event(&event);
	}
	for (uint64_t n = 0; n < (is_told("debug") ? 102 : 1); n++)
		destroy(2, 5 + n);
	if (is_told("debug")) {
		event = good_event(EVENT_STOP);
		event.sequence = 5 + 102;
		measure_event(&event);
	}
	if (is_told("lost")) {
		event = build_of(4);
		event.sequence = 6;
		write_event(&event);
	}
	if (is_told("again"))
		start(false);
}

int
main(int argc, char **argv)
{
	struct err err;

	if (argc < 2 || (argc > 2 && !digest_from_text(argv[2], &payload)))
		return 2;
	has_nv_name = argc > 3 && argv[3][0] != '\0';
	if (has_nv_name && !tpm_name_from_hex(argv[3], &nv_name))
		return 2;
	if (argc > 5 && !digest_from_text(argv[4], &trust))
		return 2;
	trust_version = argc > 5 ? strtoll(argv[5], NULL, 10) : 0;
	if (event_log_open(argv[1], LIMIT_EVENT_LOG_BYTES, &event_log, &err) !=
	    0)
		return 2;
	tell_story();
	event_log_closep(&event_log);
	return 0;
}
