#include "image-store/manifest.h"

#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "base/utc.h"
#include "image-store/image_name.h"

static const char *const format_names[] = {
    [KERNEL_ELF] = "elf",
    [KERNEL_BZIMAGE] = "bzimage",
};

static int decode_document(const struct json_at *root,
    struct manifest *manifest, struct err *err);
static int decode_class(const struct json_at *root, struct manifest *manifest,
    struct err *err);
static int decode_rollback(const struct json_at *root,
    struct manifest *manifest, struct err *err);
static int decode_kernel(const struct json_at *root, struct manifest *manifest,
    struct err *err);
static int decode_ramdisk(const struct json_at *root, struct manifest *manifest,
    struct err *err);
static int decode_cmdline(const struct json_at *root, struct manifest *manifest,
    struct err *err);
static int decode_limits(const struct json_at *root, struct manifest *manifest,
    struct err *err);
static int decode_devices(const struct json_at *root, struct err *err);
static int decode_time(const struct json_at *root, const char *member,
    int64_t *ret_seconds, struct err *err);
static int decode_blob(const struct json_at *at, struct blob *ret_blob,
    struct err *err);
static int decode_range(const struct json_at *limits, const char *member,
    struct range *ret_range, struct err *err);
static int copy_string(const struct json_at *at, const char *member,
    size_t max_bytes, char *ret_text, struct err *err);
static int require_value(const struct json_at *at, const char *member,
    const char *supported, struct err *err);
static int require_null(const struct json_at *at, const char *member,
    struct err *err);
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
static json_t *pack_document(const struct manifest *m);
static json_t *pack_kernel(const struct manifest *manifest);
static json_t *pack_blob(const struct blob *blob);
static json_t *pack_range(const struct range *range);
static json_t *pack_time(int64_t seconds);

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
	struct manifest manifest;

	memset(&manifest, 0, sizeof(manifest));
	TRY(decode_document(root, &manifest, err));
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
	document = pack_document(manifest);
	text = json_dumps(document, JSON_COMPACT);
	if (text == NULL)
		return err_set(err, NO_MEMORY, "manifest text");
	*ret_text = text;
	return 0;
}

static int
decode_document(const struct json_at *root, struct manifest *manifest,
    struct err *err)
{
	static const char *const known[] = {"schema", "name", "version",
	    "class", "rollback", "type", "arch", "kernel", "ramdisk", "cmdline",
	    "limits", "devices", "xsm_label", "not_before", "not_after", NULL};

	/* First of all, so that a newer format is not called malformed. */
	TRY(require_value(root, "schema", MANIFEST_SCHEMA, err));
	TRY(json_known(root, known, err));
	TRY(copy_string(root, "name", LIMIT_NAME_BYTES, manifest->name, err));
	TRY(copy_string(root, "version", LIMIT_VERSION_BYTES, manifest->version,
	    err));
	TRY(decode_class(root, manifest, err));
	TRY(decode_rollback(root, manifest, err));
	TRY(require_value(root, "type", "pv", err));
	TRY(require_value(root, "arch", "x86_64", err));
	TRY(decode_kernel(root, manifest, err));
	TRY(decode_ramdisk(root, manifest, err));
	TRY(decode_cmdline(root, manifest, err));
	TRY(decode_limits(root, manifest, err));
	TRY(decode_devices(root, err));
	TRY(require_null(root, "xsm_label", err));
	TRY(decode_time(root, "not_before", &manifest->not_before, err));
	TRY(decode_time(root, "not_after", &manifest->not_after, err));
	return 0;
}

static int
decode_class(const struct json_at *root, struct manifest *manifest,
    struct err *err)
{
	const char *class;

	TRY(json_string_in(root, "class", LIMIT_NAME_BYTES, &class, err));
	manifest->is_debug = strcmp(class, "debug") == 0;
	if (!manifest->is_debug && strcmp(class, "prod") != 0)
		return json_refuse(root, "class", err, "not prod or debug");
	return 0;
}

static int
decode_rollback(const struct json_at *root, struct manifest *manifest,
    struct err *err)
{
	static const char *const known[] = {"location", "index", NULL};
	struct json_at rollback;

	TRY(json_object_in(root, "rollback", &rollback, err));
	TRY(json_known(&rollback, known, err));
	TRY(copy_string(&rollback, "location", LIMIT_NAME_BYTES,
	    manifest->rollback_location, err));
	TRY(json_integer_in(&rollback, "index", 0, INT64_MAX,
	    &manifest->rollback_index, err));
	return 0;
}

