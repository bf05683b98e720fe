/*
 * Make what assay needs in a TPM, once per host: `assay tpm provision`.
 *
 *	0x81000a50  salt key  sessions are salted to it; parent of sealed data
 *	0x81000a51  AK        signs quotes
 *	0x81000a52  EK        its maker's certificate says which TPM this is
 *	0x018a5500  counter   floor of the store's epoch
 *	0x018a5501  log       extend index for a dynamic launch, if asked for
 *
 * Idempotent: the keys are primary keys of fixed templates, so that each run
 * makes the same ones and compares names with what is there. Something else at
 * one of these handles is a stranger and refused, never replaced.
 *
 * Not done: owner or endorsement passwords; both must be empty.
 */
#ifndef ASSAY_MEASURE_TPM_SETUP_TPM_PROVISION_H
#define ASSAY_MEASURE_TPM_SETUP_TPM_PROVISION_H

#include "base/digest.h"
#include "measure/pcr.h"
#include "measure/tpm_identity.h"

enum tpm_ek { TPM_EK_RSA, TPM_EK_ECC };

struct tpm_provision {
	const char *where; /* see tpm_port_esys_open() */
	int timeout_ms;    /* a slow TPM takes a minute for an RSA key */
	enum tpm_ek ek;
	/* The registers 17 and 18, SHA-256, that allow writing the log index:
	 * NULL makes no log index, and keeps one that is known. */
	const struct pcr_values *launch;
	bool renew_log; /* replace a log index that is for another launch */
	/* What an earlier run pinned, or NULL. */
	const struct tpm_identity *known;
	/* The epoch of the fleet that the host joins; NULL: a new counter
	 * begins at 0, and one that is known stays as it is. */
	const int64_t *epoch;
};

/*
 * The counter is counted up once when it is made, and `counter_base` is what
 * it then holds, less the epoch. A counter that is there stands for the epoch
 * that is given too, if that is not below the one that it stands for already.
 *
 * Errors: TPM_HANDLE_TAKEN (a stranger; also a counter that is there although
 * nothing is known of its base, and no epoch is given); STORE_ROLLBACK (the
 * epoch is below the floor); EPOCH_COUNTER_BAD; TPM_KEY_NOT_PINNED (what is
 * there is ours, but not what `known` says); those of tpm_port.h.
 */
int tpm_provision(const struct tpm_provision *provision,
    struct tpm_identity *ret_identity, struct err *err);

/* The policy of the log index for a launch. Errors: NO_MEMORY. */
int tpm_provision_log_policy(const struct pcr_values *launch,
    struct digest *ret_policy, struct err *err);

#endif
