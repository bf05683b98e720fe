#include "builder/front/replies.h"

#include <string.h>

#include "base/base64.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/front/receipt_json.h"

/* A row and what it is worth. */
struct image {
	struct image_row row;
	bool is_verified;
};

static json_t *write_code(const struct json_member *member, const void *value);
static json_t *write_detail(const struct json_member *member,
    const void *value);
static json_t *write_success(const struct json_member *member,
    const void *value);
static json_t *write_xen_version(const struct json_member *member,
    const void *value);
static json_t *write_images(const struct json_member *member,
    const void *value);
static json_t *write_rows(const struct json_member *member, const void *value);
static json_t *write_row(const struct json_member *member, const void *value);
static json_t *write_reason(const struct json_member *member,
    const void *value);
static json_t *write_state(const struct json_member *member, const void *value);
static json_t *write_end_reason(const struct json_member *member,
    const void *value);
static const char *reason_name(uint8_t reason);
static json_t *write_action(const struct json_member *member,
    const void *value);
static json_t *write_data(const struct json_member *member, const void *value);

/* Of a struct err_wire. */
static const struct json_kind code_kind = {"string", NULL, write_code};
static const struct json_kind detail_kind = {"string", NULL, write_detail};
static const struct json_kind success_kind = {"bool", NULL, write_success};
static const struct json_kind xen_version_kind = {"string", NULL,
    write_xen_version};
/* Of what came along. */
static const struct json_kind images_kind = {"[]", NULL, write_images};
static const struct json_kind rows_kind = {"[]", NULL, write_rows};
static const struct json_kind row_kind = {"", NULL, write_row};
/* Of a domain. */
static const struct json_kind reason_kind = {"string", NULL, write_reason};
static const struct json_kind state_kind = {"string", NULL, write_state};
static const struct json_kind end_reason_kind = {"string", NULL,
    write_end_reason};
static const struct json_kind action_kind = {"string", NULL, write_action};
static const struct json_kind data_kind = {"string", NULL, write_data};

#define COUNT(name, type, field, most) \
	MEMBER_INTEGER(name, type, field, 0, most)
#define IF_VERIFIED \
	.presence = JSON_OPTIONAL, MEMBER_HAS(struct image, is_verified)

static const struct json_member image_members[] = {
    {MEMBER_STRING("name", struct image, row.name)},
    {MEMBER_STRING("version", struct image, row.version)},
    {MEMBER_DIGEST("envelope_digest", struct image, row.envelope)},
    {MEMBER_DIGEST("payload_digest", struct image, row.payload), IF_VERIFIED},
    {MEMBER_OWN("refused", struct image, row.outcome, code_kind),
	.presence = JSON_NULLABLE},
    {MEMBER_OWN("detail", struct image, row.outcome, detail_kind),
	.presence = JSON_OPTIONAL},
    {MEMBER_STRING("role", struct image, row.role), IF_VERIFIED},
    {MEMBER_BOOL("debug", struct image, row.is_debug), IF_VERIFIED},
    {COUNT("rollback_index", struct image, row.rollback_index, INT64_MAX),
	IF_VERIFIED},
    {COUNT("memory_min_mib", struct image, row.memory_min_mib, UINT32_MAX),
	IF_VERIFIED},
    {COUNT("memory_max_mib", struct image, row.memory_max_mib, UINT32_MAX),
	IF_VERIFIED},
    {COUNT("vcpus_min", struct image, row.vcpus_min, UINT32_MAX), IF_VERIFIED},
    {COUNT("vcpus_max", struct image, row.vcpus_max, UINT32_MAX), IF_VERIFIED},
};
static const struct json_table image_table = {JSON_MEMBERS(image_members),
    .name = "Image"};

static const struct json_member domain_members[] = {
    {MEMBER_OBJECT("receipt", struct domain_row, receipt, receipt_table)},
    {MEMBER_BOOL("paused", struct domain_row, is_paused)},
    {MEMBER_BOOL("dying", struct domain_row, is_dying)},
    {MEMBER_BOOL("shutdown", struct domain_row, is_shutdown)},
    {MEMBER_OF_ALL("reason", reason_kind), .presence = JSON_OPTIONAL},
    {COUNT("memory_kib", struct domain_row, memory_kib, INT64_MAX)},
    {MEMBER_OWN("on_poweroff", struct domain_row, life.on[DOMAIN_END_POWEROFF],
	action_kind)},
    {MEMBER_OWN("on_reboot", struct domain_row, life.on[DOMAIN_END_REBOOT],
	action_kind)},
    {MEMBER_OWN("on_crash", struct domain_row, life.on[DOMAIN_END_CRASH],
	action_kind)},
    {COUNT("restarts", struct domain_row, restarts, UINT32_MAX)},
};
static const struct json_table domain_table = {JSON_MEMBERS(domain_members),
    .name = "Domain"};

