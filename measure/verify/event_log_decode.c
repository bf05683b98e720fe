#include "measure/verify/event_log_decode.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "measure/event_decode.h"
#include "measure/event_log.h"

enum {
	FIRST_EVENT_AT = 32, /* after register, type, SHA-1 digest, size */
	ALGORITHMS_AT = 28,  /* in the Spec ID event */
};

static int refuse(size_t offset, struct err *err, const char *why);
static int read_spec_id(struct event_log_reader *reader, struct bytes event,
    struct err *err);
static int add_algorithm(struct event_log_reader *reader, uint16_t id,
    uint16_t bytes, struct err *err);
static bool is_known_size(uint16_t id, uint16_t bytes);
static int read_digests(struct event_log_reader *reader,
    struct event_log_record *record, uint32_t count, size_t *at,
    struct err *err);
static int read_digest(const struct event_log_reader *reader,
    struct event_log_record *record, size_t *at, uint32_t *seen,
    struct err *err);
static uint32_t register_bit(const struct event_log_record *record);
static int check_ours(const struct event_log_record *record, struct err *err);
static void note_locality(const struct event_log_record *record,
    struct pcr_values *values);

int
event_log_reader_init(struct bytes log, struct event_log_reader *ret_reader,
    struct err *err)
{
	static const uint8_t zeros[20];
	struct event_log_reader reader = {.log = log};
	uint32_t pcr, type, size;
	struct bytes digest, event;

	if (log.len > LIMIT_EVENT_LOG_BYTES)
		return err_set(err, EVENT_LOG_MALFORMED, "%zu bytes, limit %zu",
		    log.len, LIMIT_EVENT_LOG_BYTES);
	if (!bytes_le32(log, 0, &pcr) || !bytes_le32(log, 4, &type) ||
	    !bytes_part(log, 8, sizeof(zeros), &digest) ||
	    !bytes_le32(log, 28, &size) ||
	    !bytes_part(log, FIRST_EVENT_AT, size, &event))
		return refuse(0, err, "the first event does not end");
	if (pcr != 0 || type != EVENT_LOG_NO_ACTION ||
	    memcmp(digest.ptr, zeros, sizeof(zeros)) != 0)
		return refuse(0, err, "the first event is no Spec ID event");
	TRY(read_spec_id(&reader, event, err));
	reader.at = FIRST_EVENT_AT + size;
	*ret_reader = reader;
	return 0;
}

bool
event_log_is_at_end(const struct event_log_reader *reader)
{
	return reader->at == reader->log.len;
}

int
event_log_next(struct event_log_reader *reader,
    struct event_log_record *ret_record, struct err *err)
{
	struct event_log_record record = {.offset = reader->at};
	size_t at = reader->at + 12;
	uint32_t count, size;

	if (!bytes_le32(reader->log, reader->at, &record.pcr) ||
	    !bytes_le32(reader->log, reader->at + 4, &record.type) ||
	    !bytes_le32(reader->log, reader->at + 8, &count))
		return refuse(record.offset, err, "the record does not end");
	if (record.pcr >= PCR_COUNT && record.type != EVENT_LOG_NO_ACTION)
		return refuse(record.offset, err, "a register over 23");
	TRY(read_digests(reader, &record, count, &at, err));
	if (!bytes_le32(reader->log, at, &size) ||
	    !bytes_part(reader->log, at + 4, size, &record.event))
		return refuse(record.offset, err, "the event does not end");
	reader->at = at + 4 + size;
	*ret_record = record;
	return 0;
}

int
event_log_check(const struct event_log_record *record, struct err *err)
{
	struct pcr_digests digests;

	if (!event_is_ours(record->event))
		return 0;
	if (record->type != EVENT_LOG_TYPE ||
	    record->banks != (1u << PCR_BANKS) - 1)
		return err_set(err, EVIDENCE_LOG_CHANGED,
		    "offset %zu: an event of assayd in a record of others",
		    record->offset);
	TRY(pcr_digests_of(record->event, &digests, err));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if (!pcr_digest_equal(bank, &digests.bank[bank],
			&record->digests.bank[bank]))
			return err_set(err, EVIDENCE_LOG_CHANGED,
			    "offset %zu: the %s digest is of another event",
			    record->offset, pcr_bank_name(bank));
	}
	return 0;
}

int
event_log_check_all(struct bytes log, struct err *err)
{
	struct event_log_reader reader;
	uint32_t ours = 0;

	TRY(event_log_reader_init(log, &reader, err));
	while (!event_log_is_at_end(&reader)) {
		struct event_log_record record;

		TRY(event_log_next(&reader, &record, err));
		TRY(event_log_check(&record, err));
		if (event_is_ours(record.event))
			ours |= register_bit(&record);
	}
	TRY(event_log_reader_init(log, &reader, err));
	while (!event_log_is_at_end(&reader)) {
		struct event_log_record record;

		TRY(event_log_next(&reader, &record, err));
		if ((ours & register_bit(&record)) != 0)
			TRY(check_ours(&record, err));
	}
	return 0;
}

/* None of an event that extends nothing and names no register. */
static uint32_t
register_bit(const struct event_log_record *record)
{
	return record->pcr < PCR_COUNT ? 1u << record->pcr : 0;
}

static int
check_ours(const struct event_log_record *record, struct err *err)
{
	struct event event;

	if (!event_is_ours(record->event))
		return err_set(err, EVIDENCE_LOG_ADDED,
		    "offset %zu: not a record of assayd, in its register %u",
		    record->offset, record->pcr);
	if (event_decode(record->event, &event, err) != 0)
		return err_prefix(err, "offset %zu", record->offset);
	return 0;
}

