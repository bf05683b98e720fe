#include "measure/verify/evidence_verify.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "measure/boot_policy.h"
#include "measure/verify/enrolment.h"
#include "measure/verify/evidence_answer.h"
#include "measure/verify/evidence_domains.h"
#include "measure/verify/event_log_decode.h"

#define ALL_REGISTERS ((1u << PCR_COUNT) - 1)

static int check_key(const struct evidence *evidence,
    const struct evidence_reference *reference, struct tpm_public *ret_ak,
    struct err *err);
static int check_quote(const struct evidence *evidence,
    const struct evidence_reference *reference, const struct tpm_public *ak,
    struct evidence_verdict *verdict, struct err *err);
static int check_attest(struct bytes raw_attest, struct bytes raw_signature,
    uint16_t type, const struct tpm_public *ak, struct tpm_attest *ret_attest,
    enum pcr_bank *ret_hash, struct err *err);
static int check_values(const struct pcr_values *values,
    const struct tpm_attest *quote, enum pcr_bank hash, struct err *err);
static int check_firmware_log(const struct evidence *evidence,
    struct evidence_verdict *verdict, struct err *err);
static int check_nv(const struct evidence *evidence,
    const struct evidence_reference *reference, const struct tpm_public *ak,
    struct evidence_verdict *verdict, struct err *err);
static int check_nv_attest(const struct evidence *evidence,
    const struct tpm_attest *attest, const struct evidence_verdict *verdict,
    struct err *err);
static int check_mode(const struct evidence_reference *reference,
    const struct evidence_verdict *verdict, struct err *err);
static int check_references(const struct evidence_reference *reference,
    struct err *err);
static int check_platform(const struct pcr_values *values,
    const struct evidence_reference *reference,
    struct evidence_verdict *verdict, struct err *err);
static unsigned count_differences(const struct pcr_values *values,
    const struct prediction *release, enum pcr_bank *ret_bank,
    unsigned *ret_pcr);
static int refuse_platform(const struct pcr_values *values,
    const struct prediction *release, size_t number, struct err *err);
static int check_earlier(const struct evidence *evidence,
    const struct evidence_reference *reference,
    struct evidence_verdict *verdict, struct err *err);

int
evidence_verify(const struct evidence *evidence,
    const struct evidence_reference *reference,
    struct evidence_verdict *ret_verdict, struct err *err)
{
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 0};
	struct tpm_public ak;

	/* Does a TPM that we know say this, and now? */
	TRY(check_key(evidence, reference, &ak, err));
	TRY(check_quote(evidence, reference, &ak, &verdict, err));

	/* Do the logs explain the registers? */
	TRY(evidence_log_check(evidence_part_bytes(&evidence->log),
	    reference->pcr, &evidence->pcrs, &verdict.history, err));
	TRY(check_firmware_log(evidence, &verdict, err));
	TRY(check_nv(evidence, reference, &ak, &verdict, err));

	/* Is it what we want a host to be? */
	TRY(check_mode(reference, &verdict, err));
	TRY(check_references(reference, err));
	TRY(check_platform(&evidence->pcrs, reference, &verdict, err));
	TRY(evidence_rules_check(&verdict.history, err));
	TRY(evidence_rules_demand(&verdict.history, &reference->demand, err));
	TRY(check_earlier(evidence, reference, &verdict, err));
	TRY(evidence_domains_check(reference, &verdict.history, err));
	*ret_verdict = verdict;
	verdict.history = (struct boot_history){.domains = NULL};
	return 0;
}

void
evidence_verdict_done(struct evidence_verdict *verdict)
{
	boot_history_done(&verdict->history);
}

/* A restricted key signs nothing that looks like a quote but was not made by
 * its TPM. That it is in a TPM at all, its enrolment showed. */
static int
check_key(const struct evidence *evidence,
    const struct evidence_reference *reference, struct tpm_public *ret_ak,
    struct err *err)
{
	char found[TPM_NAME_HEX_SIZE], expected[TPM_NAME_HEX_SIZE];
	struct tpm_public ak;
	struct tpm_name name;

