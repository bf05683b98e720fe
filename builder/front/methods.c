#include "builder/front/methods.h"

#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/front/attest_json.h"
#include "builder/front/image_row.h"
#include "builder/front/interface.h"
#include "builder/front/replies.h"
#include "base/uuid_make.h"

/* What parameters are read into, and replies of the front itself made from. */
struct method_work {
	struct front_call front;
	char interface[VARLINK_METHOD_BYTES + 1];
	const char *description; /* of it */
};

static int finish_build(const struct json_at *parameters,
    struct method_work *work, json_t **ret_reply, struct err *err);
static int finish_selector(const struct json_at *parameters,
    struct method_work *work, json_t **ret_reply, struct err *err);
static int finish_wait(const struct json_at *parameters,
    struct method_work *work, json_t **ret_reply, struct err *err);
static void fill_life(const struct json_at *parameters, struct life *life);
static int read_action(const struct json_at *parameters,
    const struct json_member *member, void *ret_value, struct err *err);
static int check_one(const struct json_at *parameters, struct err *err);
static int read_until(const struct json_at *parameters,
    const struct json_member *member, void *ret_value, struct err *err);
static int finish_attest(const struct json_at *parameters,
    struct method_work *work, json_t **ret_reply, struct err *err);
static int finish_get_info(const struct json_at *parameters,
    struct method_work *work, json_t **ret_reply, struct err *err);
static int finish_get_description(const struct json_at *parameters,
    struct method_work *work, json_t **ret_reply, struct err *err);
