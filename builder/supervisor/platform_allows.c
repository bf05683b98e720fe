#include "builder/supervisor/platform_allows.h"

#include "base/scope.h"

int
platform_allows(const struct platform *platform, struct err *err)
{
	if (platform->is_development && !platform->is_lost)
		return 0;
	TRY(err_wire_to(&platform->why, BUG, err));
	return platform->is_lost ? err_set(err, BUG, "lost without a reason")
	                         : 0;
}
