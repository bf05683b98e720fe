/* The program of the tpm role. */
#include "builder/role_main.h"
#include "builder/role_sealed.h"
#include "builder/tpm/tpm_role.h"

int
main(void)
{
	static struct role_start start;
	struct sealed *root;

	role_main_begin(ROLE_TPM, &start);
	root =
	    role_main_sealed(TPM_FD_TRUST, LIMIT_TRUST_BYTES, "trust policy");
	tpm_role_run(&start.config, root, start.is_development, TPM_FD_LINK);
}
