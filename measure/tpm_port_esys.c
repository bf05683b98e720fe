#include "measure/tpm_port_esys.h"

#include <stdlib.h>

#include <tss2/tss2_mu.h>

#include "base/scope.h"
#include "measure/tpm_esys.h"

enum {
	TRIES = 3,       /* of reading all registers at one moment */
	MAX_READS = 64,  /* commands for one reading: 8 registers each */
	ALL_PCRS = 0xff, /* in each byte of a selection */
	EK_CERTIFICATE_RSA = 0x01c00002, /* TCG EK Credential Profile 2.2.1.4 */
	EK_CERTIFICATE_ECC = 0x01c0000a,
};

struct port {
	struct tpm_esys *tpm;
	bool has_identity;
	bool has_log;
	uint32_t banks; /* bit n: the TPM has it */
	ESYS_TR ak;
	ESYS_TR ek;
	ESYS_TR counter;
	ESYS_TR log;
};

static void close_port(void *tpm);
static void port_freep(struct port **port);
static int open_pinned(struct port *port, const struct tpm_identity *identity,
    struct err *err);
static int find_banks(struct port *port, struct err *err);
static int begin(struct port *port, TPMA_SESSION attributes,
    ESYS_TR *ret_session, struct err *err);
static int require(const struct port *port, bool is_there, const char *what,
    struct err *err);
static void select_all(const struct port *port, TPML_PCR_SELECTION *selection);
static bool selects_any(const TPML_PCR_SELECTION *selection);
static int read_once(struct port *port, struct pcr_values *ret_values,
    bool *ret_moved, struct err *err);
static int take_registers(const TPML_PCR_SELECTION *got,
    const TPML_DIGEST *digests, TPML_PCR_SELECTION *left,
    struct pcr_values *values, struct err *err);
static int take_register(enum pcr_bank bank, unsigned int pcr,
    const TPM2B_DIGEST *digest, struct pcr_values *values, struct err *err);
static int extend_log(struct port *port, ESYS_TR *session,
    const struct digest *data, struct err *err);
static int quote_once(struct port *port, const TPM2B_DATA *extra,
    struct tpm_quote *quote, bool *ret_fits, struct err *err);
static int quoted_digest_fits(const TPM2B_ATTEST *attest,
    const struct pcr_values *values, bool *ret_fits, struct err *err);
static int take_attestation(const TPM2B_ATTEST *attest,
    const TPMT_SIGNATURE *signature, struct tpm_attestation *ret_attestation,
    struct err *err);
static int put_blob(const void *bytes, size_t len, const char *what,
    struct tpm_blob *ret_blob, struct err *err);
static int read_index(struct port *port, TPM2_HANDLE handle,
    struct tpm_blob *ret_blob, struct err *err);
static int read_part(struct port *port, ESYS_TR index, uint16_t len,
    struct tpm_blob *blob, struct err *err);

static int
port_pcr_read(void *tpm, struct pcr_values *ret_values, struct err *err)
{
	struct port *port = tpm;
	bool moved = true;

	for (int i = 0; i < TRIES && moved; i++)
		TRY(read_once(port, ret_values, &moved, err));
	if (moved)
		return err_set(err, TPM_FAILED,
		    "registers changed during each of %d readings", TRIES);
	return 0;
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
	TRY(begin(port, 0, &session, err));
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
	ESYS_TR session;
	int code;

	TRY(require(port, port->has_log, "log index", err));
	TRY(tpm_esys_policy_start(port->tpm, TPMA_SESSION_DECRYPT, &session,
	    err));
	code = extend_log(port, &session, data, err);
	tpm_esys_flush(port->tpm, &session);
	return code;
}

static int
port_counter_read(void *tpm, uint64_t *ret_value, struct err *err)
{
	struct port *port = tpm;
	CLEANUP(freep) TPM2B_MAX_NV_BUFFER *data = NULL;
	ESYS_TR session;
	uint64_t value = 0;

	TRY(require(port, port->has_identity, "counter", err));
	TRY(begin(port, TPMA_SESSION_ENCRYPT, &session, err));
	TRY(tpm_esys_check(Esys_NV_Read(port->tpm->esys, port->counter,
			       port->counter, session, ESYS_TR_NONE,
			       ESYS_TR_NONE, sizeof(value), 0, &data),
	    err, "read the counter"));
	if (data->size != sizeof(value))
		return err_set(err, TPM_FAILED, "counter: %u bytes, not 8",
		    data->size);
	for (size_t i = 0; i < sizeof(value); i++)
		value = value << 8 | data->buffer[i];
	*ret_value = value;
	return 0;
}

