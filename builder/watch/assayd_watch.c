/* The program of the watch role. */
#include "builder/role_main.h"
#include "builder/watch/watch_role.h"

int
main(void)
{
	static struct role_start start;

	role_main_begin(ROLE_WATCH, &start);
	watch_role_run(&start, WATCH_FD_LINK);
}
