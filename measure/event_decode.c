#include "measure/event_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "base/err_meaning.h"
#include "base/uuid_make.h"

/* Longer than the longest text of an event, a digest of the largest bank. */
enum { TEXT_SIZE = 128 };

static int skip(const char **at, const char *expected, struct err *err);
static int skip_name(const char **at, const char *member, struct err *err);
static int refuse(const char *member, const char *why, struct err *err);
static int decode_kind(const char **at, enum event_kind *ret_kind,
    struct err *err);
static int decode_body(const char **at, struct event *event, struct err *err);
static int decode_start(const char **at, struct event_start *start,
    struct err *err);
static int decode_rules(const char **at, struct event_rules *rules,
    struct err *err);
static int decode_found(const char **at, struct event_start *start,
    struct err *err);
static int decode_nv(const char **at, struct event_start *start,
    struct err *err);
static int decode_build(const char **at, struct event_build *build,
    struct err *err);
static bool is_next(const char *at, const char *member);
static int decode_by(const char **at, struct caller *by, struct err *err);
static int decode_by_user(const char **at, struct caller *by, struct err *err);
static int decode_by_domain(const char **at, struct caller *by,
    struct err *err);
static int decode_after(const char **at, struct event_after *after,
    struct err *err);
static int decode_abandon(const char **at, struct event_abandon *abandon,
    struct err *err);
static int decode_domain(const char **at, uint8_t *uuid, uint32_t *domid,
    struct err *err);
static int text_in(const char **at, const char *member, size_t max_bytes,
    char ret_text[static TEXT_SIZE], struct err *err);
static int plain_in(const char **at, const char *member, size_t max_bytes,
    char *ret_text, struct err *err);
static int digest_in(const char **at, const char *member,
    struct digest *ret_digest, struct err *err);
static int maybe_digest_in(const char **at, const char *member, bool *ret_has,
    struct digest *ret_digest, struct err *err);
static int integer_in(const char **at, const char *member, int64_t min,
    int64_t max, int64_t *ret_integer, struct err *err);
static int u64_in(const char **at, const char *member, int64_t min,
    uint64_t *ret_number, struct err *err);
static int u32_in(const char **at, const char *member, uint32_t *ret_number,
    struct err *err);
static int bool_in(const char **at, const char *member, bool *ret_bool,
    struct err *err);

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
 * An event has one form only, so no parser of JSON is needed: member after
 * member is read where event_encode() writes it. What was read is written again
 * and compared: whatever was passed over here, such as a digit too many, or
 * more behind the last member, is refused there.
 */
int
event_decode(struct bytes raw, struct event *ret_event, struct err *err)
{
	struct event event = {.sequence = 0};
	uint8_t again[EVENT_BYTES];
	char data[EVENT_BYTES + 1];
	const char *at = data;

	if (!event_is_ours(raw) || raw.len > EVENT_BYTES)
		return err_set(err, EVENT_MALFORMED,
		    "event: no tagged event of assayd");
	memcpy(data, raw.ptr + EVENT_HEADER_BYTES,
	    raw.len - EVENT_HEADER_BYTES);
	data[raw.len - EVENT_HEADER_BYTES] = '\0';
	TRY(skip(&at, "{\"v\":1", err));
	TRY(decode_kind(&at, &event.kind, err));
	TRY(u64_in(&at, "seq", 1, &event.sequence, err));
	TRY(decode_body(&at, &event, err));
	if (!bytes_equal(raw, bytes_of(again, event_encode(&event, again))))
		return err_set(err, EVENT_MALFORMED,
		    "event: not as assayd writes it");
	*ret_event = event;
	return 0;
}

static int
skip(const char **at, const char *expected, struct err *err)
{
	size_t len = strlen(expected);

	if (strncmp(*at, expected, len) != 0)
		return err_set(err, EVENT_MALFORMED,
		    "event: it does not go on with %s", expected);
	*at += len;
	return 0;
}

/* Up to the value. The first member of an object has no comma before it. */
static int
skip_name(const char **at, const char *member, struct err *err)
{
	*at += **at == ',';
	TRY(skip(at, "\"", err));
	TRY(skip(at, member, err));
	return skip(at, "\":", err);
}

static int
refuse(const char *member, const char *why, struct err *err)
{
	return err_set_field(err, EVENT_MALFORMED, member, "event: %s: %s",
	    member, why);
}

static int
decode_kind(const char **at, enum event_kind *ret_kind, struct err *err)
{
	char name[TEXT_SIZE];

	TRY(text_in(at, "ev", 16, name, err));
	for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++) {
		if (strcmp(event_kind_name(kind), name) == 0) {
			*ret_kind = kind;
			return 0;
		}
	}
	return refuse("ev", "no such event", err);
}