int
event_log_registers(struct bytes log, struct pcr_values *ret_values,
    struct err *err)
{
	struct pcr_values values = {0};
	struct event_log_reader reader;

	TRY(event_log_reader_init(log, &reader, err));
	while (!event_log_is_at_end(&reader)) {
		struct event_log_record record;

		TRY(event_log_next(&reader, &record, err));
		note_locality(&record, &values);
		TRY(event_log_extend(&record, &values, err));
	}
	*ret_values = values;
	return 0;
}

int
event_log_extend(const struct event_log_record *record,
    struct pcr_values *values, struct err *err)
{
	if (record->type == EVENT_LOG_NO_ACTION)
		return 0;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if ((record->banks & 1u << bank) == 0)
			continue;
		values->known[bank] |= 1u << record->pcr;
		TRY(pcr_extend(bank, &record->digests.bank[bank],
		    &values->value[bank][record->pcr], err));
	}
	return 0;
}

static int
refuse(size_t offset, struct err *err, const char *why)
{
	return err_set(err, EVENT_LOG_MALFORMED, "event log: offset %zu: %s",
	    offset, why);
}

static int
read_spec_id(struct event_log_reader *reader, struct bytes event,
    struct err *err)
{
	static const uint8_t signature[16] = "Spec ID Event03";
	uint8_t minor, major, vendor_bytes;
	uint32_t count;
	size_t at = ALGORITHMS_AT;

	if (event.len < ALGORITHMS_AT ||
	    memcmp(event.ptr, signature, sizeof(signature)) != 0 ||
	    !bytes_u8(event, 20, &minor) || !bytes_u8(event, 21, &major) ||
	    minor != 0 || major != 2 || !bytes_le32(event, 24, &count))
		return refuse(0, err, "no Spec ID event of version 2.0");
	if (count == 0 || count > EVENT_LOG_ALGORITHMS)
		return refuse(0, err, "the number of algorithms");
	for (uint32_t i = 0; i < count; i++, at += 4) {
		uint16_t id, bytes;

		if (!bytes_le16(event, at, &id) ||
		    !bytes_le16(event, at + 2, &bytes))
			return refuse(at, err, "the algorithms do not end");
		TRY(add_algorithm(reader, id, bytes, err));
	}
	if (!bytes_u8(event, at, &vendor_bytes) ||
	    event.len != at + 1 + vendor_bytes)
		return refuse(at, err, "the Spec ID event has another size");
	return 0;
}

static int
add_algorithm(struct event_log_reader *reader, uint16_t id, uint16_t bytes,
    struct err *err)
{
	size_t count = reader->algorithm_count;

	for (size_t i = 0; i < count; i++) {
		if (reader->algorithms[i].id == id)
			return refuse(0, err, "an algorithm twice");
	}
	if (!is_known_size(id, bytes))
		return refuse(0, err, "an algorithm's digest size");
	reader->algorithms[count].id = id;
	reader->algorithms[count].bytes = bytes;
	reader->algorithm_count++;
	return 0;
}

/* Of algorithms that assay does not use, any size up to that of SHA-512. */
static bool
is_known_size(uint16_t id, uint16_t bytes)
{
	enum pcr_bank bank;

	if (pcr_bank_from_algorithm(id, &bank))
		return bytes == pcr_bank_bytes(bank);
	return bytes > 0 && bytes <= 64;
}

static int
read_digests(struct event_log_reader *reader, struct event_log_record *record,
    uint32_t count, size_t *at, struct err *err)
{
	uint32_t seen = 0;

	if (count > reader->algorithm_count)
		return refuse(record->offset, err, "the number of digests");
	for (uint32_t i = 0; i < count; i++)
		TRY(read_digest(reader, record, at, &seen, err));
	return 0;
}

static int
read_digest(const struct event_log_reader *reader,
    struct event_log_record *record, size_t *at, uint32_t *seen,
    struct err *err)
{
	struct bytes digest;
	enum pcr_bank bank;
	uint16_t id;
	size_t i = 0;

	if (!bytes_le16(reader->log, *at, &id))
		return refuse(record->offset, err, "the digests do not end");
	while (i < reader->algorithm_count && reader->algorithms[i].id != id)
		i++;
	if (i == reader->algorithm_count || (*seen & 1u << i) != 0)
		return refuse(record->offset, err,
		    "a digest of an algorithm twice or not announced");
	if (!bytes_part(reader->log, *at + 2, reader->algorithms[i].bytes,
		&digest))
		return refuse(record->offset, err, "the digests do not end");
	if (pcr_bank_from_algorithm(id, &bank)) {
		record->banks |= 1u << bank;
		memcpy(record->digests.bank[bank].bytes, digest.ptr,
		    digest.len);
	}
	*seen |= 1u << i;
	*at += 2 + digest.len;
	return 0;
}

/* TCG_EfiStartupLocalityEvent: register 0 began with the locality. */
static void
note_locality(const struct event_log_record *record, struct pcr_values *values)
{
	static const char signature[16] = "StartupLocality";

	if (record->type != EVENT_LOG_NO_ACTION || record->event.len != 17 ||
	    memcmp(record->event.ptr, signature, sizeof(signature)) != 0)
		return;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		struct pcr_digest *value = &values->value[bank][0];

		if ((values->known[bank] & 1) == 0)
			value->bytes[pcr_bank_bytes(bank) - 1] =
			    record->event.ptr[16];
	}
}
