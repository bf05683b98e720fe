#include "builder/life.h"

#include <string.h>

#include "base/log.h"

static const char *const names[LIFE_ACTIONS] = {
    [LIFE_DESTROY] = "destroy",
    [LIFE_RESTART] = "restart",
    [LIFE_PRESERVE] = "preserve",
};

const struct life life_default = {
    .on =
	{
	    [DOMAIN_END_POWEROFF] = LIFE_DESTROY,
	    [DOMAIN_END_REBOOT] = LIFE_RESTART,
	    [DOMAIN_END_CRASH] = LIFE_DESTROY,
	},
};

bool
life_is_legal(const struct life *life)
{
	for (enum domain_end end = 0; end < DOMAIN_ENDS; end++) {
		if (life->on[end] >= LIFE_ACTIONS)
			return false;
	}
	return true;
}

const char *
life_action_name(enum life_action action)
{
	bug_unless(action < LIFE_ACTIONS);
	return names[action];
}

bool
life_action_from_name(const char *name, uint8_t *ret_action)
{
	for (uint8_t action = 0; action < LIFE_ACTIONS; action++) {
		if (strcmp(names[action], name) == 0) {
			*ret_action = action;
			return true;
		}
	}
	return false;
}
