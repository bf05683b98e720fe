/*
 * Runs each file of tests/golden/measure/bad/<ERROR_NAME>/ that a verifier of
 * evidence reads through what reads files of its kind, and compares the error
 * with the directory's name. What reads it is told by how its name ends.
 */
#include "base_fixture.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/verify/ek_list.h"
#include "measure/verify/enrolment.h"
#include "measure/event_decode.h"
#include "measure/verify/event_log_decode.h"
#include "measure/verify/evidence.h"
#include "measure/verify/evidence_assemble.h"
#include "measure/verify/evidence_mark.h"
#include "measure/verify/digest_list.h"
#include "measure/verify/kept_nonce.h"
#include "measure/verify/tpm_structs.h"

static int
read_log(struct bytes file, struct err *err)
{
	struct pcr_values values;

	return event_log_registers(file, &values, err);
}

static int
read_event(struct bytes file, struct err *err)
{
	struct event event;

	return event_decode(file, &event, err);
}

static int
read_attest(struct bytes file, struct err *err)
{
	struct tpm_attest attest;

	return tpm_attest_decode(file, &attest, err);
}

static int
read_signature(struct bytes file, struct err *err)
{
	struct tpm_signature signature;

	return tpm_signature_decode(file, &signature, err);
}

static int
read_public(struct bytes file, struct err *err)
{
	CLEANUP(tpm_key_freep) EVP_PKEY *key = NULL;
	struct tpm_public public;

	TRY(tpm_public_decode(file, &public, err));
	return tpm_public_key(&public, &key, err);
}

static int
read_evidence(struct bytes file, struct err *err)
{
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};

	return evidence_decode(file, &evidence, err);
}

static int
read_images(struct bytes file, struct err *err)
{
	CLEANUP(digest_list_done) struct digest_list list = {NULL, 0};

	return digest_list_read(file, &list, err);
}

static int
read_enrolment(struct bytes file, struct err *err)
{
	struct enrolment enrolment;

	return enrolment_decode(file, &enrolment, err);
}

static int
read_ek_list(struct bytes file, struct err *err)
{
	CLEANUP(ek_list_done) struct ek_list list = {.count = 0};

	return ek_list_read(file, &list, err);
}

static int
read_nonce(struct bytes file, struct err *err)
{
	struct kept_nonce nonce;

	return kept_nonce_decode(file, &nonce, err);
}

static int
read_verdict(struct bytes file, struct err *err)
{
	struct evidence_mark mark;

	return evidence_mark_decode(file, &mark, err);
}

/* What assayd answers, with a log of so many bytes. */
static int
read_reply(struct bytes file, struct err *err)
{
	CLEANUP(json_freep) json_t *reply = NULL;
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};

	const struct evidence_question question = {
	    "00112233445566778899aabbccddeeff", &evidence_no_context};

	TRY(json_parse(file, 8, "reply", EVIDENCE_MALFORMED, &reply, err));
	return evidence_assemble(reply, bytes_of_str("sixteen bytes..."),
	    &question, &evidence, err);
}

static const struct {
	const char *ending;
	size_t at_least;
	int (*read)(struct bytes file, struct err *err);
} kinds[] = {
    {"eventlog", 20, read_log},
    {"event", 30, read_event},
    {"attest", 12, read_attest},
    {"signature", 6, read_signature},
    {"public", 12, read_public},
    {"evidence", 25, read_evidence},
    {"reply", 25, read_reply},
    {"images", 5, read_images},
    {"enrolment", 10, read_enrolment},
    {"eklist", 5, read_ek_list},
    {"nonce", 10, read_nonce},
    {"verdict", 30, read_verdict},
};

/* The code, or 0. */
static int
run_file(const char *path, int (*read)(struct bytes file, struct err *err))
{
	CLEANUP(freep) char *text = NULL;
	struct err err = {0};
	size_t len = 0;

	assert_refused(file_read(path, LIMIT_MIB(1), &text, &len, &err), 0);
	return read(bytes_of(text, len), &err);
}

static size_t
run_all(const char *directory, const char *ending,
    int (*read)(struct bytes file, struct err *err))
{
	char pattern[512];
	size_t root = strlen(ASSAY_GOLDEN_DIR) + strlen(directory);
	glob_t found;
	size_t count;

	snprintf(pattern, sizeof(pattern), "%s%s/*.%s", ASSAY_GOLDEN_DIR,
	    directory, ending);
	if (glob(pattern, 0, NULL, &found) != 0)
		fail_msg("%s: no file", pattern);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		int code = run_file(path, read);
		const char *name =
		    code == 0 ? "good" : err_name((enum err_code)code);

		if (directory[1] == 'g')
			assert_string_equal(name, "good");
		else if (strncmp(path + root - 1, name, strlen(name)) != 0)
			fail_msg("%s: %s", path, name);
	}
	count = found.gl_pathc;
	globfree(&found);
	return count;
}

static void
each_bad_file_gives_the_error_of_its_directory(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(kinds); i++) {
		size_t count =
		    run_all("/bad/*", kinds[i].ending, kinds[i].read);

		if (count < kinds[i].at_least)
			fail_msg("%s: %zu files", kinds[i].ending, count);
	}
}

/* Or the bad ones might be refused for something else. */
static void
each_good_file_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(kinds); i++)
		run_all("/good", kinds[i].ending, kinds[i].read);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_bad_file_gives_the_error_of_its_directory),
	    cmocka_unit_test(each_good_file_is_taken),
	};

	return cmocka_run_group_tests_name("evidence_golden", tests, NULL,
	    NULL);
}
