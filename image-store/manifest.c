#include "image-store/manifest.h"

#include <string.h>

#include "base/json_table.h"
#include "base/scope.h"
#include "base/utc.h"
#include "image-store/image_name.h"

static int read_supported(const struct json_at *object,
    const struct json_member *member, void *ret_value, struct err *err);
static int read_cmdline(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static int read_no_disk(const struct json_at *devices,
    const struct json_member *member, void *ret_value, struct err *err);
static int read_no_network(const struct json_at *vif,
    const struct json_member *member, void *ret_value, struct err *err);
static int read_no_label(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_empty(const struct json_member *member, const void *value);
static json_t *write_zero(const struct json_member *member, const void *value);
static json_t *write_null(const struct json_member *member, const void *value);
static int refuse_unsupported(const struct json_at *at, const char *member,
    struct err *err);
static int check_value(const struct manifest *manifest, struct err *err);
static int check_names(const struct manifest *manifest, struct err *err);
static int check_blob(const char *field, const struct blob *blob,
    size_t max_bytes, struct err *err);
static int check_cmdline(const struct manifest *manifest, struct err *err);
static int check_range(const char *field, const struct range *range,
    uint32_t max, struct err *err);
static int check_dates(const struct manifest *manifest, struct err *err);
static int refuse(struct err *err, const char *field, const char *why);
static bool blob_equal(const struct blob *a, const struct blob *b);

/* Another string than the supported one may mean something, but not to us. */
static const struct json_kind supported_kind = {"string", read_supported,
    json_table_write_literal};
static const struct json_kind cmdline_kind = {"string", read_cmdline,
    json_table_write_string};
/* The format has room for these; this version gives a guest none. */
static const struct json_kind no_disk_kind = {"[]object", read_no_disk,
    write_empty};
static const struct json_kind no_network_kind = {"int", read_no_network,
    write_zero};
static const struct json_kind no_label_kind = {"string", read_no_label,
    write_null};

static const struct json_member blob_members[] = {
    {MEMBER_DIGEST("digest", struct blob, digest)},
    {MEMBER_INTEGER("size", struct blob, size_bytes, 0, INT64_MAX)},
};
static const struct json_table blob_table = {JSON_MEMBERS(blob_members)};

static const struct json_member range_members[] = {
    {MEMBER_INTEGER("min", struct range, min, 0, UINT32_MAX)},
    {MEMBER_INTEGER("max", struct range, max, 0, UINT32_MAX)},
};
static const struct json_table range_table = {JSON_MEMBERS(range_members)};

static const struct json_member rollback_members[] = {
    {MEMBER_STRING("location", struct manifest, rollback_location)},
    {MEMBER_INTEGER("index", struct manifest, rollback_index, 0, INT64_MAX)},
};
static const struct json_table rollback_table = {
    JSON_MEMBERS(rollback_members)};

static const char *const format_names[] = {
    [KERNEL_ELF] = "elf",
    [KERNEL_BZIMAGE] = "bzimage",
    NULL,
};

static const struct json_member kernel_members[] = {
    {MEMBER_DIGEST("digest", struct manifest, kernel.digest)},
    {MEMBER_INTEGER("size", struct manifest, kernel.size_bytes, 0, INT64_MAX)},
    {MEMBER_WORD("format", struct manifest, kernel_format, format_names),
	.text = "not elf or bzimage"},
    {MEMBER_OBJECT("elf", struct manifest, elf, blob_table)},
};
static const struct json_table kernel_table = {JSON_MEMBERS(kernel_members)};

static const struct json_member limits_members[] = {
    {MEMBER_OBJECT("memory_mib", struct manifest, memory_mib, range_table)},
    {MEMBER_OBJECT("vcpus", struct manifest, vcpus, range_table)},
};
static const struct json_table limits_table = {JSON_MEMBERS(limits_members)};

static const struct json_member vif_members[] = {
    {MEMBER_OF_ALL("max", no_network_kind)},
};
static const struct json_table vif_table = {JSON_MEMBERS(vif_members)};

static const struct json_member devices_members[] = {
    {MEMBER_OF_ALL("vbd", no_disk_kind)},
    {MEMBER_GROUP("vif", vif_table)},
};
static const struct json_table devices_table = {JSON_MEMBERS(devices_members)};

static const char *const class_names[] = {"prod", "debug", NULL};

static const struct json_member members[] = {
    {MEMBER_STRING("name", struct manifest, name)},
    {MEMBER_STRING("version", struct manifest, version)},
    {MEMBER_WORD("class", struct manifest, is_debug, class_names),
	.text = "not prod or debug"},
    {MEMBER_GROUP("rollback", rollback_table)},
    {MEMBER_OF_ALL("type", supported_kind), .text = "pv"},
    {MEMBER_OF_ALL("arch", supported_kind), .text = "x86_64"},
    {MEMBER_GROUP("kernel", kernel_table)},
    {MEMBER_OBJECT("ramdisk", struct manifest, ramdisk, blob_table),
	.presence = JSON_NULLABLE, MEMBER_HAS(struct manifest, has_ramdisk)},
    {MEMBER_OWN("cmdline", struct manifest, cmdline, cmdline_kind)},
    {MEMBER_GROUP("limits", limits_table)},
    {MEMBER_GROUP("devices", devices_table)},
    {MEMBER_OF_ALL("xsm_label", no_label_kind), .presence = JSON_NULLABLE},
    {MEMBER_TIME("not_before", struct manifest, not_before),
	.presence = JSON_NULLABLE},
    {MEMBER_TIME("not_after", struct manifest, not_after),
	.presence = JSON_NULLABLE},
};
static const struct json_table manifest_table = {JSON_MEMBERS(members),
    .schema = MANIFEST_SCHEMA};

int
manifest_decode(struct bytes text, struct manifest *ret_manifest,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct json_at root;

	if (text.len > LIMIT_ENVELOPE_BYTES)
		return err_set(err, MANIFEST_MALFORMED,
		    "manifest: %zu bytes, limit %zu", text.len,
		    LIMIT_ENVELOPE_BYTES);
	TRY(json_parse(text, LIMIT_ENVELOPE_JSON_DEPTH, "manifest",
	    MANIFEST_MALFORMED, &document, err));
	root = json_root(document, MANIFEST_MALFORMED);
	return manifest_decode_at(&root, ret_manifest, err);
}

int
manifest_decode_at(const struct json_at *root, struct manifest *ret_manifest,
    struct err *err)
{
	static const struct json_member schema = {.name = "schema",
	    .text = MANIFEST_SCHEMA};
	struct manifest manifest;

	memset(&manifest, 0, sizeof(manifest));
	/* A newer format is not called malformed. */
	TRY(read_supported(root, &schema, NULL, err));
	TRY(json_table_read(root, &manifest_table, &manifest, err));
	TRY(check_value(&manifest, err));
	*ret_manifest = manifest;
	return 0;
}

int
manifest_encode(const struct manifest *manifest, char **ret_text,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	int code = check_value(manifest, err);
	char *text;

	/* Whoever packs an image cannot be told to pack it. */
	if (code == MANIFEST_MALFORMED)
		err->code = MANIFEST_VALUE_BAD;
	if (code != 0)
		return (int)err->code;
	document = json_table_write(&manifest_table, manifest);
	text = json_dumps(document, JSON_COMPACT);
	if (text == NULL)
		return err_set(err, NO_MEMORY, "manifest text");
	*ret_text = text;
	return 0;
}

static int
read_supported(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	const char *text;

	(void)ret_value;
	TRY(json_string_in(object, member->name, LIMIT_NAME_BYTES, &text, err));
	if (strcmp(text, member->text) != 0)
		return refuse_unsupported(object, member->name, err);
	return 0;
}

static int
read_cmdline(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct json_at too_long = *root;
	const char *cmdline;

	TRY(json_string_in(root, member->name, LIMIT_ENVELOPE_BYTES, &cmdline,
	    err));
	too_long.code = CMDLINE_TOO_LONG;
	return json_table_read_string(&too_long, member, ret_value, err);
}

static int
read_no_disk(const struct json_at *devices, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct json_at vbd;

	(void)ret_value;
	TRY(json_array_in(devices, member->name, LIMIT_DEVICES, &vbd, err));
	if (json_array_size(vbd.value) > 0)
		return refuse_unsupported(devices, member->name, err);
	return 0;
}

static json_t *
write_empty(const struct json_member *member, const void *value)
{
	(void)member;
	(void)value;
	return json_array();
}

static int
read_no_network(const struct json_at *vif, const struct json_member *member,
    void *ret_value, struct err *err)
{
	int64_t max;

	(void)ret_value;
	TRY(json_integer_in(vif, member->name, 0, LIMIT_DEVICES, &max, err));
	if (max > 0)
		return refuse_unsupported(vif, member->name, err);
	return 0;
}

static json_t *
write_zero(const struct json_member *member, const void *value)
{
	(void)member;
	(void)value;
	return json_integer(0);
}

/* It is there, and not null. */
static int
read_no_label(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	(void)ret_value;
	if (json_has(root, member->name))
		return refuse_unsupported(root, member->name, err);
	return json_null_in(root, member->name, err);
}

static json_t *
write_null(const struct json_member *member, const void *value)
{
	(void)member;
	(void)value;
	return json_null();
}

static int
refuse_unsupported(const struct json_at *at, const char *member,
    struct err *err)
{
	struct json_at place = *at;

	place.code = MANIFEST_UNSUPPORTED;
	return json_refuse(&place, member, err, "not supported");
}

/* Rules on values, in one place for what is read and what is written. */
static int
check_value(const struct manifest *manifest, struct err *err)
{
	TRY(check_names(manifest, err));
	TRY(check_blob("kernel.size", &manifest->kernel, LIMIT_KERNEL_BYTES,
	    err));
	TRY(check_blob("kernel.elf.size", &manifest->elf, LIMIT_KERNEL_BYTES,
	    err));
	if (manifest->kernel_format == KERNEL_ELF &&
	    !blob_equal(&manifest->kernel, &manifest->elf))
		return refuse(err, "kernel.elf",
		    "an elf kernel is its own elf");
	if (manifest->has_ramdisk)
		TRY(check_blob("ramdisk.size", &manifest->ramdisk,
		    LIMIT_RAMDISK_BYTES, err));
	TRY(check_cmdline(manifest, err));
	TRY(check_range("limits.memory_mib", &manifest->memory_mib,
	    LIMIT_MEMORY_MIB, err));
	TRY(check_range("limits.vcpus", &manifest->vcpus, LIMIT_VCPUS, err));
	TRY(check_dates(manifest, err));
	return 0;
}

static int
check_names(const struct manifest *manifest, struct err *err)
{
	if (!image_name_is_valid(manifest->name))
		return refuse(err, "name", "not [a-z0-9][a-z0-9._-]*");
	if (!image_version_is_valid(manifest->version))
		return refuse(err, "version",
		    "not [A-Za-z0-9][A-Za-z0-9._+-]*");
	if (!image_name_is_valid(manifest->rollback_location))
		return refuse(err, "rollback.location",
		    "not [a-z0-9][a-z0-9._-]*");
	if (manifest->rollback_index < 0)
		return refuse(err, "rollback.index", "below zero");
	return 0;
}

static int
check_blob(const char *field, const struct blob *blob, size_t max_bytes,
    struct err *err)
{
	if (blob->size_bytes == 0)
		return refuse(err, field, "zero");
	if (blob->size_bytes > max_bytes)
		return err_set_field(err, IMAGE_TOO_LARGE, field,
		    "%s: %llu bytes, limit %zu", field,
		    (unsigned long long)blob->size_bytes, max_bytes);
	return 0;
}

static int
check_cmdline(const struct manifest *manifest, struct err *err)
{
	for (const char *c = manifest->cmdline; *c != '\0'; c++) {
		if (*c < 0x20 || *c > 0x7e)
			return refuse(err, "cmdline", "not printable ASCII");
	}
	return 0;
}

static int
check_range(const char *field, const struct range *range, uint32_t max,
    struct err *err)
{
	if (range->min == 0)
		return refuse(err, field, "min is zero");
	if (range->min > range->max)
		return refuse(err, field, "min is over max");
	if (range->max > max)
		return err_set_field(err, MANIFEST_MALFORMED, field,
		    "%s: max %u, limit %u", field, range->max, max);
	return 0;
}

static int
check_dates(const struct manifest *manifest, struct err *err)
{
	if (manifest->not_before < 0 || manifest->not_before > UTC_MAX_SECONDS)
		return refuse(err, "not_before", "outside 1970 to 9999");
	if (manifest->not_after < 0 || manifest->not_after > UTC_MAX_SECONDS)
		return refuse(err, "not_after", "outside 1970 to 9999");
	if (manifest->not_after != UTC_NONE &&
	    manifest->not_after < manifest->not_before)
		return refuse(err, "not_after", "before not_before");
	return 0;
}

static int
refuse(struct err *err, const char *field, const char *why)
{
	return err_set_field(err, MANIFEST_MALFORMED, field, "%s: %s", field,
	    why);
}

static bool
blob_equal(const struct blob *a, const struct blob *b)
{
	return a->size_bytes == b->size_bytes &&
	       digest_equal(&a->digest, &b->digest);
}
