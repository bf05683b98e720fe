#include "measure/tpm/tpm_pinned.h"

#include <stdlib.h>

#include <tss2/tss2_mu.h>

#include "base/scope.h"
#include "measure/tpm/tpm_certificate.h"
#include "measure/tpm/tpm_registers.h"

/* Of a quote whose registers stay as they were read, and of a policy whose
 * registers nobody extends meanwhile. */
enum { TRIES = 3 };

static int require(const struct tpm_pinned *pinned, bool is_there,
    const char *what, struct err *err);
static int read_index(struct tpm_pinned *pinned, ESYS_TR index,
    const char *what, uint16_t len, uint8_t *ret_bytes, TSS2_RC *ret_rc,
    struct err *err);
static int extend_log(struct tpm_pinned *pinned, const struct digest *data,
    bool *ret_moved, struct err *err);
static int quote_once(struct tpm_pinned *pinned, const TPM2B_DATA *extra,
    struct tpm_quote *quote, bool *ret_fits, struct err *err);
static int take_attestation(const TPM2B_ATTEST *attest,
    const TPMT_SIGNATURE *signature, struct tpm_attestation *ret_attestation,
    struct err *err);
static int put_blob(const void *bytes, size_t len, const char *what,
    struct tpm_blob *ret_blob, struct err *err);

int
tpm_pinned_pcr_extend(struct tpm_pinned *pinned, unsigned int pcr,
    const struct pcr_digests *digests, struct err *err)
{
	TPML_DIGEST_VALUES values = {.count = 0};
	ESYS_TR session;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		TPMT_HA *value = &values.digests[values.count];

		if ((pinned->banks >> bank & 1) == 0)
			continue;
		value->hashAlg = pcr_bank_algorithm(bank);
		memcpy(&value->digest, digests->bank[bank].bytes,
		    pcr_bank_bytes(bank));
		values.count++;
	}
	TRY(tpm_esys_begin(pinned->tpm, 0, &session, err));
	return tpm_esys_check(
	    Esys_PCR_Extend(pinned->tpm->esys, pcr,
		session != ESYS_TR_NONE ? session : ESYS_TR_PASSWORD,
		ESYS_TR_NONE, ESYS_TR_NONE, &values),
	    err, "extend register %u", pcr);
}

/*
 * Any register that somebody extends between policy and command makes the TPM
 * say PCR_CHANGED, also one that the policy is not about: TPM 2.0 Part 3,
 * TPM2_PolicyPCR, pcrUpdateCounter.
 */
int
tpm_pinned_log_extend(struct tpm_pinned *pinned, const struct digest *data,
    struct err *err)
{
	bool moved = true;

	TRY(require(pinned, pinned->has_log, "log index", err));
	for (int i = 0; i < TRIES && moved; i++) {
		if (pinned->launch == ESYS_TR_NONE)
			TRY(tpm_esys_policy_start(pinned->tpm,
			    TPMA_SESSION_DECRYPT | TPMA_SESSION_CONTINUESESSION,
			    &pinned->launch, err));
		if (extend_log(pinned, data, &moved, err) == 0)
			return 0;
		tpm_esys_flush(pinned->tpm, &pinned->launch);
	}
	if (moved)
		return err_set(err, TPM_FAILED,
		    "log index: registers changed during each of %d tries",
		    TRIES);
	return (int)err->code;
}

/*
 * That nothing was written is an answer without an HMAC. Who forges it hides
 * what the index holds from this host; the verifier has it certified.
 */
int
tpm_pinned_log_read(struct tpm_pinned *pinned, struct pcr_digest *ret_value,
    struct err *err)
{
	struct pcr_digest value = {{0}};
	TSS2_RC rc = TSS2_RC_SUCCESS;

	TRY(require(pinned, pinned->has_log, "log index", err));
	if (read_index(pinned, pinned->log, "log index", DIGEST_BYTES,
		value.bytes, &rc, err) != 0 &&
	    tpm_esys_reason(rc) != TPM2_RC_NV_UNINITIALIZED)
		return (int)err->code;
	*ret_value = value;
	return 0;
}

int
tpm_pinned_counter_read(struct tpm_pinned *pinned, uint64_t *ret_value,
    struct err *err)
{
	uint8_t bytes[sizeof(uint64_t)];
	uint64_t value = 0;
	TSS2_RC rc;

	TRY(require(pinned, pinned->has_identity, "counter", err));
	TRY(read_index(pinned, pinned->counter, "counter", sizeof(bytes), bytes,
	    &rc, err));
	for (size_t i = 0; i < sizeof(bytes); i++)
		value = value << 8 | bytes[i];
	*ret_value = value;
	return 0;
}

