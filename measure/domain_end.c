#include "measure/domain_end.h"

#include <string.h>

#include "base/log.h"

static const char *const names[DOMAIN_ENDS] = {
    [DOMAIN_END_POWEROFF] = "poweroff",
    [DOMAIN_END_REBOOT] = "reboot",
    [DOMAIN_END_CRASH] = "crash",
};

enum domain_end
domain_end_of(uint8_t reason)
{
	return reason < DOMAIN_END_CRASH ? (enum domain_end)reason
	                                 : DOMAIN_END_CRASH;
}

const char *
domain_end_name(enum domain_end end)
{
	bug_unless(end < DOMAIN_ENDS);
	return names[end];
}

bool
domain_end_from_name(const char *name, enum domain_end *ret_end)
{
	for (enum domain_end end = 0; end < DOMAIN_ENDS; end++) {
		if (strcmp(names[end], name) == 0) {
			*ret_end = end;
			return true;
		}
	}
	return false;
}