static int
decode_body(const char **at, struct event *event, struct err *err)
{
	switch (event->kind) {
	case EVENT_START:
		return decode_start(at, &event->as.start, err);
	case EVENT_BUILD:
		return decode_build(at, &event->as.build, err);
	case EVENT_ABANDON:
		return decode_abandon(at, &event->as.abandon, err);
	case EVENT_DESTROY:
		return decode_domain(at, event->as.destroy.uuid,
		    &event->as.destroy.domid, err);
	case EVENT_POLICY:
		return decode_rules(at, &event->as.policy, err);
	case EVENT_STOP:
	case EVENT_KINDS:
	default:
		return 0;
	}
}

static int
decode_start(const char **at, struct event_start *start, struct err *err)
{
	TRY(plain_in(at, "assayd", LIMIT_VERSION_BYTES, start->version, err));
	TRY(decode_rules(at, &start->rules, err));
	TRY(u32_in(at, "pcr", &start->pcr, err));
	if (start->pcr >= PCR_COUNT)
		return refuse("pcr", "no such register", err);
	TRY(decode_found(at, start, err));
	TRY(decode_nv(at, start, err));
	return bool_in(at, "development", &start->is_development, err);
}

static int
decode_rules(const char **at, struct event_rules *rules, struct err *err)
{
	TRY(digest_in(at, "trust", &rules->trust, err));
	TRY(integer_in(at, "trust_version", INT64_MIN, INT64_MAX,
	    &rules->trust_version, err));
	TRY(maybe_digest_in(at, "store", &rules->has_store, &rules->store,
	    err));
	TRY(u64_in(at, "epoch", 0, &rules->epoch, err));
	return maybe_digest_in(at, "boot_policy", &rules->has_boot_policy,
	    &rules->boot_policy, err);
}

static int
decode_found(const char **at, struct event_start *start, struct err *err)
{
	TRY(skip_name(at, "found", err));
	TRY(skip(at, "{", err));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		char hex[TEXT_SIZE] = "";

		TRY(text_in(at, pcr_bank_name(bank), PCR_HEX_SIZE, hex, err));
		if (!pcr_digest_from_hex(bank, hex, &start->found[bank]))
			return refuse("found", "no digest", err);
	}
	return skip(at, "}", err);
}

/* A Name: an algorithm and a digest of it. */
static int
decode_nv(const char **at, struct event_start *start, struct err *err)
{
	struct pcr_digest digest = {{0}};
	enum pcr_bank bank = PCR_SHA256;
	char hex[TEXT_SIZE] = "";

	TRY(text_in(at, "nv", 2 * EVENT_NAME_BYTES, hex, err));
	if (hex[0] == '\0')
		return 0;
	if (strncmp(hex, "000c", 4) == 0)
		bank = PCR_SHA384;
	else if (strncmp(hex, "000b", 4) != 0)
		return refuse("nv", "no Name", err);
	if (!pcr_digest_from_hex(bank, hex + 4, &digest))
		return refuse("nv", "no Name", err);
	start->nv_name[1] = (uint8_t)pcr_bank_algorithm(bank);
	start->nv_name_len = 2 + pcr_bank_bytes(bank);
	memcpy(start->nv_name + 2, digest.bytes, pcr_bank_bytes(bank));
	return 0;
}

static int
decode_build(const char **at, struct event_build *build, struct err *err)
{
	TRY(digest_in(at, "envelope", &build->envelope, err));
	TRY(digest_in(at, "payload", &build->payload, err));
	TRY(digest_in(at, "kernel", &build->kernel_elf, err));
	TRY(maybe_digest_in(at, "ramdisk", &build->has_ramdisk, &build->ramdisk,
	    err));
	TRY(digest_in(at, "cmdline", &build->cmdline, err));
	TRY(digest_in(at, "config", &build->config, err));
	TRY(plain_in(at, "role", LIMIT_NAME_BYTES, build->role, err));
	TRY(bool_in(at, "debug", &build->is_debug, err));
	TRY(skip(at, ",\"type\":\"pv\"", err));
	TRY(decode_domain(at, build->uuid, &build->domid, err));
	TRY(u32_in(at, "mem", &build->memory_mib, err));
	TRY(u32_in(at, "vcpus", &build->vcpus, err));
	if (is_next(*at, "by"))
		TRY(decode_by(at, &build->by, err));
	if (is_next(*at, "after"))
		TRY(decode_after(at, &build->after, err));
	return 0;
}

/* What an older assayd wrote ends before it, and what nothing ended before is
 * not there. */
static bool
is_next(const char *at, const char *member)
{
	size_t len = strlen(member);

	return strncmp(at, ",\"", 2) == 0 &&
	       strncmp(at + 2, member, len) == 0 && at[2 + len] == '"';
}

static int
decode_by(const char **at, struct caller *by, struct err *err)
{
	static const char of_user[] = "\"uid\"";

	TRY(skip_name(at, "by", err));
	TRY(skip(at, "{", err));
	if (strncmp(*at, of_user, strlen(of_user)) == 0)
		TRY(decode_by_user(at, by, err));
	else
		TRY(decode_by_domain(at, by, err));
	return skip(at, "}", err);
}

static int
decode_by_user(const char **at, struct caller *by, struct err *err)
{
	by->kind = CALLER_USER;
	TRY(u32_in(at, "uid", &by->user.uid, err));
	return u32_in(at, "gid", &by->user.gid, err);
}

