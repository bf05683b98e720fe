#include "builder/front/methods.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/front/interface.h"
#include "image-store/manifest.h"

struct method {
	const char *name;
	uint32_t kind; /* enum front_call_kind, or 0: local */
	const char *const *parameters;
	int (*decode)(const struct json_at *parameters,
	    struct front_call *ret_call, json_t **ret_reply, struct err *err);
	json_t *(
	    *encode)(const struct front_answer *answer, struct bytes attached);
	size_t row_bytes; /* what comes along is an array of these; 0: not */
};

static int decode_nothing(const struct json_at *parameters,
    struct front_call *ret_call, json_t **ret_reply, struct err *err);
static int decode_build(const struct json_at *parameters,
    struct front_call *ret_call, json_t **ret_reply, struct err *err);
static int decode_destroy(const struct json_at *parameters,
    struct front_call *ret_call, json_t **ret_reply, struct err *err);
static int decode_attest(const struct json_at *parameters,
    struct front_call *ret_call, json_t **ret_reply, struct err *err);
static int decode_log(const struct json_at *parameters,
    struct front_call *ret_call, json_t **ret_reply, struct err *err);
static int decode_get_info(const struct json_at *parameters,
    struct front_call *ret_call, json_t **ret_reply, struct err *err);
static int decode_get_description(const struct json_at *parameters,
    struct front_call *ret_call, json_t **ret_reply, struct err *err);
static int decode_uuid(const struct json_at *parameters,
    uint8_t ret_uuid[UUID_BYTES], struct err *err);
static int decode_name(const struct json_at *parameters, const char *member,
    char ret_name[LIMIT_NAME_BYTES + 1], struct err *err);
static int decode_number(const struct json_at *parameters, const char *member,
    uint32_t max, uint32_t *ret_number, struct err *err);
static json_t *encode_nothing(const struct front_answer *answer,
    struct bytes attached);
static json_t *encode_receipt(const struct front_answer *answer,
    struct bytes attached);
static bool are_image_rows(struct bytes attached);
static json_t *encode_image(const struct image_row *row);
static json_t *encode_images(const struct front_answer *answer,
    struct bytes attached);
static json_t *encode_domain(const struct domain_row *row);
static json_t *encode_domains(const struct front_answer *answer,
    struct bytes attached);
static json_t *encode_status(const struct front_answer *answer,
    struct bytes attached);
static json_t *encode_pending(struct bytes attached);
static json_t *encode_pending_row(const struct pending_row *row);
static json_t *encode_platform(const struct platform *platform);
static json_t *encode_quote(const struct front_answer *answer,
    struct bytes attached);
static json_t *encode_log(const struct front_answer *answer,
    struct bytes attached);

static const char *const no_parameters[] = {NULL};
static const char *const build_parameters[] = {"image", "manifest", "name",
    "uuid", "memory_mib", "vcpus", "paused", NULL};
static const char *const destroy_parameters[] = {"domid", "uuid", "name", NULL};
static const char *const attest_parameters[] = {"nonce", "context", NULL};
static const char *const log_parameters[] = {"offset", NULL};
static const char *const description_parameters[] = {"interface", NULL};

static const struct method methods[] = {
    {VARLINK_INTERFACE ".BuildDomain", FRONT_BUILD, build_parameters,
	decode_build, encode_receipt, 0},
    {VARLINK_INTERFACE ".ListImages", FRONT_LIST_IMAGES, no_parameters,
	decode_nothing, encode_images, sizeof(struct image_row)},
    {VARLINK_INTERFACE ".ListDomains", FRONT_LIST_DOMAINS, no_parameters,
	decode_nothing, encode_domains, sizeof(struct domain_row)},
    {VARLINK_INTERFACE ".DestroyDomain", FRONT_DESTROY, destroy_parameters,
	decode_destroy, encode_nothing, 0},
    {VARLINK_INTERFACE ".GetStatus", FRONT_STATUS, no_parameters,
	decode_nothing, encode_status, sizeof(struct pending_row)},
    {VARLINK_INTERFACE ".Attest", FRONT_ATTEST, attest_parameters,
	decode_attest, encode_quote, 0},
    {VARLINK_INTERFACE ".GetEventLog", FRONT_LOG, log_parameters, decode_log,
	encode_log, 0},
    {VARLINK_SERVICE ".GetInfo", 0, no_parameters, decode_get_info, NULL, 0},
    {VARLINK_SERVICE ".GetInterfaceDescription", 0, description_parameters,
	decode_get_description, NULL, 0},
};

