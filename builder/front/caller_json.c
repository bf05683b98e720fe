#include "builder/front/caller_json.h"

#include "measure/caller.h"

/* A caller, and what of it is there. */
struct told {
	struct caller caller;
	bool is_user;
	bool is_domain;
};

static json_t *write_caller(const struct json_member *member,
    const void *value);

const struct json_kind caller_json_kind = {"", NULL, write_caller};

#define OF_USER   .presence = JSON_OPTIONAL, MEMBER_HAS(struct told, is_user)
#define OF_DOMAIN .presence = JSON_OPTIONAL, MEMBER_HAS(struct told, is_domain)

static const struct json_member members[] = {
    {MEMBER_INTEGER("uid", struct told, caller.user.uid, 0, UINT32_MAX),
	OF_USER},
    {MEMBER_INTEGER("gid", struct told, caller.user.gid, 0, UINT32_MAX),
	OF_USER},
    {MEMBER_INTEGER("domid", struct told, caller.domain.domid, 1, UINT16_MAX),
	OF_DOMAIN},
    {MEMBER_UUID("uuid", struct told, caller.domain.uuid), OF_DOMAIN},
    {MEMBER_STRING("image", struct told, caller.domain.image), OF_DOMAIN},
    {MEMBER_STRING("role", struct told, caller.domain.role), OF_DOMAIN},
    {MEMBER_DIGEST("envelope_digest", struct told, caller.domain.envelope),
	OF_DOMAIN},
};
const struct json_table caller_json_table = {JSON_MEMBERS(members),
    .name = "Caller"};

static json_t *
write_caller(const struct json_member *member, const void *value)
{
	const struct caller *caller = value;
	const struct told told = {
	    .caller = *caller,
	    .is_user = caller->kind == CALLER_USER,
	    .is_domain = caller->kind == CALLER_DOMAIN,
	};

	(void)member;
	return json_table_write(&caller_json_table, &told);
}
