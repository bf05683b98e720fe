#include "builder/receipt.h"

#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "image-store/manifest.h"

/* Longer than any name of an error. */
#define RECEIPT_CODE_BYTES 64

static json_t *encode_grants(const struct grant_plan *grants);
static json_t *encode_signers(const struct receipt *receipt);
static json_t *encode_passed_over(const struct passed_over *passed);
static json_t *encode_timing(const struct timing *timing);
static int decode_names(const struct json_at *root, struct receipt *ret_receipt,
    struct err *err);
static int decode_configuration(const struct json_at *root,
    struct receipt *ret_receipt, struct err *err);
static int decode_string(const struct json_at *root, const char *member,
    char *ret_text, size_t size, struct err *err);
static int decode_signers(const struct json_at *root,
    struct receipt *ret_receipt, struct err *err);
static int decode_rollback(const struct json_at *root,
    struct receipt *ret_receipt, struct err *err);
static int decode_passed_over(const struct json_at *root,
    struct passed_over *ret_passed, struct err *err);
static int decode_passed(const struct json_at *at, struct passed_over *passed,
    struct err *err);
static int decode_grants(const struct json_at *root,
    struct grant_plan *ret_grants, struct err *err);

json_t *
receipt_encode(const struct receipt *receipt)
{
	char uuid[UUID_TEXT_SIZE];
	char envelope[DIGEST_TEXT_SIZE];
	char payload[DIGEST_TEXT_SIZE];
	char config[DIGEST_TEXT_SIZE];
	char measurement[DIGEST_TEXT_SIZE];

	uuid_text(receipt->uuid, uuid);
	digest_text(&receipt->envelope, envelope);
	digest_text(&receipt->payload, payload);
	digest_text(&receipt->config, config);
	digest_text(&receipt->measurement, measurement);
	return json_pack(
	    "{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:s, "
	    "s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:o, s:o, s:{s:s, s:I}, s:o, "
	    "s:o}",
	    "schema", RECEIPT_SCHEMA, "domid", (int)receipt->domid, "uuid",
	    uuid, "name", receipt->name, "image", receipt->image, "version",
	    receipt->version, "role", receipt->role, "debug",
	    (int)receipt->is_debug, "cached", (int)receipt->was_cached,
	    "envelope_digest", envelope, "payload_digest", payload,
	    "configuration", receipt->configuration, "config_digest", config,
	    "measurement", measurement, "sequence",
	    (json_int_t)receipt->sequence, "memory_mib",
	    (int)receipt->memory_mib, "vcpus", (int)receipt->vcpus, "grants",
	    encode_grants(&receipt->grants), "signers", encode_signers(receipt),
	    "rollback", "location", receipt->rollback_location, "index",
	    (json_int_t)receipt->rollback_index, "passed_over",
	    encode_passed_over(&receipt->passed_over), "timing_usec",
	    encode_timing(&receipt->timing));
}

int
receipt_decode(struct bytes text, struct receipt *ret_receipt, struct err *err)
{
	static const char *const known[] = {"schema", "domid", "uuid", "name",
	    "image", "version", "role", "debug", "cached", "envelope_digest",
	    "payload_digest", "configuration", "config_digest", "measurement",
	    "sequence", "memory_mib", "vcpus", "grants", "signers", "rollback",
	    "passed_over", "timing_usec", NULL};
	CLEANUP(json_freep) json_t *document = NULL;
	struct receipt receipt = {0};
	struct json_at root;
	int64_t number;

	TRY(json_parse(text, 4, "receipt", CONFIG_BAD, &document, err));
	root = json_root(document, CONFIG_BAD);
	TRY(json_known(&root, known, err));
	TRY(json_literal_in(&root, "schema", RECEIPT_SCHEMA, err));
	TRY(json_integer_in(&root, "domid", 1, UINT16_MAX, &number, err));
	receipt.domid = (uint32_t)number;
	TRY(decode_names(&root, &receipt, err));
	TRY(json_bool_in(&root, "debug", &receipt.is_debug, err));
	TRY(json_bool_in(&root, "cached", &receipt.was_cached, err));
	TRY(json_digest_in(&root, "envelope_digest", &receipt.envelope, err));
	TRY(json_digest_in(&root, "payload_digest", &receipt.payload, err));
	TRY(decode_configuration(&root, &receipt, err));
	TRY(json_digest_in(&root, "measurement", &receipt.measurement, err));
	TRY(json_integer_in(&root, "sequence", 1, INT64_MAX, &number, err));
	receipt.sequence = (uint64_t)number;
	TRY(json_integer_in(&root, "memory_mib", 1, LIMIT_MEMORY_MIB, &number,
	    err));
	receipt.memory_mib = (uint32_t)number;
	TRY(json_integer_in(&root, "vcpus", 1, LIMIT_VCPUS, &number, err));
	receipt.vcpus = (uint32_t)number;
	TRY(decode_grants(&root, &receipt.grants, err));
	TRY(decode_signers(&root, &receipt, err));
	TRY(decode_rollback(&root, &receipt, err));
	TRY(decode_passed_over(&root, &receipt.passed_over, err));
	*ret_receipt = receipt;
	return 0;
}