const struct method *
method_find(const char *name)
{
	for (size_t i = 0; i < countof(methods); i++) {
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	}
	return NULL;
}

bool
method_is_local(const struct method *method)
{
	return method->kind == 0;
}

int
method_decode(const struct method *method, json_t *parameters,
    struct front_call *ret_call, json_t **ret_reply, struct err *err)
{
	struct json_at root = json_root(parameters, RPC_PARAMETER_BAD);

	*ret_call = (struct front_call){.kind = method->kind};
	TRY(json_known(&root, method->parameters, err));
	return method->decode(&root, ret_call, ret_reply, err);
}

int
method_check_attached(const struct method *method, struct bytes attached,
    struct err *err)
{
	bool fits = attached.len == 0;

	if (method->kind == FRONT_ATTEST)
		fits = quote_is_whole(attached);
	else if (method->kind == FRONT_LOG)
		fits = attached.len <= QUOTE_LOG_BYTES;
	else if (method->row_bytes != 0)
		fits = attached.len % method->row_bytes == 0;
	if (method->kind == FRONT_LIST_IMAGES)
		fits = fits && are_image_rows(attached);
	if (!fits)
		return err_set(err, TPM_FAILED,
		    "another role broke its protocol: %zu bytes for %s",
		    attached.len, method->name);
	return 0;
}

/* The other rows come from the supervisor itself. */
static bool
are_image_rows(struct bytes attached)
{
	for (size_t at = 0; at < attached.len; at += sizeof(struct image_row)) {
		struct image_row row;

		memcpy(&row, attached.ptr + at, sizeof(row));
		if (!image_row_is_legal(&row))
			return false;
	}
	return true;
}

json_t *
method_encode(const struct method *method, const struct front_answer *answer,
    struct bytes attached)
{
	return method->encode(answer, attached);
}

bool
method_makes_domain(const struct method *method)
{
	return method->kind == FRONT_BUILD;
}

/* Parameters */

static int
decode_nothing(const struct json_at *parameters, struct front_call *ret_call,
    json_t **ret_reply, struct err *err)
{
	(void)parameters;
	(void)ret_call;
	(void)ret_reply;
	(void)err;
	return 0;
}

static int
decode_build(const struct json_at *parameters, struct front_call *ret_call,
    json_t **ret_reply, struct err *err)
{
	struct build_request *build = &ret_call->build;

	(void)ret_reply;
	TRY(decode_name(parameters, "image", build->image, err));
	TRY(decode_name(parameters, "name", build->name, err));
	TRY(decode_number(parameters, "memory_mib", LIMIT_MEMORY_MIB,
	    &build->memory_mib, err));
	TRY(decode_number(parameters, "vcpus", LIMIT_VCPUS, &build->vcpus,
	    err));
	build->has_manifest = json_has(parameters, "manifest");
	if (build->has_manifest)
		TRY(json_digest_in(parameters, "manifest", &build->manifest,
		    err));
	if (json_has(parameters, "uuid"))
		TRY(decode_uuid(parameters, build->uuid, err));
	else
		TRY(uuid_random(build->uuid, err));
	if (json_has(parameters, "paused"))
		TRY(json_bool_in(parameters, "paused", &build->is_paused, err));
	return request_check(build, err);
}

static int
decode_destroy(const struct json_at *parameters, struct front_call *ret_call,
    json_t **ret_reply, struct err *err)
{
	struct domain_selector *selector = &ret_call->selector;
	int given = json_has(parameters, "domid") +
	            json_has(parameters, "uuid") + json_has(parameters, "name");

	(void)ret_reply;
	if (given != 1)
		return json_refuse(parameters, "domid", err,
		    "exactly one of domid, uuid and name must be given");
	if (json_has(parameters, "domid"))
		return decode_number(parameters, "domid", UINT16_MAX,
		    &selector->domid, err);
	if (json_has(parameters, "name"))
		return decode_name(parameters, "name", selector->name, err);
	selector->has_uuid = true;
	return decode_uuid(parameters, selector->uuid, err);
}

