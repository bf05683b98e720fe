#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "measure/verify/cel_json.h"

static int export(const char *path, const char *cel_path, struct err *err);
static void stream_closep(FILE **stream);

static int
run(int argc, char **argv)
{
	const char *cel = NULL;
	const struct argument known[] = {
	    {"cel", required_argument, .is_needed = true, .text = &cel},
	};
	struct err err = {0};
	int status = arguments_read(&command_log_export, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (export(argv[1], cel, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int export(const char *path, const char *cel_path, struct err *err)
{
	CLEANUP(freep) char *log = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(stream_closep) FILE *stream = NULL;
	size_t log_len = 0, len = 0;

	TRY(file_read(path, LIMIT_EVENT_LOG_BYTES, &log, &log_len, err));
	stream = open_memstream(&text, &len);
	if (stream == NULL)
		return err_set(err, NO_MEMORY, "event log");
	if (cel_json_write(bytes_of(log, log_len), stream, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	stream_closep(&stream);
	return file_write(cel_path, bytes_of(text, len), 0644, FILE_REFUSE,
	    err);
}

static void
stream_closep(FILE **stream)
{
	if (*stream != NULL)
		fclose(*stream);
	*stream = NULL;
}

const struct command command_log_export = {"log", "export", "--cel FILE",
    "FILE", "write an event log as CEL-JSON, as systemd does", run};
