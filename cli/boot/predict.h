/*
 * The kinds of boot that `assay boot predict` knows, each with the files that
 * its operands name. Each adds to `prediction`; errors name the file.
 */
#ifndef ASSAY_CLI_BOOT_PREDICT_H
#define ASSAY_CLI_BOOT_PREDICT_H

#include "cli/arguments.h"
#include "measure/predict/prediction.h"

struct predict_options {
	int64_t failed_options;
	/* A variable store, or a directory; at most one of the two. */
	const char *secure_boot;
	const char *secure_boot_off;
	const char *root;                 /* of the files that grub.cfg names */
	struct argument_list images;      /* shim and GRUB */
	struct argument_list mle_digests; /* "BANK:HEX" of tboot */
	const char *reference;
	struct argument_list taken;
	struct argument_list banks;
};

/* grub.cfg; wants `root`. */
int predict_grub_boot(const struct predict_options *options, char **operands,
    struct prediction *prediction, struct err *err);

/* Modules, each "FILE" or "FILE=COMMAND LINE"; ends with NULL. */
int predict_tboot_launch(const struct predict_options *options, char **operands,
    struct prediction *prediction, struct err *err);

/* A boot image. */
int predict_unified(const struct predict_options *options, char **operands,
    struct prediction *prediction, struct err *err);

#endif
