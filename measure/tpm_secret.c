#include "measure/tpm_secret.h"

#include <stdlib.h>

#include <tss2/tss2_mu.h>

#include "base/scope.h"
#include "measure/policy_digest.h"
#include "measure/policy_key.h"
#include "measure/tpm_esys.h"
#include "measure/tpm_port_esys.h"
#include "measure/tpm_sealed.h"

static int open_pinned(const struct tpm_place *place, struct tpm_esys **ret_tpm,
    struct err *err);
static int find_approval(const struct tpm_place *place,
    const struct approvals *approvals, const struct approval **ret_approval,
    struct err *err);
static int unseal(struct tpm_esys *tpm, ESYS_TR object,
    const struct approvals *approvals, const struct approval *approval,
    struct tpm_secret *ret_secret, struct err *err);
static int check_approval(struct tpm_esys *tpm,
    const struct approvals *approvals, const struct approval *approval,
    struct policy_key *ret_key, TPMT_TK_VERIFIED *ret_ticket, struct err *err);
static int verify(struct tpm_esys *tpm, ESYS_TR key,
    const struct approvals *approvals, const struct approval *approval,
    TPMT_TK_VERIFIED *ret_ticket, struct err *err);
static int satisfy(struct tpm_esys *tpm, ESYS_TR session,
    const struct approvals *approvals, const struct approval *approval,
    const struct policy_key *key, const TPMT_TK_VERIFIED *ticket,
    struct err *err);
static int activate(struct tpm_esys *tpm, const struct tpm_identity *identity,
    ESYS_TR policy, const TPM2B_ID_OBJECT *blob,
    const TPM2B_ENCRYPTED_SECRET *encrypted, TPM2B_DIGEST **ret_secret,
    struct err *err);
static int refuse_foreign(int code, const char *what, struct err *err);
static void take_secret(const void *bytes, size_t len,
    struct tpm_secret *ret_secret);

int
tpm_secret_seal(const struct tpm_place *place,
    const struct public_key *policy_key, const char *ref, struct bytes secret,
    char **ret_text, struct err *err)
{
	const TPM2B_DATA no_data = {.size = 0};
	const TPML_PCR_SELECTION no_registers = {.count = 0};
	TPM2B_PUBLIC template = {
	    .publicArea = {.type = TPM2_ALG_KEYEDHASH,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_FIXEDTPM |
	                            TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA,
		.authPolicy.size = DIGEST_BYTES,
		.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL}};
	CLEANUP(tpm_esys_freep) struct tpm_esys *tpm = NULL;
	CLEANUP(freep) TPM2B_PUBLIC *public = NULL;
	CLEANUP(freep) TPM2B_PRIVATE *private = NULL;
	TPM2B_SENSITIVE_CREATE sensitive = {.size = 0};
	struct digest policy = POLICY_DIGEST_START;
	struct policy_key key;
	TSS2_RC rc;

	if (secret.len == 0 || secret.len > TPM_SECRET_BYTES)
		return err_set(err, SECRET_MALFORMED,
		    "secret: %zu bytes; a TPM seals 1 to %d", secret.len,
		    TPM_SECRET_BYTES);
	TRY(policy_key_from(policy_key, &key, err));
	TRY(policy_digest_authorize(&key.name, bytes_of_str(ref), &policy,
	    err));
	TRY(open_pinned(place, &tpm, err));
	memcpy(template.publicArea.authPolicy.buffer, policy.bytes,
	    DIGEST_BYTES);
	TRY(tpm_esys_session_use(tpm,
	    TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, err));
	sensitive.sensitive.data.size = (uint16_t)secret.len;
	memcpy(sensitive.sensitive.data.buffer, secret.ptr, secret.len);
	rc = Esys_Create(tpm->esys, tpm->salt, tpm->session, ESYS_TR_NONE,
	    ESYS_TR_NONE, &sensitive, &template, &no_data, &no_registers,
	    &private, &public, NULL, NULL, NULL);
	explicit_bzero(&sensitive, sizeof(sensitive));
	TRY(tpm_esys_check(rc, err, "seal"));
	return tpm_sealed_encode(public, private, ret_text, err);
}

int
tpm_secret_unseal(const struct tpm_place *place, struct bytes sealed,
    const struct approvals *approvals, struct tpm_secret *ret_secret,
    const struct approval **ret_approval, struct err *err)
{
	CLEANUP(tpm_esys_freep) struct tpm_esys *tpm = NULL;
	const struct approval *approval;
	TPM2B_PRIVATE private;
	TPM2B_PUBLIC public;
	ESYS_TR object;
	int code;

	TRY(tpm_sealed_decode(sealed, &public, &private, err));
	TRY(find_approval(place, approvals, &approval, err));
	TRY(open_pinned(place, &tpm, err));
	TRY(tpm_esys_session_use(tpm, 0, err));
	TRY(refuse_foreign(
	    tpm_esys_check(Esys_Load(tpm->esys, tpm->salt, tpm->session,
			       ESYS_TR_NONE, ESYS_TR_NONE, &private, &public,
			       &object),
		err, "load the secret"),
	    "the sealed secret", err));
	code = unseal(tpm, object, approvals, approval, ret_secret, err);
	tpm_esys_flush(tpm, &object);
	if (code == 0)
		*ret_approval = approval;
	return code;
}

