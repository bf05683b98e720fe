/*
 * Why a call failed, as the caller gets it: names and texts that are printable
 * ASCII, whoever they come from. Unlike a struct err it can hold names that
 * this build does not know, of a newer assayd.
 */
#ifndef ASSAY_CLI_LIBASSAY_FAILURE_H
#define ASSAY_CLI_LIBASSAY_FAILURE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"

/* All zero is none. */
struct failure {
	char name[48];
	char field[64];
	char detail[320];
	char remedy[256];
	bool is_refusal;
};

struct failure failure_of_err(const struct err *err);

/*
 * What the server's error says: `error` is its varlink name, `parameters` may
 * be NULL. Errors: DAEMON_UNREACHABLE if it is none of assay-rpc(7).
 */
int failure_decode(const char *error, const json_t *parameters,
    struct failure *ret_failure, struct err *err);

#endif