static int
decode_by_domain(const char **at, struct caller *by, struct err *err)
{
	struct caller_domain *domain = &by->domain;
	char uuid[TEXT_SIZE];

	by->kind = CALLER_DOMAIN;
	TRY(u32_in(at, "domid", &domain->domid, err));
	TRY(text_in(at, "uuid", UUID_TEXT_SIZE, uuid, err));
	if (!uuid_from_text(uuid, domain->uuid))
		return refuse("by", "no uuid", err);
	TRY(plain_in(at, "image", LIMIT_NAME_BYTES, domain->image, err));
	TRY(plain_in(at, "role", LIMIT_NAME_BYTES, domain->role, err));
	TRY(digest_in(at, "envelope", &domain->envelope, err));
	return caller_is_legal(by) ? 0 : refuse("by", "no domain", err);
}

static int
decode_after(const char **at, struct event_after *after, struct err *err)
{
	enum domain_end end = DOMAIN_ENDS;
	char name[TEXT_SIZE];

	TRY(skip_name(at, "after", err));
	TRY(skip(at, "{", err));
	TRY(u32_in(at, "domid", &after->domid, err));
	TRY(text_in(at, "end", 16, name, err));
	if (after->domid == 0 || !domain_end_from_name(name, &end))
		return refuse("after", "no domain, or no end", err);
	after->end = end;
	return skip(at, "}", err);
}

static int
decode_abandon(const char **at, struct event_abandon *abandon, struct err *err)
{
	char name[TEXT_SIZE];

	TRY(decode_domain(at, abandon->uuid, &abandon->domid, err));
	TRY(text_in(at, "error", 64, name, err));
	if (!err_from_name(name, &abandon->why))
		return refuse("error", "no such error", err);
	return 0;
}

static int
decode_domain(const char **at, uint8_t *uuid, uint32_t *domid, struct err *err)
{
	char text[TEXT_SIZE];

	TRY(text_in(at, "uuid", UUID_TEXT_SIZE, text, err));
	if (!uuid_from_text(text, uuid))
		return refuse("uuid", "no uuid", err);
	return u32_in(at, "domid", domid, err);
}

static int
text_in(const char **at, const char *member, size_t max_bytes,
    char ret_text[static TEXT_SIZE], struct err *err)
{
	size_t len;

	TRY(skip_name(at, member, err));
	TRY(skip(at, "\"", err));
	len = strcspn(*at, "\"");
	if (len > max_bytes || len >= TEXT_SIZE)
		return refuse(member, "too long", err);
	memcpy(ret_text, *at, len);
	ret_text[len] = '\0';
	*at += len;
	return skip(at, "\"", err);
}

/* `ret_text` has room for max_bytes and a zero. */
static int
plain_in(const char **at, const char *member, size_t max_bytes, char *ret_text,
    struct err *err)
{
	char text[TEXT_SIZE];

	TRY(text_in(at, member, max_bytes, text, err));
	if (!event_text_is_plain(text))
		return refuse(member, "not plain", err);
	strcpy(ret_text, text);
	return 0;
}

static int
digest_in(const char **at, const char *member, struct digest *ret_digest,
    struct err *err)
{
	bool has;

	TRY(maybe_digest_in(at, member, &has, ret_digest, err));
	return has ? 0 : refuse(member, "no digest", err);
}

static int
maybe_digest_in(const char **at, const char *member, bool *ret_has,
    struct digest *ret_digest, struct err *err)
{
	char hex[TEXT_SIZE] = "";

	TRY(text_in(at, member, DIGEST_HEX_SIZE, hex, err));
	*ret_has = hex[0] != '\0';
	if (*ret_has && !digest_from_hex(hex, ret_digest))
		return refuse(member, "no digest", err);
	return 0;
}

static int
integer_in(const char **at, const char *member, int64_t min, int64_t max,
    int64_t *ret_integer, struct err *err)
{
	char *end = NULL;
	long long integer;

	TRY(skip_name(at, member, err));
	integer = strtoll(*at, &end, 10);
	if (end == *at || integer < min || integer > max)
		return refuse(member, "not a number that it may be", err);
	*at = end;
	*ret_integer = integer;
	return 0;
}

static int
u64_in(const char **at, const char *member, int64_t min, uint64_t *ret_number,
    struct err *err)
{
	int64_t integer = 0;

	TRY(integer_in(at, member, min, INT64_MAX, &integer, err));
	*ret_number = (uint64_t)integer;
	return 0;
}

static int
u32_in(const char **at, const char *member, uint32_t *ret_number,
    struct err *err)
{
	int64_t integer = 0;

	TRY(integer_in(at, member, 0, UINT32_MAX, &integer, err));
	*ret_number = (uint32_t)integer;
	return 0;
}

static int
bool_in(const char **at, const char *member, bool *ret_bool, struct err *err)
{
	TRY(skip_name(at, member, err));
	*ret_bool = strncmp(*at, "true", 4) == 0;
	return skip(at, *ret_bool ? "true" : "false", err);
}
