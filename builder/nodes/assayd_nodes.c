/* The program of the nodes role. */
#include "builder/nodes/nodes_role.h"
#include "builder/role_main.h"

int
main(void)
{
	static struct role_start start;

	role_main_begin(ROLE_NODES, &start);
	nodes_role_run(&start, NODES_FD_LINK);
}
