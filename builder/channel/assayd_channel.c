/* The program of the channel role. */
#include "builder/channel/channel_role.h"
#include "builder/role_main.h"

int
main(void)
{
	static struct role_start start;

	role_main_begin(ROLE_CHANNEL, &start);
	channel_role_run(&start, CHANNEL_FD_LINK);
}