static int
decode_attest(const struct json_at *parameters, struct front_call *ret_call,
    json_t **ret_reply, struct err *err)
{
	struct quote_request *request = &ret_call->quote_request;
	const char *hex;
	size_t len;

	(void)ret_reply;
	TRY(json_string_in(parameters, "nonce", EVIDENCE_NONCE_HEX_SIZE - 1,
	    &hex, err));
	if (!evidence_nonce_from_hex(hex, request->nonce, &len))
		return json_refuse(parameters, "nonce", err,
		    "not %d to %d bytes as lower-case hex",
		    EVIDENCE_NONCE_MIN_BYTES, EVIDENCE_NONCE_MAX_BYTES);
	request->nonce_len = (uint32_t)len;
	request->context = evidence_no_context;
	if (json_has(parameters, "context"))
		TRY(json_digest_in(parameters, "context", &request->context,
		    err));
	return 0;
}

static int
decode_log(const struct json_at *parameters, struct front_call *ret_call,
    json_t **ret_reply, struct err *err)
{
	int64_t offset;

	(void)ret_reply;
	TRY(json_integer_in(parameters, "offset", 0, INT64_MAX, &offset, err));
	ret_call->log_offset = (uint64_t)offset;
	return 0;
}

static int
decode_get_info(const struct json_at *parameters, struct front_call *ret_call,
    json_t **ret_reply, struct err *err)
{
	(void)parameters;
	(void)ret_call;
	(void)err;
	*ret_reply = json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor",
	    "assay", "product", "assayd", "version", ASSAY_VERSION, "url", "",
	    "interfaces", VARLINK_SERVICE, VARLINK_INTERFACE);
	return 0;
}

static int
decode_get_description(const struct json_at *parameters,
    struct front_call *ret_call, json_t **ret_reply, struct err *err)
{
	const char *name;
	const char *description;

	(void)ret_call;
	TRY(json_string_in(parameters, "interface", VARLINK_METHOD_BYTES, &name,
	    err));
	description = interface_description(name);
	if (description == NULL)
		return err_set_field(err, RPC_METHOD_UNKNOWN,
		    err_quote_str(name).text, "there is no interface %s",
		    err_quote_str(name).text);
	*ret_reply = json_pack("{s:s}", "description", description);
	return 0;
}

static int
decode_uuid(const struct json_at *parameters, uint8_t ret_uuid[UUID_BYTES],
    struct err *err)
{
	const char *text;

	TRY(json_string_in(parameters, "uuid", UUID_TEXT_SIZE - 1, &text, err));
	if (!uuid_from_text(text, ret_uuid))
		return json_refuse(parameters, "uuid", err,
		    "not a uuid of 36 lower-case characters");
	return 0;
}

static int
decode_name(const struct json_at *parameters, const char *member,
    char ret_name[LIMIT_NAME_BYTES + 1], struct err *err)
{
	const char *text;

	TRY(json_string_in(parameters, member, LIMIT_NAME_BYTES, &text, err));
	memcpy(ret_name, text, strlen(text) + 1);
	return 0;
}

static int
decode_number(const struct json_at *parameters, const char *member,
    uint32_t max, uint32_t *ret_number, struct err *err)
{
	int64_t number;

	TRY(json_integer_in(parameters, member, 1, max, &number, err));
	*ret_number = (uint32_t)number;
	return 0;
}

/* Replies */

static json_t *
encode_nothing(const struct front_answer *answer, struct bytes attached)
{
	(void)answer;
	(void)attached;
	return json_object();
}

static json_t *
encode_receipt(const struct front_answer *answer, struct bytes attached)
{
	(void)attached;
	return json_pack("{s:o}", "receipt", receipt_encode(&answer->receipt));
}

static json_t *
encode_image(const struct image_row *row)
{
	char envelope[DIGEST_TEXT_SIZE];
	char payload[DIGEST_TEXT_SIZE];
	struct err why = {0};

	digest_text(&row->envelope, envelope);
	digest_text(&row->payload, payload);
	if (outcome_to(&row->outcome, BUG, &why) != 0)
		return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", row->name,
		    "version", row->version, "envelope_digest", envelope,
		    "refused", err_name(why.code), "detail", why.text);
	return json_pack("{s:s, s:s, s:s, s:s, s:n, s:s, s:b, s:I, s:i, s:i, "
			 "s:i, s:i}",
	    "name", row->name, "version", row->version, "envelope_digest",
	    envelope, "payload_digest", payload, "refused", "role", row->role,
	    "debug", (int)row->is_debug, "rollback_index",
	    (json_int_t)row->rollback_index, "memory_min_mib",
	    (int)row->memory_min_mib, "memory_max_mib",
	    (int)row->memory_max_mib, "vcpus_min", (int)row->vcpus_min,
	    "vcpus_max", (int)row->vcpus_max);
}

