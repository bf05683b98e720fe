#include "builder/receipt.h"

#include "base/scope.h"
#include "image-store/manifest.h"
#include "builder/timing_names.h"

/* An entry and its place in the grant table. */
struct grant {
	int64_t ref;
	struct xen_grant_entry entry;
};

static int check_configuration(const struct json_at *root,
    const struct receipt *receipt, struct err *err);
static int read_grants(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_grants(const struct json_member *member,
    const void *value);
static int read_signers(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_signers(const struct json_member *member,
    const void *value);
static int read_passed(const struct json_at *at,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_passed(const struct json_member *member,
    const void *value);
static size_t told(const struct passed_over *passed);
static int read_nothing(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_timing(const struct json_member *member,
    const void *value);

static const struct json_kind grants_kind = {"[]", read_grants, write_grants};
static const struct json_kind signers_kind = {"[]string", read_signers,
    write_signers};
static const struct json_kind passed_kind = {"[]", read_passed, write_passed};
static const struct json_kind timing_kind = {"[string]int", read_nothing,
    write_timing};

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
    {MEMBER_OWN("timing_usec", struct receipt, timing, timing_kind),
	.presence = JSON_NEWER},
};
const struct json_table receipt_table = {JSON_MEMBERS(members),
    .schema = RECEIPT_SCHEMA, .name = "Receipt"};

json_t *
receipt_encode(const struct receipt *receipt)
{
	return json_table_write(&receipt_table, receipt);
}

int
receipt_decode(struct bytes text, struct receipt *ret_receipt, struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct receipt receipt = {0};
	struct json_at root;

	TRY(json_parse(text, 4, "receipt", CONFIG_BAD, &document, err));
	root = json_root(document, CONFIG_BAD);
	TRY(json_table_read(&root, &receipt_table, &receipt, err));
	TRY(check_configuration(&root, &receipt, err));
	*ret_receipt = receipt;
	return 0;
}

static int
check_configuration(const struct json_at *root, const struct receipt *receipt,
    struct err *err)
{
	struct digest digest;

	TRY(digest_of(bytes_of_str(receipt->configuration), &digest, err));
	if (!digest_equal(&digest, &receipt->config))
		return json_refuse(root, "config_digest", err,
		    "not of this configuration");
	return 0;
}

static int
read_grants(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct grant_plan *grants = ret_value;
	struct json_at array;

	TRY(json_array_in(root, member->name, GRANT_PLAN_ENTRIES, &array, err));
	if (json_array_size(array.value) != GRANT_PLAN_ENTRIES)
		return json_refuse(root, member->name, err, "not %u entries",
		    GRANT_PLAN_ENTRIES);
	for (uint32_t ref = 0; ref < GRANT_PLAN_ENTRIES; ref++) {
		struct json_at item;
		struct grant grant;

		TRY(json_item_object(&array, ref, &item, err));
		TRY(json_table_read(&item, member->table, &grant, err));
		if (grant.ref != ref)
			return json_refuse(&item, "ref", err,
			    "%lld is outside %u to %u", (long long)grant.ref,
			    ref, ref);
		grants->entries[ref] = grant.entry;
	}
	return 0;
}

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

static int
read_signers(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct receipt *receipt = ret_value;
	struct json_at array;

	TRY(json_array_in(root, member->name, LIMIT_SIGNATURES, &array, err));
	for (size_t i = 0; i < json_array_size(array.value); i++) {
		const char *hex;

		TRY(json_item_string(&array, i, DIGEST_HEX_SIZE, &hex, err));
		if (!digest_from_hex(hex, &receipt->image.signers[i]))
			return json_refuse(root, member->name, err,
			    "item %zu is not a key id", i);
		receipt->image.signer_count++;
	}
	return 0;
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

/* The count was read: it stands before the images. */
static int
read_passed(const struct json_at *at, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct passed_over *passed = ret_value;
	struct json_at array;

	TRY(json_array_in(at, member->name, LIMIT_PASSED_OVER, &array, err));
	for (size_t i = 0; i < json_array_size(array.value); i++) {
		struct json_at item;

		TRY(json_item_object(&array, i, &item, err));
		TRY(json_table_read(&item, member->table, &passed->images[i],
		    err));
	}
	if (json_array_size(array.value) != told(passed))
		return json_refuse(at, "count", err, "not that of images");
	return 0;
}

static json_t *
write_passed(const struct json_member *member, const void *value)
{
	const struct passed_over *passed = value;

	return json_table_write_items(member->table, passed->images,
	    told(passed), sizeof(passed->images[0]));
}

/* How many of them. */
static size_t
told(const struct passed_over *passed)
{
	return passed->count < LIMIT_PASSED_OVER ? passed->count
	                                         : LIMIT_PASSED_OVER;
}

/* For people, who had it when the domain was built. */
static int
read_nothing(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	(void)root;
	(void)member;
	(void)ret_value;
	(void)err;
	return 0;
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
