/*
 * Signs what `assay image sign` refuses to: any payload of any type. The
 * envelope goes to standard output.
 *
 * usage: cli-sign-payload TYPE KEY FILE
 */
#include <stdio.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "keys/sign/dsse_sign.h"

static int
sign(char **argv, struct err *err)
{
	CLEANUP(private_key_freep) struct private_key *key = NULL;
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(freep) char *text = NULL;
	const struct private_key *keys[1];
	size_t len;

	TRY(private_key_load(argv[2], &key, err));
	TRY(file_read(argv[3], LIMIT_ENVELOPE_BYTES, &payload, &len, err));
	keys[0] = key;
	TRY(dsse_sign(argv[1], bytes_of(payload, len), bytes_of(NULL, 0), keys,
	    1, &text, err));
	puts(text);
	return 0;
}

int
main(int argc, char **argv)
{
	struct err err;

	if (argc != 4) {
		fputs("usage: cli-sign-payload TYPE KEY FILE\n", stderr);
		return 2;
	}
	if (sign(argv, &err) == 0)
		return 0;
	fprintf(stderr, "cli-sign-payload: %s\n", err.text);
	return 1;
}
