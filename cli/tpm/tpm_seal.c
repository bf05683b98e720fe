#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/scope.h"
#include "cli/key_file.h"
#include "cli/signing.h"
#include "cli/tpm/tpm.h"
#include "keys/dsse.h"
#include "measure/tpm/setup/epoch_policy.h"

struct options {
	struct tpm_options tpm;
	const char *key;
	const char *ref;
	int64_t from_epoch;
	const char *in;
	const char *out;
	struct signing signing; /* of the sealed file, if it is asked for */
};

static int read_options(int argc, char **argv, struct options *options);
static int seal(struct options *options, struct err *err);
static int sign(const struct signing *signing, char **text, struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.tpm = TPM_OPTIONS, .ref = ""};
	struct err err = {0};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	if (seal(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    TPM_ARGUMENTS(&options->tpm, true),
	    {"key", required_argument, .is_needed = true,
		.text = &options->key},
	    {"ref", required_argument, .may_be_empty = true,
		.text = &options->ref},
	    {"from-epoch", required_argument, .number = &options->from_epoch,
		.min = 1, .max = EPOCH_POLICY_MAX},
	    {"sign-key", required_argument, .list = &options->signing.keys,
		.max = LIMIT_SIGNATURES},
	    {"sign-pkcs11", required_argument, .list = &options->signing.tokens,
		.max = LIMIT_SIGNATURES},
	    {"in", required_argument, .is_needed = true, .text = &options->in},
	    {"out", required_argument, .is_needed = true,
		.text = &options->out},
	};
	const struct command *self = &command_tpm_seal;
	int status = arguments_read(self, known, countof(known), &argc, argv);

	if (status == ARGUMENTS_READ &&
	    !approval_ref_is_valid(options->ref, options->from_epoch))
		return command_usage(self,
		    "--ref: up to %d printable characters, %d with an epoch",
		    APPROVAL_REF_BYTES, APPROVAL_BOUND_REF_BYTES);
	return status;
}

static int
seal(struct options *options, struct err *err)
{
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	CLEANUP(freep) char *secret = NULL;
	CLEANUP(freep) char *text = NULL;
	struct tpm_secret_terms terms = {.ref = options->ref,
	    .from_epoch = options->from_epoch};
	struct tpm_address place;
	size_t len;
	int code;

	TRY(key_file_public(options->key, &key, err));
	TRY(tpm_address_of(&options->tpm, &place, err));
	TRY(file_read(options->in, 2 * TPM_SECRET_BYTES, &secret, &len, err));
	terms.policy_key = key;
	code =
	    tpm_secret_seal(&place, &terms, bytes_of(secret, len), &text, err);
	explicit_bzero(secret, len);
	TRY(code);
	if (signing_is_asked(&options->signing))
		TRY(sign(&options->signing, &text, err));
	return file_write(options->out, bytes_of_str(text), 0644, FILE_REFUSE,
	    err);
}

/* The envelope takes the place of the text. */
static int
sign(const struct signing *signing, char **text, struct err *err)
{
	CLEANUP(freep) char *payload = *text;

	*text = NULL;
	return signing_add(signing, DSSE_SECRET_PAYLOAD_TYPE,
	    bytes_of_str(payload), text, err);
}

const struct command command_tpm_seal = {"tpm", "seal",
    TPM_USAGE
    " --key PUB [--ref TEXT] [--from-epoch N] "
    "[--sign-key FILE...] [--sign-pkcs11 URI...] --in SECRET --out FILE",
    "", "seal a secret so that it opens on approved boots only", run};
