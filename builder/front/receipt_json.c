#include "builder/front/receipt_json.h"

#include "base/scope.h"
#include "builder/front/caller_json.h"
#include "builder/front/timing_names.h"
#include "builder/passed_over.h"
#include "image-store/manifest.h"

/* An entry and its place in the grant table. */
struct grant {
	int64_t ref;
	struct xen_grant_entry entry;
};

static json_t *write_grants(const struct json_member *member,
    const void *value);
static json_t *write_signers(const struct json_member *member,
    const void *value);
static json_t *write_passed(const struct json_member *member,
    const void *value);
static json_t *write_timing(const struct json_member *member,
    const void *value);

static const struct json_kind grants_kind = {"[]", NULL, write_grants};
static const struct json_kind signers_kind = {"[]string", NULL, write_signers};
static const struct json_kind passed_kind = {"[]", NULL, write_passed};
static const struct json_kind timing_kind = {"[string]int", NULL, write_timing};

static const struct json_member grant_members[] = {
    {MEMBER_INTEGER("ref", struct grant, ref, INT64_MIN, INT64_MAX)},
    {MEMBER_INTEGER("domid", struct grant, entry.domid, 0, UINT16_MAX)},
    {MEMBER_INTEGER("frame", struct grant, entry.frame, 0, UINT32_MAX)},
    {MEMBER_INTEGER("flags", struct grant, entry.flags, 0, UINT16_MAX)},
};
static const struct json_table grant_table = {JSON_MEMBERS(grant_members),
    .name = "Grant"};

static const struct json_member rollback_members[] = {
    {MEMBER_STRING("location", struct receipt, image.rollback_location)},
    {MEMBER_INTEGER("index", struct receipt, image.rollback_index, 0,
	INT64_MAX)},
};
static const struct json_table rollback_table = {
    JSON_MEMBERS(rollback_members)};

static const struct json_member passed_members[] = {
    {MEMBER_STRING("version", struct passed_image, version)},
    {MEMBER_CODE("code", struct passed_image, code)},
};
static const struct json_table passed_table = {JSON_MEMBERS(passed_members)};

static const struct json_member passed_over_members[] = {
    {MEMBER_INTEGER("count", struct passed_over, count, 0, LIMIT_INDEX_IMAGES)},
    {MEMBER_OF_ALL("images", passed_kind), .table = &passed_table},
};
static const struct json_table passed_over_table = {
    JSON_MEMBERS(passed_over_members), .name = "PassedOver"};

static const struct json_member members[] = {
    {MEMBER_INTEGER("domid", struct receipt, domid, 1, UINT16_MAX)},
    {MEMBER_UUID("uuid", struct receipt, guest.uuid)},
    {MEMBER_STRING("name", struct receipt, guest.name)},
    {MEMBER_STRING("image", struct receipt, image.name)},
    {MEMBER_STRING("version", struct receipt, image.version)},
    {MEMBER_STRING("role", struct receipt, image.role)},
    {MEMBER_BOOL("debug", struct receipt, image.is_debug)},
    {MEMBER_BOOL("cached", struct receipt, was_cached)},
    {MEMBER_DIGEST("envelope_digest", struct receipt, image.envelope)},
    {MEMBER_DIGEST("payload_digest", struct receipt, image.payload)},
    {MEMBER_STRING("configuration", struct receipt, configuration)},
    {MEMBER_DIGEST("config_digest", struct receipt, config)},
    {MEMBER_DIGEST("measurement", struct receipt, measurement)},
    {MEMBER_INTEGER("sequence", struct receipt, sequence, 1, INT64_MAX)},
    {MEMBER_INTEGER("memory_mib", struct receipt, guest.memory_mib, 1,
	LIMIT_MEMORY_MIB)},
    {MEMBER_INTEGER("vcpus", struct receipt, guest.vcpus, 1, LIMIT_VCPUS)},
    {MEMBER_OWN("grants", struct receipt, grants, grants_kind),
	.table = &grant_table},
    {MEMBER_OF_ALL("signers", signers_kind)},
    {MEMBER_GROUP("rollback", rollback_table)},
    {MEMBER_OBJECT("passed_over", struct receipt, passed_over,
	 passed_over_table),
	.presence = JSON_NEWER},
    {MEMBER_OWN("caller", struct receipt, caller, caller_json_kind),
	.table = &caller_json_table, .presence = JSON_NEWER},
    {MEMBER_OWN("timing_usec", struct receipt, timing, timing_kind),
	.presence = JSON_NEWER},
};
const struct json_table receipt_table = {JSON_MEMBERS(members),
    .schema = RECEIPT_SCHEMA, .name = "Receipt"};

static json_t *
write_grants(const struct json_member *member, const void *value)
{
	const struct grant_plan *plan = value;
	struct grant grants[GRANT_PLAN_ENTRIES];

	for (uint32_t ref = 0; ref < GRANT_PLAN_ENTRIES; ref++)
		grants[ref] = (struct grant){ref, plan->entries[ref]};
	return json_table_write_items(member->table, grants, GRANT_PLAN_ENTRIES,
	    sizeof(grants[0]));
}

static json_t *
write_signers(const struct json_member *member, const void *value)
{
	const struct receipt *receipt = value;
	json_t *array = json_array();

	(void)member;
	for (uint32_t i = 0; i < receipt->image.signer_count; i++) {
		char hex[DIGEST_HEX_SIZE];

		digest_hex(&receipt->image.signers[i], hex);
		json_array_append_new(array, json_string(hex));
	}
	return array;
}

static json_t *
write_passed(const struct json_member *member, const void *value)
{
	const struct passed_over *passed = value;
	size_t told = passed->count;

	if (told > LIMIT_PASSED_OVER)
		told = LIMIT_PASSED_OVER;
	return json_table_write_items(member->table, passed->images, told,
	    sizeof(passed->images[0]));
}

static json_t *
write_timing(const struct json_member *member, const void *value)
{
	const struct timing *timing = value;
	json_t *object = json_object();

	(void)member;
	for (int phase = 0; phase < TIMING_PHASE_COUNT; phase++)
		json_object_set_new(object,
		    timing_phase_name((enum timing_phase)phase),
		    json_integer(timing->phase_usec[phase]));
	return object;
}
