/*
 * The way to the TPM's bytes: a device of the kernel, or a software TPM's
 * socket in tests. Each answer is waited for only so long.
 *
 * An answer that puts the command off is not handed on: the same bytes are sent
 * again after growing pauses, as long as there is time. That is one place for
 * all commands. ESYS and Linux know some of these answers too: ESYS sends the
 * command again five times at once for RETRY, TESTING and YIELDED [tpm2-tss
 * 3.2.1 src/tss2-esys/api, ESYS_MAX_SUBMISSIONS], Linux for about 2.5 s for
 * RETRY and TESTING [drivers/char/tpm/tpm-interface.c, tpm_transmit].
 *
 * Of our own, as tcti-swtpm waits for ever and tcti-device sends a command of
 * its own when it opens: docs/decisions/0018.
 *
 * Private to measure/tpm_*.c: it needs the TSS headers.
 * Spec: TCG TSS 2.0 TPM Command Transmission Interface (TCTI) API; TPM 2.0
 * Part 2, "TPM_RC (Response Codes)", RC_WARN.
 */
#ifndef ASSAY_MEASURE_TPM_TPM_TCTI_H
#define ASSAY_MEASURE_TPM_TPM_TCTI_H

#include <stdbool.h>
#include <sys/un.h>

#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tpm2_types.h>

#include "base/err.h"

struct tpm_tcti {
	TSS2_TCTI_CONTEXT_COMMON_V2 common; /* first: it is what ESYS sees */
	int fd;         /* of the device; of a socket while a command runs */
	bool is_socket; /* connected anew for each command, as swtpm expects */
	struct sockaddr_un address;
	int timeout_ms;      /* for one command, however often it is sent */
	int64_t until_ms;    /* and when nothing goes on any more; 0: never */
	int64_t deadline_ms; /* of the command under way */
	bool is_owed; /* the answer to an earlier command was not read yet */
	uint8_t command[TPM2_MAX_COMMAND_SIZE];
	size_t command_len;
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

/* Of all commands from now on: they have this long altogether, and what has no
 * time left is not even sent. 0: no such limit. */
void tpm_tcti_limit(struct tpm_tcti *tcti, int seconds);

/* Does the TPM say with this that the command was not carried out now, and can
 * be sent again as it is? */
bool tpm_tcti_is_put_off(TPM2_RC reason);

#endif