static const struct json_member platform_members[] = {
    {MEMBER_OWN("trusted", struct platform, why, success_kind)},
    {MEMBER_BOOL("development", struct platform, is_development)},
    {MEMBER_BOOL("tpm", struct platform, has_tpm)},
    {COUNT("pcr", struct platform, pcr, UINT32_MAX)},
    {MEMBER_MAYBE_STRING("release", struct platform, release),
	.presence = JSON_OPTIONAL},
    {MEMBER_OWN("refused", struct platform, why, code_kind),
	.presence = JSON_OPTIONAL},
    {MEMBER_OWN("detail", struct platform, why, detail_kind),
	.presence = JSON_OPTIONAL},
};
static const struct json_table platform_table = {JSON_MEMBERS(platform_members),
    .name = "Platform"};

static const struct json_member pending_members[] = {
    {MEMBER_UUID("uuid", struct pending_row, uuid)},
    {COUNT("domid", struct pending_row, domid, UINT32_MAX)},
    {MEMBER_BOOL("gone", struct pending_row, is_gone)},
    {COUNT("tries", struct pending_row, tries, UINT32_MAX)},
    {COUNT("again_in_seconds", struct pending_row, again_in, UINT32_MAX)},
    {MEMBER_OWN("failed", struct pending_row, outcome, code_kind),
	.presence = JSON_OPTIONAL},
    {MEMBER_OWN("detail", struct pending_row, outcome, detail_kind),
	.presence = JSON_OPTIONAL},
};
static const struct json_table pending_table = {JSON_MEMBERS(pending_members),
    .name = "Pending"};

static const struct json_member receipt_members[] = {
    {MEMBER_OBJECT("receipt", struct reply, answer.receipt, receipt_table)},
};
const struct json_table reply_receipt = {JSON_MEMBERS(receipt_members)};

static const struct json_member images_members[] = {
    {MEMBER_OWN("images", struct reply, attached, images_kind),
	.table = &image_table},
};
const struct json_table reply_images = {JSON_MEMBERS(images_members)};

static const struct json_member domains_members[] = {
    {MEMBER_OWN("domains", struct reply, attached, rows_kind),
	.table = &domain_table, .max = sizeof(struct domain_row)},
};
const struct json_table reply_domains = {JSON_MEMBERS(domains_members)};

static const struct json_member one_domain_members[] = {
    {MEMBER_OWN("domain", struct reply, attached, row_kind),
	.table = &domain_table, .max = sizeof(struct domain_row)},
};
const struct json_table reply_domain = {JSON_MEMBERS(one_domain_members)};

static const struct json_member state_members[] = {
    {COUNT("domid", struct reply, answer.state.domid, UINT32_MAX)},
    {MEMBER_UUID("uuid", struct reply, answer.state.uuid)},
    {MEMBER_OWN("state", struct reply, answer.state, state_kind)},
    {MEMBER_OWN("reason", struct reply, answer.state, end_reason_kind),
	.presence = JSON_OPTIONAL},
};
const struct json_table reply_state = {JSON_MEMBERS(state_members)};

static const struct json_member status_members[] = {
    {MEMBER_LITERAL("version", ASSAY_VERSION)},
    {MEMBER_OWN("xen_version", struct reply, answer.status, xen_version_kind)},
    {COUNT("uptime_seconds", struct reply, answer.status.uptime_seconds,
	INT64_MAX)},
    {COUNT("trust_version", struct reply, answer.status.trust_version,
	INT64_MAX)},
    {COUNT("domains", struct reply, answer.status.domains, UINT32_MAX)},
    {COUNT("builds_running", struct reply, answer.status.builds_running,
	UINT32_MAX)},
    {COUNT("builds_done", struct reply, answer.status.builds_done, INT64_MAX)},
    {COUNT("builds_refused", struct reply, answer.status.builds_refused,
	INT64_MAX)},
    {COUNT("cached_bytes", struct reply, answer.status.cached_bytes,
	INT64_MAX)},
    {COUNT("total_kib", struct reply, answer.status.total_kib, INT64_MAX)},
    {COUNT("free_kib", struct reply, answer.status.free_kib, INT64_MAX)},
    {MEMBER_OBJECT("platform", struct reply, answer.status.platform,
	platform_table)},
    {MEMBER_OWN("pending", struct reply, attached, rows_kind),
	.table = &pending_table, .max = sizeof(struct pending_row)},
};
const struct json_table reply_status = {JSON_MEMBERS(status_members)};

