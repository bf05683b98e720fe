#include "measure/predict/prediction.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"

enum {
	MAX_DEPTH = 4,
	MAX_LINE = 160, /* of tpm2_pcrread: 2 * 64 digits and a number */
};

static int decode_register(const struct json_at *item,
    struct prediction *prediction, struct err *err);
static int check_covers(const struct json_at *item, const char *covers,
    struct err *err);
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
	static const char *const known[] = {"schema", "registers", NULL};
	CLEANUP(json_freep) json_t *document = NULL;
	struct prediction prediction = {0};
	struct json_at root;
	struct json_at registers;

	if (text.len > LIMIT_PREDICTION_BYTES)
		return err_set(err, PREDICTION_MALFORMED,
		    "prediction: %zu bytes, limit %zu", text.len,
		    LIMIT_PREDICTION_BYTES);
	TRY(json_parse(text, MAX_DEPTH, "prediction", PREDICTION_MALFORMED,
	    &document, err));
	root = json_root(document, PREDICTION_MALFORMED);
	TRY(json_known(&root, known, err));
	TRY(json_literal_in(&root, "schema", PREDICTION_SCHEMA, err));
	TRY(json_array_in(&root, "registers", PCR_BANKS * PCR_COUNT, &registers,
	    err));
	if (json_array_size(registers.value) == 0)
		return json_refuse(&root, "registers", err, "empty");
	for (size_t i = 0; i < json_array_size(registers.value); i++) {
		struct json_at item;

		TRY(json_item_object(&registers, i, &item, err));
		TRY(decode_register(&item, &prediction, err));
	}
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
	json_t *registers = json_array();
	json_t *item;
	int failed = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++) {
			char hex[PCR_HEX_SIZE];

			if ((prediction->values.known[bank] >> pcr & 1) == 0)
				continue;
			pcr_digest_hex(bank,
			    &prediction->values.value[bank][pcr], hex);
			item = json_pack("{s:s, s:i, s:s, s:s}", "bank",
			    pcr_bank_name(bank), "pcr", (int)pcr, "value", hex,
			    "covers", prediction->covers[bank][pcr]);
			failed |= json_array_append_new(registers, item);
		}
	}
	if (failed != 0) {
		json_decref(registers);
		return NULL;
	}
	return json_pack("{s:s, s:o}", "schema", PREDICTION_SCHEMA, "registers",
	    registers);
}

static int
decode_register(const struct json_at *item, struct prediction *prediction,
    struct err *err)
{
	static const char *const known[] = {"bank", "pcr", "value", "covers",
	    NULL};
	const char *bank_name;
	const char *hex;
	const char *covers;
	struct pcr_digest value;
	enum pcr_bank bank;
	int64_t pcr;

	TRY(json_known(item, known, err));
	TRY(json_string_in(item, "bank", 16, &bank_name, err));
	TRY(json_integer_in(item, "pcr", 0, PCR_COUNT - 1, &pcr, err));
	TRY(json_string_in(item, "value", PCR_HEX_SIZE, &hex, err));
	TRY(json_string_in(item, "covers", PREDICTION_COVERS_BYTES, &covers,
	    err));
	TRY(check_covers(item, covers, err));
	if (!pcr_bank_from_name(bank_name, &bank))
		return json_refuse(item, "bank", err,
		    "neither sha256 nor sha384");
	if (!pcr_digest_from_hex(bank, hex, &value))
		return json_refuse(item, "value", err,
		    "not %zu lower-case hex digits", 2 * pcr_bank_bytes(bank));
	if (pcr_digest_is_blank(bank, &value))
		return json_refuse(item, "value", err, "nothing was measured");
	if ((prediction->values.known[bank] >> pcr & 1) != 0)
		return json_refuse(item, "pcr", err, "%s:%d is there twice",
		    bank_name, (int)pcr);
	prediction_set(prediction, bank, (unsigned int)pcr, &value, covers);
	return 0;
}

/* They are shown on terminals. */
static int
check_covers(const struct json_at *item, const char *covers, struct err *err)
{
	if (!is_printable(covers))
		return json_refuse(item, "covers", err, "not printable ASCII");
	return 0;
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
