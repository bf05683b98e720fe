/* The program of the front. */
#include "builder/front/front.h"
#include "builder/role_main.h"

int
main(void)
{
	static struct role_start start;
	const struct front_link link = {FRONT_FD_CALLS, FRONT_FD_ANSWERS};

	role_main_begin(ROLE_FRONT, &start);
	front_run(&start.config, FRONT_FD_LISTEN, &link, start.parent_pid);
}
