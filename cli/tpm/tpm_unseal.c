#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "cli/tpm/secret_file.h"
#include "cli/tpm/tpm.h"

struct options {
	struct tpm_options tpm;
	const char *approvals;
	const char *in;
	const char *out;
	int64_t cap;
	const char *ref;
	const char *signer;
};

static int unseal(struct options *options, struct err *err);
static int check_out(const struct options *options, struct err *err);
static int read_approvals(const struct options *options,
    struct approvals **ret_approvals, struct err *err);
static int check_use(const char *ref, const struct approvals *approvals,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.tpm = TPM_OPTIONS, .cap = TPM_SECRET_NO_CAP};
	const struct argument known[] = {
	    TPM_ARGUMENTS(&options.tpm, true),
	    {"approvals", required_argument, .is_needed = true,
		.text = &options.approvals},
	    {"in", required_argument, .is_needed = true, .text = &options.in},
	    {"out", required_argument, .is_needed = true, .text = &options.out},
	    {"cap", required_argument, .number = &options.cap, .min = 0,
		.max = PCR_COUNT - 1},
	    {"ref", required_argument, .may_be_empty = true,
		.text = &options.ref},
	    {"signed-by", required_argument, .text = &options.signer},
	};
	struct err err = {0};
	int status = arguments_read(&command_tpm_unseal, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (unseal(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
unseal(struct options *options, struct err *err)
{
	CLEANUP(approvals_freep) struct approvals *approvals = NULL;
	CLEANUP(freep) char *sealed = NULL;
	struct tpm_secret_opening opening = {.cap = (int)options->cap};
	const struct approval *approval;
	struct tpm_secret secret;
	struct tpm_address place;
	size_t len;
	int code;

	TRY(check_out(options, err));
	TRY(read_approvals(options, &approvals, err));
	TRY(tpm_address_of(&options->tpm, &place, err));
	TRY(secret_file_read(options->in, options->signer, &sealed, &len, err));
	opening.sealed = bytes_of(sealed, len);
	opening.approvals = approvals;
	TRY(tpm_secret_unseal(&place, &opening, &secret, &approval, err));
	code = file_write(options->out, bytes_of(secret.bytes, secret.len),
	    0600, FILE_REFUSE, err);
	explicit_bzero(&secret, sizeof(secret));
	if (code == 0)
		printf("release %s\n", approval->release);
	return code;
}

/* Found out before the one time that it opens in this boot. */
static int
check_out(const struct options *options, struct err *err)
{
	static const struct tpm_secret nothing;
	CLEANUP(freep) char *trial = NULL;
	struct stat found;
	int code;

	if (options->cap == TPM_SECRET_NO_CAP)
		return 0;
	if (lstat(options->out, &found) == 0)
		return err_set(err, FILE_EXISTS, "%s",
		    err_quote_str(options->out).text);
	/* Is there such a directory, and room in it? */
	TRY(file_temporary_name(options->out, &trial, err));
	code = file_write(trial, bytes_of(nothing.bytes, sizeof(nothing.bytes)),
	    0600, FILE_REFUSE, err);
	unlink(trial);
	return code;
}

static int
read_approvals(const struct options *options, struct approvals **ret_approvals,
    struct err *err)
{
	CLEANUP(approvals_freep) struct approvals *approvals = NULL;
	const char *path = options->approvals;
	CLEANUP(freep) char *text = NULL;
	size_t len;
	int code = file_read(path, LIMIT_APPROVAL_BYTES, &text, &len, err);

	if (code == IMAGE_TOO_LARGE)
		err->code = APPROVAL_MALFORMED;
	if (code != 0)
		return (int)err->code;
	if (approvals_decode(bytes_of(text, len), &approvals, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	TRY(check_use(options->ref, approvals, err));
	*ret_approvals = take_ptr(&approvals);
	return 0;
}

static int
check_use(const char *ref, const struct approvals *approvals, struct err *err)
{
	if (ref != NULL && strcmp(ref, approvals->ref) != 0)
		return err_set(err, APPROVAL_UNFIT,
		    "the approvals are for \"%s\"",
		    err_quote_str(approvals->ref).text);
	return 0;
}

const struct command command_tpm_unseal = {"tpm", "unseal",
    TPM_USAGE " --approvals FILE --in FILE --out SECRET [--cap N] [--ref TEXT] "
	      "[--signed-by PUB]",
    "", "open a sealed secret, if this boot is approved", run};
