#include "measure/caller.h"

#include <stdio.h>
#include <string.h>

#include "measure/event.h"

static bool is_plain(const char *text, size_t size);

bool
caller_is(const struct caller *caller, const struct caller *other)
{
	if (caller->kind != other->kind)
		return false;
	if (caller->kind == CALLER_USER)
		return caller->user.uid == other->user.uid;
	return caller->kind == CALLER_DOMAIN &&
	       caller->domain.domid == other->domain.domid &&
	       memcmp(caller->domain.uuid, other->domain.uuid, UUID_BYTES) ==
	           0 &&
	       digest_equal(&caller->domain.envelope, &other->domain.envelope);
}

bool
caller_is_legal(const struct caller *caller)
{
	const struct caller_domain *domain = &caller->domain;

	if (caller->kind == CALLER_USER)
		return true;
	return caller->kind == CALLER_DOMAIN && domain->domid > 0 &&
	       domain->domid <= UINT16_MAX &&
	       is_plain(domain->image, sizeof(domain->image)) &&
	       is_plain(domain->role, sizeof(domain->role));
}

const char *
caller_text(const struct caller *caller, char ret_text[static CALLER_TEXT_SIZE])
{
	if (caller->kind == CALLER_DOMAIN)
		snprintf(ret_text, CALLER_TEXT_SIZE, "domain:%u:%.*s",
		    caller->domain.domid, LIMIT_NAME_BYTES,
		    caller->domain.image);
	else
		snprintf(ret_text, CALLER_TEXT_SIZE, "user:%u",
		    caller->user.uid);
	return ret_text;
}

static bool
is_plain(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL && event_text_is_plain(text);
}
