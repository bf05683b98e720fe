/*
 * An open TPM, as the files measure/tpm_*.c share it: the connection, the
 * salted session, objects whose names were checked, and the TPM's reasons as
 * errors. Private to them: it needs the TSS headers.
 *
 * Sessions are salted to a key whose name was pinned, AES-128-CFB, SHA-256:
 * nobody between us and the TPM can forge an answer or read a parameter.
 * Spec: TPM 2.0 Part 1, "Session-based encryption", "Salted session".
 */
#ifndef ASSAY_MEASURE_TPM_TPM_ESYS_H
#define ASSAY_MEASURE_TPM_TPM_ESYS_H

#include <tss2/tss2_esys.h>

#include "measure/tpm_identity.h"
#include "measure/tpm_port.h"
#include "measure/tpm/tpm_tcti.h"

enum { TPM_ESYS_LEFT = 2 }; /* one session of each kind */

struct tpm_esys {
	struct tpm_tcti tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR salt;    /* ESYS_TR_NONE: sessions are not salted */
	ESYS_TR session; /* ESYS_TR_NONE until tpm_esys_session_start() */
	TPM2_HANDLE left[TPM_ESYS_LEFT]; /* sessions still to be flushed */
	size_t left_count;
};

/*
 * Connect. Returns owned; tpm_esys_freep() ends the session and closes.
 * Errors: TPM_UNREACHABLE, NO_MEMORY.
 */
int tpm_esys_open(const char *where, int timeout_ms, struct tpm_esys **ret_tpm,
    struct err *err);
void tpm_esys_freep(struct tpm_esys **tpm);

/*
 * Begin again on the same connection, after a command that failed. ESYS takes
 * no more after one without an answer or with a forged one, and a session is
 * not in step any more. What ESYS knew of keys, indices and sessions is gone;
 * the sessions are flushed. Call tpm_esys_leave() before for those that
 * others keep.
 * Errors: TPM_UNREACHABLE, TPM_BUSY, NO_MEMORY: then call it again.
 */
int tpm_esys_restart(struct tpm_esys *tpm, struct err *err);
void tpm_esys_leave(struct tpm_esys *tpm, ESYS_TR *session);

/*
 * Use a persistent key or an NV index, whose name must be the pinned one. The
 * name is computed from the public area that ESYS goes on to use: what the TPM
 * says about the name is not believed.
 * Errors: TPM_NOT_PROVISIONED; TPM_KEY_NOT_PINNED; TPM_FAILED.
 */
int tpm_esys_object(struct tpm_esys *tpm, const struct tpm_object *pinned,
    const char *what, ESYS_TR *ret_object, struct err *err);

/* The same without a pin: says what is there. */
int tpm_esys_find(struct tpm_esys *tpm, uint32_t handle, const char *what,
    ESYS_TR *ret_object, struct tpm_name *ret_name, struct err *err);

/* The name of a loaded object, computed from its public area. */
int tpm_esys_name(struct tpm_esys *tpm, ESYS_TR object, const char *what,
    struct tpm_name *ret_name, struct err *err);

/*
 * The name that an NV index has once it was written, whether it was by now or
 * not: TPMA_NV_WRITTEN is in the name, and a reset of the TPM clears it for an
 * index such as ours.
 */
int tpm_esys_index_name(const TPMS_NV_PUBLIC *index, struct tpm_name *ret_name,
    struct err *err);

/* The session for all commands, salted to tpm->salt. */
int tpm_esys_session_start(struct tpm_esys *tpm, struct err *err);

/* Of the next command: TPMA_SESSION_DECRYPT, _ENCRYPT, _AUDIT, or 0. */
int tpm_esys_session_use(struct tpm_esys *tpm, TPMA_SESSION attributes,
    struct err *err);

/* The same for a command that also goes without: then *ret_session is
 * ESYS_TR_NONE. */
int tpm_esys_begin(struct tpm_esys *tpm, TPMA_SESSION attributes,
    ESYS_TR *ret_session, struct err *err);

/* A policy session, salted too. Without TPMA_SESSION_CONTINUESESSION it is gone
 * after the first command that it authorised. */
int tpm_esys_policy_start(struct tpm_esys *tpm, TPMA_SESSION attributes,
    ESYS_TR *ret_session, struct err *err);

/* Take something out of the TPM's memory. What fails, tpm_esys_restart() does
 * again. */
void tpm_esys_flush(struct tpm_esys *tpm, ESYS_TR *object);

/* 0, or the code that fits the TPM's or the TSS's reason. */
int tpm_esys_check(TSS2_RC rc, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The TPM's own reason without the number of the parameter it is about. */
TPM2_RC tpm_esys_reason(TSS2_RC rc);

#endif
