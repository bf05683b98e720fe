#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/evidence_files.h"

static int confirm(const char *challenge_path, const char *answer_path,
    const char *out_path, struct err *err);

static int
run(int argc, char **argv)
{
	const char *answer = NULL;
	const char *out = NULL;
	const struct argument known[] = {
	    {"answer", required_argument, .is_needed = true, .text = &answer},
	    {"out", required_argument, .is_needed = true, .text = &out},
	};
	struct err err = {0};
	int status = arguments_read(&command_evidence_confirm, known,
	    countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (confirm(argv[1], answer, out, &err) != 0)
		return command_failed(&err, false);
	printf("enrolled: 'assay evidence verify' takes %s for --ak\n", out);
	return EXIT_DONE;
}

static int
confirm(const char *challenge_path, const char *answer_path,
    const char *out_path, struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *challenge = NULL;
	CLEANUP(freep) char *answer = NULL;
	CLEANUP(freep) char *text = NULL;
	struct enrolment enrolment;
	size_t challenge_len = 0, answer_len = 0;

	TRY(evidence_files_read(challenge_path, &challenge, &challenge_len,
	    err));
	TRY(evidence_files_read(answer_path, &answer, &answer_len, err));
	if (enrolment_decode(bytes_of(challenge, challenge_len), &enrolment,
		err) != 0)
		return err_prefix(err, "%s",
		    err_quote_str(challenge_path).text);
	if (!enrolment.is_challenge)
		return err_set(err, REFERENCE_MALFORMED, "%s: not a challenge",
		    err_quote_str(challenge_path).text);
	TRY(credential_check_answer(enrolment.secret,
	    bytes_of(answer, answer_len), err));
	enrolment.is_challenge = false;
	document = enrolment_encode(&enrolment);
	text = document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "enrolment");
	return file_write(out_path, bytes_of_str(text), 0644, FILE_REFUSE, err);
}

const struct command command_evidence_confirm = {"evidence", "confirm",
    "--answer FILE --out FILE", "CHALLENGE",
    "take a host's answer to a challenge and enroll its key", run};