int
tpm_secret_activate(const struct tpm_place *place, struct bytes credential,
    struct tpm_secret *ret_secret, struct err *err)
{
	CLEANUP(tpm_esys_freep) struct tpm_esys *tpm = NULL;
	CLEANUP(freep) TPM2B_DIGEST *secret = NULL;
	TPM2B_ENCRYPTED_SECRET encrypted;
	TPM2B_ID_OBJECT blob;
	ESYS_TR policy;
	int code;

	TRY(tpm_credential_decode(credential, &blob, &encrypted, err));
	TRY(open_pinned(place, &tpm, err));
	TRY(tpm_esys_policy_start(tpm, 0, &policy, err));
	code = activate(tpm, place->identity, policy, &blob, &encrypted,
	    &secret, err);
	/* One that was used is gone already. */
	if (code != 0)
		tpm_esys_flush(tpm, &policy);
	TRY(refuse_foreign(code, "the credential", err));
	take_secret(secret->buffer, secret->size, ret_secret);
	explicit_bzero(secret, sizeof(*secret));
	return 0;
}

static int
open_pinned(const struct tpm_place *place, struct tpm_esys **ret_tpm,
    struct err *err)
{
	CLEANUP(tpm_esys_freep) struct tpm_esys *tpm = NULL;

	TRY(tpm_esys_open(place->where, place->timeout_ms, &tpm, err));
	TRY(tpm_esys_object(tpm, &place->identity->salt, "salt key", &tpm->salt,
	    err));
	TRY(tpm_esys_session_start(tpm, err));
	*ret_tpm = take_ptr(&tpm);
	return 0;
}

static int
find_approval(const struct tpm_place *place, const struct approvals *approvals,
    const struct approval **ret_approval, struct err *err)
{
	CLEANUP(tpm_port_close) struct tpm_port port = {.ops = NULL};
	struct pcr_values values;

	TRY(tpm_port_esys_open(place->where, place->identity, place->timeout_ms,
	    &port, err));
	TRY(port.ops->pcr_read(port.tpm, &values, err));
	return approvals_find(approvals, &values, ret_approval, err);
}

static int
unseal(struct tpm_esys *tpm, ESYS_TR object, const struct approvals *approvals,
    const struct approval *approval, struct tpm_secret *ret_secret,
    struct err *err)
{
	CLEANUP(freep) TPM2B_SENSITIVE_DATA *data = NULL;
	TPMT_TK_VERIFIED ticket;
	struct policy_key key;
	ESYS_TR session;
	int code;

	TRY(check_approval(tpm, approvals, approval, &key, &ticket, err));
	TRY(tpm_esys_policy_start(tpm, TPMA_SESSION_ENCRYPT, &session, err));
	code = satisfy(tpm, session, approvals, approval, &key, &ticket, err);
	if (code == 0)
		code = tpm_esys_check(Esys_Unseal(tpm->esys, object, session,
					  ESYS_TR_NONE, ESYS_TR_NONE, &data),
		    err, "unseal");
	if (code != 0) {
		tpm_esys_flush(tpm, &session);
		return code;
	}
	take_secret(data->buffer, data->size, ret_secret);
	explicit_bzero(data, sizeof(*data));
	return 0;
}

/* The TPM verifies the signature itself, and gives a ticket for that. */
static int
check_approval(struct tpm_esys *tpm, const struct approvals *approvals,
    const struct approval *approval, struct policy_key *ret_key,
    TPMT_TK_VERIFIED *ret_ticket, struct err *err)
{
	TPM2B_PUBLIC public = {.size = 0};
	size_t used = 0;
	ESYS_TR key;
	int code;

	TRY(policy_key_from(approvals->key, ret_key, err));
	TRY(tpm_esys_check(Tss2_MU_TPMT_PUBLIC_Unmarshal(ret_key->area,
			       sizeof(ret_key->area), &used,
			       &public.publicArea),
	    err, "policy key"));
	TRY(tpm_esys_session_use(tpm, TPMA_SESSION_AUDIT, err));
	TRY(tpm_esys_check(Esys_LoadExternal(tpm->esys, tpm->session,
			       ESYS_TR_NONE, ESYS_TR_NONE, NULL, &public,
			       ESYS_TR_RH_OWNER, &key),
	    err, "load the policy key"));
	code = verify(tpm, key, approvals, approval, ret_ticket, err);
	tpm_esys_flush(tpm, &key);
	return code;
}

