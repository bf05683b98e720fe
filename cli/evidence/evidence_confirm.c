#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/evidence/evidence_files.h"
#include "measure/verify/once_file.h"

static int confirm(const char *challenge_path, const char *answer_path,
    const char *out_path, struct err *err);
static int take_answer(const struct once_file *file, struct bytes answer,
    struct enrolment *ret_challenge, struct err *err);
static int refuse_existing(int dir_fd, const char *name, struct err *err);
static int use_up(struct once_file *file, const struct enrolment *challenge,
    struct err *err);
static int encode(const struct enrolment *enrolment, char **ret_text,
    struct err *err);

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

/* The challenge is used up before there is a record: of what fails in between
 * there is none, and no challenge that is as good as new. */
static int
confirm(const char *challenge_path, const char *answer_path,
    const char *out_path, struct err *err)
{
	CLEANUP(once_file_close)
	struct once_file file = {.fd = -1, .dir_fd = -1};
	CLEANUP(freep) char *answer = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(closep) int out_fd = -1;
	struct enrolment challenge, record;
	const char *out_name;
	size_t answer_len = 0;

	TRY(evidence_files_read(answer_path, &answer, &answer_len, err));
	TRY(once_file_open(challenge_path, &file, err));
	if (take_answer(&file, bytes_of(answer, answer_len), &challenge, err) !=
	    0)
		return err_prefix(err, "%s",
		    err_quote_str(challenge_path).text);
	record = enrolment_of(&challenge);
	TRY(encode(&record, &text, err));
	TRY(file_open_parent(out_path, &out_fd, &out_name, err));
	TRY(refuse_existing(out_fd, out_name, err));
	TRY(use_up(&file, &challenge, err));
	if (file_write_at(out_fd, out_name, bytes_of_str(text), 0644,
		FILE_REFUSE, err) != 0)
		return err_prefix(err,
		    "the challenge is used up, and there is no record");
	return 0;
}

static int
take_answer(const struct once_file *file, struct bytes answer,
    struct enrolment *ret_challenge, struct err *err)
{
	int64_t now;

	TRY(once_file_now(&now, err));
	TRY(enrolment_decode(bytes_of(file->text, file->len), ret_challenge,
	    err));
	if (!ret_challenge->is_challenge)
		return err_set(err, REFERENCE_MALFORMED, "not a challenge");
	return enrolment_answer(ret_challenge, answer, now, err);
}

/* file_write_at() refuses it too, but the challenge would be used up by then.
 */
static int
refuse_existing(int dir_fd, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(err, FILE_EXISTS, "%s",
		    err_quote_str(name).text);
	return 0;
}

static int
use_up(struct once_file *file, const struct enrolment *challenge,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;

	TRY(encode(challenge, &text, err));
	return once_file_replace(file, bytes_of_str(text), err);
}

static int
encode(const struct enrolment *enrolment, char **ret_text, struct err *err)
{
	CLEANUP(json_freep) json_t *document = enrolment_encode(enrolment);

	*ret_text =
	    document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
	return *ret_text != NULL ? 0 : err_set(err, NO_MEMORY, "enrolment");
}

const struct command command_evidence_confirm = {"evidence", "confirm",
    "--answer FILE --out FILE", "CHALLENGE",
    "take a host's answer to a challenge and enroll its key", run};
