/*
 * The signing step of every command that signs a document: with key files,
 * with keys in PKCS#11 tokens, or in two steps around any HSM, key service or
 * person. Each command names its payload, and where the envelope lies.
 *
 *	struct signing signing = {.pae_only = false};
 *	const struct argument known[] = {
 *	    SIGNING_ARGUMENTS(&signing),
 *	    ...
 *	};
 *	int status = arguments_read(&command, known, ...);
 *
 *	if (status == ARGUMENTS_READ)
 *		status = signing_check(&command, &signing);
 *	if (status != ARGUMENTS_READ)
 *		return status;
 *	if (signing_run(&signing, TYPE, payload, path, &err) != 0)
 *		return command_failed(&err, false);
 *
 * Its usage is SIGNING_USAGE; .ci/check-man knows that the options of
 * SIGNING_ARGUMENTS are to be in the page of each such command.
 */
#ifndef ASSAY_CLI_SIGNING_H
#define ASSAY_CLI_SIGNING_H

#include "base/bytes.h"
#include "base/limits.h"
#include "cli/arguments.h"

struct signing {
	struct argument_list keys; /* private; with `attach`, the public one */
	struct argument_list tokens; /* RFC 7512 URIs */
	const char *attach;          /* file of a signature, or NULL */
	bool pae_only;
};

_Static_assert(LIMIT_SIGNATURES <= ARGUMENTS_LIST_ITEMS,
    "keys fit into a list");

/* clang-format off */
#define SIGNING_ARGUMENTS(signing) \
	{"key", required_argument, .list = &(signing)->keys, \
		.max = LIMIT_SIGNATURES}, \
	{"pkcs11", required_argument, .list = &(signing)->tokens, \
		.max = LIMIT_SIGNATURES}, \
	{"pae-only", no_argument, .flag = &(signing)->pae_only}, \
	{"attach", required_argument, .text = &(signing)->attach}
/* clang-format on */
#define SIGNING_USAGE \
	"[--key FILE...] [--pkcs11 URI...] [--pae-only] [--attach SIG]"

/*
 * Do the options make one signing step? ARGUMENTS_READ, or EXIT_USAGE after
 * saying what does not fit.
 */
int signing_check(const struct command *command, const struct signing *signing);

/* Was any option of the step given? For commands that need not sign. */
bool signing_is_asked(const struct signing *signing);

/*
 * With `pae_only`, write the bytes to be signed to standard output, and touch
 * nothing else. Otherwise sign `payload` with all keys, or with none: the
 * envelope at `path` appears, or gets more signatures, whole or not at all
 * (0644). An envelope that is there must be of the same payload and type; its
 * signatures are kept. A signature that was made elsewhere is verified first.
 * The directory of `path` is locked (flock) meanwhile, so that of two who sign
 * at once neither is lost.
 * Errors: those of private_key_load(), token_key_open(), dsse_sign(),
 * dsse_attach(); ENVELOPE_TOO_LARGE; STORE_IO; SYSTEM_FAILED.
 */
int signing_run(const struct signing *signing, const char *payload_type,
    struct bytes payload, const char *path, struct err *err);

/*
 * The same without `pae_only` and without a file: *text is the envelope so far,
 * "" or NULL, and on success the one with the signatures; owned (malloc) in any
 * case. Errors: those of signing_run() but for STORE_IO of the envelope.
 */
int signing_add(const struct signing *signing, const char *payload_type,
    struct bytes payload, char **text, struct err *err);

#endif
