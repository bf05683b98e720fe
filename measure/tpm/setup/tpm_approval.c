#include "measure/tpm/setup/tpm_approval.h"

#include <stdlib.h>

#include <tss2/tss2_mu.h>

#include "base/scope.h"
#include "measure/tpm/setup/policy_key.h"

static int check_signature(struct tpm_esys *tpm,
    const struct approvals *approvals, const struct approval *approval,
    struct policy_key *ret_key, TPMT_TK_VERIFIED *ret_ticket, struct err *err);
static int verify(struct tpm_esys *tpm, ESYS_TR key,
    const struct approvals *approvals, const struct approval *approval,
    TPMT_TK_VERIFIED *ret_ticket, struct err *err);
static int show_registers(struct tpm_esys *tpm, ESYS_TR session,
    const struct approval *approval, struct err *err);
static int show_counter(struct tpm_esys *tpm, ESYS_TR session, ESYS_TR counter,
    uint64_t value, struct err *err);
static int show_branches(struct tpm_esys *tpm, ESYS_TR session,
    const struct digest *branches, struct err *err);

int
tpm_approval_show(struct tpm_esys *tpm, ESYS_TR session,
    const struct approvals *approvals, const struct approval *approval,
    struct err *err)
{
	TPM2B_NAME name = {.size = TPM_NAME_BYTES};
	TPM2B_DIGEST policy = {.size = DIGEST_BYTES};
	TPM2B_NONCE use = {.size = 0};
	TPMT_TK_VERIFIED ticket;
	struct policy_key key;

	TRY(check_signature(tpm, approvals, approval, &key, &ticket, err));
	TRY(show_registers(tpm, session, approval, err));
	memcpy(policy.buffer, approval->policy.bytes, DIGEST_BYTES);
	memcpy(name.name, key.name.bytes, TPM_NAME_BYTES);
	use.size = (uint16_t)approval_use(approvals->ref,
	    approvals->until_epoch, use.buffer);
	return tpm_esys_check(Esys_PolicyAuthorize(tpm->esys, session,
				  ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				  &policy, &use, &name, &ticket),
	    err, "approval of release %s", approval->release);
}

int
tpm_approval_show_epoch(struct tpm_esys *tpm, ESYS_TR session,
    const struct tpm_object *counter, const struct epoch_policy_terms *terms,
    int64_t epoch, struct err *err)
{
	CLEANUP(freep)
	struct epoch_policy *policy = calloc(1, sizeof(*policy));
	ESYS_TR index;
	int code;

	if (policy == NULL)
		return err_set(err, NO_MEMORY, "policy of epochs");
	TRY(epoch_policy_of(terms, epoch, policy, err));
	TRY(tpm_esys_object(tpm, counter, "counter", &index, err));
	code = show_counter(tpm, session, index,
	    epoch_policy_counter(terms, epoch), err);
	Esys_TR_Close(tpm->esys, &index);
	TRY(code);
	for (size_t level = 0; level < EPOCH_POLICY_LEVELS; level++)
		TRY(show_branches(tpm, session, policy->branches[level], err));
	return 0;
}

/* The TPM verifies the signature itself, and gives a ticket for that. */
static int
check_signature(struct tpm_esys *tpm, const struct approvals *approvals,
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
show_registers(struct tpm_esys *tpm, ESYS_TR session,
    const struct approval *approval, struct err *err)
{
	const TPM2B_DIGEST as_they_are = {.size = 0};
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
	return tpm_esys_check(Esys_PolicyPCR(tpm->esys, session, ESYS_TR_NONE,
				  ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are,
				  &selection),
	    err, "registers");
}

static int
show_counter(struct tpm_esys *tpm, ESYS_TR session, ESYS_TR counter,
    uint64_t value, struct err *err)
{
	TPM2B_OPERAND bound = {.size = sizeof(value)};

	for (size_t i = 0; i < sizeof(value); i++)
		bound.buffer[i] =
		    (uint8_t)(value >> 8 * (sizeof(value) - 1 - i));
	TRY(tpm_esys_session_use(tpm, 0, err));
	return tpm_esys_check(Esys_PolicyNV(tpm->esys, counter, counter,
				  session, tpm->session, ESYS_TR_NONE,
				  ESYS_TR_NONE, &bound, 0, TPM2_EO_UNSIGNED_LE),
	    err, "the counter against the approval's epoch");
}

static int
show_branches(struct tpm_esys *tpm, ESYS_TR session,
    const struct digest *branches, struct err *err)
{
	TPML_DIGEST list = {.count = POLICY_OR_MAX};

	for (size_t i = 0; i < POLICY_OR_MAX; i++) {
		list.digests[i].size = DIGEST_BYTES;
		memcpy(list.digests[i].buffer, branches[i].bytes, DIGEST_BYTES);
	}
	return tpm_esys_check(Esys_PolicyOR(tpm->esys, session, ESYS_TR_NONE,
				  ESYS_TR_NONE, ESYS_TR_NONE, &list),
	    err, "one epoch of several");
}
