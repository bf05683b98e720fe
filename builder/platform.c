#include "builder/platform.h"

int
platform_allows(const struct platform *platform, struct err *err)
{
	if (platform->is_development && !platform->is_lost)
		return 0;
	return err_wire_to(&platform->why, BUG, err);
}
