#include "measure/predict/prediction.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/json_table.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"

enum {
	MAX_DEPTH = 4,
	MAX_LINE = 160, /* of tpm2_pcrread: 2 * 64 digits and a number */
};

/* A register as it is written. */
struct row {
	const char *bank;
	uint32_t pcr;
	const char *value;
	const char *covers;
};

static int read_registers(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static int take_row(const struct json_at *item, const struct row *row,
    struct prediction *prediction, struct err *err);
static json_t *write_registers(const struct json_member *member,
    const void *value);
static bool is_printable(const char *text);
static int read_listing(struct bytes text, struct prediction *prediction,
    struct err *err);

/* A place in the listing of tpm2_pcrread. */
struct listing {
	struct prediction *prediction;
	unsigned int line;
	bool has_bank; /* a heading came */
	bool is_used;  /* of a bank that is used here */
	enum pcr_bank bank;
};

static int read_line(struct listing *listing, const char *line,
    struct err *err);
static int read_heading(struct listing *listing, const char *name,
    struct err *err);
static int read_register(struct listing *listing, const char *line,
    struct err *err);
static int refuse_line(const struct listing *listing, const char *line,
    const char *why, struct err *err);
static bool lower_hex(const char *text, char ret_hex[static PCR_HEX_SIZE]);

static const struct json_kind registers_kind = {"[]", read_registers,
    write_registers};

static const struct json_member row_members[] = {
    {MEMBER_BORROWED("bank", struct row, bank, 16)},
    {MEMBER_INTEGER("pcr", struct row, pcr, 0, PCR_COUNT - 1)},
    {MEMBER_BORROWED("value", struct row, value, PCR_HEX_SIZE)},
    {MEMBER_BORROWED("covers", struct row, covers, PREDICTION_COVERS_BYTES)},
};
static const struct json_table row_table = {JSON_MEMBERS(row_members)};

static const struct json_member members[] = {
    {MEMBER_OF_ALL("registers", registers_kind), .table = &row_table},
};
static const struct json_table prediction_table = {JSON_MEMBERS(members),
    .schema = PREDICTION_SCHEMA};

void
prediction_set(struct prediction *prediction, enum pcr_bank bank,
    unsigned int pcr, const struct pcr_digest *value, const char *covers)
{
	bug_unless(pcr < PCR_COUNT);
	prediction->values.known[bank] |= UINT32_C(1) << pcr;
	prediction->values.value[bank][pcr] = *value;
	snprintf(prediction->covers[bank][pcr], PREDICTION_COVERS_BYTES + 1,
	    "%s", covers);
}

bool
prediction_says_secure_boot_is_off(const struct prediction *prediction)
{
	static const char off[] = PREDICTION_SECURE_BOOT_OFF;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if ((prediction->values.known[bank] >> 7 & 1) != 0 &&
		    strncmp(prediction->covers[bank][7], off,
			sizeof(off) - 1) == 0)
			return true;
	}
	return false;
}

int
prediction_decode(struct bytes text, struct prediction *ret_prediction,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct prediction prediction = {0};
	struct json_at root;

	if (text.len > LIMIT_PREDICTION_BYTES)
		return err_set(err, PREDICTION_MALFORMED,
		    "prediction: %zu bytes, limit %zu", text.len,
		    LIMIT_PREDICTION_BYTES);
	TRY(json_parse(text, MAX_DEPTH, "prediction", PREDICTION_MALFORMED,
	    &document, err));
	root = json_root(document, PREDICTION_MALFORMED);
	TRY(json_table_read(&root, &prediction_table, &prediction, err));
	*ret_prediction = prediction;
	return 0;
}

int
prediction_decode_reference(struct bytes text,
    struct prediction *ret_prediction, struct err *err)
{
	struct prediction prediction = {0};

	if (text.len > LIMIT_PREDICTION_BYTES)
		return err_set(err, PREDICTION_MALFORMED,
		    "reference: %zu bytes, limit %zu", text.len,
		    LIMIT_PREDICTION_BYTES);
	if (text.len > 0 && text.ptr[0] == '{')
		return prediction_decode(text, ret_prediction, err);
	TRY(read_listing(text, &prediction, err));
	*ret_prediction = prediction;
	return 0;
}

json_t *
prediction_encode(const struct prediction *prediction)
{
	return json_table_write(&prediction_table, prediction);
}

static int
read_registers(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct json_at array, item;
	struct row row;

	TRY(json_array_in(root, member->name, PCR_BANKS * PCR_COUNT, &array,
	    err));
	if (json_array_size(array.value) == 0)
		return json_refuse(root, member->name, err, "empty");
	for (size_t i = 0; i < json_array_size(array.value); i++) {
		TRY(json_item_object(&array, i, &item, err));
		TRY(json_table_read(&item, member->table, &row, err));
		TRY(take_row(&item, &row, ret_value, err));
	}
	return 0;
}

static int
take_row(const struct json_at *item, const struct row *row,
    struct prediction *prediction, struct err *err)
{
	struct pcr_digest value;
	enum pcr_bank bank;

