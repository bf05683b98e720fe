/*
 * Evidence, replies of assayd, enrolment records and lists of digests: what
 * decodes encodes to something that decodes again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "measure/verify/ek_list.h"
#include "measure/verify/enrolment.h"
#include "measure/verify/evidence.h"
#include "measure/verify/evidence_assemble.h"
#include "measure/verify/evidence_mark.h"
#include "measure/verify/digest_list.h"
#include "measure/verify/kept_nonce.h"
#include "tests/fuzz/fuzz.h"

static void
check_evidence(struct bytes text)
{
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	CLEANUP(evidence_done) struct evidence again = {.nonce_len = 0};
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *encoded = NULL;
	struct err err;

	if (evidence_decode(text, &evidence, &err) != 0)
		return;
	document = evidence_encode(&evidence);
	encoded = json_dumps(document, JSON_COMPACT);
	bug_unless(encoded != NULL);
	bug_unless(evidence_decode(bytes_of_str(encoded), &again, &err) == 0);
	bug_unless(
	    memcmp(&evidence.pcrs, &again.pcrs, sizeof(again.pcrs)) == 0);
	bug_unless(bytes_equal(evidence_part_bytes(&evidence.log),
	    evidence_part_bytes(&again.log)));
}

static void
check_reply(struct bytes text)
{
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	CLEANUP(json_freep) json_t *reply = NULL;
	const struct evidence_question question = {
	    "00112233445566778899aabbccddeeff", &evidence_no_context};
	struct err err;

	if (json_parse(text, 8, "reply", EVIDENCE_MALFORMED, &reply, &err) != 0)
		return;
	(void)evidence_assemble(reply, bytes_of_str("sixteen bytes..."),
	    &question, &evidence, &err);
}

static void
check_enrolment(struct bytes text)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *encoded = NULL;
	struct enrolment enrolment, again;
	struct err err;

	if (enrolment_decode(text, &enrolment, &err) != 0)
		return;
	document = enrolment_encode(&enrolment);
	encoded = json_dumps(document, JSON_COMPACT);
	bug_unless(encoded != NULL);
	bug_unless(enrolment_decode(bytes_of_str(encoded), &again, &err) == 0);
	bug_unless(memcmp(&enrolment, &again, sizeof(again)) == 0);
}

static void
check_nonce(struct bytes text)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *encoded = NULL;
	struct kept_nonce nonce, again;
	struct err err;

	if (kept_nonce_decode(text, &nonce, &err) != 0)
		return;
	document = kept_nonce_encode(&nonce);
	encoded = json_dumps(document, JSON_COMPACT);
	bug_unless(encoded != NULL);
	bug_unless(kept_nonce_decode(bytes_of_str(encoded), &again, &err) == 0);
	bug_unless(memcmp(&nonce, &again, sizeof(again)) == 0);
}

static void
check_verdict(struct bytes text)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *encoded = NULL;
	struct evidence_mark mark, again;
	struct err err;

	if (evidence_mark_decode(text, &mark, &err) != 0)
		return;
	document = json_pack("{s:s, s:s, s:o}", "schema", VERDICT_SCHEMA,
	    "verdict", "verified", "mark", evidence_mark_encode(&mark));
	encoded = json_dumps(document, JSON_COMPACT);
	bug_unless(encoded != NULL);
	bug_unless(
	    evidence_mark_decode(bytes_of_str(encoded), &again, &err) == 0);
	bug_unless(memcmp(&mark, &again, sizeof(again)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(digest_list_done) struct digest_list list = {NULL, 0};
	CLEANUP(ek_list_done) struct ek_list keys = {.count = 0};
	struct bytes text = bytes_of(data, len);
	struct err err;

	check_evidence(text);
	check_reply(text);
	check_enrolment(text);
	check_nonce(text);
	check_verdict(text);
	(void)ek_list_read(text, &keys, &err);
	digest_list_read(text, &list, &err);
	return 0;
}