	if (tpm_public_decode(evidence_part_bytes(&evidence->ak), &ak, err) !=
	    0)
		return err_prefix(err, "ak.pub");
	if (enrolment_check_ak(&ak, err) != 0)
		return err_prefix(err, "ak.pub");
	TRY(tpm_public_name(&ak, &name, err));
	tpm_name_hex(&name, found);
	tpm_name_hex(&reference->ak, expected);
	if (strcmp(found, expected) != 0)
		return err_set_field(err, EVIDENCE_AK_UNKNOWN, "ak.pub",
		    "ak.pub: the key is %s, enrolled is %s", found, expected);
	*ret_ak = ak;
	return 0;
}

static int
check_quote(const struct evidence *evidence,
    const struct evidence_reference *reference, const struct tpm_public *ak,
    struct evidence_verdict *verdict, struct err *err)
{
	enum pcr_bank hash = PCR_SHA256;
	struct tpm_attest quote;

	if (check_attest(evidence_part_bytes(&evidence->attest),
		evidence_part_bytes(&evidence->signature), TPM_ST_ATTEST_QUOTE,
		ak, &quote, &hash, err) != 0 ||
	    evidence_answer_check(&quote, evidence, reference, err) != 0)
		return err_prefix(err, "quote");
	TRY(check_values(&evidence->pcrs, &quote, hash, err));
	memcpy(verdict->quoted, quote.selected, sizeof(verdict->quoted));
	verdict->clock_msec = quote.clock_msec;
	verdict->reset_count = quote.reset_count;
	verdict->restart_count = quote.restart_count;
	verdict->is_clock_safe = quote.is_clock_safe;
	verdict->firmware_version = quote.firmware_version;
	return 0;
}

static int
check_attest(struct bytes raw_attest, struct bytes raw_signature, uint16_t type,
    const struct tpm_public *ak, struct tpm_attest *ret_attest,
    enum pcr_bank *ret_hash, struct err *err)
{
	struct tpm_signature signature;
	struct tpm_attest attest;

	TRY(tpm_attest_decode(raw_attest, &attest, err));
	if (attest.type != type)
		return err_set(err, EVIDENCE_NOT_A_QUOTE,
		    "type 0x%04x instead of 0x%04x", attest.type, type);
	TRY(tpm_signature_decode(raw_signature, &signature, err));
	if (!tpm_public_accepts(ak, raw_attest, &signature))
		return err_set(err, EVIDENCE_SIGNATURE_BAD,
		    "not signed by the attestation key");
	*ret_attest = attest;
	*ret_hash = signature.hash;
	return 0;
}

/* The values given are all that was quoted, and nothing more. */
static int
check_values(const struct pcr_values *values, const struct tpm_attest *quote,
    enum pcr_bank hash, struct err *err)
{
	uint8_t all[PCR_BANKS * PCR_COUNT * PCR_MAX_BYTES];
	struct pcr_digest digest;
	size_t len = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if (values->known[bank] != quote->selected[bank])
			return err_set(err, EVIDENCE_PCR_MISMATCH,
			    "pcrs.%s: other registers than the quoted ones",
			    pcr_bank_name(bank));
	}
	if (quote->selected[PCR_SHA256] != ALL_REGISTERS)
		return err_set(err, EVIDENCE_PCR_MISMATCH,
		    "the quote is not over all registers of sha256");
	for (size_t i = 0; i < quote->bank_count; i++) {
		enum pcr_bank bank = quote->banks[i];

		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			if ((quote->selected[bank] & 1u << pcr) == 0)
				continue;
			memcpy(all + len, values->value[bank][pcr].bytes,
			    pcr_bank_bytes(bank));
			len += pcr_bank_bytes(bank);
		}
	}
	TRY(pcr_digest_of(hash, bytes_of(all, len), &digest, err));
	if (!bytes_equal(quote->pcr_digest,
		bytes_of(digest.bytes, pcr_bank_bytes(hash))))
		return err_set(err, EVIDENCE_PCR_MISMATCH,
		    "pcrs: not the values that were quoted");
	return 0;
}

