/* The program of the build role. */
#include "builder/build/build_role.h"
#include "builder/role_main.h"

int
main(void)
{
	static struct role_start start;

	role_main_begin(ROLE_BUILD, &start);
	build_role_run(&start, BUILD_FD_LINK, BUILD_FD_NODES);
}
