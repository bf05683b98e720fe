/*
 * The tpm role: one process that alone holds the TPM and the event log. It says
 * what the platform is when it starts, and puts every event on record before
 * the supervisor lets anything happen.
 *
 * It looks at three foreign files, the trust updates, the TPM identity and the
 * boot policy, after it entered its sandbox. Taken over it can refuse builds or
 * hide what it is told from now on; it cannot take back what the TPM has.
 */
#ifndef ASSAY_BUILDER_TPM_TPM_ROLE_H
#define ASSAY_BUILDER_TPM_TPM_ROLE_H

#include <stdbool.h>

#include "base/sealed.h"
#include "builder/daemon_config.h"

/*
 * Run in the child, after fork. `root` is the text of the policy of the
 * measured ramdisk; a policy or a chain that is none ends the role. Ends when
 * the other side of `link` closes, after its last event; never returns.
 * Messages: builder/tpm_link.h.
 */
void tpm_role_run(const struct daemon_config *config, const struct sealed *root,
    bool is_development, int link) __attribute__((noreturn));

#endif
