#include "measure/tpm/tpm_esys.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>

#include "base/scope.h"

/* TPM 2.0 Part 2, "Response Code Formats": a code of format one carries the
 * number of the parameter, handle or session at fault. */
enum { format_one = 0x080, format_one_reason = 0x0bf };

static const TPMT_SYM_DEF session_cipher = {.algorithm = TPM2_ALG_AES,
    .keyBits.aes = 128,
    .mode.aes = TPM2_ALG_CFB};

static int initialize(struct tpm_esys *tpm, const char *what, struct err *err);
static int flush_left(struct tpm_esys *tpm, TPM2_HANDLE handle,
    struct err *err);
static int check_name(struct tpm_esys *tpm, ESYS_TR object, bool is_index,
    const char *what, struct tpm_name *ret_name, struct err *err);
static int name_of_index(struct bytes marshalled, struct tpm_name *ret_name,
    struct err *err);
static int start_session(struct tpm_esys *tpm, TPM2_SE type, ESYS_TR *ret,
    struct err *err);
static enum err_code code_of(TSS2_RC rc);

int
tpm_esys_open(const char *where, int timeout_ms, struct tpm_esys **ret_tpm,
    struct err *err)
{
	CLEANUP(tpm_esys_freep) struct tpm_esys *tpm = calloc(1, sizeof(*tpm));

	if (tpm == NULL)
		return err_set(err, NO_MEMORY, "TPM");
	tpm->tcti.fd = -1;
	tpm->salt = ESYS_TR_NONE;
	tpm->session = ESYS_TR_NONE;
	/* The errors say it; the library's own lines are for debugging it. */
	setenv("TSS2_LOG", "all+none", 0);
	TRY(tpm_tcti_open(where, timeout_ms, &tpm->tcti, err));
	TRY(initialize(tpm, err_quote_str(where).text, err));
	*ret_tpm = take_ptr(&tpm);
	return 0;
}

void
tpm_esys_freep(struct tpm_esys **tpm)
{
	if (*tpm == NULL)
		return;
	if ((*tpm)->esys != NULL) {
		tpm_esys_flush(*tpm, &(*tpm)->session);
		Esys_Finalize(&(*tpm)->esys);
	}
	tpm_tcti_close(&(*tpm)->tcti);
	free(*tpm);
	*tpm = NULL;
}

int
tpm_esys_restart(struct tpm_esys *tpm, struct err *err)
{
	tpm_esys_leave(tpm, &tpm->session);
	tpm->salt = ESYS_TR_NONE;
	if (tpm->esys != NULL)
		Esys_Finalize(&tpm->esys);
	TRY(initialize(tpm, "begin again", err));
	for (; tpm->left_count > 0; tpm->left_count--)
		TRY(flush_left(tpm, tpm->left[tpm->left_count - 1], err));
	return 0;
}

void
tpm_esys_leave(struct tpm_esys *tpm, ESYS_TR *session)
{
	TPM2_HANDLE handle;

	if (*session != ESYS_TR_NONE && tpm->left_count < TPM_ESYS_LEFT &&
	    Esys_TR_GetTpmHandle(tpm->esys, *session, &handle) ==
		TSS2_RC_SUCCESS)
		tpm->left[tpm->left_count++] = handle;
	*session = ESYS_TR_NONE;
}

int
tpm_esys_object(struct tpm_esys *tpm, const struct tpm_object *pinned,
    const char *what, ESYS_TR *ret_object, struct err *err)
{
	struct tpm_name name;
	ESYS_TR object = ESYS_TR_NONE;

	TRY(tpm_esys_find(tpm, pinned->handle, what, &object, &name, err));
	if (!tpm_name_equal(&name, &pinned->name)) {
		char found[TPM_NAME_HEX_SIZE];
		char wanted[TPM_NAME_HEX_SIZE];

		Esys_TR_Close(tpm->esys, &object);
		tpm_name_hex(&name, found);
		tpm_name_hex(&pinned->name, wanted);
		return err_set_field(err, TPM_KEY_NOT_PINNED, what,
		    "%s: what is at 0x%08x has the name %.20s..., "
		    "pinned is %.20s...",
		    what, pinned->handle, found, wanted);
	}
	*ret_object = object;
	return 0;
}

