#include "measure/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"

/* The data under way. */
struct text {
	char *ptr;
	size_t len;
	size_t size;
};

static void put(struct text *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void put_digest(struct text *text, const char *member, bool has,
    const struct digest *digest);
static void put_plain(struct text *text, const char *member, const char *value);
static void put_uuid(struct text *text, const uint8_t uuid[UUID_BYTES]);
static void put_rules(struct text *text, const struct event_rules *rules);
static void put_found(struct text *text, const struct event_start *start);
static void put_start(struct text *text, const struct event_start *start);
static void put_build(struct text *text, const struct event_build *build);
static void put_by(struct text *text, const struct caller *by);
static void put_after(struct text *text, const struct event_after *after);
static void put_body(struct text *text, const struct event *event);

static const char *const kinds[EVENT_KINDS] = {
    [EVENT_START] = "start",
    [EVENT_BUILD] = "build",
    [EVENT_ABANDON] = "abandon",
    [EVENT_DESTROY] = "destroy",
    [EVENT_POLICY] = "policy",
    [EVENT_STOP] = "stop",
};

const char *
event_kind_name(enum event_kind kind)
{
	bug_unless(kind < EVENT_KINDS);
	return kinds[kind];
}

bool
event_text_is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._+-~";

	return text[strspn(text, plain)] == '\0';
}

size_t
event_encode(const struct event *event, uint8_t ret_bytes[static EVENT_BYTES])
{
	char data[EVENT_BYTES - EVENT_HEADER_BYTES + 1];
	struct text text = {data, 0, sizeof(data)};

	put(&text, "{\"v\":1,\"ev\":\"%s\",\"seq\":%llu",
	    event_kind_name(event->kind), (unsigned long long)event->sequence);
	put_body(&text, event);
	put(&text, "}");
	bytes_put_le(ret_bytes, EVENT_TAG, 4);
	bytes_put_le(ret_bytes + 4, text.len, 4);
	memcpy(ret_bytes + EVENT_HEADER_BYTES, data, text.len);
	return EVENT_HEADER_BYTES + text.len;
}

static void
put_body(struct text *text, const struct event *event)
{
	switch (event->kind) {
	case EVENT_START:
		put_start(text, &event->as.start);
		return;
	case EVENT_BUILD:
		put_build(text, &event->as.build);
		return;
	case EVENT_ABANDON:
		put_uuid(text, event->as.abandon.uuid);
		put(text, ",\"domid\":%u", event->as.abandon.domid);
		put_plain(text, "error", err_name(event->as.abandon.why));
		return;
	case EVENT_DESTROY:
		put_uuid(text, event->as.destroy.uuid);
		put(text, ",\"domid\":%u", event->as.destroy.domid);
		return;
	case EVENT_POLICY:
		put_rules(text, &event->as.policy);
		return;
	case EVENT_STOP:
		return;
	case EVENT_KINDS:
	default:
		bug_unless(event->kind < EVENT_KINDS);
	}
}

static void
put_start(struct text *text, const struct event_start *start)
{
	char nv[2 * EVENT_NAME_BYTES + 1];

	bug_unless(start->nv_name_len <= EVENT_NAME_BYTES);
	put_plain(text, "assayd", start->version);
	put_rules(text, &start->rules);
	put_found(text, start);
	hex_encode(bytes_of(start->nv_name, start->nv_name_len), nv);
	put(text, ",\"nv\":\"%s\",\"development\":%s", nv,
	    start->is_development ? "true" : "false");
}

static void
put_rules(struct text *text, const struct event_rules *rules)
{
	put_digest(text, "trust", true, &rules->trust);
	put(text, ",\"trust_version\":%lld", (long long)rules->trust_version);
	put_digest(text, "store", rules->has_store, &rules->store);
	put(text, ",\"epoch\":%llu", (unsigned long long)rules->epoch);
	put_digest(text, "boot_policy", rules->has_boot_policy,
	    &rules->boot_policy);
}

static void
put_found(struct text *text, const struct event_start *start)
{
	put(text, ",\"pcr\":%u,\"found\":{", start->pcr);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		char hex[PCR_HEX_SIZE];

		pcr_digest_hex(bank, &start->found[bank], hex);
		put(text, "%s\"%s\":\"%s\"", bank > 0 ? "," : "",
		    pcr_bank_name(bank), hex);
	}
	put(text, "}");
}

static void
put_build(struct text *text, const struct event_build *build)
{
	put_digest(text, "envelope", true, &build->envelope);
	put_digest(text, "payload", true, &build->payload);
	put_digest(text, "kernel", true, &build->kernel_elf);
	put_digest(text, "ramdisk", build->has_ramdisk, &build->ramdisk);
	put_digest(text, "cmdline", true, &build->cmdline);
	put_digest(text, "config", true, &build->config);
	put_plain(text, "role", build->role);
	put(text, ",\"debug\":%s,\"type\":\"pv\"",
	    build->is_debug ? "true" : "false");
	put_uuid(text, build->uuid);
	put(text, ",\"domid\":%u,\"mem\":%u,\"vcpus\":%u", build->domid,
	    build->memory_mib, build->vcpus);
	put_by(text, &build->by);
	put_after(text, &build->after);
}

static void
put_by(struct text *text, const struct caller *by)
{
	if (by->kind == CALLER_UNKNOWN)
		return;
	if (by->kind == CALLER_USER) {
		put(text, ",\"by\":{\"uid\":%u,\"gid\":%u}", by->user.uid,
		    by->user.gid);
		return;
	}
	put(text, ",\"by\":{\"domid\":%u", by->domain.domid);
	put_uuid(text, by->domain.uuid);
	put_plain(text, "image", by->domain.image);
	put_plain(text, "role", by->domain.role);
	put_digest(text, "envelope", true, &by->domain.envelope);
	put(text, "}");
}

static void
put_after(struct text *text, const struct event_after *after)
{
	if (after->domid == 0)
		return;
	put(text, ",\"after\":{\"domid\":%u", after->domid);
	put_plain(text, "end", domain_end_name((enum domain_end)after->end));
	put(text, "}");
}

static void
put_digest(struct text *text, const char *member, bool has,
    const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE] = "";

	if (has)
		digest_hex(digest, hex);
	put(text, ",\"%s\":\"%s\"", member, hex);
}

static void
put_plain(struct text *text, const char *member, const char *value)
{
	bug_unless(event_text_is_plain(value));
	put(text, ",\"%s\":\"%s\"", member, value);
}

static void
put_uuid(struct text *text, const uint8_t uuid[UUID_BYTES])
{
	char hex[UUID_TEXT_SIZE];

	uuid_text(uuid, hex);
	put(text, ",\"uuid\":\"%s\"", hex);
}

static void
put(struct text *text, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len =
	    vsnprintf(text->ptr + text->len, text->size - text->len, fmt, args);
	va_end(args);
	bug_unless(len >= 0 && (size_t)len < text->size - text->len);
	text->len += (size_t)len;
}