static int
decode_kernel(const struct json_at *root, struct manifest *manifest,
    struct err *err)
{
	static const char *const known[] = {"digest", "size", "format", "elf",
	    NULL};
	static const char *const known_elf[] = {"digest", "size", NULL};
	struct json_at kernel;
	struct json_at elf;
	const char *format;

	TRY(json_object_in(root, "kernel", &kernel, err));
	TRY(json_known(&kernel, known, err));
	TRY(decode_blob(&kernel, &manifest->kernel, err));
	TRY(json_string_in(&kernel, "format", LIMIT_NAME_BYTES, &format, err));
	TRY(json_object_in(&kernel, "elf", &elf, err));
	TRY(json_known(&elf, known_elf, err));
	TRY(decode_blob(&elf, &manifest->elf, err));
	if (strcmp(format, format_names[KERNEL_ELF]) == 0)
		manifest->kernel_format = KERNEL_ELF;
	else if (strcmp(format, format_names[KERNEL_BZIMAGE]) == 0)
		manifest->kernel_format = KERNEL_BZIMAGE;
	else
		return json_refuse(&kernel, "format", err,
		    "not elf or bzimage");
	return 0;
}

static int
decode_ramdisk(const struct json_at *root, struct manifest *manifest,
    struct err *err)
{
	static const char *const known[] = {"digest", "size", NULL};
	struct json_at ramdisk;

	manifest->has_ramdisk = json_has(root, "ramdisk");
	if (!manifest->has_ramdisk)
		return json_null_in(root, "ramdisk", err);
	TRY(json_object_in(root, "ramdisk", &ramdisk, err));
	TRY(json_known(&ramdisk, known, err));
	TRY(decode_blob(&ramdisk, &manifest->ramdisk, err));
	return 0;
}

static int
decode_cmdline(const struct json_at *root, struct manifest *manifest,
    struct err *err)
{
	struct json_at too_long = *root;
	const char *cmdline;

	TRY(json_string_in(root, "cmdline", LIMIT_ENVELOPE_BYTES, &cmdline,
	    err));
	too_long.code = CMDLINE_TOO_LONG;
	TRY(copy_string(&too_long, "cmdline", LIMIT_CMDLINE_BYTES,
	    manifest->cmdline, err));
	return 0;
}

static int
decode_limits(const struct json_at *root, struct manifest *manifest,
    struct err *err)
{
	static const char *const known[] = {"memory_mib", "vcpus", NULL};
	struct json_at limits;

	TRY(json_object_in(root, "limits", &limits, err));
	TRY(json_known(&limits, known, err));
	TRY(decode_range(&limits, "memory_mib", &manifest->memory_mib, err));
	TRY(decode_range(&limits, "vcpus", &manifest->vcpus, err));
	return 0;
}

/* The format has room for devices; this version gives a guest none. */
static int
decode_devices(const struct json_at *root, struct err *err)
{
	static const char *const known[] = {"vbd", "vif", NULL};
	static const char *const known_vif[] = {"max", NULL};
	struct json_at devices;
	struct json_at vbd;
	struct json_at vif;
	int64_t vif_max;

	TRY(json_object_in(root, "devices", &devices, err));
	TRY(json_known(&devices, known, err));
	TRY(json_array_in(&devices, "vbd", LIMIT_DEVICES, &vbd, err));
	TRY(json_object_in(&devices, "vif", &vif, err));
	TRY(json_known(&vif, known_vif, err));
	TRY(json_integer_in(&vif, "max", 0, LIMIT_DEVICES, &vif_max, err));
	if (json_array_size(vbd.value) > 0)
		return refuse_unsupported(&devices, "vbd", err);
	if (vif_max > 0)
		return refuse_unsupported(&vif, "max", err);
	return 0;
}

static int
decode_time(const struct json_at *root, const char *member,
    int64_t *ret_seconds, struct err *err)
{
	const char *text;

	if (!json_has(root, member))
		return json_null_in(root, member, err);
	TRY(json_string_in(root, member, UTC_TEXT_SIZE, &text, err));
	if (!utc_from_text(text, ret_seconds))
		return json_refuse(root, member, err,
		    "not a time like 2026-11-23T16:00:00Z");
	return 0;
}

