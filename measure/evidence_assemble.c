#include "measure/evidence_assemble.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"

/* tpm2-tss 3.2, tss2_tpm2_types.h: sizes of the structures. */
enum {
	SELECTION_BYTES = 8, /* u16 hash, u8 size, u8 select[4], padding */
	SELECTIONS_BYTES = 4 + 16 * SELECTION_BYTES,
	DIGEST_SLOT_BYTES = 2 + 64,
	LIST_DIGESTS = 8,
	LIST_BYTES = 4 + LIST_DIGESTS * DIGEST_SLOT_BYTES,
	MAX_LISTS = PCR_BANKS * PCR_COUNT / LIST_DIGESTS,
};

static json_t *member(json_t *reply, const char *name);
static void put_le(uint8_t *out, uint32_t value, size_t len);
static uint32_t put_selections(const struct pcr_values *values, uint8_t *out);
static uint32_t put_digests(const struct pcr_values *values, uint8_t *out);

int
evidence_assemble(json_t *reply, const char *nonce_hex,
    struct evidence *ret_evidence, struct err *err)
{
	static const char *const known[] = {"quote", "pcrs", "ak", "ek",
	    "ek_cert", "nv", "log", "uefi_log", NULL};
	struct json_at root = json_root(reply, EVIDENCE_MALFORMED);
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *text = NULL;

	TRY(json_known(&root, known, err));
	document = json_pack("{s:s, s:s, s:{s:o}, s:{s:o, s:o}, s:o, s:o, s:o, "
			     "s:{s:o, s:o}}",
	    "schema", EVIDENCE_SCHEMA, "nonce", nonce_hex, "ak", "pub",
	    member(reply, "ak"), "ek", "pub", member(reply, "ek"), "cert",
	    member(reply, "ek_cert"), "quote", member(reply, "quote"), "pcrs",
	    member(reply, "pcrs"), "nv", member(reply, "nv"), "logs", "assay",
	    member(reply, "log"), "uefi", member(reply, "uefi_log"));
	text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "evidence");
	return evidence_decode(bytes_of_str(text), ret_evidence, err);
}

uint8_t *
evidence_encode_pcrs(const struct pcr_values *values, size_t *ret_len)
{
	uint8_t *out = calloc(1, SELECTIONS_BYTES + 4 + MAX_LISTS * LIST_BYTES);
	uint32_t lists;

	if (out == NULL)
		return NULL;
	put_le(out, put_selections(values, out + 4), 4);
	lists = put_digests(values, out + SELECTIONS_BYTES + 4);
	put_le(out + SELECTIONS_BYTES, lists, 4);
	*ret_len = SELECTIONS_BYTES + 4 + lists * LIST_BYTES;
	return out;
}

/* What is missing is null, which the decoder judges. */
static json_t *
member(json_t *reply, const char *name)
{
	json_t *value = json_object_get(reply, name);

	return value != NULL ? json_incref(value) : json_null();
}

static uint32_t
put_selections(const struct pcr_values *values, uint8_t *out)
{
	uint32_t count = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		uint8_t *at = out + count * SELECTION_BYTES;

		if (values->known[bank] == 0)
			continue;
		put_le(at, pcr_bank_algorithm(bank), 2);
		at[2] = PCR_COUNT / 8;
		put_le(at + 3, values->known[bank], PCR_COUNT / 8);
		count++;
	}
	return count;
}

static uint32_t
put_digests(const struct pcr_values *values, uint8_t *out)
{
	uint32_t count = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			uint8_t *list = out + count / LIST_DIGESTS * LIST_BYTES;
			uint8_t *slot =
			    list + 4 + count % LIST_DIGESTS * DIGEST_SLOT_BYTES;
			size_t len = pcr_bank_bytes(bank);

			if ((values->known[bank] & 1u << pcr) == 0)
				continue;
			put_le(list, count % LIST_DIGESTS + 1, 4);
			put_le(slot, (uint32_t)len, 2);
			memcpy(slot + 2, values->value[bank][pcr].bytes, len);
			count++;
		}
	}
	return (count + LIST_DIGESTS - 1) / LIST_DIGESTS;
}

static void
put_le(uint8_t *out, uint32_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}
