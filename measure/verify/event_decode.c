#include "measure/verify/event_decode.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"

static int decode_kind(const struct json_at *root, enum event_kind *ret_kind,
    struct err *err);
static int decode_body(const struct json_at *root, struct event *event,
    struct err *err);
static int decode_start(const struct json_at *root, struct event_start *start,
    struct err *err);
static int decode_rules(const struct json_at *root, struct event_rules *rules,
    struct err *err);
static int decode_found(const struct json_at *root, struct event_start *start,
    struct err *err);
static int decode_nv(const struct json_at *root, struct event_start *start,
    struct err *err);
static int decode_build(const struct json_at *root, struct event_build *build,
    struct err *err);
static int decode_domain(const struct json_at *root, uint8_t *uuid,
    uint32_t *domid, struct err *err);
static int decode_error(const struct json_at *root, enum err_code *ret_code,
    struct err *err);
static int digest_in(const struct json_at *root, const char *member,
    struct digest *ret_digest, struct err *err);
static int maybe_digest_in(const struct json_at *root, const char *member,
    bool *ret_has, struct digest *ret_digest, struct err *err);
static int plain_in(const struct json_at *root, const char *member,
    size_t max_bytes, char *ret_text, struct err *err);
static int u32_in(const struct json_at *root, const char *member,
    uint32_t *ret_number, struct err *err);
static int u64_in(const struct json_at *root, const char *member, int64_t min,
    uint64_t *ret_number, struct err *err);

bool
event_is_ours(struct bytes raw)
{
	uint32_t tag, len;

	return bytes_le32(raw, 0, &tag) && bytes_le32(raw, 4, &len) &&
	       tag == EVENT_TAG && len == raw.len - EVENT_HEADER_BYTES;
}

struct bytes
event_data(struct bytes raw)
{
	return bytes_of(raw.ptr + EVENT_HEADER_BYTES,
	    raw.len - EVENT_HEADER_BYTES);
}

/*
 * What was read is written again and compared: so there is one form only, and
 * no member that was not read.
 */
int
event_decode(struct bytes raw, struct event *ret_event, struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct event event = {.sequence = 0};
	uint8_t again[EVENT_BYTES];
	struct json_at root;
	int64_t version;

	if (!event_is_ours(raw) || raw.len > EVENT_BYTES)
		return err_set(err, EVENT_MALFORMED,
		    "event: no tagged event of assayd");
	if (json_parse(event_data(raw), 2, "event", EVENT_MALFORMED, &document,
		err) != 0) {
		err->code = EVENT_MALFORMED; /* whatever it is: not our doing */
		return EVENT_MALFORMED;
	}
	root = json_root(document, EVENT_MALFORMED);
	TRY(json_integer_in(&root, "v", 1, 1, &version, err));
	TRY(decode_kind(&root, &event.kind, err));
	TRY(u64_in(&root, "seq", 1, &event.sequence, err));
	TRY(decode_body(&root, &event, err));
	if (!bytes_equal(raw, bytes_of(again, event_encode(&event, again))))
		return err_set(err, EVENT_MALFORMED,
		    "event: not as assayd writes it");
	*ret_event = event;
	return 0;
}

static int
decode_kind(const struct json_at *root, enum event_kind *ret_kind,
    struct err *err)
{
	const char *name;

	TRY(json_string_in(root, "ev", 16, &name, err));
	for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
		if (strcmp(event_kind_name(kind), name) == 0) {
			*ret_kind = kind;
			return 0;
		}
	}
	return json_refuse(root, "ev", err, "no such event");
}

static int
decode_body(const struct json_at *root, struct event *event, struct err *err)
{
	switch (event->kind) {
	case EVENT_START:
		return decode_start(root, &event->as.start, err);
	case EVENT_BUILD:
		return decode_build(root, &event->as.build, err);
	case EVENT_ABANDON:
		TRY(decode_error(root, &event->as.abandon.why, err));
		return decode_domain(root, event->as.abandon.uuid,
		    &event->as.abandon.domid, err);
	case EVENT_DESTROY:
		return decode_domain(root, event->as.destroy.uuid,
		    &event->as.destroy.domid, err);
	case EVENT_POLICY:
		return decode_rules(root, &event->as.policy, err);
	case EVENT_STOP:
	case EVENT_KINDS:
	default:
		return 0;
	}
}

static int
decode_start(const struct json_at *root, struct event_start *start,
    struct err *err)
{
	TRY(plain_in(root, "assayd", LIMIT_VERSION_BYTES, start->version, err));
	TRY(decode_rules(root, &start->rules, err));
	TRY(u32_in(root, "pcr", &start->pcr, err));
	if (start->pcr >= PCR_COUNT)
		return json_refuse(root, "pcr", err, "no such register");
	TRY(decode_found(root, start, err));
	TRY(decode_nv(root, start, err));
	return json_bool_in(root, "development", &start->is_development, err);
}

static int
decode_rules(const struct json_at *root, struct event_rules *rules,
    struct err *err)
{
	TRY(digest_in(root, "trust", &rules->trust, err));
	TRY(json_integer_in(root, "trust_version", INT64_MIN, INT64_MAX,
	    &rules->trust_version, err));
	TRY(maybe_digest_in(root, "store", &rules->has_store, &rules->store,
	    err));
	TRY(u64_in(root, "epoch", 0, &rules->epoch, err));
	return maybe_digest_in(root, "boot_policy", &rules->has_boot_policy,
	    &rules->boot_policy, err);
}

