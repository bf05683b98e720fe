/*
 * Approvals: for each release, a policy over its register values and the
 * policy key's signature of it, with which a TPM opens what was sealed to that
 * key.
 *
 * {"schema":"assay.approval/1","key":"<PEM>","ref":"disk","until_epoch":12,
 *  "releases":[{"name":"2026.11","registers":{"sha256":[4,7]},
 *    "policy":"<hex>","signature":"<base64>"}, ...]}
 *
 * What is signed is the policy and then the use, both as bytes. The use is
 * `ref`, which says what the approval is for; with "until_epoch", which may be
 * missing, a line feed and that number in decimal follow. An approval for
 * another use opens nothing. The bound is kept by the secret: see
 * measure/tpm/setup/epoch_policy.h.
 *
 * Trust: none is needed. A TPM checks the signature against the key that the
 * secret was sealed to; who changes this file can only make it fail.
 */
#ifndef ASSAY_MEASURE_TPM_SETUP_APPROVAL_H
#define ASSAY_MEASURE_TPM_SETUP_APPROVAL_H

#include "base/digest.h"
#include "base/limits.h"
#include "keys/public_key.h"
#include "measure/pcr.h"

enum {
	APPROVAL_USE_BYTES = 63, /* no TPM takes more than 64, some 32 */
	APPROVAL_REF_BYTES = APPROVAL_USE_BYTES,
	APPROVAL_BOUND_REF_BYTES = APPROVAL_USE_BYTES - 20, /* an epoch's */
	APPROVAL_SIGNATURE_BYTES = 72,
};

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
	int64_t until_epoch; /* they hold until a host is past it; 0: always */
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

/* Is `ref` printable ASCII of at most APPROVAL_REF_BYTES, and with an epoch
 * of at most APPROVAL_BOUND_REF_BYTES? */
bool approval_ref_is_valid(const char *ref, int64_t until_epoch);

/* The use, which is what a TPM takes as policyRef. `ref` is valid. Returns the
 * number of bytes. */
size_t approval_use(const char *ref, int64_t until_epoch,
    uint8_t ret_use[static APPROVAL_USE_BYTES]);

/* What the policy key signs: policy and use. Returns the number of bytes. */
size_t approval_message(const struct digest *policy, const char *ref,
    int64_t until_epoch,
    uint8_t ret_message[static DIGEST_BYTES + APPROVAL_USE_BYTES]);

/*
 * The approval that these registers fit.
 * Errors: TPM_POLICY_UNMET; NO_MEMORY.
 */
int approvals_find(const struct approvals *approvals,
    const struct pcr_values *found, const struct approval **ret_approval,
    struct err *err);

#endif
