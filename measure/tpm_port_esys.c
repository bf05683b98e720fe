#include "measure/tpm_port_esys.h"

#include <stdlib.h>

#include <tss2/tss2_mu.h>

#include "base/scope.h"
#include "measure/tpm_certificate.h"
#include "measure/tpm_registers.h"

enum { TRIES = 3 }; /* of a quote whose registers stay as they were read */

struct port {
	struct tpm_esys *tpm;
	bool has_identity;
	bool has_log;
	uint32_t banks; /* bit n: the TPM has it */
	ESYS_TR ak;
	ESYS_TR ek;
	ESYS_TR counter;
	ESYS_TR log;
	ESYS_TR launch; /* the policy session for the log index, once open */
};

static void close_port(void *tpm);
static void port_freep(struct port **port);
static int open_pinned(struct port *port, const struct tpm_identity *identity,
    struct err *err);
static int require(const struct port *port, bool is_there, const char *what,
    struct err *err);
static int read_index(struct port *port, ESYS_TR index, const char *what,
    uint16_t len, uint8_t *ret_bytes, TSS2_RC *ret_rc, struct err *err);
static int extend_log(struct port *port, const struct digest *data,
    struct err *err);
static int quote_once(struct port *port, const TPM2B_DATA *extra,
    struct tpm_quote *quote, bool *ret_fits, struct err *err);
static int take_attestation(const TPM2B_ATTEST *attest,
    const TPMT_SIGNATURE *signature, struct tpm_attestation *ret_attestation,
    struct err *err);
static int put_blob(const void *bytes, size_t len, const char *what,
    struct tpm_blob *ret_blob, struct err *err);

static int
port_pcr_read(void *tpm, struct pcr_values *ret_values, struct err *err)
{
	struct port *port = tpm;

	return tpm_registers_read(port->tpm, port->banks, ret_values, err);
}

static int
port_pcr_extend(void *tpm, unsigned int pcr, const struct pcr_digests *digests,
    struct err *err)
{
	struct port *port = tpm;
	TPML_DIGEST_VALUES values = {.count = 0};
	ESYS_TR session;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		TPMT_HA *value = &values.digests[values.count];

		if ((port->banks >> bank & 1) == 0)
			continue;
		value->hashAlg = pcr_bank_algorithm(bank);
		memcpy(&value->digest, digests->bank[bank].bytes,
		    pcr_bank_bytes(bank));
		values.count++;
	}
	TRY(tpm_esys_begin(port->tpm, 0, &session, err));
	return tpm_esys_check(
	    Esys_PCR_Extend(port->tpm->esys, pcr,
		session != ESYS_TR_NONE ? session : ESYS_TR_PASSWORD,
		ESYS_TR_NONE, ESYS_TR_NONE, &values),
	    err, "extend register %u", pcr);
}

static int
port_log_extend(void *tpm, const struct digest *data, struct err *err)
{
	struct port *port = tpm;
	int code;

	TRY(require(port, port->has_log, "log index", err));
	if (port->launch == ESYS_TR_NONE)
		TRY(tpm_esys_policy_start(port->tpm,
		    TPMA_SESSION_DECRYPT | TPMA_SESSION_CONTINUESESSION,
		    &port->launch, err));
	code = extend_log(port, data, err);
	if (code != 0)
		tpm_esys_flush(port->tpm, &port->launch);
	return code;
}

/*
 * That nothing was written is an answer without an HMAC. Who forges it hides
 * what the index holds from this host; the verifier has it certified.
 */
static int
port_log_read(void *tpm, struct pcr_digest *ret_value, struct err *err)
{
	struct port *port = tpm;
	struct pcr_digest value = {{0}};
	TSS2_RC rc = TSS2_RC_SUCCESS;

	TRY(require(port, port->has_log, "log index", err));
	if (read_index(port, port->log, "log index", DIGEST_BYTES, value.bytes,
		&rc, err) != 0 &&
	    tpm_esys_reason(rc) != TPM2_RC_NV_UNINITIALIZED)
		return (int)err->code;
	*ret_value = value;
	return 0;
}

static int
port_counter_read(void *tpm, uint64_t *ret_value, struct err *err)
{
	struct port *port = tpm;
	uint8_t bytes[sizeof(uint64_t)];
	uint64_t value = 0;
	TSS2_RC rc;

	TRY(require(port, port->has_identity, "counter", err));
	TRY(read_index(port, port->counter, "counter", sizeof(bytes), bytes,
	    &rc, err));
	for (size_t i = 0; i < sizeof(bytes); i++)
		value = value << 8 | bytes[i];
	*ret_value = value;
	return 0;
}