int
tpm_pinned_counter_increment(struct tpm_pinned *pinned, struct err *err)
{
	ESYS_TR session;

	TRY(require(pinned, pinned->has_identity, "counter", err));
	TRY(tpm_esys_begin(pinned->tpm, 0, &session, err));
	return tpm_esys_check(Esys_NV_Increment(pinned->tpm->esys,
				  pinned->counter, pinned->counter, session,
				  ESYS_TR_NONE, ESYS_TR_NONE),
	    err, "increment the counter");
}

/* What is quoted and what is read may differ by something in between. */
int
tpm_pinned_quote(struct tpm_pinned *pinned, const struct digest *extra,
    struct tpm_quote *ret_quote, struct err *err)
{
	CLEANUP(freep) struct tpm_quote *quote = calloc(1, sizeof(*quote));
	TPM2B_DATA data = {.size = sizeof(extra->bytes)};
	bool fits = false;

	if (quote == NULL)
		return err_set(err, NO_MEMORY, "quote");
	TRY(require(pinned, pinned->has_identity, "AK", err));
	memcpy(data.buffer, extra->bytes, sizeof(extra->bytes));
	for (int i = 0; i < TRIES && !fits; i++) {
		TRY(tpm_registers_read(pinned->tpm, pinned->banks,
		    &quote->values, err));
		TRY(quote_once(pinned, &data, quote, &fits, err));
	}
	if (!fits)
		return err_set(err, TPM_FAILED,
		    "quote: registers changed during each of %d tries", TRIES);
	*ret_quote = *quote;
	return 0;
}

int
tpm_pinned_log_certify(struct tpm_pinned *pinned, const struct digest *extra,
    struct tpm_attestation *ret_attestation, struct err *err)
{
	TPM2B_DATA data = {.size = sizeof(extra->bytes)};
	const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL};
	CLEANUP(freep) TPM2B_ATTEST *attest = NULL;
	CLEANUP(freep) TPMT_SIGNATURE *signature = NULL;
	ESYS_TR session;

	TRY(require(pinned, pinned->has_log, "log index", err));
	memcpy(data.buffer, extra->bytes, sizeof(extra->bytes));
	TRY(tpm_esys_begin(pinned->tpm,
	    TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session, err));
	TRY(tpm_esys_check(Esys_NV_Certify(pinned->tpm->esys, pinned->ak,
			       pinned->log, pinned->log, session,
			       ESYS_TR_PASSWORD, ESYS_TR_NONE, &data, &scheme,
			       DIGEST_BYTES, 0, &attest, &signature),
	    err, "certify the log index"));
	return take_attestation(attest, signature, ret_attestation, err);
}

int
tpm_pinned_public_read(struct tpm_pinned *pinned, enum tpm_key key,
    struct tpm_blob *ret_public, struct err *err)
{
	CLEANUP(freep) TPM2B_PUBLIC *public = NULL;
	uint8_t bytes[sizeof(*public)];
	size_t len = 0;
	ESYS_TR session;

	TRY(require(pinned, pinned->has_identity, "key", err));
	TRY(tpm_esys_begin(pinned->tpm, TPMA_SESSION_AUDIT, &session, err));
	TRY(tpm_esys_check(Esys_ReadPublic(pinned->tpm->esys,
			       key == TPM_AK ? pinned->ak : pinned->ek, session,
			       ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL, NULL),
	    err, "read a public key"));
	TRY(tpm_esys_check(Tss2_MU_TPMT_PUBLIC_Marshal(&public->publicArea,
			       bytes, sizeof(bytes), &len),
	    err, "marshal a public key"));
	return put_blob(bytes, len, "public key", ret_public, err);
}

/* The index that goes with the kind of the EK: others are of other keys. */
int
tpm_pinned_ek_certificate_read(struct tpm_pinned *pinned,
    struct tpm_blob *ret_certificate, struct err *err)
{
	struct tpm_blob public;
	uint16_t type;

	TRY(tpm_pinned_public_read(pinned, TPM_EK, &public, err));
	type = (uint16_t)(public.bytes[0] << 8 | public.bytes[1]);
	return tpm_certificate_read(pinned->tpm, type, ret_certificate, err);
}

static int
require(const struct tpm_pinned *pinned, bool is_there, const char *what,
    struct err *err)
{
	if (!pinned->has_identity)
		return err_set_field(err, TPM_NOT_PROVISIONED, what,
		    "%s: no TPM identity was given", what);
	if (!is_there)
		return err_set_field(err, TPM_NOT_PROVISIONED, what,
		    "%s: the TPM identity has none", what);
	return 0;
}

