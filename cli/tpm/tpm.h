/*
 * What the commands of `assay tpm` share: which TPM, and its identity file.
 */
#ifndef ASSAY_CLI_TPM_TPM_H
#define ASSAY_CLI_TPM_TPM_H

#include "cli/arguments.h"
#include "measure/tpm_port.h"
#include "measure/tpm/setup/tpm_secret.h"

struct tpm_options {
	const char *where;         /* --tcti */
	const char *identity_path; /* --identity */
	struct tpm_identity identity;
};

#define TPM_OPTIONS                           \
	{                                     \
		.where = "device:/dev/tpmrm0" \
	}

/* clang-format off */
#define TPM_ARGUMENTS(options, needs_identity) \
	{"tcti", required_argument, .text = &(options)->where}, \
	{"identity", required_argument, .is_needed = (needs_identity), \
		.text = &(options)->identity_path}
/* clang-format on */
#define TPM_USAGE "--identity FILE [--tcti TPM]"

/* A real TPM may think for a minute when it makes an RSA key. */
enum { TPM_SETUP_MS = 300 * 1000 };

/* Errors: STORE_IO; TPM_IDENTITY_MALFORMED. */
int tpm_read_identity(const char *path, struct tpm_identity *ret_identity,
    struct err *err);

/* Read the identity, if one was named, and connect. */
int tpm_open(struct tpm_options *options, struct tpm_port *ret_port,
    struct err *err);

/* Read the identity, for what opens the TPM itself. */
int tpm_address_of(struct tpm_options *options, struct tpm_address *ret_place,
    struct err *err);

#endif