static int
port_counter_increment(void *tpm, struct err *err)
{
	struct port *port = tpm;
	ESYS_TR session;

	TRY(require(port, port->has_identity, "counter", err));
	TRY(tpm_esys_begin(port->tpm, 0, &session, err));
	return tpm_esys_check(Esys_NV_Increment(port->tpm->esys, port->counter,
				  port->counter, session, ESYS_TR_NONE,
				  ESYS_TR_NONE),
	    err, "increment the counter");
}

/* What is quoted and what is read may differ by something in between. */
static int
port_quote(void *tpm, const struct digest *extra, struct tpm_quote *ret_quote,
    struct err *err)
{
	struct port *port = tpm;
	CLEANUP(freep) struct tpm_quote *quote = calloc(1, sizeof(*quote));
	TPM2B_DATA data = {.size = sizeof(extra->bytes)};
	bool fits = false;

	if (quote == NULL)
		return err_set(err, NO_MEMORY, "quote");
	TRY(require(port, port->has_identity, "AK", err));
	memcpy(data.buffer, extra->bytes, sizeof(extra->bytes));
	for (int i = 0; i < TRIES && !fits; i++) {
		TRY(port_pcr_read(port, &quote->values, err));
		TRY(quote_once(port, &data, quote, &fits, err));
	}
	if (!fits)
		return err_set(err, TPM_FAILED,
		    "quote: registers changed during each of %d tries", TRIES);
	*ret_quote = *quote;
	return 0;
}

static int
port_log_certify(void *tpm, const struct digest *extra,
    struct tpm_attestation *ret_attestation, struct err *err)
{
	struct port *port = tpm;
	TPM2B_DATA data = {.size = sizeof(extra->bytes)};
	const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL};
	CLEANUP(freep) TPM2B_ATTEST *attest = NULL;
	CLEANUP(freep) TPMT_SIGNATURE *signature = NULL;
	ESYS_TR session;

	TRY(require(port, port->has_log, "log index", err));
	memcpy(data.buffer, extra->bytes, sizeof(extra->bytes));
	TRY(tpm_esys_begin(port->tpm,
	    TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session, err));
	TRY(tpm_esys_check(Esys_NV_Certify(port->tpm->esys, port->ak, port->log,
			       port->log, session, ESYS_TR_PASSWORD,
			       ESYS_TR_NONE, &data, &scheme, DIGEST_BYTES, 0,
			       &attest, &signature),
	    err, "certify the log index"));
	return take_attestation(attest, signature, ret_attestation, err);
}

static int
port_public_read(void *tpm, enum tpm_key key, struct tpm_blob *ret_public,
    struct err *err)
{
	struct port *port = tpm;
	CLEANUP(freep) TPM2B_PUBLIC *public = NULL;
	uint8_t bytes[sizeof(*public)];
	size_t len = 0;
	ESYS_TR session;

	TRY(require(port, port->has_identity, "key", err));
	TRY(tpm_esys_begin(port->tpm, TPMA_SESSION_AUDIT, &session, err));
	TRY(tpm_esys_check(Esys_ReadPublic(port->tpm->esys,
			       key == TPM_AK ? port->ak : port->ek, session,
			       ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL, NULL),
	    err, "read a public key"));
	TRY(tpm_esys_check(Tss2_MU_TPMT_PUBLIC_Marshal(&public->publicArea,
			       bytes, sizeof(bytes), &len),
	    err, "marshal a public key"));
	return put_blob(bytes, len, "public key", ret_public, err);
}

/* The index that goes with the kind of the EK: others are of other keys. */
static int
port_ek_certificate_read(void *tpm, struct tpm_blob *ret_certificate,
    struct err *err)
{
	struct port *port = tpm;
	struct tpm_blob public;
	uint16_t type;

	TRY(port_public_read(port, TPM_EK, &public, err));
	type = (uint16_t)(public.bytes[0] << 8 | public.bytes[1]);
	return tpm_certificate_read(port->tpm, type, ret_certificate, err);
}

static const struct tpm_ops ops = {
    .pcr_read = port_pcr_read,
    .pcr_extend = port_pcr_extend,
    .log_extend = port_log_extend,
    .log_read = port_log_read,
    .counter_read = port_counter_read,
    .counter_increment = port_counter_increment,
    .quote = port_quote,
    .log_certify = port_log_certify,
    .public_read = port_public_read,
    .ek_certificate_read = port_ek_certificate_read,
    .close = close_port,
};

int
tpm_port_esys_open(const char *where, const struct tpm_identity *identity,
    int timeout_ms, struct tpm_port *ret_port, struct err *err)
{
	CLEANUP(port_freep) struct port *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return err_set(err, NO_MEMORY, "TPM");
	port->launch = ESYS_TR_NONE;
	TRY(tpm_esys_open(where, timeout_ms, &port->tpm, err));
	if (identity != NULL)
		TRY(open_pinned(port, identity, err));
	TRY(tpm_registers_banks(port->tpm, &port->banks, err));
	ret_port->ops = &ops;
	ret_port->tpm = take_ptr(&port);
	return 0;
}