static int read_nonce(const struct json_at *parameters,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_interfaces(const struct json_member *member,
    const void *value);
static bool are_image_rows(struct bytes attached);

/* Parameters */

static const struct json_kind nonce_kind = {"string", read_nonce, NULL};

static const struct json_kind action_kind = {"string", read_action, NULL};

/* By enum domain_end. */
static const char *const life_parameters[] = {"on_poweroff", "on_reboot",
    "on_crash"};

#define ON(name, end)                                                          \
	{                                                                      \
		MEMBER_OWN(name, struct method_work, front.build.life.on[end], \
		    action_kind),                                              \
		    .presence = JSON_OPTIONAL                                  \
	}

static const struct json_member build_parameters[] = {
    {MEMBER_STRING("image", struct method_work, front.build.image)},
    {MEMBER_DIGEST("manifest", struct method_work, front.build.manifest),
	.presence = JSON_OPTIONAL,
	MEMBER_HAS(struct method_work, front.build.has_manifest)},
    {MEMBER_STRING("name", struct method_work, front.build.guest.name)},
    {MEMBER_UUID("uuid", struct method_work, front.build.guest.uuid),
	.presence = JSON_OPTIONAL},
    {MEMBER_INTEGER("memory_mib", struct method_work,
	front.build.guest.memory_mib, 1, LIMIT_MEMORY_MIB)},
    {MEMBER_INTEGER("vcpus", struct method_work, front.build.guest.vcpus, 1,
	LIMIT_VCPUS)},
    {MEMBER_BOOL("paused", struct method_work, front.build.is_paused),
	.presence = JSON_OPTIONAL},
    ON("on_poweroff", DOMAIN_END_POWEROFF),
    ON("on_reboot", DOMAIN_END_REBOOT),
    ON("on_crash", DOMAIN_END_CRASH),
};
static const struct json_member selector_parameters[] = {
    {MEMBER_INTEGER("domid", struct method_work, front.selector.domid, 1,
	 UINT16_MAX),
	.presence = JSON_OPTIONAL},
    {MEMBER_UUID("uuid", struct method_work, front.selector.uuid),
	.presence = JSON_OPTIONAL,
	MEMBER_HAS(struct method_work, front.selector.has_uuid)},
    {MEMBER_STRING("name", struct method_work, front.selector.name),
	.presence = JSON_OPTIONAL},
};
static const struct json_kind until_kind = {"string", read_until, NULL};
static const struct json_member wait_parameters[] = {
    {MEMBER_INTEGER("domid", struct method_work, front.wait.selector.domid, 1,
	 UINT16_MAX),
	.presence = JSON_OPTIONAL},
    {MEMBER_UUID("uuid", struct method_work, front.wait.selector.uuid),
	.presence = JSON_OPTIONAL,
	MEMBER_HAS(struct method_work, front.wait.selector.has_uuid)},
    {MEMBER_STRING("name", struct method_work, front.wait.selector.name),
	.presence = JSON_OPTIONAL},
    {MEMBER_OWN("until", struct method_work, front.wait.until, until_kind)},
    {MEMBER_INTEGER("timeout_seconds", struct method_work, front.wait.seconds,
	0, LIMIT_WAIT_SECONDS)},
};
static const struct json_member attest_parameters[] = {
    {MEMBER_OWN("nonce", struct method_work, front.attest_request, nonce_kind)},
    {MEMBER_DIGEST("context", struct method_work, front.attest_request.context),
	.presence = JSON_OPTIONAL},
};
static const struct json_member log_parameters[] = {
    {MEMBER_INTEGER("offset", struct method_work, front.log_offset, 0,
	INT64_MAX)},
};
static const struct json_member description_parameters[] = {
    {MEMBER_STRING("interface", struct method_work, interface)},
};

static const struct json_table nothing = {.count = 0};
static const struct json_table build_table = {JSON_MEMBERS(build_parameters)};
static const struct json_table selector_table = {
    JSON_MEMBERS(selector_parameters)};
static const struct json_table wait_table = {JSON_MEMBERS(wait_parameters)};
static const struct json_table attest_table = {JSON_MEMBERS(attest_parameters)};
static const struct json_table log_table = {JSON_MEMBERS(log_parameters)};
static const struct json_table description_table = {
    JSON_MEMBERS(description_parameters)};

/* Replies */

static const struct json_kind interfaces_kind = {"[]string", NULL,
    write_interfaces};
static const struct json_member info_members[] = {
    {MEMBER_LITERAL("vendor", "assay")},
    {MEMBER_LITERAL("product", "assayd")},
    {MEMBER_LITERAL("version", ASSAY_VERSION)},
    {MEMBER_LITERAL("url", "")},
    {MEMBER_OF_ALL("interfaces", interfaces_kind)},
};
static const struct json_member description_members[] = {
    {MEMBER_BORROWED("description", struct method_work, description,
	INT64_MAX)},
};

static const struct json_table info_reply = {JSON_MEMBERS(info_members)};
static const struct json_table description_reply = {
    JSON_MEMBERS(description_members)};

static const struct method methods[] = {
    {VARLINK_INTERFACE ".BuildDomain", FRONT_BUILD, &build_table, finish_build,
	&reply_receipt, 0},
    {VARLINK_INTERFACE ".ListImages", FRONT_LIST_IMAGES, &nothing, NULL,
	&reply_images, sizeof(struct image_row)},
    {VARLINK_INTERFACE ".ListDomains", FRONT_LIST_DOMAINS, &nothing, NULL,
	&reply_domains, sizeof(struct domain_row)},
    {VARLINK_INTERFACE ".DescribeDomain", FRONT_DESCRIBE, &selector_table,
	finish_selector, &reply_domain, sizeof(struct domain_row)},
    {VARLINK_INTERFACE ".PauseDomain", FRONT_PAUSE, &selector_table,
	finish_selector, &nothing, 0},
    {VARLINK_INTERFACE ".UnpauseDomain", FRONT_UNPAUSE, &selector_table,
	finish_selector, &nothing, 0},
    {VARLINK_INTERFACE ".ShutdownDomain", FRONT_SHUTDOWN, &selector_table,
	finish_selector, &nothing, 0},
    {VARLINK_INTERFACE ".WaitDomain", FRONT_WAIT, &wait_table, finish_wait,
	&reply_state, 0},
    {VARLINK_INTERFACE ".DestroyDomain", FRONT_DESTROY, &selector_table,
	finish_selector, &nothing, 0},
    {VARLINK_INTERFACE ".GetStatus", FRONT_STATUS, &nothing, NULL,
	&reply_status, sizeof(struct pending_row)},
    {VARLINK_INTERFACE ".Attest", FRONT_ATTEST, &attest_table, finish_attest,
	&attest_reply_table, 0},
    {VARLINK_INTERFACE ".GetEventLog", FRONT_LOG, &log_table, NULL, &reply_log,
	0},
    {VARLINK_SERVICE ".GetInfo", 0, &nothing, finish_get_info, &info_reply, 0},
    {VARLINK_SERVICE ".GetInterfaceDescription", 0, &description_table,
	finish_get_description, &description_reply, 0},
};

const struct method *
method_at(size_t index)
{
	return index < countof(methods) ? &methods[index] : NULL;
}

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
	struct method_work work = {.front.kind = method->kind};

	TRY(json_table_read(&root, method->parameters, &work, err));
	if (method->finish != NULL)
		TRY(method->finish(&root, &work, ret_reply, err));
	*ret_call = work.front;
	return 0;
}

bool
method_takes(const struct method *method, const struct front_answer *answer)
{
	static const uint32_t kinds[] = {
	    [FRONT_BUILD] = ANSWER_RECEIPT,
	    [FRONT_LIST_IMAGES] = ANSWER_MEMORY,
	    [FRONT_LIST_DOMAINS] = ANSWER_MEMORY,
	    [FRONT_DESTROY] = ANSWER_OUTCOME,
	    [FRONT_STATUS] = ANSWER_STATUS,
	    [FRONT_ATTEST] = ANSWER_MEMORY,
	    [FRONT_LOG] = ANSWER_MEMORY,
	    [FRONT_DESCRIBE] = ANSWER_MEMORY,
	    [FRONT_PAUSE] = ANSWER_OUTCOME,
	    [FRONT_UNPAUSE] = ANSWER_OUTCOME,
	    [FRONT_SHUTDOWN] = ANSWER_OUTCOME,
	    [FRONT_WAIT] = ANSWER_STATE,
	};

	if (answer->outcome.code != 0)
		return answer->kind == ANSWER_OUTCOME;
	return answer->kind == kinds[method->kind];
}