static const struct json_member log_members[] = {
    {MEMBER_OWN("data", struct reply, attached, data_kind)},
};
const struct json_table reply_log = {JSON_MEMBERS(log_members)};

static json_t *
write_code(const struct json_member *member, const void *value)
{
	struct err why;

	(void)member;
	if (err_wire_to(value, BUG, &why) == 0)
		return json_null();
	return json_string(err_name(why.code));
}

static json_t *
write_detail(const struct json_member *member, const void *value)
{
	struct err why;

	(void)member;
	if (err_wire_to(value, BUG, &why) == 0)
		return json_null();
	return json_string(why.text);
}

static json_t *
write_success(const struct json_member *member, const void *value)
{
	struct err why;

	(void)member;
	return json_boolean(err_wire_to(value, BUG, &why) == 0);
}

static json_t *
write_xen_version(const struct json_member *member, const void *value)
{
	const struct status *status = value;

	(void)member;
	return json_sprintf("%u.%u", status->xen_major, status->xen_minor);
}

static json_t *
write_images(const struct json_member *member, const void *value)
{
	const struct bytes *attached = value;
	json_t *rows = json_array();

	for (size_t at = 0; at < attached->len;
	     at += sizeof(struct image_row)) {
		struct image image;

		memcpy(&image.row, attached->ptr + at, sizeof(image.row));
		image.is_verified = image.row.outcome.code == 0;
		json_array_append_new(rows,
		    json_table_write(member->table, &image));
	}
	return rows;
}

/* Of `max` bytes each. */
static json_t *
write_rows(const struct json_member *member, const void *value)
{
	const struct bytes *attached = value;
	size_t row_bytes = (size_t)member->max;
	json_t *rows = json_array();
	union {
		struct domain_row domain;
		struct pending_row pending;
	} row;

	bug_unless(row_bytes <= sizeof(row));
	for (size_t at = 0; at < attached->len; at += row_bytes) {
		memcpy(&row, attached->ptr + at, row_bytes);
		json_array_append_new(rows,
		    json_table_write(member->table, &row));
	}
	return rows;
}

/* The only one. */
static json_t *
write_row(const struct json_member *member, const void *value)
{
	const struct bytes *attached = value;
	struct domain_row row;

	bug_unless(attached->len == sizeof(row));
	memcpy(&row, attached->ptr, sizeof(row));
	return json_table_write(member->table, &row);
}

/* Why it shut down: the guest says so, and may say any number. */
static json_t *
write_reason(const struct json_member *member, const void *value)
{
	const struct domain_row *row = value;

	(void)member;
	if (!row->is_shutdown)
		return json_null();
	return json_string(reason_name(row->shutdown_reason));
}

static json_t *
write_state(const struct json_member *member, const void *value)
{
	static const char *const names[] = {
	    [DOMAIN_RUNNING] = "running",
	    [DOMAIN_PAUSED] = "paused",
	    [DOMAIN_DYING] = "dying",
	    [DOMAIN_SHUT_DOWN] = "shutdown",
	    [DOMAIN_GONE] = "gone",
	};
	const struct domain_state *state = value;

	(void)member;
	bug_unless(
	    state->state < countof(names) && names[state->state] != NULL);
	return json_string(names[state->state]);
}

static json_t *
write_end_reason(const struct json_member *member, const void *value)
{
	const struct domain_state *state = value;

	(void)member;
	if (state->state != DOMAIN_SHUT_DOWN)
		return json_null();
	return json_string(reason_name(state->reason));
}

static const char *
reason_name(uint8_t reason)
{
	static const char *const names[] = {"poweroff", "reboot", "suspend",
	    "crash", "watchdog", "soft_reset"};

	return reason < countof(names) ? names[reason] : "other";
}

static json_t *
write_action(const struct json_member *member, const void *value)
{
	const uint8_t *action = value;

	(void)member;
	return json_string(life_action_name((enum life_action) * action));
}

static json_t *
write_data(const struct json_member *member, const void *value)
{
	const struct bytes *attached = value;
	CLEANUP(freep) char *text = base64_encode(*attached);

	(void)member;
	return text != NULL ? json_string(text) : NULL;
}
