#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/file.h"
#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/evidence/evidence_files.h"
#include "cli/file_set.h"
#include "cli/files.h"
#include "measure/verify/once_file.h"

enum { DEFAULT_MINUTES = 1440 };

struct options {
	const char *ek;
	const char *ak;
	const char *out;
	struct argument_list ek_cas;
	const char *ek_list;
	const char *label;
	int64_t minutes;
};

static int challenge(const struct options *options, struct err *err);
static int read_endorsement(const struct options *options,
    struct endorsement *ret_endorsement, struct err *err);
static int write_files(const struct options *options,
    const struct enrolment *enrolment, struct bytes credential,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.minutes = DEFAULT_MINUTES};
	const struct argument known[] = {
	    {"ek", required_argument, .is_needed = true, .text = &options.ek},
	    {"ak", required_argument, .is_needed = true, .text = &options.ak},
	    {"out", required_argument, .is_needed = true, .text = &options.out},
	    {"ek-ca", required_argument, .list = &options.ek_cas,
		.max = ENDORSEMENT_CAS},
	    {"ek-list", required_argument, .text = &options.ek_list},
	    {"label", required_argument, .text = &options.label},
	    {"minutes", required_argument, .number = &options.minutes, .min = 1,
		.max = ONCE_MAX_MINUTES},
	};
	struct err err = {0};
	int status = arguments_read(&command_evidence_challenge, known,
	    countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (options.label != NULL && !enrolment_is_label(options.label))
		return command_usage(&command_evidence_challenge,
		    "--label: 1 to %d letters, digits, dots, dashes and "
		    "underscores",
		    ENROLMENT_LABEL_BYTES);
	if (challenge(&options, &err) != 0)
		return command_failed(&err, false);
	printf("send %s/credential to the host, and keep "
	       "%s/challenge.json\n",
	    options.out, options.out);
	return EXIT_DONE;
}

static int
challenge(const struct options *options, struct err *err)
{
	CLEANUP(endorsement_done)
	struct endorsement endorsement = {.is_certified = false};
	CLEANUP(freep) char *ak = NULL;
	struct enrolment enrolment = {.is_challenge = true};
	uint8_t credential[CREDENTIAL_MAX_BYTES];
	size_t ak_len = 0, len = 0;
	int64_t now;

	TRY(once_file_now(&now, err));
	enrolment.once = once_begin(now, options->minutes);
	if (options->label != NULL)
		snprintf(enrolment.label, sizeof(enrolment.label), "%s",
		    options->label);
	TRY(read_endorsement(options, &endorsement, err));
	TRY(evidence_files_read(options->ak, &ak, &ak_len, err));
	if (enrolment_set_ak(&enrolment, bytes_of(ak, ak_len), err) != 0)
		return err_prefix(err, "%s", err_quote_str(options->ak).text);
	enrolment.ek = endorsement.digest;
	enrolment.is_ek_certified = endorsement.is_certified;
	TRY(evidence_files_check_ek(options->ek_list, &enrolment, err));
	if (RAND_bytes(enrolment.secret, sizeof(enrolment.secret)) != 1)
		return err_set(err, SYSTEM_FAILED, "no random numbers");
	TRY(credential_make(&endorsement.key, &enrolment.ak_name,
	    enrolment.secret, credential, &len, err));
	return write_files(options, &enrolment, bytes_of(credential, len), err);
}

static int
read_endorsement(const struct options *options,
    struct endorsement *ret_endorsement, struct err *err)
{
	CLEANUP(evidence_cas_done) struct evidence_cas cas = {.cas.count = 0};
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	TRY(evidence_files_cas(&options->ek_cas, &cas, err));
	TRY(evidence_files_read(options->ek, &text, &len, err));
	if (endorsement_read_file(bytes_of(text, len), &cas.cas,
		ret_endorsement, err) != 0)
		return err_prefix(err, "%s", err_quote_str(options->ek).text);
	return 0;
}

static int
write_files(const struct options *options, const struct enrolment *enrolment,
    struct bytes credential, struct err *err)
{
	CLEANUP(json_freep) json_t *document = enrolment_encode(enrolment);
	CLEANUP(freep) char *text = NULL;
	char challenge[FILES_PATH_SIZE], sealed[FILES_PATH_SIZE];
	struct file_set set = {.count = 2};

	text = document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "challenge");
	TRY(files_join(options->out, "challenge.json", challenge, err));
	TRY(files_join(options->out, "credential", sealed, err));
	set.files[0] =
	    (struct file_set_file){challenge, bytes_of_str(text), 0600};
	set.files[1] = (struct file_set_file){sealed, credential, 0644};
	return file_set_write_in(options->out, 0700, &set, FILE_REFUSE, err);
}

const struct command command_evidence_challenge = {"evidence", "challenge",
    "--ek FILE --ak FILE [--ek-ca FILE]... [--ek-list FILE] [--label NAME] "
    "[--minutes N] "
    "--out DIR",
    "", "make a credential that only the TPM with both keys opens", run};
