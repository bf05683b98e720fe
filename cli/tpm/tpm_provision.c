#include "measure/tpm/setup/tpm_provision.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/tpm/tpm.h"
#include "measure/predict/prediction.h"

struct options {
	const char *where;
	const char *out;
	const char *ek;
	const char *launch;
	bool renew_log;
	int64_t epoch; /* -1: not given */
};

static int read_options(int argc, char **argv, struct options *options);
static int provision(const struct options *options, struct err *err);
static int read_known(const char *path, struct tpm_identity *identity,
    bool *ret_is_there, struct err *err);
static int check_out(const char *path, struct err *err);
static int read_launch(const char *path, struct prediction *prediction,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.where = "device:/dev/tpmrm0",
	    .ek = "rsa",
	    .epoch = -1};
	struct err err = {0};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	if (provision(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    {"tcti", required_argument, .text = &options->where},
	    {"out", required_argument, .is_needed = true,
		.text = &options->out},
	    {"ek", required_argument, .text = &options->ek},
	    {"launch", required_argument, .text = &options->launch},
	    {"renew-log", no_argument, .flag = &options->renew_log},
	    {"epoch", required_argument, .number = &options->epoch,
		.max = INT64_MAX},
	};
	const struct command *self = &command_tpm_provision;
	int status = arguments_read(self, known, countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (strcmp(options->ek, "rsa") != 0 && strcmp(options->ek, "ecc") != 0)
		return command_usage(self, "--ek: %s is not rsa or ecc",
		    err_quote_str(options->ek).text);
	if (options->renew_log && options->launch == NULL)
		return command_usage(self, "--renew-log needs --launch");
	return ARGUMENTS_READ;
}

/* A file that is there says what an earlier run pinned. */
static int
provision(const struct options *options, struct err *err)
{
	CLEANUP(freep)
	struct prediction *prediction = calloc(1, sizeof(*prediction));
	CLEANUP(freep) char *text = NULL;
	struct tpm_provision wanted = {.where = options->where,
	    .timeout_ms = TPM_SETUP_MS,
	    .ek = strcmp(options->ek, "ecc") == 0 ? TPM_EK_ECC : TPM_EK_RSA,
	    .renew_log = options->renew_log,
	    .epoch = options->epoch >= 0 ? &options->epoch : NULL};
	struct tpm_identity identity;
	struct tpm_identity known;
	bool is_known;

	if (prediction == NULL)
		return err_set(err, NO_MEMORY, "prediction");
	TRY(read_known(options->out, &known, &is_known, err));
	TRY(check_out(options->out, err));
	if (is_known)
		wanted.known = &known;
	if (options->launch != NULL) {
		TRY(read_launch(options->launch, prediction, err));
		wanted.launch = &prediction->values;
	}
	TRY(tpm_provision(&wanted, &identity, err));
	TRY(tpm_identity_encode(&identity, &text, err));
	TRY(file_write(options->out, bytes_of_str(text), 0644, FILE_REPLACE,
	    err));
	puts(is_known ? "checked: all is as it was made"
		      : "made: keys and indices; keep the identity file");
	return 0;
}

static int
read_known(const char *path, struct tpm_identity *identity, bool *ret_is_there,
    struct err *err)
{
	int code = tpm_read_identity(path, identity, err);

	*ret_is_there = code == 0;
	return code != 0 && err->sys != ENOENT ? code : 0;
}

/* Before the TPM is touched: a counter whose base was not kept is lost. */
static int
check_out(const char *path, struct err *err)
{
	char copy[FILES_PATH_SIZE];

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		errno = ENAMETOOLONG;
	else if (access(dirname(copy), W_OK | X_OK) == 0)
		return 0;
	return err_set_errno(err, STORE_IO, "%s", err_quote_str(path).text);
}

static int
read_launch(const char *path, struct prediction *prediction, struct err *err)
{
	const uint32_t needed = 1u << 17 | 1u << 18;
	CLEANUP(freep) char *text = NULL;
	size_t len;

	TRY(file_read(path, LIMIT_PREDICTION_BYTES, &text, &len, err));
	if (prediction_decode_reference(bytes_of(text, len), prediction, err) !=
	    0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	if ((prediction->values.known[PCR_SHA256] & needed) != needed)
		return err_set(err, PREDICTION_MALFORMED,
		    "%s: sha256:17 and sha256:18 are needed",
		    err_quote_str(path).text);
	return 0;
}

const struct command command_tpm_provision = {"tpm", "provision",
    "--out FILE [--tcti TPM] [--ek KIND] [--epoch N] "
    "[--launch REGISTERS [--renew-log]]",
    "", "make and pin the keys and indices that assay needs", run};