static int
port_counter_increment(void *tpm, struct err *err)
{
	struct port *port = tpm;
	ESYS_TR session;

	TRY(require(port, port->has_identity, "counter", err));
	TRY(begin(port, 0, &session, err));
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
	TRY(begin(port, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session,
	    err));
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
	TRY(begin(port, TPMA_SESSION_AUDIT, &session, err));
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
	return read_index(port,
	    type == TPM2_ALG_RSA ? EK_CERTIFICATE_RSA : EK_CERTIFICATE_ECC,
	    ret_certificate, err);
}

static const struct tpm_ops ops = {
    .pcr_read = port_pcr_read,
    .pcr_extend = port_pcr_extend,
    .log_extend = port_log_extend,
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
	TRY(tpm_esys_open(where, timeout_ms, &port->tpm, err));
	if (identity != NULL)
		TRY(open_pinned(port, identity, err));
	TRY(find_banks(port, err));
	ret_port->ops = &ops;
	ret_port->tpm = take_ptr(&port);
	return 0;
}

int
tpm_port_esys_pin(struct tpm_port *port, const struct tpm_identity *identity,
    struct err *err)
{
	TRY(open_pinned(port->tpm, identity, err));
	return find_banks(port->tpm, err);
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
	if (*port != NULL)
		tpm_esys_freep(&(*port)->tpm);
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

/* Which banks have registers at all. */
static int
find_banks(struct port *port, struct err *err)
{
	CLEANUP(freep) TPMS_CAPABILITY_DATA *data = NULL;
	const TPML_PCR_SELECTION *banks;
	ESYS_TR session;
	enum pcr_bank bank;

	TRY(begin(port, TPMA_SESSION_AUDIT, &session, err));
	TRY(tpm_esys_check(Esys_GetCapability(port->tpm->esys, session,
			       ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_PCRS, 0, 1,
			       NULL, &data),
	    err, "ask for the banks of registers"));
	banks = &data->data.assignedPCR;
	for (uint32_t i = 0; i < banks->count; i++) {
		const TPMS_PCR_SELECTION *selection = &banks->pcrSelections[i];

		if (pcr_bank_from_algorithm(selection->hash, &bank) &&
		    selection->sizeofSelect == PCR_COUNT / 8 &&
		    memcmp(selection->pcrSelect, "\xff\xff\xff", 3) == 0)
			port->banks |= 1u << bank;
	}
	if (port->banks == 0)
		return err_set(err, TPM_FAILED,
		    "the TPM has neither SHA-256 nor SHA-384 registers");
	return 0;
}

/* The session for the next command; none without an identity. */
static int
begin(struct port *port, TPMA_SESSION attributes, ESYS_TR *ret_session,
    struct err *err)
{
	if (port->tpm->session != ESYS_TR_NONE)
		TRY(tpm_esys_session_use(port->tpm, attributes, err));
	*ret_session = port->tpm->session;
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

static void
select_all(const struct port *port, TPML_PCR_SELECTION *selection)
{
	*selection = (TPML_PCR_SELECTION){.count = 0};
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		TPMS_PCR_SELECTION *of_bank =
		    &selection->pcrSelections[selection->count];

		if ((port->banks >> bank & 1) == 0)
			continue;
		of_bank->hash = pcr_bank_algorithm(bank);
		of_bank->sizeofSelect = PCR_COUNT / 8;
		memset(of_bank->pcrSelect, ALL_PCRS, PCR_COUNT / 8);
		selection->count++;
	}
}

static bool
selects_any(const TPML_PCR_SELECTION *selection)
{
	for (uint32_t i = 0; i < selection->count; i++)
		for (size_t j = 0; j < PCR_COUNT / 8; j++)
			if (selection->pcrSelections[i].pcrSelect[j] != 0)
				return true;
	return false;
}

/* A command returns eight registers at most, and how often any changed. */
static int
read_once(struct port *port, struct pcr_values *ret_values, bool *ret_moved,
    struct err *err)
{
	struct pcr_values values = {.known = {0}};
	TPML_PCR_SELECTION left;
	uint32_t first_count = 0;
	uint32_t count = 0;
	int reads = 0;