static int
verify(struct tpm_esys *tpm, ESYS_TR key, const struct approvals *approvals,
    const struct approval *approval, TPMT_TK_VERIFIED *ret_ticket,
    struct err *err)
{
	CLEANUP(freep) TPMT_TK_VERIFIED *ticket = NULL;
	uint8_t message[DIGEST_BYTES + APPROVAL_USE_BYTES];
	TPM2B_DIGEST hashed = {.size = DIGEST_BYTES};
	TPMT_SIGNATURE signature = {.sigAlg = TPM2_ALG_ECDSA};
	TPMS_SIGNATURE_ECDSA *ecdsa = &signature.signature.ecdsa;
	struct digest digest;
	size_t len = approval_message(&approval->policy, approvals->ref,
	    approvals->until_epoch, message);

	TRY(digest_of(bytes_of(message, len), &digest, err));
	memcpy(hashed.buffer, digest.bytes, DIGEST_BYTES);
	ecdsa->hash = TPM2_ALG_SHA256;
	ecdsa->signatureR.size = POLICY_KEY_HALF_BYTES;
	ecdsa->signatureS.size = POLICY_KEY_HALF_BYTES;
	TRY(policy_key_signature(
	    bytes_of(approval->signature, approval->signature_len),
	    ecdsa->signatureR.buffer, ecdsa->signatureS.buffer, err));
	TRY(tpm_esys_session_use(tpm, TPMA_SESSION_AUDIT, err));
	TRY(tpm_esys_check(Esys_VerifySignature(tpm->esys, key, tpm->session,
			       ESYS_TR_NONE, ESYS_TR_NONE, &hashed, &signature,
			       &ticket),
	    err, "verify the approval"));
	*ret_ticket = *ticket;
	return 0;
}

static int
satisfy(struct tpm_esys *tpm, ESYS_TR session,
    const struct approvals *approvals, const struct approval *approval,
    const struct policy_key *key, const TPMT_TK_VERIFIED *ticket,
    struct err *err)
{
	const TPM2B_DIGEST as_they_are = {.size = 0};
	TPM2B_NAME name = {.size = TPM_NAME_BYTES};
	TPM2B_DIGEST policy = {.size = DIGEST_BYTES};
	TPM2B_NONCE use = {.size = 0};
	TPML_PCR_SELECTION selection = {.count = 0};

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		TPMS_PCR_SELECTION *of_bank =
		    &selection.pcrSelections[selection.count];

		if (approval->registers[bank] == 0)
			continue;
		of_bank->hash = pcr_bank_algorithm(bank);
		of_bank->sizeofSelect = PCR_COUNT / 8;
		for (size_t i = 0; i < PCR_COUNT / 8; i++)
			of_bank->pcrSelect[i] =
			    (uint8_t)(approval->registers[bank] >> 8 * i);
		selection.count++;
	}
	memcpy(policy.buffer, approval->policy.bytes, DIGEST_BYTES);
	memcpy(name.name, key->name.bytes, TPM_NAME_BYTES);
	use.size = (uint16_t)approval_use(approvals->ref,
	    approvals->until_epoch, use.buffer);
	TRY(tpm_esys_check(Esys_PolicyPCR(tpm->esys, session, ESYS_TR_NONE,
			       ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are,
			       &selection),
	    err, "registers"));
	return tpm_esys_check(Esys_PolicyAuthorize(tpm->esys, session,
				  ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				  &policy, &use, &name, ticket),
	    err, "approval of release %s", approval->release);
}

/* The EK may be used by who may use the endorsement hierarchy. */
static int
activate(struct tpm_esys *tpm, const struct tpm_identity *identity,
    ESYS_TR policy, const TPM2B_ID_OBJECT *blob,
    const TPM2B_ENCRYPTED_SECRET *encrypted, TPM2B_DIGEST **ret_secret,
    struct err *err)
{
	ESYS_TR ak;
	ESYS_TR ek;

	TRY(tpm_esys_object(tpm, &identity->ak, "AK", &ak, err));
	TRY(tpm_esys_object(tpm, &identity->ek, "EK", &ek, err));
	TRY(tpm_esys_session_use(tpm, 0, err));
	TRY(tpm_esys_check(Esys_PolicySecret(tpm->esys, ESYS_TR_RH_ENDORSEMENT,
			       policy, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE,
			       NULL, NULL, NULL, 0, NULL, NULL),
	    err, "use the EK"));
	TRY(tpm_esys_session_use(tpm, TPMA_SESSION_ENCRYPT, err));
	return tpm_esys_check(Esys_ActivateCredential(tpm->esys, ak, ek,
				  tpm->session, policy, ESYS_TR_NONE, blob,
				  encrypted, ret_secret),
	    err, "open the credential");
}

/* A TPM says in many ways that something was not made for it. */
static int
refuse_foreign(int code, const char *what, struct err *err)
{
	char text[sizeof(err->text)];

	if (code != TPM_FAILED)
		return code;
	memcpy(text, err->text, sizeof(text));
	return err_set(err, SECRET_MALFORMED, "%s is not for this TPM: %.200s",
	    what, text);
}

static void
take_secret(const void *bytes, size_t len, struct tpm_secret *ret_secret)
{
	*ret_secret = (struct tpm_secret){.len = len};
	if (len > sizeof(ret_secret->bytes))
		ret_secret->len = sizeof(ret_secret->bytes);
	memcpy(ret_secret->bytes, bytes, ret_secret->len);
}
