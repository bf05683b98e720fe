/*
 * What a TPM keeps to itself until it is asked rightly: sealed secrets, and
 * credentials that only the TPM with this EK and AK can open.
 *
 * A secret is sealed below the salt key of this TPM, to a policy key: it opens
 * when the registers are in a state that the policy key has signed, whichever
 * releases there will be (TPM2_PolicyAuthorize). One that goes with epochs
 * opens with approvals only that this host has not passed yet
 * (measure/tpm/setup/epoch_policy.h). The secret is encrypted on its way to and
 * from the TPM.
 *
 * {"schema":"assay.secret/1","public":"<base64 TPM2B_PUBLIC>",
 *  "private":"<base64 TPM2B_PRIVATE>","epochs":{"from":12,"counter":19}}
 *
 * "epochs" is missing in one that goes with none.
 */
#ifndef ASSAY_MEASURE_TPM_SETUP_TPM_SECRET_H
#define ASSAY_MEASURE_TPM_SETUP_TPM_SECRET_H

#include "measure/tpm/setup/approval.h"
#include "measure/tpm_identity.h"

enum { TPM_SECRET_BYTES = 128 }; /* the most that a TPM seals */

struct tpm_secret {
	size_t len;
	uint8_t bytes[TPM_SECRET_BYTES];
};

/* Where the TPM is, and what was pinned of it. */
struct tpm_address {
	const char *where;
	const struct tpm_identity *identity;
	int timeout_ms;
};

/* What a secret is sealed to. All borrowed. */
struct tpm_secret_terms {
	const struct public_key *policy_key;
	const char *ref;
	int64_t from_epoch; /* of approvals that open it; 0: it has none */
};

/*
 * Returns owned text, the sealed secret as JSON.
 * Errors: SECRET_MALFORMED (empty or too long); POLICY_KEY_UNFIT;
 * APPROVAL_UNFIT (this host has passed the epoch, or it is beyond reach); those
 * of epoch_floor() and tpm_port.h.
 */
int tpm_secret_seal(const struct tpm_address *place,
    const struct tpm_secret_terms *terms, struct bytes secret, char **ret_text,
    struct err *err);

enum { TPM_SECRET_NO_CAP = -1 };

/* What is opened with what. All borrowed. */
struct tpm_secret_opening {
	struct bytes sealed;
	const struct approvals *approvals;
	/* Extend this register when the secret is out, so that it does not
	 * open again before the next boot; or TPM_SECRET_NO_CAP. */
	int cap;
};

/*
 * What could not be capped is not given out. Only a register that holds zeros
 * is taken for a cap: nothing was measured there, and so no boot policy names
 * it, and no verifier misses what it held.
 *
 * Errors: TPM_POLICY_UNMET (no approval fits the registers, or the secret was
 * sealed to another key or ref); APPROVAL_UNFIT (it goes with epochs that the
 * approvals are not for, or this host has passed theirs; the cap is not among
 * the approved registers, or something is in it); SECRET_MALFORMED (also if it
 * was sealed by another TPM); those of tpm_port.h. The caller wipes
 * *ret_secret.
 */
int tpm_secret_unseal(const struct tpm_address *place,
    const struct tpm_secret_opening *opening, struct tpm_secret *ret_secret,
    const struct approval **ret_approval, struct err *err);

/*
 * Open a credential: u32 0xbadcc0de, u32 1, TPM2B_ID_OBJECT,
 * TPM2B_ENCRYPTED_SECRET, all big-endian, as tpm2_makecredential(1) writes it.
 * Errors: SECRET_MALFORMED (also if it is for another EK or AK).
 */
int tpm_secret_activate(const struct tpm_address *place,
    struct bytes credential, struct tpm_secret *ret_secret, struct err *err);

#endif
