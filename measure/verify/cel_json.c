#include "measure/verify/cel_json.h"

#include <stdlib.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/scope.h"
#include "measure/event_decode.h"

static json_t *encode_digests(const struct event_log_record *record);
static json_t *encode_content(const struct event_log_record *record);

json_t *
cel_json_of(const struct event_log_record *record)
{
	struct event event;
	struct err err;
	bool is_ours = event_decode(record->event, &event, &err) == 0;

	return json_pack("{s:I, s:o, s:s, s:o}", "pcr", (json_int_t)record->pcr,
	    "digests", encode_digests(record), "content_type",
	    is_ours ? "assay" : "pcclient_std", "content",
	    is_ours ? json_loadb((const char *)event_data(record->event).ptr,
			  event_data(record->event).len, 0, NULL)
		    : encode_content(record));
}

int
cel_json_write(struct bytes log, FILE *out, struct err *err)
{
	struct event_log_reader reader;

	TRY(event_log_check_all(log, err));
	TRY(event_log_reader_init(log, &reader, err));
	while (!event_log_is_at_end(&reader)) {
		CLEANUP(json_freep) json_t *object = NULL;
		struct event_log_record record;

		TRY(event_log_next(&reader, &record, err));
		if (record.type == EVENT_LOG_NO_ACTION)
			continue;
		object = cel_json_of(&record);
		if (object == NULL)
			return err_set(err, NO_MEMORY, "event log");
		if (fputc(0x1e, out) == EOF ||
		    json_dumpf(object, out, JSON_COMPACT) != 0 ||
		    fputc('\n', out) == EOF)
			return err_set_errno(err, SYSTEM_FAILED, "writing");
	}
	return 0;
}

static json_t *
encode_digests(const struct event_log_record *record)
{
	json_t *digests = json_array();

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		char hex[PCR_HEX_SIZE];

		if ((record->banks & 1u << bank) == 0)
			continue;
		pcr_digest_hex(bank, &record->digests.bank[bank], hex);
		json_array_append_new(digests,
		    json_pack("{s:s, s:s}", "hashAlg", pcr_bank_name(bank),
			"digest", hex));
	}
	return digests;
}

static json_t *
encode_content(const struct event_log_record *record)
{
	CLEANUP(freep) char *hex = malloc(2 * record->event.len + 1);

	if (hex == NULL)
		return NULL;
	hex_encode(record->event, hex);
	return json_pack("{s:I, s:s}", "event_type", (json_int_t)record->type,
	    "event_data", hex);
}