/* Firmware's log tells nothing that is believed; but it must not lie. */
static int
check_firmware_log(const struct evidence *evidence,
    struct evidence_verdict *verdict, struct err *err)
{
	struct pcr_values replayed;

	if (evidence->firmware_log.len == 0)
		return 0;
	if (event_log_registers(evidence_part_bytes(&evidence->firmware_log),
		&replayed, err) != 0)
		return err_prefix(err, "logs.uefi");
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		uint32_t both =
		    replayed.known[bank] & evidence->pcrs.known[bank];

		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			if ((both & 1u << pcr) != 0 &&
			    !pcr_digest_equal(bank, &replayed.value[bank][pcr],
				&evidence->pcrs.value[bank][pcr]))
				return err_set_field(err, EVIDENCE_LOG_MISMATCH,
				    "logs.uefi",
				    "logs.uefi: it does not lead to register "
				    "%u of %s",
				    pcr, pcr_bank_name(bank));
		}
	}
	verdict->has_firmware_log = true;
	return 0;
}

/*
 * The index holds what the register holds: both began with zeros and were
 * extended with the same digests. Its Name says who may write it, so the
 * verifier has to know the Name.
 */
static int
check_nv(const struct evidence *evidence,
    const struct evidence_reference *reference, const struct tpm_public *ak,
    struct evidence_verdict *verdict, struct err *err)
{
	const struct event_start *start = &verdict->history.start;
	struct bytes named = bytes_of(start->nv_name, start->nv_name_len);
	enum pcr_bank hash;
	struct tpm_attest attest;
	size_t known = 0;

	if (start->nv_name_len == 0 && reference->nv_name_count == 0 &&
	    evidence->nv_count == 0)
		return 0;
	while (known < reference->nv_name_count &&
	       !bytes_equal(named,
		   bytes_of(reference->nv_names[known].bytes, TPM_NAME_BYTES)))
		known++;
	if (known == reference->nv_name_count)
		return err_set_field(err, EVIDENCE_NV_MISMATCH, "nv",
		    "nv: the log names %s index, and that is not expected",
		    start->nv_name_len == 0 ? "no" : "an");
	for (size_t i = 0; i < evidence->nv_count; i++) {
		const struct evidence_nv *nv = &evidence->nv[i];

		if (check_attest(evidence_part_bytes(&nv->attest),
			evidence_part_bytes(&nv->signature), TPM_ST_ATTEST_NV,
			ak, &attest, &hash, err) != 0 ||
		    evidence_answer_check(&attest, evidence, reference, err) !=
			0)
			return err_prefix(err, "nv[%zu]", i);
		if (!bytes_equal(attest.nv_name, named))
			continue;
		TRY(check_nv_attest(evidence, &attest, verdict, err));
		verdict->has_nv = true;
		return 0;
	}
	return err_set_field(err, EVIDENCE_NV_MISMATCH, "nv",
	    "nv: the index that the log names is not certified");
}

static int
check_nv_attest(const struct evidence *evidence,
    const struct tpm_attest *attest, const struct evidence_verdict *verdict,
    struct err *err)
{
	uint32_t pcr = verdict->history.start.pcr;
	struct bytes value =
	    bytes_of(evidence->pcrs.value[PCR_SHA256][pcr].bytes, DIGEST_BYTES);

	if (attest->reset_count != verdict->reset_count ||
	    attest->restart_count != verdict->restart_count)
		return err_set_field(err, EVIDENCE_NV_MISMATCH, "nv",
		    "nv: certified in another boot than the quote");
	if (attest->nv_offset != 0 || !bytes_equal(attest->nv_contents, value))
		return err_set_field(err, EVIDENCE_NV_MISMATCH, "nv",
		    "nv: the index does not hold what the log leads to");
	return 0;
}

