/* The program of the verify role. */
#include "builder/role_main.h"
#include "builder/role_sealed.h"
#include "builder/verify/verify_role.h"

int
main(void)
{
	static struct role_start start;
	struct sealed *text;
	struct trust_policy *root = NULL;
	struct err err;

	role_main_begin(ROLE_VERIFY, &start);
	text = role_main_sealed(VERIFY_FD_TRUST, LIMIT_TRUST_BYTES,
	    "trust policy");
	/* assayd read the same bytes when it began. */
	if (trust_decode(sealed_bytes(text), &root, &err) != 0)
		role_main_fail(&err);
	sealed_free(text);
	verify_role_run(&start, root, VERIFY_FD_LINK, VERIFY_FD_STAGE);
}
