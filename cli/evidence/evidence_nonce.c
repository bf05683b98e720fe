#include <stdio.h>

#include "base/hex.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "measure/verify/nonce_file.h"

enum { DEFAULT_MINUTES = 60 };

static int
run(int argc, char **argv)
{
	const char *out = NULL;
	int64_t minutes = DEFAULT_MINUTES;
	const struct argument known[] = {
	    {"out", required_argument, .is_needed = true, .text = &out},
	    {"minutes", required_argument, .number = &minutes, .min = 1,
		.max = ONCE_MAX_MINUTES},
	};
	uint8_t nonce[KEPT_NONCE_BYTES];
	char hex[2 * KEPT_NONCE_BYTES + 1];
	struct err err = {0};
	int status = arguments_read(&command_evidence_nonce, known,
	    countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (nonce_file_create(out, minutes, nonce, &err) != 0)
		return command_failed(&err, false);
	hex_encode(bytes_of(nonce, KEPT_NONCE_BYTES), hex);
	puts(hex);
	return EXIT_DONE;
}

const struct command command_evidence_nonce = {"evidence", "nonce",
    "[--minutes N] --out FILE", "",
    "make a nonce that is used once, and print it", run};