static int
check_mode(const struct evidence_reference *reference,
    const struct evidence_verdict *verdict, struct err *err)
{
	if (verdict->history.was_development && !reference->allow_development)
		return err_set(err, EVIDENCE_DEVELOPMENT,
		    "assayd was started in its development mode");
	return 0;
}

/* One that fits any boot would make every host a good one. */
static int
check_references(const struct evidence_reference *reference, struct err *err)
{
	for (size_t i = 0; i < reference->release_count; i++) {
		const uint32_t *known = reference->releases[i].values.known;
		const char *why = boot_registers_refuse(
		    known[PCR_SHA256] | known[PCR_SHA384]);

		if (why != NULL)
			return err_set(err, REFERENCE_MALFORMED,
			    "reference number %zu: %s", i + 1, why);
	}
	return 0;
}

static int
check_platform(const struct pcr_values *values,
    const struct evidence_reference *reference,
    struct evidence_verdict *verdict, struct err *err)
{
	unsigned fewest = UINT32_MAX;
	size_t nearest = 0;

	for (size_t i = 0; i < reference->release_count; i++) {
		enum pcr_bank bank;
		unsigned pcr;
		unsigned count = count_differences(values,
		    &reference->releases[i], &bank, &pcr);

		if (count < fewest) {
			fewest = count;
			nearest = i;
		}
	}
	verdict->release = nearest;
	if (reference->release_count == 0)
		return err_set(err, EVIDENCE_PLATFORM_UNKNOWN, "no reference");
	if (fewest > 0)
		return refuse_platform(values, &reference->releases[nearest],
		    nearest, err);
	return 0;
}

/* Gives the first register that differs. */
static unsigned
count_differences(const struct pcr_values *values,
    const struct prediction *release, enum pcr_bank *ret_bank,
    unsigned *ret_pcr)
{
	const struct pcr_values *expected = &release->values;
	unsigned count = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			if ((expected->known[bank] & 1u << pcr) == 0 ||
			    ((values->known[bank] & 1u << pcr) != 0 &&
				pcr_digest_equal(bank,
				    &values->value[bank][pcr],
				    &expected->value[bank][pcr])))
				continue;
			if (count++ == 0) {
				*ret_bank = bank;
				*ret_pcr = pcr;
			}
		}
	}
	return count;
}

static int
refuse_platform(const struct pcr_values *values,
    const struct prediction *release, size_t number, struct err *err)
{
	char found[PCR_HEX_SIZE] = "nothing", expected[PCR_HEX_SIZE];
	enum pcr_bank bank = PCR_SHA256;
	unsigned pcr = 0;

	count_differences(values, release, &bank, &pcr);
	pcr_digest_hex(bank, &release->values.value[bank][pcr], expected);
	if ((values->known[bank] & 1u << pcr) != 0)
		pcr_digest_hex(bank, &values->value[bank][pcr], found);
	return err_set(err, EVIDENCE_PLATFORM_UNKNOWN,
	    "register %u of %s is %s; the nearest reference, number %zu, "
	    "says %s",
	    pcr, pcr_bank_name(bank), found, number + 1, expected);
}

static int
check_earlier(const struct evidence *evidence,
    const struct evidence_reference *reference,
    struct evidence_verdict *verdict, struct err *err)
{
	verdict->mark = (struct evidence_mark){
	    .ak = reference->ak,
	    .clock_msec = verdict->clock_msec,
	    .reset_count = verdict->reset_count,
	    .restart_count = verdict->restart_count,
	    .pcr = reference->pcr,
	    .value = evidence->pcrs.value[PCR_SHA256][reference->pcr],
	};
	evidence_earlier_tell(&verdict->history, &verdict->mark);
	verdict->has_earlier = reference->earlier != NULL;
	if (!verdict->has_earlier)
		return 0;
	return evidence_earlier_check(reference->earlier,
	    evidence_part_bytes(&evidence->log), verdict->is_clock_safe,
	    &verdict->mark, &verdict->since, err);
}
