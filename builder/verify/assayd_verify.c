/* The program of the verify role. */
#include "builder/role_main.h"
#include "builder/role_sealed.h"
#include "builder/verify/verify_role.h"

int
main(void)
{
	static struct role_start start;
	struct sealed *root;

	role_main_begin(ROLE_VERIFY, &start);
	root = role_main_sealed(VERIFY_FD_TRUST, LIMIT_TRUST_BYTES,
	    "trust policy");
	verify_role_run(&start, root, VERIFY_FD_LINK, VERIFY_FD_STAGE);
}
