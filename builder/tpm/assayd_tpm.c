/* The program of the tpm role. */
#include "base/scope.h"
#include "builder/role_main.h"
#include "builder/role_sealed.h"
#include "builder/tpm/tpm_role.h"
#include "builder/trust_in_force.h"

static int load_trust(const struct config *config,
    struct trust_in_force *ret_trust, struct err *err);

int
main(void)
{
	static struct role_start start;
	struct trust_in_force trust = {.root = NULL};
	struct err err;

	role_main_begin(ROLE_TPM, &start);
	if (load_trust(&start.config, &trust, &err) != 0)
		role_main_fail(&err);
	tpm_role_run(&start.config, trust_in_force_policy(&trust),
	    start.is_development, TPM_FD_LINK);
}

/* The policy lives as long as the process. */
static int
load_trust(const struct config *config, struct trust_in_force *ret_trust,
    struct err *err)
{
	CLEANUP(sealed_freep)
	struct sealed *text =
	    role_main_sealed(TPM_FD_TRUST, LIMIT_TRUST_BYTES, "trust policy");
	struct trust_policy *root = NULL;

	TRY(trust_decode(sealed_bytes(text), &root, err));
	return trust_in_force_load(root, config->trust_updates, ret_trust, err);
}
