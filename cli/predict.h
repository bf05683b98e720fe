/*
 * The kinds of boot that `assay boot predict` knows, each with the files that
 * its operands name. Each adds to `prediction`; errors name the file.
 */
#ifndef ASSAY_CLI_PREDICT_H
#define ASSAY_CLI_PREDICT_H

#include "cli/arguments.h"
#include "measure/prediction.h"

struct predict_options {
	int64_t failed_options;
	const char *secure_boot; /* a variable store, or a directory; or NULL */
	const char *reference;
	struct argument_list taken;
	struct argument_list banks;
};

int predict_unified(const struct predict_options *options, char **operands,
    struct prediction *prediction, struct err *err);

#endif