static int
decode_blob(const struct json_at *at, struct blob *ret_blob, struct err *err)
{
	int64_t size;

	TRY(json_digest_in(at, "digest", &ret_blob->digest, err));
	TRY(json_integer_in(at, "size", 0, INT64_MAX, &size, err));
	ret_blob->size_bytes = (uint64_t)size;
	return 0;
}

static int
decode_range(const struct json_at *limits, const char *member,
    struct range *ret_range, struct err *err)
{
	static const char *const known[] = {"min", "max", NULL};
	struct json_at at;
	int64_t min;
	int64_t max;

	TRY(json_object_in(limits, member, &at, err));
	TRY(json_known(&at, known, err));
	TRY(json_integer_in(&at, "min", 0, UINT32_MAX, &min, err));
	TRY(json_integer_in(&at, "max", 0, UINT32_MAX, &max, err));
	*ret_range = (struct range){.min = (uint32_t)min, .max = (uint32_t)max};
	return 0;
}

/* `ret_text` has room for `max_bytes` and a NUL. */
static int
copy_string(const struct json_at *at, const char *member, size_t max_bytes,
    char *ret_text, struct err *err)
{
	const char *text;

	TRY(json_string_in(at, member, max_bytes, &text, err));
	memcpy(ret_text, text, strlen(text) + 1);
	return 0;
}

/* Another string than the supported one may mean something, but not to us. */
static int
require_value(const struct json_at *at, const char *member,
    const char *supported, struct err *err)
{
	const char *text;

	TRY(json_string_in(at, member, LIMIT_NAME_BYTES, &text, err));
	if (strcmp(text, supported) != 0)
		return refuse_unsupported(at, member, err);
	return 0;
}

static int
require_null(const struct json_at *at, const char *member, struct err *err)
{
	if (json_has(at, member))
		return refuse_unsupported(at, member, err);
	return json_null_in(at, member, err);
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

/* NULL, which is no memory: the strings were checked. */
static json_t *
pack_document(const struct manifest *m)
{
	/* clang-format off */
	return json_pack(
	    "{s:s, s:s, s:s, s:s,"
	    " s:{s:s, s:I}, s:s, s:s, s:o, s:o, s:s,"
	    " s:{s:o, s:o}, s:{s:[], s:{s:i}},"
	    " s:n, s:o, s:o}",
	    "schema", MANIFEST_SCHEMA,
	    "name", m->name,
	    "version", m->version,
	    "class", m->is_debug ? "debug" : "prod",
	    "rollback",
	        "location", m->rollback_location,
	        "index", (json_int_t)m->rollback_index,
	    "type", "pv",
	    "arch", "x86_64",
	    "kernel", pack_kernel(m),
	    "ramdisk", m->has_ramdisk ? pack_blob(&m->ramdisk) : json_null(),
	    "cmdline", m->cmdline,
	    "limits",
	        "memory_mib", pack_range(&m->memory_mib),
	        "vcpus", pack_range(&m->vcpus),
	    "devices", "vbd", "vif", "max", 0,
	    "xsm_label",
	    "not_before", pack_time(m->not_before),
	    "not_after", pack_time(m->not_after));
	/* clang-format on */
}

static json_t *
pack_kernel(const struct manifest *manifest)
{
	char digest[DIGEST_TEXT_SIZE];

	digest_text(&manifest->kernel.digest, digest);
	return json_pack("{s:s, s:I, s:s, s:o}", "digest", digest, "size",
	    (json_int_t)manifest->kernel.size_bytes, "format",
	    format_names[manifest->kernel_format], "elf",
	    pack_blob(&manifest->elf));
}

static json_t *
pack_blob(const struct blob *blob)
{
	char digest[DIGEST_TEXT_SIZE];

	digest_text(&blob->digest, digest);
	return json_pack("{s:s, s:I}", "digest", digest, "size",
	    (json_int_t)blob->size_bytes);
}

static json_t *
pack_range(const struct range *range)
{
	return json_pack("{s:I, s:I}", "min", (json_int_t)range->min, "max",
	    (json_int_t)range->max);
}

static json_t *
pack_time(int64_t seconds)
{
	char text[UTC_TEXT_SIZE];

	if (seconds == UTC_NONE)
		return json_null();
	utc_text(seconds, text);
	return json_string(text);
}
