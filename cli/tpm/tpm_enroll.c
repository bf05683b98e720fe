#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/tpm/tpm.h"

struct options {
	struct tpm_options tpm;
	const char *out;
	const char *activate;
};

static int read_options(int argc, char **argv, struct options *options);
static int write_keys(struct options *options, struct err *err);
static int write_blob(const char *dir, const char *name,
    const struct tpm_blob *blob, bool as_tpm2b, struct err *err);
static int activate(struct options *options, struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.tpm = TPM_OPTIONS};
	struct err err = {0};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	if ((options.activate != NULL ? activate(&options, &err)
				      : write_keys(&options, &err)) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    TPM_ARGUMENTS(&options->tpm, true),
	    {"out", required_argument, .is_needed = true,
		.text = &options->out},
	    {"activate", required_argument, .text = &options->activate},
	};

	return arguments_read(&command_tpm_enroll, known, countof(known), &argc,
	    argv);
}

/* A new directory: ak.pub, ek.pub and, if the TPM has one, ek.crt. */
static int
write_keys(struct options *options, struct err *err)
{
	CLEANUP(tpm_port_close) struct tpm_port port = {.ops = NULL};
	struct tpm_blob ak;
	struct tpm_blob ek;
	struct tpm_blob certificate;

	TRY(tpm_open(&options->tpm, &port, err));
	TRY(port.ops->public_read(port.tpm, TPM_AK, &ak, err));
	TRY(port.ops->public_read(port.tpm, TPM_EK, &ek, err));
	TRY(port.ops->ek_certificate_read(port.tpm, &certificate, err));
	if (mkdir(options->out, 0755) != 0)
		return err_set_errno(err,
		    errno == EEXIST ? FILE_EXISTS : STORE_IO, "%s",
		    err_quote_str(options->out).text);
	TRY(write_blob(options->out, "ak.pub", &ak, true, err));
	TRY(write_blob(options->out, "ek.pub", &ek, true, err));
	if (certificate.len > 0)
		TRY(write_blob(options->out, "ek.crt", &certificate, false,
		    err));
	return 0;
}

/* Keys as TPM2B_PUBLIC, which tpm2-tools(1) call the format "tss". */
static int
write_blob(const char *dir, const char *name, const struct tpm_blob *blob,
    bool as_tpm2b, struct err *err)
{
	uint8_t bytes[2 + TPM_BLOB_BYTES] = {(uint8_t)(blob->len >> 8),
	    (uint8_t)blob->len};
	char path[FILES_PATH_SIZE];

	memcpy(bytes + 2, blob->bytes, blob->len);
	TRY(files_join(dir, name, path, err));
	return file_write(path,
	    as_tpm2b ? bytes_of(bytes, blob->len + 2)
		     : bytes_of(blob->bytes, blob->len),
	    0644, FILE_REFUSE, err);
}

static int
activate(struct options *options, struct err *err)
{
	CLEANUP(freep) char *credential = NULL;
	struct tpm_secret secret;
	struct tpm_address place;
	size_t len;
	int code;

	TRY(file_read(options->activate, TPM_BLOB_BYTES, &credential, &len,
	    err));
	TRY(tpm_address_of(&options->tpm, &place, err));
	TRY(tpm_secret_activate(&place, bytes_of(credential, len), &secret,
	    err));
	code = file_write(options->out, bytes_of(secret.bytes, secret.len),
	    0600, FILE_REFUSE, err);
	explicit_bzero(&secret, sizeof(secret));
	return code;
}

const struct command command_tpm_enroll = {"tpm", "enroll",
    TPM_USAGE " [--activate CREDENTIAL] --out PATH", "",
    "write the keys for a verifier, or answer its challenge", run};
