/* The program of the build role, and of the one that only looks. */
#include "builder/build/build_role.h"
#include "builder/build/look_role.h"
#include "builder/role_main.h"

int
main(void)
{
	static struct role_start start;

	role_main_begin(ROLE_BUILD, &start);
	if (start.kind == CHILD_TO_LOOK)
		look_role_run(&start, BUILD_FD_LINK);
	build_role_run(&start, BUILD_FD_LINK);
}