static json_t *
encode_images(const struct front_answer *answer, struct bytes attached)
{
	json_t *rows = json_array();

	(void)answer;
	for (size_t at = 0; at < attached.len; at += sizeof(struct image_row)) {
		struct image_row row;

		memcpy(&row, attached.ptr + at, sizeof(row));
		json_array_append_new(rows, encode_image(&row));
	}
	return json_pack("{s:o}", "images", rows);
}

static json_t *
encode_domain(const struct domain_row *row)
{
	return json_pack("{s:o, s:b, s:b, s:b, s:I}", "receipt",
	    receipt_encode(&row->receipt), "paused", (int)row->is_paused,
	    "dying", (int)row->is_dying, "shutdown", (int)row->is_shutdown,
	    "memory_kib", (json_int_t)row->memory_kib);
}

static json_t *
encode_domains(const struct front_answer *answer, struct bytes attached)
{
	json_t *rows = json_array();

	(void)answer;
	for (size_t at = 0; at < attached.len;
	     at += sizeof(struct domain_row)) {
		struct domain_row row;

		memcpy(&row, attached.ptr + at, sizeof(row));
		json_array_append_new(rows, encode_domain(&row));
	}
	return json_pack("{s:o}", "domains", rows);
}

static json_t *
encode_status(const struct front_answer *answer, struct bytes attached)
{
	const struct status *status = &answer->status;
	char xen_version[32];

	snprintf(xen_version, sizeof(xen_version), "%u.%u", status->xen_major,
	    status->xen_minor);
	return json_pack("{s:s, s:s, s:I, s:I, s:i, s:i, s:I, s:I, s:I, s:I, "
			 "s:I, s:o, s:o}",
	    "version", ASSAY_VERSION, "xen_version", xen_version,
	    "uptime_seconds", (json_int_t)status->uptime_seconds,
	    "trust_version", (json_int_t)status->trust_version, "domains",
	    (int)status->domains, "builds_running", (int)status->builds_running,
	    "builds_done", (json_int_t)status->builds_done, "builds_refused",
	    (json_int_t)status->builds_refused, "cached_bytes",
	    (json_int_t)status->cached_bytes, "total_kib",
	    (json_int_t)status->total_kib, "free_kib",
	    (json_int_t)status->free_kib, "platform",
	    encode_platform(&status->platform), "pending",
	    encode_pending(attached));
}

static json_t *
encode_pending(struct bytes attached)
{
	json_t *rows = json_array();

	for (size_t at = 0; at < attached.len;
	     at += sizeof(struct pending_row)) {
		struct pending_row row;

		memcpy(&row, attached.ptr + at, sizeof(row));
		json_array_append_new(rows, encode_pending_row(&row));
	}
	return rows;
}

static json_t *
encode_pending_row(const struct pending_row *row)
{
	char uuid[UUID_TEXT_SIZE];
	struct err why = {0};
	int code = outcome_to(&row->outcome, BUG, &why);

	uuid_text(row->uuid, uuid);
	return json_pack("{s:s, s:i, s:b, s:i, s:i, s:s*, s:s*}", "uuid", uuid,
	    "domid", (int)row->domid, "gone", (int)row->is_gone, "tries",
	    (int)row->tries, "again_in_seconds", (int)row->again_in, "failed",
	    code == 0 ? NULL : err_name(why.code), "detail",
	    code == 0 ? NULL : why.text);
}

static json_t *
encode_platform(const struct platform *platform)
{
	struct err why = {0};
	int code = outcome_to(&platform->why, BUG, &why);

	return json_pack("{s:b, s:b, s:b, s:i, s:s*, s:s*, s:s*}", "trusted",
	    (int)(code == 0), "development", (int)platform->is_development,
	    "tpm", (int)platform->has_tpm, "pcr", (int)platform->pcr, "release",
	    platform->release[0] != '\0' ? platform->release : NULL, "refused",
	    code == 0 ? NULL : err_name(why.code), "detail",
	    code == 0 ? NULL : why.text);
}

static json_t *
encode_quote(const struct front_answer *answer, struct bytes attached)
{
	struct quote quote;

	(void)answer;
	bug_unless(quote_is_whole(attached));
	memcpy(&quote, attached.ptr, sizeof(quote));
	return quote_encode(&quote);
}

static json_t *
encode_log(const struct front_answer *answer, struct bytes attached)
{
	CLEANUP(freep) char *text = base64_encode(attached);

	(void)answer;
	return json_pack("{s:s}", "data", text);
}
