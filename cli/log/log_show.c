#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "measure/verify/cel_json.h"
#include "measure/event_decode.h"

static int show(const char *path, bool as_json, struct err *err);
static int show_records(struct bytes log, json_t *records, bool as_json,
    struct err *err);
static void print_record(const struct event_log_record *record);
static json_t *encode_values(const struct pcr_values *values);
static void print_values(const struct pcr_values *values);

static int
run(int argc, char **argv)
{
	bool as_json = false;
	const struct argument known[] = {
	    {"json", no_argument, .flag = &as_json},
	};
	struct err err = {0};
	int status = arguments_read(&command_log_show, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (show(argv[1], as_json, &err) != 0)
		return command_failed(&err, as_json);
	return EXIT_DONE;
}

static int
show(const char *path, bool as_json, struct err *err)
{
	CLEANUP(json_freep) json_t *records = json_array();
	CLEANUP(freep) char *text = NULL;
	struct pcr_values values;
	size_t len = 0;

	TRY(file_read(path, LIMIT_EVENT_LOG_BYTES, &text, &len, err));
	if (len > 0 && text[0] == '{')
		return err_set(err, EVENT_LOG_MALFORMED,
		    "%s: this is JSON; of evidence, 'jq -r .logs.assay FILE | "
		    "base64 -d' gives the log",
		    err_quote_str(path).text);
	if (event_log_registers(bytes_of(text, len), &values, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	if (event_log_check_all(bytes_of(text, len), err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	TRY(show_records(bytes_of(text, len), records, as_json, err));
	if (as_json)
		command_print_json(json_pack("{s:O, s:o}", "records", records,
		    "registers", encode_values(&values)));
	else
		print_values(&values);
	return 0;
}

static int
show_records(struct bytes log, json_t *records, bool as_json, struct err *err)
{
	struct event_log_reader reader;

	TRY(event_log_reader_init(log, &reader, err));
	while (!event_log_is_at_end(&reader)) {
		struct event_log_record record;

		TRY(event_log_next(&reader, &record, err));
		if (record.type == EVENT_LOG_NO_ACTION)
			continue;
		if (as_json)
			json_array_append_new(records, cel_json_of(&record));
		else
			print_record(&record);
	}
	return 0;
}

static void
print_record(const struct event_log_record *record)
{
	struct event event;
	struct err err;

	if (event_decode(record->event, &event, &err) == 0)
		printf("register %2u  %.*s\n", record->pcr,
		    (int)event_data(record->event).len,
		    (const char *)event_data(record->event).ptr);
	else
		printf("register %2u  type 0x%08x, %zu bytes\n", record->pcr,
		    record->type, record->event.len);
}

static json_t *
encode_values(const struct pcr_values *values)
{
	json_t *array = json_array();

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			char hex[PCR_HEX_SIZE];

			if ((values->known[bank] & 1u << pcr) == 0)
				continue;
			pcr_digest_hex(bank, &values->value[bank][pcr], hex);
			json_array_append_new(array,
			    json_pack("{s:s, s:I, s:s}", "bank",
				pcr_bank_name(bank), "pcr", (json_int_t)pcr,
				"value", hex));
		}
	}
	return array;
}

static void
print_values(const struct pcr_values *values)
{
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			char hex[PCR_HEX_SIZE];

			if ((values->known[bank] & 1u << pcr) == 0)
				continue;
			pcr_digest_hex(bank, &values->value[bank][pcr], hex);
			printf("leads to     %s:%u %s\n", pcr_bank_name(bank),
			    pcr, hex);
		}
	}
	puts("nothing here is verified");
}

const struct command command_log_show = {"log", "show", "[--json]", "FILE",
    "show an event log and the registers that it leads to", run};