static int
decode_found(const struct json_at *root, struct event_start *start,
    struct err *err)
{
	struct json_at found;

	TRY(json_object_in(root, "found", &found, err));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		const char *name = pcr_bank_name(bank);
		const char *hex;

		TRY(json_string_in(&found, name, PCR_HEX_SIZE, &hex, err));
		if (!pcr_digest_from_hex(bank, hex, &start->found[bank]))
			return json_refuse(&found, name, err, "no digest");
	}
	return 0;
}

/* A Name: an algorithm and a digest of it. */
static int
decode_nv(const struct json_at *root, struct event_start *start,
    struct err *err)
{
	struct pcr_digest digest = {{0}};
	enum pcr_bank bank = PCR_SHA256;
	const char *hex;

	TRY(json_string_in(root, "nv", 2 * EVENT_NAME_BYTES, &hex, err));
	if (hex[0] == '\0')
		return 0;
	if (strncmp(hex, "000c", 4) == 0)
		bank = PCR_SHA384;
	else if (strncmp(hex, "000b", 4) != 0)
		return json_refuse(root, "nv", err, "no Name");
	if (!pcr_digest_from_hex(bank, hex + 4, &digest))
		return json_refuse(root, "nv", err, "no Name");
	start->nv_name[1] = (uint8_t)pcr_bank_algorithm(bank);
	start->nv_name_len = 2 + pcr_bank_bytes(bank);
	memcpy(start->nv_name + 2, digest.bytes, pcr_bank_bytes(bank));
	return 0;
}

static int
decode_build(const struct json_at *root, struct event_build *build,
    struct err *err)
{
	TRY(digest_in(root, "envelope", &build->envelope, err));
	TRY(digest_in(root, "payload", &build->payload, err));
	TRY(digest_in(root, "kernel", &build->kernel_elf, err));
	TRY(maybe_digest_in(root, "ramdisk", &build->has_ramdisk,
	    &build->ramdisk, err));
	TRY(digest_in(root, "cmdline", &build->cmdline, err));
	TRY(digest_in(root, "config", &build->config, err));
	TRY(plain_in(root, "role", LIMIT_NAME_BYTES, build->role, err));
	TRY(json_bool_in(root, "debug", &build->is_debug, err));
	TRY(decode_domain(root, build->uuid, &build->domid, err));
	TRY(u32_in(root, "mem", &build->memory_mib, err));
	return u32_in(root, "vcpus", &build->vcpus, err);
}

static int
decode_domain(const struct json_at *root, uint8_t *uuid, uint32_t *domid,
    struct err *err)
{
	const char *text;

	TRY(json_string_in(root, "uuid", UUID_TEXT_SIZE, &text, err));
	if (!uuid_from_text(text, uuid))
		return json_refuse(root, "uuid", err, "no uuid");
	return u32_in(root, "domid", domid, err);
}

static int
decode_error(const struct json_at *root, enum err_code *ret_code,
    struct err *err)
{
	const char *name;

	TRY(json_string_in(root, "error", 64, &name, err));
	for (int number = 1; number < 1000; number++) {
		if (err_is_known(number) &&
		    strcmp(err_name((enum err_code)number), name) == 0) {
			*ret_code = (enum err_code)number;
			return 0;
		}
	}
	return json_refuse(root, "error", err, "no such error");
}

static int
digest_in(const struct json_at *root, const char *member,
    struct digest *ret_digest, struct err *err)
{
	const char *hex;

	TRY(json_string_in(root, member, DIGEST_HEX_SIZE, &hex, err));
	if (!digest_from_hex(hex, ret_digest))
		return json_refuse(root, member, err, "no digest");
	return 0;
}

static int
maybe_digest_in(const struct json_at *root, const char *member, bool *ret_has,
    struct digest *ret_digest, struct err *err)
{
	const char *hex;

	TRY(json_string_in(root, member, DIGEST_HEX_SIZE, &hex, err));
	*ret_has = hex[0] != '\0';
	return *ret_has ? digest_in(root, member, ret_digest, err) : 0;
}

static int
plain_in(const struct json_at *root, const char *member, size_t max_bytes,
    char *ret_text, struct err *err)
{
	const char *text;

	TRY(json_string_in(root, member, max_bytes, &text, err));
	if (!event_text_is_plain(text))
		return json_refuse(root, member, err, "not plain");
	strcpy(ret_text, text);
	return 0;
}

static int
u32_in(const struct json_at *root, const char *member, uint32_t *ret_number,
    struct err *err)
{
	int64_t number;

	TRY(json_integer_in(root, member, 0, UINT32_MAX, &number, err));
	*ret_number = (uint32_t)number;
	return 0;
}

static int
u64_in(const struct json_at *root, const char *member, int64_t min,
    uint64_t *ret_number, struct err *err)
{
	int64_t number;

	TRY(json_integer_in(root, member, min, INT64_MAX, &number, err));
	*ret_number = (uint64_t)number;
	return 0;
}
