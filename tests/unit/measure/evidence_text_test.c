/*
 * Evidence with a log that is so long that it is set aside before the text is
 * parsed.
 */
#include "evidence_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/scope.h"
#include "measure/verify/evidence_text.h"

enum { LOG_BYTES = EVIDENCE_TEXT_LONG / 4 * 3 + 3 };

/* A log of so many bytes, no two parts of which are equal. */
static void
give_log(struct fixture *fixture, size_t len)
{
	struct evidence_part *log = &fixture->evidence.log;

	free(log->ptr);
	log->ptr = calloc(1, len);
	log->len = len;
	for (size_t i = 0; i + 4 <= len; i += 4)
		bytes_put_le(log->ptr + i, 2654435761u * i, 4);
}

static int
decode(const json_t *document, size_t flags, struct evidence *ret_evidence)
{
	CLEANUP(freep) char *text = json_dumps(document, flags);
	struct err err;

	return evidence_decode(bytes_of_str(text), ret_evidence, &err);
}

static void
refused(const json_t *document)
{
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};

	assert_int_equal(decode(document, JSON_COMPACT, &evidence),
	    EVIDENCE_MALFORMED);
}

static void
a_log_of_any_length_is_read_as_it_was_written(void **state)
{
	static const size_t lens[] = {1, LOG_BYTES - 3, LOG_BYTES - 2,
	    LOG_BYTES, LOG_BYTES + 1, 4 * LOG_BYTES, LIMIT_EVENT_LOG_BYTES};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < countof(lens); i++) {
		for (size_t flags = JSON_INDENT(2); flags <= JSON_COMPACT;
		     flags += JSON_COMPACT - JSON_INDENT(2)) {
			CLEANUP(json_freep) json_t *document = NULL;
			CLEANUP(evidence_done)
			struct evidence found = {.nonce_len = 0};

			give_log(fixture, lens[i]);
			document = evidence_encode(&fixture->evidence);
			assert_int_equal(decode(document, flags, &found), 0);
			assert_true(bytes_equal(evidence_part_bytes(&found.log),
			    evidence_part_bytes(&fixture->evidence.log)));
		}
	}
}

static void
a_log_over_its_limit_is_refused(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(json_freep) json_t *document = NULL;

	give_log(fixture, LIMIT_EVENT_LOG_BYTES + 3);
	document = evidence_encode(&fixture->evidence);
	refused(document);
}

static void
a_long_log_that_is_not_base64_is_refused(void **state)
{
	static const struct {
		const char *put;
		enum err_code code;
	} cases[] = {{"!", EVIDENCE_MALFORMED}, {"=", EVIDENCE_MALFORMED},
	    {" ", BASE64_WHITESPACE}, {"-", BASE64_ALPHABETS_MIXED},
	    {"\\", EVIDENCE_MALFORMED}};
	struct fixture *fixture = *state;
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *text = NULL;

	give_log(fixture, LOG_BYTES);
	document = evidence_encode(&fixture->evidence);
	text = json_dumps(document, JSON_COMPACT);
	for (size_t i = 0; i < countof(cases); i++) {
		CLEANUP(evidence_done) struct evidence found = {.nonce_len = 0};
		char *at = strstr(text, "\"assay\":\"") + 1000;
		char was = *at;
		struct err err;

		*at = cases[i].put[0];
		assert_refused(
		    evidence_decode(bytes_of_str(text), &found, &err),
		    cases[i].code);
		*at = was;
	}
}

