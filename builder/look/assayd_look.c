/* The program of the look role. */
#include "builder/look/look_role.h"
#include "builder/role_main.h"

int
main(void)
{
	static struct role_start start;

	role_main_begin(ROLE_LOOK, &start);
	look_role_run(&start, LOOK_FD_LINK);
}