int
method_check_attached(const struct method *method, struct bytes attached,
    struct err *err)
{
	bool fits = attached.len == 0;

	if (method->kind == FRONT_ATTEST)
		fits = attest_reply_is_whole(attached);
	else if (method->kind == FRONT_LOG)
		fits = attached.len <= ATTEST_LOG_BYTES;
	else if (method->kind == FRONT_DESCRIBE)
		fits = attached.len == method->row_bytes;
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
	const struct reply reply = {*answer, attached};
	struct attest_reply quote;

	if (method->kind != FRONT_ATTEST)
		return json_table_write(method->reply, &reply);
	bug_unless(attest_reply_is_whole(attached));
	memcpy(&quote, attached.ptr, sizeof(quote));
	return attest_reply_encode(&quote);
}

bool
method_makes_domain(const struct method *method)
{
	return method->kind == FRONT_BUILD;
}

static int
finish_build(const struct json_at *parameters, struct method_work *work,
    json_t **ret_reply, struct err *err)
{
	struct build_request *build = &work->front.build;

	(void)ret_reply;
	if (!json_has(parameters, "uuid"))
		TRY(uuid_random(build->guest.uuid, err));
	fill_life(parameters, &build->life);
	return request_check(build, err);
}

static void
fill_life(const struct json_at *parameters, struct life *life)
{
	for (enum domain_end end = 0; end < DOMAIN_ENDS; end++) {
		if (!json_has(parameters, life_parameters[end]))
			life->on[end] = life_default.on[end];
	}
}

static int
read_action(const struct json_at *parameters, const struct json_member *member,
    void *ret_value, struct err *err)
{
	const char *text;

	TRY(json_string_in(parameters, member->name, LIMIT_NAME_BYTES, &text,
	    err));
	if (!life_action_from_name(text, ret_value))
		return json_refuse(parameters, member->name, err,
		    "neither \"destroy\", \"restart\" nor \"preserve\"");
	return 0;
}

static int
finish_selector(const struct json_at *parameters, struct method_work *work,
    json_t **ret_reply, struct err *err)
{
	(void)work;
	(void)ret_reply;
	return check_one(parameters, err);
}

static int
finish_wait(const struct json_at *parameters, struct method_work *work,
    json_t **ret_reply, struct err *err)
{
	(void)work;
	(void)ret_reply;
	return check_one(parameters, err);
}

static int
check_one(const struct json_at *parameters, struct err *err)
{
	int given = json_has(parameters, "domid") +
	            json_has(parameters, "uuid") + json_has(parameters, "name");

	if (given != 1)
		return json_refuse(parameters, "domid", err,
		    "exactly one of domid, uuid and name must be given");
	return 0;
}

static int
finish_attest(const struct json_at *parameters, struct method_work *work,
    json_t **ret_reply, struct err *err)
{
	(void)ret_reply;
	(void)err;
	if (!json_has(parameters, "context"))
		work->front.attest_request.context = evidence_no_context;
	return 0;
}

static int
finish_get_info(const struct json_at *parameters, struct method_work *work,
    json_t **ret_reply, struct err *err)
{
	(void)parameters;
	(void)err;
	*ret_reply = json_table_write(&info_reply, work);
	return 0;
}

static int
finish_get_description(const struct json_at *parameters,
    struct method_work *work, json_t **ret_reply, struct err *err)
{
	(void)parameters;
	work->description = interface_description(work->interface);
	if (work->description == NULL)
		return err_set_field(err, RPC_METHOD_UNKNOWN,
		    err_quote_str(work->interface).text,
		    "there is no interface %s",
		    err_quote_str(work->interface).text);
	*ret_reply = json_table_write(&description_reply, work);
	return 0;
}

static int
read_until(const struct json_at *parameters, const struct json_member *member,
    void *ret_value, struct err *err)
{
	uint32_t *until = ret_value;
	const char *text;

	TRY(json_string_in(parameters, member->name, LIMIT_NAME_BYTES, &text,
	    err));
	if (strcmp(text, "running") == 0)
		*until = WAIT_RUNNING;
	else if (strcmp(text, "shutdown") == 0)
		*until = WAIT_SHUTDOWN;
	else
		return json_refuse(parameters, member->name, err,
		    "neither \"running\" nor \"shutdown\"");
	return 0;
}

static int
read_nonce(const struct json_at *parameters, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct attest_request *request = ret_value;
	const char *hex;
	size_t len;

	TRY(json_string_in(parameters, member->name,
	    EVIDENCE_NONCE_HEX_SIZE - 1, &hex, err));
	if (!evidence_nonce_from_hex(hex, request->nonce, &len))
		return json_refuse(parameters, member->name, err,
		    "not %d to %d bytes as lower-case hex",
		    EVIDENCE_NONCE_MIN_BYTES, EVIDENCE_NONCE_MAX_BYTES);
	request->nonce_len = (uint32_t)len;
	return 0;
}

static json_t *
write_interfaces(const struct json_member *member, const void *value)
{
	(void)member;
	(void)value;
	return json_pack("[s, s]", VARLINK_SERVICE, VARLINK_INTERFACE);
}