/* Wherever the string stood, and whatever stands where the log belongs. */
static void
a_log_in_another_place_is_refused(void **state)
{
	static const char *const paths[] = {"schema", "nonce", "context", "ak",
	    "ak.pub", "ek", "ek.pub", "ek.cert", "quote", "quote.attest",
	    "quote.sig", "pcrs", "pcrs.sha256", "pcrs.sha256.13", "pcrs.sha512",
	    "nv", "logs", "logs.uefi", "logs.more", "more"};
	struct fixture *fixture = *state;
	CLEANUP(freep) char *text = NULL;
	json_t *values[] = {json_true(), json_false(), json_null(),
	    json_string(""), json_string("Zm9v"), NULL};

	give_log(fixture, LOG_BYTES);
	text = base64_encode(evidence_part_bytes(&fixture->evidence.log));
	values[countof(values) - 1] = json_string(text); /* twice */
	give_log(fixture, 64);
	for (size_t i = 0; i < countof(paths); i++) {
		for (size_t j = 0; j < countof(values); j++) {
			CLEANUP(json_freep)
			json_t *document = evidence_encode(&fixture->evidence);
			json_t *object = document;
			char path[32];
			char *name = path, *dot;

			json_object_set(json_object_get(document, "logs"),
			    "assay", values[j]);
			strcpy(path, paths[i]);
			while ((dot = strchr(name, '.')) != NULL) {
				*dot = '\0';
				object = json_object_get(object, name);
				name = dot + 1;
			}
			assert_int_equal(json_object_set_new(object, name,
					     json_string(text)),
			    0);
			refused(document);
		}
	}
	for (size_t j = 0; j < countof(values); j++)
		json_decref(values[j]);
}

static void
a_mark_is_no_log(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(json_freep)
	json_t *document = evidence_encode(&fixture->evidence);

	json_object_set_new(json_object_get(document, "logs"), "assay",
	    json_true());
	refused(document);
}

static void
a_name_as_long_as_a_log_is_refused(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *text = NULL;

	give_log(fixture, LOG_BYTES);
	text = base64_encode(evidence_part_bytes(&fixture->evidence.log));
	document = evidence_encode(&fixture->evidence);
	json_object_set_new(json_object_get(document, "logs"), "assay",
	    json_true());
	json_object_set_new(document, text, json_null());
	refused(document);
}

/* It would be one more way to write each string. */
static void
an_escape_is_refused(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(json_freep)
	json_t *document = evidence_encode(&fixture->evidence);
	CLEANUP(freep) char *text = json_dumps(document, JSON_ESCAPE_SLASH);
	CLEANUP(evidence_done) struct evidence found = {.nonce_len = 0};
	struct err err;

	assert_non_null(strchr(text, '\\'));
	assert_refused(evidence_decode(bytes_of_str(text), &found, &err),
	    EVIDENCE_MALFORMED);
}

/* Parsing it takes the time that the log no longer takes. */
static void
what_is_not_the_log_is_limited(void **state)
{
	CLEANUP(freep) char *text = malloc(LIMIT_EVIDENCE_REST_BYTES + 1);
	CLEANUP(evidence_text_done) struct evidence_text split = {.rest = NULL};
	struct err err;

	(void)state;
	memset(text, ' ', LIMIT_EVIDENCE_REST_BYTES + 1);
	assert_refused(evidence_text_split(
			   bytes_of((uint8_t *)text, LIMIT_EVIDENCE_REST_BYTES),
			   &split, &err),
	    0);
	assert_null(split.rest);
	assert_refused(evidence_text_split(bytes_of((uint8_t *)text,
					       LIMIT_EVIDENCE_REST_BYTES + 1),
			   &split, &err),
	    EVIDENCE_MALFORMED);
}

#define fixture_test(test) \
	cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    fixture_test(a_log_of_any_length_is_read_as_it_was_written),
	    fixture_test(a_log_over_its_limit_is_refused),
	    fixture_test(a_long_log_that_is_not_base64_is_refused),
	    fixture_test(a_log_in_another_place_is_refused),
	    fixture_test(a_mark_is_no_log),
	    fixture_test(a_name_as_long_as_a_log_is_refused),
	    fixture_test(an_escape_is_refused),
	    cmocka_unit_test(what_is_not_the_log_is_limited),
	};

	return cmocka_run_group_tests_name("evidence_text", tests, NULL, NULL);
}
