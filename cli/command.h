/*
 * What every command of `assay` is, how it ends and how it speaks. One file
 * per command; cli/arguments.h reads its options.
 */
#ifndef ASSAY_CLI_COMMAND_H
#define ASSAY_CLI_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "base/err.h"

/* Exit status, the same for all commands. */
enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_ENVIRONMENT = 3,
};

struct command {
	const char *group;   /* "image", or NULL */
	const char *name;    /* "verify" */
	const char *options; /* "--trust FILE [--json]" */
	const char
	    *operands; /* "DIR"; "DIR..." is one or more, "[DIR]..." any */
	const char *summary;
	/* argv[0] is the name; argv[argc] is NULL. Returns an exit status. */
	int (*run)(int argc, char **argv);
};

/* Behind "assay" in usages: ' ', or '-' in a program of one group. Each
 * program defines it. */
extern const char command_joint;

/* The commands, one declaration a file. */
extern const struct command command_key_new;
extern const struct command command_key_show;
extern const struct command command_trust_init;
extern const struct command command_trust_show;
extern const struct command command_trust_add_key;
extern const struct command command_trust_remove_key;
extern const struct command command_trust_set_role;
extern const struct command command_trust_set_clock;
extern const struct command command_trust_revoke;
extern const struct command command_trust_rotate;
extern const struct command command_trust_verify;
extern const struct command command_image_pack;
extern const struct command command_image_sign;
extern const struct command command_image_lint;
extern const struct command command_image_verify;
extern const struct command command_image_statement;
extern const struct command command_image_inspect;
extern const struct command command_store_init;
extern const struct command command_store_add;
extern const struct command command_store_ls;
extern const struct command command_store_verify;
extern const struct command command_store_index;
extern const struct command command_store_remove;
extern const struct command command_store_gc;
extern const struct command command_store_import;
extern const struct command command_store_export;
extern const struct command command_boot_pack;
extern const struct command command_boot_policy;
extern const struct command command_boot_ramdisk;
extern const struct command command_boot_predict;
extern const struct command command_evidence_nonce;
extern const struct command command_evidence_verify;
extern const struct command command_evidence_challenge;
extern const struct command command_evidence_confirm;
extern const struct command command_log_show;
extern const struct command command_log_export;
extern const struct command command_tpm_provision;
extern const struct command command_tpm_show;
extern const struct command command_tpm_enroll;
extern const struct command command_tpm_seal;
extern const struct command command_tpm_unseal;
extern const struct command command_build;
extern const struct command command_ps;
extern const struct command command_describe;
extern const struct command command_pause;
extern const struct command command_unpause;
extern const struct command command_shutdown;
extern const struct command command_wait;
extern const struct command command_destroy;
extern const struct command command_status;
extern const struct command command_attest;

/* Usage, summary and manual page, on standard output. */
void command_help(const struct command *command);

/* Wrong options or arguments: says so with the usage, returns EXIT_USAGE. */
int command_usage(const struct command *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * An error: code, text and remedy on standard error, or with `as_json` as
 * {"error":{...}} on standard output. Returns the exit status for its class.
 */
int command_failed(const struct err *err, bool as_json);

/* EXIT_DONE for no error, or the exit status for the error's class. */
int command_status_of(const struct err *err);

/* Before anything else in main(). What the process holds may be a private key,
 * a PIN or a sealed secret: none of it gets into a core file. */
void command_begin(void);

/* An answer that nobody got is no success: the status to exit with. */
int command_finish(int status);

/* Print a document and a newline. Takes it. Returns EXIT_DONE. */
int command_print_json(json_t *document);

#endif