static json_t *
encode_grants(const struct grant_plan *grants)
{
	json_t *array = json_array();

	for (uint32_t ref = 0; ref < GRANT_PLAN_ENTRIES; ref++) {
		const struct xen_grant_entry *entry = &grants->entries[ref];

		json_array_append_new(array,
		    json_pack("{s:i, s:i, s:I, s:i}", "ref", (int)ref, "domid",
			(int)entry->domid, "frame", (json_int_t)entry->frame,
			"flags", (int)entry->flags));
	}
	return array;
}

static json_t *
encode_signers(const struct receipt *receipt)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < receipt->signer_count; i++) {
		char hex[DIGEST_HEX_SIZE];

		digest_hex(&receipt->signers[i], hex);
		json_array_append_new(array, json_string(hex));
	}
	return array;
}

static json_t *
encode_passed_over(const struct passed_over *passed)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < passed->count && i < countof(passed->images);
	     i++)
		json_array_append_new(array,
		    json_pack("{s:s, s:s}", "version",
			passed->images[i].version, "code",
			err_name(passed->images[i].code)));
	return json_pack("{s:I, s:o}", "count", (json_int_t)passed->count,
	    "images", array);
}

static json_t *
encode_timing(const struct timing *timing)
{
	json_t *object = json_object();

	for (int phase = 0; phase < TIMING_PHASE_COUNT; phase++)
		json_object_set_new(object,
		    timing_phase_name((enum timing_phase)phase),
		    json_integer(timing->phase_usec[phase]));
	return object;
}

static int
decode_names(const struct json_at *root, struct receipt *ret_receipt,
    struct err *err)
{
	const char *uuid;

	TRY(json_string_in(root, "uuid", UUID_TEXT_SIZE, &uuid, err));
	if (!uuid_from_text(uuid, ret_receipt->uuid))
		return json_refuse(root, "uuid", err, "not a uuid");
	TRY(decode_string(root, "name", ret_receipt->name,
	    sizeof(ret_receipt->name), err));
	TRY(decode_string(root, "image", ret_receipt->image,
	    sizeof(ret_receipt->image), err));
	TRY(decode_string(root, "version", ret_receipt->version,
	    sizeof(ret_receipt->version), err));
	TRY(decode_string(root, "role", ret_receipt->role,
	    sizeof(ret_receipt->role), err));
	return 0;
}

static int
decode_configuration(const struct json_at *root, struct receipt *ret_receipt,
    struct err *err)
{
	struct digest digest;

	TRY(decode_string(root, "configuration", ret_receipt->configuration,
	    sizeof(ret_receipt->configuration), err));
	TRY(json_digest_in(root, "config_digest", &ret_receipt->config, err));
	TRY(digest_of(bytes_of_str(ret_receipt->configuration), &digest, err));
	if (!digest_equal(&digest, &ret_receipt->config))
		return json_refuse(root, "config_digest", err,
		    "not of this configuration");
	return 0;
}

static int
decode_string(const struct json_at *root, const char *member, char *ret_text,
    size_t size, struct err *err)
{
	const char *text;

	TRY(json_string_in(root, member, size - 1, &text, err));
	snprintf(ret_text, size, "%s", text);
	return 0;
}

