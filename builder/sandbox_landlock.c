#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "builder/sandbox.h"

bool
sandbox_has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0,
		   LANDLOCK_CREATE_RULESET_VERSION) > 0;
}