	/* They are shown on terminals. */
	if (!is_printable(row->covers))
		return json_refuse(item, "covers", err, "not printable ASCII");
	if (!pcr_bank_from_name(row->bank, &bank))
		return json_refuse(item, "bank", err,
		    "neither sha256 nor sha384");
	if (!pcr_digest_from_hex(bank, row->value, &value))
		return json_refuse(item, "value", err,
		    "not %zu lower-case hex digits", 2 * pcr_bank_bytes(bank));
	if (pcr_digest_is_blank(bank, &value))
		return json_refuse(item, "value", err, "nothing was measured");
	if ((prediction->values.known[bank] >> row->pcr & 1) != 0)
		return json_refuse(item, "pcr", err, "%s:%u is there twice",
		    row->bank, row->pcr);
	prediction_set(prediction, bank, row->pcr, &value, row->covers);
	return 0;
}

static json_t *
write_registers(const struct json_member *member, const void *value)
{
	const struct prediction *prediction = value;
	CLEANUP(json_freep) json_t *registers = json_array();

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++) {
			char hex[PCR_HEX_SIZE];
			const struct row row = {pcr_bank_name(bank), pcr, hex,
			    prediction->covers[bank][pcr]};

			if ((prediction->values.known[bank] >> pcr & 1) == 0)
				continue;
			pcr_digest_hex(bank,
			    &prediction->values.value[bank][pcr], hex);
			if (json_array_append_new(registers,
				json_table_write(member->table, &row)) != 0)
				return NULL;
		}
	}
	return take_ptr(&registers);
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* tpm2_pcrread 5.4: "  sha256:", then lines as "    0 : 0x<HEX>". */
static int
read_listing(struct bytes text, struct prediction *prediction, struct err *err)
{
	struct listing listing = {.prediction = prediction};
	size_t start = 0;

	while (start < text.len) {
		const uint8_t *end =
		    memchr(text.ptr + start, '\n', text.len - start);
		size_t len = end != NULL ? (size_t)(end - text.ptr) - start
		                         : text.len - start;
		char line[MAX_LINE + 1] = "";

		listing.line++;
		memcpy(line, text.ptr + start, len < MAX_LINE ? len : MAX_LINE);
		if (len > MAX_LINE || strlen(line) != len)
			return refuse_line(&listing, line,
			    "too long, or a zero byte", err);
		TRY(read_line(&listing, line, err));
		start += len + 1;
	}
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		if (prediction->values.known[bank] != 0)
			return 0;
	return err_set(err, PREDICTION_MALFORMED,
	    "reference: no register that holds a measurement");
}

static int
read_line(struct listing *listing, const char *line, struct err *err)
{
	char name[16];
	int end = -1;

	line += strspn(line, " \t");
	if (*line == '\0')
		return 0;
	if (sscanf(line, "%15[a-z0-9_]:%n", name, &end) == 1 && end > 0 &&
	    line[end] == '\0')
		return read_heading(listing, name, err);
	return read_register(listing, line, err);
}

static int
read_heading(struct listing *listing, const char *name, struct err *err)
{
	static const char *const unused[] = {"sha1", "sha512", "sm3_256"};

	listing->has_bank = true;
	listing->is_used = pcr_bank_from_name(name, &listing->bank);
	for (size_t i = 0; i < countof(unused); i++)
		if (strcmp(unused[i], name) == 0)
			return 0;
	if (!listing->is_used)
		return refuse_line(listing, name, "no bank of this name", err);
	return 0;
}

static int
read_register(struct listing *listing, const char *line, struct err *err)
{
	char hex[PCR_HEX_SIZE];
	struct pcr_digest value;
	unsigned int pcr;
	int end = -1;

	if (sscanf(line, "%2u : 0x%n", &pcr, &end) != 1 || end < 0 ||
	    !listing->has_bank || !isdigit((unsigned char)line[0]))
		return refuse_line(listing, line,
		    "not as tpm2_pcrread prints it", err);
	if (!listing->is_used)
		return 0;
	if (pcr >= PCR_COUNT || !lower_hex(line + end, hex) ||
	    !pcr_digest_from_hex(listing->bank, hex, &value))
		return refuse_line(listing, line,
		    "not a register and its value", err);
	if ((listing->prediction->values.known[listing->bank] >> pcr & 1) != 0)
		return refuse_line(listing, line, "a register twice", err);
	if (!pcr_digest_is_blank(listing->bank, &value))
		prediction_set(listing->prediction, listing->bank, pcr, &value,
		    "as read on the reference machine");
	return 0;
}

static int
refuse_line(const struct listing *listing, const char *line, const char *why,
    struct err *err)
{
	return err_set(err, PREDICTION_MALFORMED, "reference: line %u: %s: %s",
	    listing->line, why, err_quote_str(line).text);
}

static bool
lower_hex(const char *text, char ret_hex[static PCR_HEX_SIZE])
{
	size_t len = strlen(text);

	if (len >= PCR_HEX_SIZE)
		return false;
	for (size_t i = 0; i <= len; i++)
		ret_hex[i] = (char)tolower((unsigned char)text[i]);
	return true;
}
