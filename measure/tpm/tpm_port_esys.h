/*
 * The real TPM behind measure/tpm_port.h: TPM 2.0 commands through ESYS.
 *
 * Every command runs in one HMAC session that is salted to the pinned key, so
 * that the answers are known to be the TPM's; what is sent to be signed or
 * stored goes encrypted. The log index is written in a policy session, salted
 * to the same key.
 *
 * After it is open it opens no file and needs no more than read, write, poll
 * and getrandom for a device. docs/decisions/0018 has the list.
 */
#ifndef ASSAY_MEASURE_TPM_TPM_PORT_ESYS_H
#define ASSAY_MEASURE_TPM_TPM_PORT_ESYS_H

#include "measure/tpm_identity.h"
#include "measure/tpm_port.h"

/*
 * Connect to "device:/dev/tpmrm0" or "swtpm:path=/abs/socket" and check that
 * all that `identity` names is there, by name. No answer is waited for longer
 * than `timeout_ms`, also if the TPM puts the command off meanwhile;
 * LIMIT_TPM_SECONDS is plenty for these commands.
 *
 * `identity` may be NULL, for a host that was not provisioned: then only
 * pcr_read and pcr_extend work, and somebody on the way to the TPM could forge
 * their answers.
 *
 * Errors: TPM_UNREACHABLE; TPM_NOT_PROVISIONED; TPM_KEY_NOT_PINNED;
 * TPM_RESPONSE_FORGED; TPM_FAILED; TPM_BUSY; NO_MEMORY.
 */
int tpm_port_esys_open(const char *where, const struct tpm_identity *identity,
    int timeout_ms, struct tpm_port *ret_port, struct err *err);

/*
 * Give a port that was opened without an identity the one it is to use: for a
 * role that reads the identity only when it is in its sandbox. After a failure
 * it can be called again; a port that has one keeps it.
 * Errors: as above.
 */
int tpm_port_esys_pin(struct tpm_port *port,
    const struct tpm_identity *identity, struct err *err);

#endif