	for (select_all(port, &left); selects_any(&left); reads++) {
		CLEANUP(freep) TPML_PCR_SELECTION *got = NULL;
		CLEANUP(freep) TPML_DIGEST *digests = NULL;
		ESYS_TR session;

		if (reads == MAX_READS)
			return err_set(err, TPM_FAILED,
			    "registers: not all read after %d commands", reads);
		TRY(begin(port, TPMA_SESSION_AUDIT, &session, err));
		TRY(tpm_esys_check(Esys_PCR_Read(port->tpm->esys, session,
				       ESYS_TR_NONE, ESYS_TR_NONE, &left,
				       &count, &got, &digests),
		    err, "read registers"));
		first_count = reads == 0 ? count : first_count;
		TRY(take_registers(got, digests, &left, &values, err));
	}
	*ret_moved = count != first_count;
	if (!*ret_moved)
		*ret_values = values;
	return 0;
}

/* What came leaves the selection; what was not asked for is refused. */
static int
take_registers(const TPML_PCR_SELECTION *got, const TPML_DIGEST *digests,
    TPML_PCR_SELECTION *left, struct pcr_values *values, struct err *err)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < got->count && i < left->count; i++) {
		TPMS_PCR_SELECTION *wanted = &left->pcrSelections[i];
		enum pcr_bank bank;

		if (got->pcrSelections[i].hash != wanted->hash ||
		    !pcr_bank_from_algorithm(wanted->hash, &bank))
			return err_set(err, TPM_FAILED,
			    "registers: another bank than was asked for");
		for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++) {
			uint8_t bit = (uint8_t)(1u << pcr % 8);

			if ((got->pcrSelections[i].pcrSelect[pcr / 8] & bit) ==
			    0)
				continue;
			if (used == digests->count ||
			    (wanted->pcrSelect[pcr / 8] & bit) == 0)
				return err_set(err, TPM_FAILED,
				    "registers: others than were asked for");
			TRY(take_register(bank, pcr, &digests->digests[used++],
			    values, err));
			wanted->pcrSelect[pcr / 8] &= (uint8_t)~bit;
		}
	}
	return 0;
}

static int
take_register(enum pcr_bank bank, unsigned int pcr, const TPM2B_DIGEST *digest,
    struct pcr_values *values, struct err *err)
{
	if (digest->size != pcr_bank_bytes(bank))
		return err_set(err, TPM_FAILED, "register %u: %u bytes", pcr,
		    digest->size);
	memcpy(values->value[bank][pcr].bytes, digest->buffer, digest->size);
	values->known[bank] |= 1u << pcr;
	return 0;
}

static int
extend_log(struct port *port, ESYS_TR *session, const struct digest *data,
    struct err *err)
{
	const TPM2B_DIGEST as_they_are = {.size = 0};
	const TPML_PCR_SELECTION launch = {.count = 1,
	    .pcrSelections[0] = {.hash = TPM2_ALG_SHA256,
		.sizeofSelect = PCR_COUNT / 8,
		.pcrSelect = {0, 0, 1u << (17 - 16) | 1u << (18 - 16)}}};
	TPM2B_MAX_NV_BUFFER buffer = {.size = sizeof(data->bytes)};
	ESYS_CONTEXT *esys = port->tpm->esys;

	memcpy(buffer.buffer, data->bytes, sizeof(data->bytes));
	TRY(tpm_esys_check(Esys_PolicyPCR(esys, *session, ESYS_TR_NONE,
			       ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are,
			       &launch),
	    err, "policy of the log index"));
	TRY(tpm_esys_check(Esys_PolicyCommandCode(esys, *session, ESYS_TR_NONE,
			       ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CC_NV_Extend),
	    err, "policy of the log index"));
	TRY(tpm_esys_check(Esys_NV_Extend(esys, port->log, port->log, *session,
			       ESYS_TR_NONE, ESYS_TR_NONE, &buffer),
	    err, "extend the log index"));
	*session = ESYS_TR_NONE;
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

