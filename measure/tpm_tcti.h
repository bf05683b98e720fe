/*
 * The way to the TPM's bytes: a device of the kernel, or a software TPM's
 * socket in tests. Each answer is waited for only so long.
 *
 * Of our own, as tcti-swtpm waits for ever and tcti-device sends a command of
 * its own when it opens: docs/decisions/0018.
 *
 * Private to measure/tpm_*.c: it needs the TSS headers.
 * Spec: TCG TSS 2.0 TPM Command Transmission Interface (TCTI) API.
 */
#ifndef ASSAY_MEASURE_TPM_TCTI_H
#define ASSAY_MEASURE_TPM_TCTI_H

#include <stdbool.h>
#include <sys/un.h>

#include <tss2/tss2_tcti.h>

#include "base/err.h"

struct tpm_tcti {
	TSS2_TCTI_CONTEXT_COMMON_V2 common; /* first: it is what ESYS sees */
	int fd;         /* of the device; of a socket while a command runs */
	bool is_socket; /* connected anew for each command, as swtpm expects */
	struct sockaddr_un address;
	int timeout_ms; /* for one command */
};

/*
 * "device:/dev/tpmrm0" or "swtpm:path=/abs/socket"; nothing else is known. The
 * device is opened here, so that a sandboxed role needs no more than read,
 * write and poll afterwards. A struct that was opened must not move.
 * Errors: TPM_UNREACHABLE.
 */
int tpm_tcti_open(const char *where, int timeout_ms, struct tpm_tcti *ret_tcti,
    struct err *err);

void tpm_tcti_close(struct tpm_tcti *tcti);

#endif