static int
decode_grants(const struct json_at *root, struct grant_plan *ret_grants,
    struct err *err)
{
	static const char *const known[] = {"ref", "domid", "frame", "flags",
	    NULL};
	struct json_at array;

	TRY(json_array_in(root, "grants", GRANT_PLAN_ENTRIES, &array, err));
	if (json_array_size(array.value) != GRANT_PLAN_ENTRIES)
		return json_refuse(root, "grants", err, "not %u entries",
		    GRANT_PLAN_ENTRIES);
	for (uint32_t ref = 0; ref < GRANT_PLAN_ENTRIES; ref++) {
		struct xen_grant_entry *entry = &ret_grants->entries[ref];
		struct json_at item;
		int64_t number;

		TRY(json_item_object(&array, ref, &item, err));
		TRY(json_known(&item, known, err));
		TRY(json_integer_in(&item, "ref", ref, ref, &number, err));
		TRY(json_integer_in(&item, "domid", 0, UINT16_MAX, &number,
		    err));
		entry->domid = (uint16_t)number;
		TRY(json_integer_in(&item, "frame", 0, UINT32_MAX, &number,
		    err));
		entry->frame = (uint32_t)number;
		TRY(json_integer_in(&item, "flags", 0, UINT16_MAX, &number,
		    err));
		entry->flags = (uint16_t)number;
	}
	return 0;
}

static int
decode_signers(const struct json_at *root, struct receipt *ret_receipt,
    struct err *err)
{
	struct json_at array;

	TRY(json_array_in(root, "signers", LIMIT_SIGNATURES, &array, err));
	for (size_t i = 0; i < json_array_size(array.value); i++) {
		const char *hex;

		TRY(json_item_string(&array, i, DIGEST_HEX_SIZE, &hex, err));
		if (!digest_from_hex(hex, &ret_receipt->signers[i]))
			return json_refuse(root, "signers", err,
			    "item %zu is not a key id", i);
		ret_receipt->signer_count++;
	}
	return 0;
}

static int
decode_rollback(const struct json_at *root, struct receipt *ret_receipt,
    struct err *err)
{
	static const char *const known[] = {"location", "index", NULL};
	struct json_at rollback;

	TRY(json_object_in(root, "rollback", &rollback, err));
	TRY(json_known(&rollback, known, err));
	TRY(decode_string(&rollback, "location", ret_receipt->rollback_location,
	    sizeof(ret_receipt->rollback_location), err));
	return json_integer_in(&rollback, "index", 0, INT64_MAX,
	    &ret_receipt->rollback_index, err);
}

/* Receipts of before this was told have none. */
static int
decode_passed_over(const struct json_at *root, struct passed_over *ret_passed,
    struct err *err)
{
	static const char *const known[] = {"count", "images", NULL};
	struct passed_over passed = {.count = 0};
	struct json_at at;
	struct json_at array;
	int64_t count;

	if (!json_has(root, "passed_over"))
		return 0;
	TRY(json_object_in(root, "passed_over", &at, err));
	TRY(json_known(&at, known, err));
	TRY(json_array_in(&at, "images", LIMIT_PASSED_OVER, &array, err));
	for (size_t i = 0; i < json_array_size(array.value); i++) {
		struct json_at item;

		TRY(json_item_object(&array, i, &item, err));
		TRY(decode_passed(&item, &passed, err));
	}
	TRY(json_integer_in(&at, "count", passed.count, LIMIT_INDEX_IMAGES,
	    &count, err));
	if (passed.count < countof(passed.images) && passed.count != count)
		return json_refuse(&at, "count", err, "not that of images");
	passed.count = (uint32_t)count;
	*ret_passed = passed;
	return 0;
}

static int
decode_passed(const struct json_at *at, struct passed_over *passed,
    struct err *err)
{
	static const char *const known[] = {"version", "code", NULL};
	uint32_t index = passed->count++;
	const char *name;

	TRY(json_known(at, known, err));
	TRY(decode_string(at, "version", passed->images[index].version,
	    sizeof(passed->images[index].version), err));
	TRY(json_string_in(at, "code", RECEIPT_CODE_BYTES, &name, err));
	if (!err_from_name(name, &passed->images[index].code))
		return json_refuse(at, "code", err, "not the name of an error");
	return 0;
}
