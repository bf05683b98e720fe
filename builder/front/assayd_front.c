/* The program of the front. */
#include "builder/front/front.h"
#include "builder/role_main.h"

int
main(void)
{
	static struct role_start start;
	const struct front_link link = {FRONT_FD_CALLS, FRONT_FD_ANSWERS};

	role_main_begin(ROLE_FRONT, &start);
	if (start.offer.domid != 0)
		front_run_ring(&start.config, &start.offer,
		    (const int[]){[CHANNEL_FD_GRANTS] = FRONT_FD_GRANTS,
			[CHANNEL_FD_EVENTS] = FRONT_FD_EVENTS},
		    &link, start.parent_pid);
	front_run(&start.config, FRONT_FD_LISTEN, &link, start.parent_pid);
}
