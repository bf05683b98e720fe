/*
 * Approvals: for each release, a policy over its register values and the
 * policy key's signature of it, with which a TPM opens what was sealed to that
 * key.
 *
 * {"schema":"assay.approval/1","key":"<PEM>","ref":"secrets",
 *  "releases":[{"name":"2026.11","registers":{"sha256":[4,7]},
 *    "policy":"<hex>","signature":"<base64>"}, ...]}
 *
 * What is signed is the policy and then `ref`, both as bytes; `ref` says what
 * the approval is for, and one for another use opens nothing.
 *
 * Trust: none is needed. A TPM checks the signature against the key that the
 * secret was sealed to; who changes this file can only make it fail.
 */
#ifndef ASSAY_MEASURE_APPROVAL_H
#define ASSAY_MEASURE_APPROVAL_H

#include "base/digest.h"
#include "base/limits.h"
#include "keys/public_key.h"
#include "measure/pcr.h"

enum { APPROVAL_REF_BYTES = 63, APPROVAL_SIGNATURE_BYTES = 72 };

struct approval {
	char release[LIMIT_NAME_BYTES + 1];
	uint32_t registers[PCR_BANKS]; /* bit n: register n is in the policy */
	struct digest policy;          /* of TPM2_PolicyPCR over them */
	uint8_t signature[APPROVAL_SIGNATURE_BYTES]; /* DER */
	size_t signature_len;
};

struct approvals {
	struct public_key *key;
	char ref[APPROVAL_REF_BYTES + 1]; /* printable ASCII; "" for none */
	struct approval items[LIMIT_APPROVALS];
	size_t count;
};

/*
 * Strict, and each signature is checked: a file that a TPM would refuse is
 * refused here, with the release at fault. Returns owned.
 * Errors: APPROVAL_MALFORMED; POLICY_KEY_UNFIT; those of json_parse(),
 * json_base64_in() and public_key_from_pem(); NO_MEMORY.
 */
int approvals_decode(struct bytes text, struct approvals **ret_approvals,
    struct err *err);
void approvals_freep(struct approvals **approvals);

/* Returns owned text. Errors: NO_MEMORY. */
int approvals_encode(const struct approvals *approvals, char **ret_text,
    struct err *err);

/* Is `ref` printable ASCII of at most APPROVAL_REF_BYTES? */
bool approval_ref_is_valid(const char *ref);

/* What the policy key signs: policy and ref. Returns the number of bytes. */
size_t approval_message(const struct digest *policy, const char *ref,
    uint8_t ret_message[static DIGEST_BYTES + APPROVAL_REF_BYTES]);

/*
 * The approval that these registers fit.
 * Errors: TPM_POLICY_UNMET; NO_MEMORY.
 */
int approvals_find(const struct approvals *approvals,
    const struct pcr_values *found, const struct approval **ret_approval,
    struct err *err);

#endif
