#include "cli/evidence/verdict_caller.h"

#include <stdio.h>

const char *
verdict_caller_text(const struct evidence_domain *built,
    char ret_text[static VERDICT_CALLER_SIZE])
{
	const struct caller *caller = &built->build.by;
	const struct caller_domain *domain = &caller->domain;
	char uuid[UUID_TEXT_SIZE];

	uuid_text(domain->uuid, uuid);
	ret_text[0] = '\0';
	if (caller->kind == CALLER_USER)
		snprintf(ret_text, VERDICT_CALLER_SIZE,
		    ", asked for by user %u, group %u", caller->user.uid,
		    caller->user.gid);
	else if (caller->kind == CALLER_DOMAIN)
		snprintf(ret_text, VERDICT_CALLER_SIZE,
		    ", asked for by %s (role %s), domain %u, %s%s",
		    domain->image, domain->role, domain->domid, uuid,
		    built->is_caller_unknown ? ", which the log does not have"
					     : "");
	return ret_text;
}

json_t *
verdict_caller_encode(const struct evidence_domain *built)
{
	const struct caller *caller = &built->build.by;
	const struct caller_domain *domain = &caller->domain;
	char uuid[UUID_TEXT_SIZE], envelope[DIGEST_TEXT_SIZE];

	if (caller->kind == CALLER_USER)
		return json_pack("{s:I, s:I}", "uid",
		    (json_int_t)caller->user.uid, "gid",
		    (json_int_t)caller->user.gid);
	if (caller->kind != CALLER_DOMAIN)
		return json_null();
	uuid_text(domain->uuid, uuid);
	digest_text(&domain->envelope, envelope);
	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:b}", "domid",
	    (json_int_t)domain->domid, "uuid", uuid, "image", domain->image,
	    "role", domain->role, "envelope_digest", envelope, "in_log",
	    !built->is_caller_unknown);
}

const char *
verdict_after_text(const struct event_after *after,
    char ret_text[static VERDICT_AFTER_SIZE])
{
	ret_text[0] = '\0';
	if (after->domid != 0)
		snprintf(ret_text, VERDICT_AFTER_SIZE,
		    ", in the place of domain %u (%s)", after->domid,
		    domain_end_name((enum domain_end)after->end));
	return ret_text;
}

json_t *
verdict_after_encode(const struct event_after *after)
{
	if (after->domid == 0)
		return json_null();
	return json_pack("{s:I, s:s}", "domid", (json_int_t)after->domid, "end",
	    domain_end_name((enum domain_end)after->end));
}