int
tpm_esys_find(struct tpm_esys *tpm, uint32_t handle, const char *what,
    ESYS_TR *ret_object, struct tpm_name *ret_name, struct err *err)
{
	ESYS_TR object;
	TSS2_RC rc = Esys_TR_FromTPMPublic(tpm->esys, handle, ESYS_TR_NONE,
	    ESYS_TR_NONE, ESYS_TR_NONE, &object);

	if (tpm_esys_reason(rc) == TPM2_RC_HANDLE)
		return err_set_field(err, TPM_NOT_PROVISIONED, what,
		    "%s: there is nothing at 0x%08x", what, handle);
	TRY(tpm_esys_check(rc, err, "%s at 0x%08x", what, handle));
	if (check_name(tpm, object, handle >> 24 == TPM2_HT_NV_INDEX, what,
		ret_name, err) != 0) {
		Esys_TR_Close(tpm->esys, &object);
		return (int)err->code;
	}
	*ret_object = object;
	return 0;
}

int
tpm_esys_name(struct tpm_esys *tpm, ESYS_TR object, const char *what,
    struct tpm_name *ret_name, struct err *err)
{
	return check_name(tpm, object, false, what, ret_name, err);
}

int
tpm_esys_index_name(const TPMS_NV_PUBLIC *index, struct tpm_name *ret_name,
    struct err *err)
{
	TPMS_NV_PUBLIC written = *index;
	uint8_t area[sizeof(written)];
	size_t len = 0;

	written.attributes |= TPMA_NV_WRITTEN;
	TRY(tpm_esys_check(
	    Tss2_MU_TPMS_NV_PUBLIC_Marshal(&written, area, sizeof(area), &len),
	    err, "public area of an NV index"));
	return tpm_name_of(bytes_of(area, len), ret_name, err);
}

int
tpm_esys_session_start(struct tpm_esys *tpm, struct err *err)
{
	return start_session(tpm, TPM2_SE_HMAC, &tpm->session, err);
}

int
tpm_esys_session_use(struct tpm_esys *tpm, TPMA_SESSION attributes,
    struct err *err)
{
	if (tpm->session == ESYS_TR_NONE)
		return err_set(err, TPM_NOT_PROVISIONED,
		    "no TPM identity was given, so there is no session");
	return tpm_esys_check(Esys_TRSess_SetAttributes(tpm->esys, tpm->session,
				  attributes | TPMA_SESSION_CONTINUESESSION,
				  0xff),
	    err, "session");
}

int
tpm_esys_begin(struct tpm_esys *tpm, TPMA_SESSION attributes,
    ESYS_TR *ret_session, struct err *err)
{
	if (tpm->session != ESYS_TR_NONE)
		TRY(tpm_esys_session_use(tpm, attributes, err));
	*ret_session = tpm->session;
	return 0;
}

int
tpm_esys_policy_start(struct tpm_esys *tpm, TPMA_SESSION attributes,
    ESYS_TR *ret_session, struct err *err)
{
	ESYS_TR session;

	TRY(start_session(tpm, TPM2_SE_POLICY, &session, err));
	if (tpm_esys_check(
		Esys_TRSess_SetAttributes(tpm->esys, session, attributes, 0xff),
		err, "policy session") != 0) {
		tpm_esys_flush(tpm, &session);
		return (int)err->code;
	}
	*ret_session = session;
	return 0;
}

void
tpm_esys_flush(struct tpm_esys *tpm, ESYS_TR *object)
{
	if (*object != ESYS_TR_NONE &&
	    Esys_FlushContext(tpm->esys, *object) != TSS2_RC_SUCCESS)
		tpm_esys_leave(tpm, object);
	*object = ESYS_TR_NONE;
}

int
tpm_esys_check(TSS2_RC rc, struct err *err, const char *fmt, ...)
{
	char what[128];
	va_list args;

	if (rc == TSS2_RC_SUCCESS)
		return 0;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	/* The library knows the TPM's reasons under the TPM's own layer. */
	if ((rc & TSS2_RC_LAYER_MASK) == TSS2_RESMGR_TPM_RC_LAYER)
		rc &= ~TSS2_RC_LAYER_MASK;
	return err_set(err, code_of(rc), "%s: %s (0x%x)", what,
	    Tss2_RC_Decode(rc), rc);
}

TPM2_RC
tpm_esys_reason(TSS2_RC rc)
{
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

	if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER)
		return TPM2_RC_SUCCESS;
	rc &= ~TSS2_RC_LAYER_MASK;
	return (rc & format_one) != 0 ? rc & format_one_reason : rc;
}

