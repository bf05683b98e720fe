#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/key_file.h"
#include "cli/signing.h"
#include "keys/dsse.h"
#include "keys/sign/private_key.h"
#include "measure/tpm/setup/approval.h"
#include "measure/tpm/setup/boot_policy_write.h"
#include "measure/tpm/setup/policy_digest.h"
#include "measure/tpm/setup/policy_key.h"
#include "measure/predict/prediction.h"

struct options {
	struct argument_list releases; /* NAME=PREDICTION */
	int64_t version;
	const char *payload;
	const char *out;
	struct signing signing;
	const char *approve_key;
	const char *approvals;
	const char *ref;
	int64_t until_epoch;
	int64_t cap; /* register, or 0 */
};

static int read_options(int argc, char **argv, struct options *options);
static int make(const struct options *options, struct err *err);
static int write_made(const struct options *options,
    struct approvals *approvals, const char *text, struct err *err);
static int write_signed(const struct options *options, const char *text,
    const char *approved, struct err *err);
static void warn_of_options(const struct approvals *approvals);
static int make_payload(const struct options *options,
    struct approvals *approvals, char **ret_text, struct err *err);
static int take_release(const struct options *options, const char *item,
    struct boot_policy *policy, struct approvals *approvals, struct err *err);
static void warn_of_off(const char *path, const struct prediction *prediction);
static int add_approval(const char *name, const struct pcr_values *values,
    unsigned int cap, struct approvals *approvals, struct err *err);
static int add_cap(unsigned int cap, struct pcr_values *values,
    struct err *err);
static bool may_be_cap(int64_t cap);
static int read_payload(const char *path, char **ret_text, size_t *ret_len,
    struct err *err);
static int sign_approvals(const struct options *options,
    struct approvals *approvals, char **ret_text, struct err *err);