int
tpm_port_esys_pin(struct tpm_port *port, const struct tpm_identity *identity,
    struct err *err)
{
	struct port *self = port->tpm;

	TRY(open_pinned(self, identity, err));
	return tpm_registers_banks(self->tpm, &self->banks, err);
}

static void
close_port(void *tpm)
{
	struct port *port = tpm;

	port_freep(&port);
}

static void
port_freep(struct port **port)
{
	if (*port != NULL && (*port)->tpm != NULL) {
		tpm_esys_flush((*port)->tpm, &(*port)->launch);
		tpm_esys_freep(&(*port)->tpm);
	}
	free(*port);
	*port = NULL;
}

/* The session first: from then on nobody can answer in the TPM's place. */
static int
open_pinned(struct port *port, const struct tpm_identity *identity,
    struct err *err)
{
	struct tpm_esys *tpm = port->tpm;

	TRY(tpm_esys_object(tpm, &identity->salt, "salt key", &tpm->salt, err));
	TRY(tpm_esys_session_start(tpm, err));
	TRY(tpm_esys_object(tpm, &identity->ak, "AK", &port->ak, err));
	TRY(tpm_esys_object(tpm, &identity->ek, "EK", &port->ek, err));
	TRY(tpm_esys_object(tpm, &identity->counter, "counter", &port->counter,
	    err));
	if (identity->has_log)
		TRY(tpm_esys_object(tpm, &identity->log, "log index",
		    &port->log, err));
	port->has_identity = true;
	port->has_log = identity->has_log;
	return 0;
}

static int
require(const struct port *port, bool is_there, const char *what,
    struct err *err)
{
	if (!port->has_identity)
		return err_set_field(err, TPM_NOT_PROVISIONED, what,
		    "%s: no TPM identity was given", what);
	if (!is_there)
		return err_set_field(err, TPM_NOT_PROVISIONED, what,
		    "%s: the TPM identity has none", what);
	return 0;
}

/* *ret_rc is the TPM's answer, also if it is an error. */
static int
read_index(struct port *port, ESYS_TR index, const char *what, uint16_t len,
    uint8_t *ret_bytes, TSS2_RC *ret_rc, struct err *err)
{
	CLEANUP(freep) TPM2B_MAX_NV_BUFFER *data = NULL;
	ESYS_TR session;

	TRY(tpm_esys_begin(port->tpm, TPMA_SESSION_ENCRYPT, &session, err));
	*ret_rc = Esys_NV_Read(port->tpm->esys, index, index, session,
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
extend_log(struct port *port, const struct digest *data, struct err *err)
{
	const TPM2B_DIGEST as_they_are = {.size = 0};
	const TPML_PCR_SELECTION launch = {.count = 1,
	    .pcrSelections[0] = {.hash = TPM2_ALG_SHA256,
		.sizeofSelect = PCR_COUNT / 8,
		.pcrSelect = {0, 0, 1u << (17 - 16) | 1u << (18 - 16)}}};
	TPM2B_MAX_NV_BUFFER buffer = {.size = sizeof(data->bytes)};
	ESYS_CONTEXT *esys = port->tpm->esys;

	memcpy(buffer.buffer, data->bytes, sizeof(data->bytes));
	TRY(tpm_esys_check(Esys_PolicyPCR(esys, port->launch, ESYS_TR_NONE,
			       ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are,
			       &launch),
	    err, "policy of the log index"));
	TRY(tpm_esys_check(Esys_PolicyCommandCode(esys, port->launch,
			       ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
			       TPM2_CC_NV_Extend),
	    err, "policy of the log index"));
	TRY(tpm_esys_check(Esys_NV_Extend(esys, port->log, port->log,
			       port->launch, ESYS_TR_NONE, ESYS_TR_NONE,
			       &buffer),
	    err, "extend the log index"));
	return 0;
}

static int
quote_once(struct port *port, const TPM2B_DATA *extra, struct tpm_quote *quote,
    bool *ret_fits, struct err *err)
{
	const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL};
	CLEANUP(freep) TPM2B_ATTEST *attest = NULL;
	CLEANUP(freep) TPMT_SIGNATURE *signature = NULL;
	TPML_PCR_SELECTION selection;
	ESYS_TR session;

	tpm_registers_select(port->banks, &selection);
	TRY(tpm_esys_begin(port->tpm,
	    TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session, err));
	TRY(tpm_esys_check(Esys_Quote(port->tpm->esys, port->ak, session,
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