/* *ret_rc is the TPM's answer, also if it is an error. */
static int
read_index(struct tpm_pinned *pinned, ESYS_TR index, const char *what,
    uint16_t len, uint8_t *ret_bytes, TSS2_RC *ret_rc, struct err *err)
{
	CLEANUP(freep) TPM2B_MAX_NV_BUFFER *data = NULL;
	ESYS_TR session;

	TRY(tpm_esys_begin(pinned->tpm, TPMA_SESSION_ENCRYPT, &session, err));
	*ret_rc = Esys_NV_Read(pinned->tpm->esys, index, index, session,
	    ESYS_TR_NONE, ESYS_TR_NONE, len, 0, &data);
	TRY(tpm_esys_check(*ret_rc, err, "read the %s", what));
	if (data->size != len)
		return err_set(err, TPM_FAILED, "%s: %u bytes, not %u", what,
		    data->size, len);
	memcpy(ret_bytes, data->buffer, len);
	return 0;
}

/* A policy session forgets what it was satisfied with when it was used
 * (TPM 2.0 Part 1, "Policy Session Reuse"), so it is asked again each time. */
static int
extend_log(struct tpm_pinned *pinned, const struct digest *data,
    bool *ret_moved, struct err *err)
{
	const TPM2B_DIGEST as_they_are = {.size = 0};
	const TPML_PCR_SELECTION launch = {.count = 1,
	    .pcrSelections[0] = {.hash = TPM2_ALG_SHA256,
		.sizeofSelect = PCR_COUNT / 8,
		.pcrSelect = {0, 0, 1u << (17 - 16) | 1u << (18 - 16)}}};
	TPM2B_MAX_NV_BUFFER buffer = {.size = sizeof(data->bytes)};
	ESYS_CONTEXT *esys = pinned->tpm->esys;
	TSS2_RC rc;

	*ret_moved = false;
	memcpy(buffer.buffer, data->bytes, sizeof(data->bytes));
	TRY(tpm_esys_check(Esys_PolicyPCR(esys, pinned->launch, ESYS_TR_NONE,
			       ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are,
			       &launch),
	    err, "policy of the log index"));
	TRY(tpm_esys_check(Esys_PolicyCommandCode(esys, pinned->launch,
			       ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
			       TPM2_CC_NV_Extend),
	    err, "policy of the log index"));
	rc = Esys_NV_Extend(esys, pinned->log, pinned->log, pinned->launch,
	    ESYS_TR_NONE, ESYS_TR_NONE, &buffer);
	*ret_moved = tpm_esys_reason(rc) == TPM2_RC_PCR_CHANGED;
	return tpm_esys_check(rc, err, "extend the log index");
}

static int
quote_once(struct tpm_pinned *pinned, const TPM2B_DATA *extra,
    struct tpm_quote *quote, bool *ret_fits, struct err *err)
{
	const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL};
	CLEANUP(freep) TPM2B_ATTEST *attest = NULL;
	CLEANUP(freep) TPMT_SIGNATURE *signature = NULL;
	TPML_PCR_SELECTION selection;
	ESYS_TR session;

	tpm_registers_select(pinned->banks, &selection);
	TRY(tpm_esys_begin(pinned->tpm,
	    TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session, err));
	TRY(tpm_esys_check(Esys_Quote(pinned->tpm->esys, pinned->ak, session,
			       ESYS_TR_NONE, ESYS_TR_NONE, extra, &scheme,
			       &selection, &attest, &signature),
	    err, "quote"));
	TRY(tpm_registers_fit_quote(attest, &quote->values, ret_fits, err));
	return take_attestation(attest, signature, &quote->attestation, err);
}

static int
take_attestation(const TPM2B_ATTEST *attest, const TPMT_SIGNATURE *signature,
    struct tpm_attestation *ret_attestation, struct err *err)
{
	uint8_t bytes[sizeof(*signature)];
	struct tpm_blob statement;
	size_t len = 0;

	TRY(tpm_esys_check(Tss2_MU_TPMT_SIGNATURE_Marshal(signature, bytes,
			       sizeof(bytes), &len),
	    err, "marshal a signature"));
	TRY(put_blob(attest->attestationData, attest->size, "attestation",
	    &statement, err));
	TRY(put_blob(bytes, len, "signature", &ret_attestation->signature,
	    err));
	ret_attestation->attest = statement;
	return 0;
}

static int
put_blob(const void *bytes, size_t len, const char *what,
    struct tpm_blob *ret_blob, struct err *err)
{
	if (len > sizeof(ret_blob->bytes))
		return err_set(err, TPM_FAILED, "%s: %zu bytes, limit %zu",
		    what, len, sizeof(ret_blob->bytes));
	memcpy(ret_blob->bytes, bytes, len);
	ret_blob->len = len;
	return 0;
}