static int sign_approval(const struct private_key *key,
    const struct approvals *approvals, struct approval *approval,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.ref = ""};
	struct err err = {0};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	if (make(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    SIGNING_ARGUMENTS(&options->signing),
	    {"release", required_argument, .list = &options->releases,
		.max = ARGUMENTS_LIST_ITEMS},
	    {"version", required_argument, .number = &options->version,
		.min = 1, .max = INT64_MAX},
	    {"payload", required_argument, .is_needed = true,
		.text = &options->payload},
	    {"out", required_argument, .text = &options->out},
	    {"approve-key", required_argument, .text = &options->approve_key},
	    {"approvals", required_argument, .text = &options->approvals},
	    {"ref", required_argument, .may_be_empty = true,
		.text = &options->ref},
	    {"until-epoch", required_argument, .number = &options->until_epoch,
		.min = 1, .max = INT64_MAX},
	    {"cap-register", required_argument, .number = &options->cap,
		.min = 1, .max = PCR_COUNT - 1},
	};
	const struct command *self = &command_boot_policy;
	bool makes;
	int status = arguments_read(self, known, countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	makes = options->releases.count > 0;
	if (makes != (options->version > 0))
		return command_usage(self,
		    "--release and --version belong together");
	if ((options->approvals != NULL) != (options->approve_key != NULL) ||
	    (options->approvals != NULL && !makes))
		return command_usage(self,
		    "--approvals, --approve-key and --release belong together");
	if (options->until_epoch > 0 && options->approvals == NULL)
		return command_usage(self, "--until-epoch needs --approvals");
	if (options->cap > 0 &&
	    (options->approvals == NULL || !may_be_cap(options->cap)))
		return command_usage(self,
		    "--cap-register: with --approvals, one of 10, 11, 12, 14, "
		    "15");
	if (!approval_ref_is_valid(options->ref, options->until_epoch))
		return command_usage(self,
		    "--ref: up to %d printable characters, %d with an epoch",
		    APPROVAL_REF_BYTES, APPROVAL_BOUND_REF_BYTES);
	if (!signing_is_asked(&options->signing))
		return makes
		           ? ARGUMENTS_READ
		           : command_usage(self,
				 "nothing to do: neither --release nor a key");
	if (!options->signing.pae_only && options->out == NULL)
		return command_usage(self, "--out is missing");
	return signing_check(self, &options->signing);
}

/* The payload is made, or is there; then it is signed, if asked for. */
static int
make(const struct options *options, struct err *err)
{
	CLEANUP(freep) struct approvals *approvals = NULL;
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (options->releases.count == 0) {
		TRY(read_payload(options->payload, &text, &len, err));
		return signing_run(&options->signing,
		    DSSE_BOOT_POLICY_PAYLOAD_TYPE, bytes_of(text, len),
		    options->out, err);
	}
	approvals = calloc(1, sizeof(*approvals));
	if (approvals == NULL)
		return err_set(err, NO_MEMORY, "approvals");
	TRY(make_payload(options, approvals, &text, err));
	TRY(write_made(options, approvals, text, err));
	warn_of_options(approvals);
	return 0;
}

/* All of the files, or none. */
static int
write_made(const struct options *options, struct approvals *approvals,
    const char *text, struct err *err)
{
	CLEANUP(freep) char *approved = NULL;
	int code;

	if (options->approvals != NULL)
		TRY(sign_approvals(options, approvals, &approved, err));
	TRY(file_write(options->payload, bytes_of_str(text), 0644, FILE_REFUSE,
	    err));
	code = write_signed(options, text, approved, err);
	if (code != 0)
		unlink(options->payload);
	return code;
}

static int
write_signed(const struct options *options, const char *text,
    const char *approved, struct err *err)
{
	int code;

	if (approved != NULL)
		TRY(file_write(options->approvals, bytes_of_str(approved), 0644,
		    FILE_REFUSE, err));
	if (!signing_is_asked(&options->signing))
		return 0;
	code = signing_run(&options->signing, DSSE_BOOT_POLICY_PAYLOAD_TYPE,
	    bytes_of_str(text), options->out, err);
	if (code != 0 && approved != NULL)
		unlink(options->approvals);
	return code;
}

/* Once for a release of several predictions: they name the same registers. */
static void
warn_of_options(const struct approvals *approvals)
{
	const char *before = "";

	for (size_t i = 0; i < approvals->count; i++) {
		const struct approval *approval = &approvals->items[i];
		const uint32_t *registers = approval->registers;

		if (strcmp(approval->release, before) != 0 &&
		    boot_registers_leave_options_open(
			registers[PCR_SHA256] | registers[PCR_SHA384]))
			fprintf(stderr,
			    "assay: warning: release %s names register 4 and "
			    "neither 7 nor 1:\n  options that a boot entry "
			    "adds without Secure Boot are not covered; see "
			    "docs/boot-uefi.md\n",
			    approval->release);
		before = approval->release;
	}
}

static int
make_payload(const struct options *options, struct approvals *approvals,
    char **ret_text, struct err *err)
{
	CLEANUP(freep)
	struct boot_policy *policy = calloc(1, sizeof(*policy));
	CLEANUP(freep) struct boot_policy *read = NULL;
	CLEANUP(freep) char *text = NULL;

	if (policy == NULL)
		return err_set(err, NO_MEMORY, "boot policy");
	policy->version = options->version;
	for (size_t i = 0; i < options->releases.count; i++)
		TRY(take_release(options, options->releases.items[i], policy,
		    approvals, err));
	TRY(boot_policy_encode(policy, &text, err));
	/* Nothing is signed that a host would not take. */
	TRY(boot_policy_decode(bytes_of_str(text), &read, err));
	*ret_text = take_ptr(&text);
	return 0;
}

/* "NAME=PREDICTION" */
static int
take_release(const struct options *options, const char *item,
    struct boot_policy *policy, struct approvals *approvals, struct err *err)
{
	CLEANUP(freep)
	struct prediction *prediction = calloc(1, sizeof(*prediction));
	CLEANUP(freep) char *text = NULL;
	const char *path = strchr(item, '=');
	char name[LIMIT_NAME_BYTES + 2] = "";
	size_t len = path != NULL ? (size_t)(path - item) : 0;

	if (prediction == NULL)
		return err_set(err, NO_MEMORY, "prediction");
	if (path == NULL || len >= sizeof(name))
		return err_set(err, BOOT_POLICY_MALFORMED,
		    "--release %s: not NAME=PREDICTION",
		    err_quote_str(item).text);
	memcpy(name, item, len);
	TRY(file_read(++path, LIMIT_PREDICTION_BYTES, &text, &len, err));
	if (prediction_decode_reference(bytes_of(text, len), prediction, err) !=
	    0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	TRY(boot_policy_allow(policy, name, &prediction->values, err));
	warn_of_off(path, prediction);
	return add_approval(name, &prediction->values,
	    (unsigned int)options->cap, approvals, err);
}

/* Register 7 is named, and what it says does not help. */
static void
warn_of_off(const char *path, const struct prediction *prediction)
{
	if (prediction_says_secure_boot_is_off(prediction))
		fprintf(stderr,
		    "assay: warning: %s: register 7 says that Secure Boot is "
		    "off:\n  no host with Secure Boot on is allowed, and "
		    "options that a boot entry adds are not covered\n",
		    err_quote_str(path).text);
}

static int
add_approval(const char *name, const struct pcr_values *values,
    unsigned int cap, struct approvals *approvals, struct err *err)
{
	struct approval *approval = &approvals->items[approvals->count++];
	struct pcr_values approved = *values;

	if (cap > 0 && add_cap(cap, &approved, err) != 0)
		return err_prefix(err, "release %s", name);
	memcpy(approval->release, name, strlen(name) + 1);
	memcpy(approval->registers, approved.known, sizeof(approved.known));
	return policy_digest_pcr(&approved, &approval->policy, err);
}

/* Approved as it is after a boot, with nothing in it. */
static int
add_cap(unsigned int cap, struct pcr_values *values, struct err *err)
{
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if (values->known[bank] == 0)
			continue;
		if ((values->known[bank] >> cap & 1) != 0)
			return err_set(err, BOOT_POLICY_MALFORMED,
			    "register %u is measured into: it is no cap", cap);
		values->known[bank] |= 1u << cap;
		values->value[bank][cap] = (struct pcr_digest){{0}};
	}
	return 0;
}

/* Zeros after a boot, and not set back before the next: firmware and GRUB
 * measure into 0 to 9, assayd into 13; 16 and above can be reset. */
static bool
may_be_cap(int64_t cap)
{
	return cap >= 10 && cap <= 15 && cap != 13;
}

/* Never sign what assayd could not read. */
static int
read_payload(const char *path, char **ret_text, size_t *ret_len,
    struct err *err)
{
	CLEANUP(freep) struct boot_policy *policy = NULL;

	TRY(file_read(path, LIMIT_ENVELOPE_BYTES, ret_text, ret_len, err));
	if (boot_policy_decode(bytes_of(*ret_text, *ret_len), &policy, err) !=
	    0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

static int
sign_approvals(const struct options *options, struct approvals *approvals,
    char **ret_text, struct err *err)
{
	CLEANUP(private_key_freep) struct private_key *key = NULL;
	CLEANUP(public_key_freep) struct public_key *public = NULL;
	CLEANUP(freep) char *pem = NULL;
	struct policy_key policy_key;
	int code;

	TRY(key_file_private(options->approve_key, &key, err));
	TRY(policy_key_from(private_key_public(key), &policy_key, err));
	TRY(public_key_to_pem(private_key_public(key), &pem, err));
	TRY(public_key_from_pem(bytes_of_str(pem), &public, err));
	memcpy(approvals->ref, options->ref, strlen(options->ref) + 1);
	approvals->until_epoch = options->until_epoch;
	for (size_t i = 0; i < approvals->count; i++)
		TRY(sign_approval(key, approvals, &approvals->items[i], err));
	approvals->key = public;
	code = approvals_encode(approvals, ret_text, err);
	approvals->key = NULL;
	return code;
}

static int
sign_approval(const struct private_key *key, const struct approvals *approvals,
    struct approval *approval, struct err *err)
{
	uint8_t message[DIGEST_BYTES + APPROVAL_USE_BYTES];
	size_t len = approval_message(&approval->policy, approvals->ref,
	    approvals->until_epoch, message);
	CLEANUP(freep) uint8_t *sig = NULL;
	size_t sig_len;

	TRY(private_key_sign(key, bytes_of(message, len), &sig, &sig_len, err));
	if (sig_len > sizeof(approval->signature))
		return err_set(err, POLICY_KEY_UNFIT, "policy key");
	memcpy(approval->signature, sig, sig_len);
	approval->signature_len = sig_len;
	return 0;
}

const struct command command_boot_policy = {"boot", "policy",
    "[--release NAME=PREDICTION... --version N] --payload FILE "
    "[--out ENVELOPE] " SIGNING_USAGE
    " [--approve-key KEY --approvals FILE [--ref TEXT] [--until-epoch N] "
    "[--cap-register N]]",
    "", "allow releases to boot: a policy from predictions, signed", run};
