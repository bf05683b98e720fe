/*
 * Decides whether evidence shows what a verifier expects. It needs no TPM, no
 * network and no secret.
 *
 * What it proves, if it returns 0: the TPM that holds the enrolled key made
 * the quote after the nonce was known; the host's boot registers are those of
 * one reference; and the events of the log are just those that were extended
 * into assayd's register since then.
 * What it does not prove: that nothing else ran in the initial domain after
 * boot; that a domain still runs; what a guest does; that Xen has no bugs.
 */
#ifndef ASSAY_MEASURE_VERIFY_EVIDENCE_VERIFY_H
#define ASSAY_MEASURE_VERIFY_EVIDENCE_VERIFY_H

#include "measure/verify/digest_list.h"
#include "measure/verify/evidence.h"
#include "measure/verify/evidence_earlier.h"
#include "measure/verify/evidence_rules.h"
#include "measure/predict/prediction.h"
#include "measure/verify/tpm_structs.h"

/* What is expected. All borrowed. */
struct evidence_reference {
	struct bytes nonce;
	struct digest context; /* or evidence_no_context */
	struct tpm_name ak;    /* of the enrolled key */
	unsigned pcr;          /* the register that assayd extends */
	const struct prediction *releases; /* any one has to fit wholly */
	size_t release_count;
	const struct digest_list *images;
	const struct digest_list *configurations; /* NULL: any is good */
	const struct tpm_name *nv_names;          /* of the launch's NV index */
	size_t nv_name_count;
	struct evidence_demand demand;       /* of the rules; zeros: none */
	const struct evidence_mark *earlier; /* of this host; NULL: none */
	bool allow_development;
	bool allow_debug; /* images that are marked so */
};

struct evidence_verdict {
	struct boot_history history;
	size_t release;             /* which fits */
	uint32_t quoted[PCR_BANKS]; /* registers, by bank */
	uint64_t clock_msec;
	uint32_t reset_count;
	uint32_t restart_count;
	bool is_clock_safe;
	uint64_t firmware_version;
	bool has_firmware_log;     /* and it leads to its registers */
	bool has_nv;               /* and it confirms the log */
	struct evidence_mark mark; /* for the next verdict */
	bool has_earlier;
	struct evidence_since since; /* if it has */
};

/*
 * Order: key attributes (EVIDENCE_AK_NOT_RESTRICTED), key
 * (EVIDENCE_AK_UNKNOWN), magic and type (EVIDENCE_NOT_A_QUOTE), signature
 * (EVIDENCE_SIGNATURE_BAD), nonce (EVIDENCE_NONCE_MISMATCH) and context
 * (EVIDENCE_CONTEXT_MISMATCH), values (EVIDENCE_PCR_MISMATCH), the log as
 * evidence_log_check() does, the firmware's log (EVIDENCE_LOG_MISMATCH), NV
 * index (EVIDENCE_NV_MISMATCH), mode (EVIDENCE_DEVELOPMENT), references that
 * tell nothing of a boot (REFERENCE_MALFORMED), boot registers
 * (EVIDENCE_PLATFORM_UNKNOWN), the rules that decided (EVIDENCE_POLICY_FELL,
 * EVIDENCE_POLICY_OLD), the earlier verdict as evidence_earlier_check() does,
 * images and configurations as evidence_domains_check()
 * does. Also errors of the structures' decoders.
 * Fills *ret_verdict, which evidence_verdict_done() empties; it borrows from
 * the reference's lists.
 */
int evidence_verify(const struct evidence *evidence,
    const struct evidence_reference *reference,
    struct evidence_verdict *ret_verdict, struct err *err);

void evidence_verdict_done(struct evidence_verdict *verdict);

#endif