/* Sends nothing. */
static int
initialize(struct tpm_esys *tpm, const char *what, struct err *err)
{
	return tpm_esys_check(
	    Esys_Initialize(&tpm->esys, (TSS2_TCTI_CONTEXT *)&tpm->tcti, NULL),
	    err, "%s", what);
}

/* If the TPM says no, it does not know the session any more. */
static int
flush_left(struct tpm_esys *tpm, TPM2_HANDLE handle, struct err *err)
{
	ESYS_TR session;
	TSS2_RC rc = Esys_TR_FromTPMPublic(tpm->esys, handle, ESYS_TR_NONE,
	    ESYS_TR_NONE, ESYS_TR_NONE, &session);

	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_FlushContext(tpm->esys, session);
	if (tpm_esys_check(rc, err, "flush an old session") != 0 &&
	    err->code != TPM_FAILED)
		return (int)err->code;
	return 0;
}

/*
 * ESYS keeps the name that the TPM stated, and does not compare it with the
 * public area [tpm2-tss 3.2.1 src/tss2-esys/esys_tr.c]. Both are in what it
 * serialises: u32 handle, TPM2B_NAME, u32 kind, and the public area as
 * TPM2B_PUBLIC or TPM2B_NV_PUBLIC.
 */
static int
check_name(struct tpm_esys *tpm, ESYS_TR object, bool is_index,
    const char *what, struct tpm_name *ret_name, struct err *err)
{
	enum { before = 4 + 2 + TPM_NAME_BYTES + 4, size_field = 2 };
	CLEANUP(freep) uint8_t *serialized = NULL;
	struct tpm_name claimed;
	struct tpm_name name;
	struct bytes area;
	size_t len = 0;

	TRY(tpm_esys_check(
	    Esys_TR_Serialize(tpm->esys, object, &serialized, &len), err, "%s",
	    what));
	if (len <= before + size_field || serialized[5] != TPM_NAME_BYTES)
		return err_set_field(err, TPM_KEY_NOT_PINNED, what,
		    "%s: its name is not a SHA-256 name", what);
	memcpy(claimed.bytes, serialized + 6, TPM_NAME_BYTES);
	area = bytes_of(serialized + before + size_field,
	    len - before - size_field);
	TRY(tpm_name_of(area, &name, err));
	if (!tpm_name_equal(&name, &claimed))
		return err_set_field(err, TPM_RESPONSE_FORGED, what,
		    "%s: the stated name does not belong to the public area",
		    what);
	if (is_index)
		return name_of_index(area, ret_name, err);
	*ret_name = name;
	return 0;
}

static int
name_of_index(struct bytes marshalled, struct tpm_name *ret_name,
    struct err *err)
{
	TPMS_NV_PUBLIC index;
	size_t offset = 0;

	TRY(tpm_esys_check(Tss2_MU_TPMS_NV_PUBLIC_Unmarshal(marshalled.ptr,
			       marshalled.len, &offset, &index),
	    err, "public area of an NV index"));
	return tpm_esys_index_name(&index, ret_name, err);
}

static int
start_session(struct tpm_esys *tpm, TPM2_SE type, ESYS_TR *ret, struct err *err)
{
	return tpm_esys_check(Esys_StartAuthSession(tpm->esys, tpm->salt,
				  ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				  ESYS_TR_NONE, NULL, type, &session_cipher,
				  TPM2_ALG_SHA256, ret),
	    err, "start a session");
}

static enum err_code
code_of(TSS2_RC rc)
{
	TPM2_RC reason = tpm_esys_reason(rc);

	/* Of ESYS: an earlier command got no answer. It takes no more then. */
	if ((rc & TSS2_RC_LAYER_MASK) == TSS2_TCTI_RC_LAYER ||
	    rc == TSS2_ESYS_RC_BAD_SEQUENCE)
		return TPM_UNREACHABLE;
	if (rc == TSS2_ESYS_RC_RSP_AUTH_FAILED ||
	    rc == TSS2_SYS_RC_BAD_SEQUENCE)
		return TPM_RESPONSE_FORGED;
	if (rc == TSS2_ESYS_RC_MEMORY)
		return NO_MEMORY;
	if (tpm_tcti_is_put_off(reason))
		return TPM_BUSY;
	if (reason == TPM2_RC_POLICY_FAIL || reason == TPM2_RC_POLICY ||
	    reason == TPM2_RC_PCR_CHANGED || reason == TPM2_RC_NV_AUTHORIZATION)
		return TPM_POLICY_UNMET;
	return TPM_FAILED;
}
