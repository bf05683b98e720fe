#include <stdio.h>

#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/files.h"
#include "image-store/pack/image_dir.h"
#include "image-store/pack/statement_encode.h"

static int print(const char *dir, struct err *err);

static int
run(int argc, char **argv)
{
	struct err err = {0};
	int status =
	    arguments_read(&command_image_statement, NULL, 0, &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (print(argv[1], &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
print(const char *dir, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	CLEANUP(freep) char *statement = NULL;
	struct manifest manifest;

	TRY(files_of_image(dir, IMAGE_DIR_MANIFEST, LIMIT_ENVELOPE_BYTES, &text,
	    err));
	TRY(manifest_decode(sealed_bytes(text), &manifest, err));
	TRY(statement_encode(&manifest, &statement, err));
	puts(statement);
	return 0;
}

const struct command command_image_statement = {"image", "statement", "", "DIR",
    "print the in-toto statement of an image, for cosign", run};
