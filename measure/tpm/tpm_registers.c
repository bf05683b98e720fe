#include "measure/tpm/tpm_registers.h"

#include <stdlib.h>

#include <tss2/tss2_mu.h>

#include "base/scope.h"

enum {
	TRIES = 3,       /* of reading all registers at one moment */
	MAX_READS = 64,  /* commands for one reading: 8 registers each */
	ALL_PCRS = 0xff, /* in each byte of a selection */
};

static bool selects_any(const TPML_PCR_SELECTION *selection);
static int read_once(struct tpm_esys *tpm, uint32_t banks,
    struct pcr_values *ret_values, bool *ret_moved, struct err *err);
static int take_registers(const TPML_PCR_SELECTION *got,
    const TPML_DIGEST *digests, TPML_PCR_SELECTION *left,
    struct pcr_values *values, struct err *err);
static int take_register(enum pcr_bank bank, unsigned int pcr,
    const TPM2B_DIGEST *digest, struct pcr_values *values, struct err *err);

int
tpm_registers_banks(struct tpm_esys *tpm, uint32_t *ret_banks, struct err *err)
{
	CLEANUP(freep) TPMS_CAPABILITY_DATA *data = NULL;
	const TPML_PCR_SELECTION *banks;
	ESYS_TR session;
	enum pcr_bank bank;
	uint32_t found = 0;

	TRY(tpm_esys_begin(tpm, TPMA_SESSION_AUDIT, &session, err));
	TRY(tpm_esys_check(Esys_GetCapability(tpm->esys, session, ESYS_TR_NONE,
			       ESYS_TR_NONE, TPM2_CAP_PCRS, 0, 1, NULL, &data),
	    err, "ask for the banks of registers"));
	banks = &data->data.assignedPCR;
	for (uint32_t i = 0; i < banks->count; i++) {
		const TPMS_PCR_SELECTION *selection = &banks->pcrSelections[i];

		if (pcr_bank_from_algorithm(selection->hash, &bank) &&
		    selection->sizeofSelect == PCR_COUNT / 8 &&
		    memcmp(selection->pcrSelect, "\xff\xff\xff", 3) == 0)
			found |= 1u << bank;
	}
	if (found == 0)
		return err_set(err, TPM_FAILED,
		    "the TPM has neither SHA-256 nor SHA-384 registers");
	*ret_banks = found;
	return 0;
}

void
tpm_registers_select(uint32_t banks, TPML_PCR_SELECTION *selection)
{
	*selection = (TPML_PCR_SELECTION){.count = 0};
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		TPMS_PCR_SELECTION *of_bank =
		    &selection->pcrSelections[selection->count];

		if ((banks >> bank & 1) == 0)
			continue;
		of_bank->hash = pcr_bank_algorithm(bank);
		of_bank->sizeofSelect = PCR_COUNT / 8;
		memset(of_bank->pcrSelect, ALL_PCRS, PCR_COUNT / 8);
		selection->count++;
	}
}

int
tpm_registers_read(struct tpm_esys *tpm, uint32_t banks,
    struct pcr_values *ret_values, struct err *err)
{
	bool moved = true;

	for (int i = 0; i < TRIES && moved; i++)
		TRY(read_once(tpm, banks, ret_values, &moved, err));
	if (moved)
		return err_set(err, TPM_FAILED,
		    "registers changed during each of %d readings", TRIES);
	return 0;
}

int
tpm_registers_fit_quote(const TPM2B_ATTEST *attest,
    const struct pcr_values *values, bool *ret_fits, struct err *err)
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
read_once(struct tpm_esys *tpm, uint32_t banks, struct pcr_values *ret_values,
    bool *ret_moved, struct err *err)
{
	struct pcr_values values = {.known = {0}};
	TPML_PCR_SELECTION left;
	uint32_t first_count = 0;
	uint32_t count = 0;
	int reads = 0;

	for (tpm_registers_select(banks, &left); selects_any(&left); reads++) {
		CLEANUP(freep) TPML_PCR_SELECTION *got = NULL;
		CLEANUP(freep) TPML_DIGEST *digests = NULL;
		ESYS_TR session;

		if (reads == MAX_READS)
			return err_set(err, TPM_FAILED,
			    "registers: not all read after %d commands", reads);
		TRY(tpm_esys_begin(tpm, TPMA_SESSION_AUDIT, &session, err));
		TRY(tpm_esys_check(Esys_PCR_Read(tpm->esys, session,
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
