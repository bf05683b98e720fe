/* The program of the stage. */
#include "builder/role_main.h"
#include "builder/stage/stage_role.h"

int
main(void)
{
	static struct role_start start;

	role_main_begin(ROLE_STAGE, &start);
	stage_role_run(start.config.users.of[SANDBOX_STAGE], start.parent_pid,
	    STAGE_FD_LINK);
}