	select_all(port, &selection);
	TRY(begin(port, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &session,
	    err));
	TRY(tpm_esys_check(Esys_Quote(port->tpm->esys, port->ak, session,
			       ESYS_TR_NONE, ESYS_TR_NONE, extra, &scheme,
			       &selection, &attest, &signature),
	    err, "quote"));
	TRY(quoted_digest_fits(attest, &quote->values, ret_fits, err));
	return take_attestation(attest, signature, &quote->attestation, err);
}

/* Is what was quoted the digest of the values, in the order of selection? */
static int
quoted_digest_fits(const TPM2B_ATTEST *attest, const struct pcr_values *values,
    bool *ret_fits, struct err *err)
{
	uint8_t all[PCR_BANKS * PCR_COUNT * PCR_MAX_BYTES];
	const TPM2B_DIGEST *quoted;
	TPMS_ATTEST decoded;
	struct digest digest;
	size_t len = 0;

	TRY(tpm_esys_check(
	    Tss2_MU_TPMS_ATTEST_Unmarshal(attest->attestationData, attest->size,
		NULL, &decoded),
	    err, "read the quote"));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++) {
			if ((values->known[bank] >> pcr & 1) == 0)
				continue;
			memcpy(all + len, values->value[bank][pcr].bytes,
			    pcr_bank_bytes(bank));
			len += pcr_bank_bytes(bank);
		}
	}
	TRY(digest_of(bytes_of(all, len), &digest, err));
	quoted = &decoded.attested.quote.pcrDigest;
	*ret_fits = bytes_equal(bytes_of(quoted->buffer, quoted->size),
	    bytes_of(digest.bytes, sizeof(digest.bytes)));
	return 0;
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

/* Empty if there is no such index. */
static int
read_index(struct port *port, TPM2_HANDLE handle, struct tpm_blob *ret_blob,
    struct err *err)
{
	CLEANUP(freep) TPM2B_NV_PUBLIC *public = NULL;
	struct tpm_blob blob = {.len = 0};
	ESYS_TR session;
	ESYS_TR index;
	TSS2_RC rc;
	int code;

	rc = Esys_TR_FromTPMPublic(port->tpm->esys, handle, ESYS_TR_NONE,
	    ESYS_TR_NONE, ESYS_TR_NONE, &index);
	if (tpm_esys_reason(rc) == TPM2_RC_HANDLE) {
		ret_blob->len = 0;
		return 0;
	}
	TRY(tpm_esys_check(rc, err, "index 0x%08x", handle));
	TRY(begin(port, TPMA_SESSION_AUDIT, &session, err));
	code =
	    tpm_esys_check(Esys_NV_ReadPublic(port->tpm->esys, index, session,
			       ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL),
		err, "index 0x%08x", handle);
	if (code == 0)
		code = read_part(port, index, public->nvPublic.dataSize, &blob,
		    err);
	Esys_TR_Close(port->tpm->esys, &index);
	if (code == 0)
		*ret_blob = blob;
	return code;
}

static int
read_part(struct port *port, ESYS_TR index, uint16_t len, struct tpm_blob *blob,
    struct err *err)
{
	enum { part_bytes = 512 }; /* every TPM reads that much at once */

	if (len > sizeof(blob->bytes))
		return err_set(err, TPM_FAILED,
		    "EK certificate: %u bytes, limit %zu", len,
		    sizeof(blob->bytes));
	while (blob->len < len) {
		CLEANUP(freep) TPM2B_MAX_NV_BUFFER *part = NULL;
		uint16_t want = (uint16_t)(len - blob->len);
		ESYS_TR session;

		want = want < part_bytes ? want : part_bytes;
		TRY(begin(port, 0, &session, err));
		TRY(tpm_esys_check(Esys_NV_Read(port->tpm->esys, index, index,
				       session, ESYS_TR_NONE, ESYS_TR_NONE,
				       want, (uint16_t)blob->len, &part),
		    err, "read the EK certificate"));
		if (part->size != want)
			return err_set(err, TPM_FAILED,
			    "EK certificate: a short answer");
		memcpy(blob->bytes + blob->len, part->buffer, want);
		blob->len += want;
	}
	return 0;
}
