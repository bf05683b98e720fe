/*
 * The TPM seam: all that assayd asks of the TPM, as one table of functions.
 *
 * measure/tpm/tpm_port_esys.c is the real thing. Tests use a journal-keeping
 * fake (tests/unit/measure/tpm_port_fake.h).
 *
 * Every function returns 0 or an error code that it stored in `err`, and ends
 * in bounded time. On failure outputs are untouched; whether the TPM did what
 * it was asked is then unknown: read what it holds (measure/recorder.h). The
 * next call begins with a new session to the same TPM, so that a failure that
 * passes need not be the last. That the TPM was not reset in between nobody
 * checks here: its registers show it.
 *
 * Errors of all: TPM_UNREACHABLE (no answer, or not in time); TPM_FAILED (it
 * said no); TPM_BUSY (it put the command off until its time was over);
 * TPM_RESPONSE_FORGED (the answer is not from the TPM that was pinned);
 * TPM_NOT_PROVISIONED (opened without an identity, or there is no log index in
 * it); TPM_KEY_NOT_PINNED (after a failure: there is another key by now);
 * NO_MEMORY.
 */
#ifndef ASSAY_MEASURE_TPM_PORT_H
#define ASSAY_MEASURE_TPM_PORT_H

#include "base/digest.h"
#include "measure/pcr.h"

#define TPM_BLOB_BYTES 2048

/* Something marshalled by the TPM. */
struct tpm_blob {
	size_t len;
	uint8_t bytes[TPM_BLOB_BYTES];
};

/* A TPMS_ATTEST without a size before it, and its TPMT_SIGNATURE. */
struct tpm_attestation {
	struct tpm_blob attest;
	struct tpm_blob signature;
};

/* A quote over all registers of all banks that we know and the TPM has, with
 * the values that it was made over. */
struct tpm_quote {
	struct pcr_values values;
	struct tpm_attestation attestation;
};

enum tpm_key { TPM_AK, TPM_EK };

struct tpm_ops {
	/* Every register of every bank, as they were at one moment. A bank
	 * that the TPM does not have is not known in *ret_values. */
	int (*pcr_read)(void *tpm, struct pcr_values *ret_values,
	    struct err *err);
	/* In each bank that we know and the TPM has. */
	int (*pcr_extend)(void *tpm, unsigned int pcr,
	    const struct pcr_digests *digests, struct err *err);
	/* The log index, which becomes H(old || data); the first write after a
	 * reset starts from zeros. TPM_POLICY_UNMET: registers 17 and 18 are
	 * not those that the index was made for. */
	int (
	    *log_extend)(void *tpm, const struct digest *data, struct err *err);
	/* What it holds: zeros if nothing was written since a reset. */
	int (*log_read)(void *tpm, struct pcr_digest *ret_value,
	    struct err *err);
	int (*counter_read)(void *tpm, uint64_t *ret_value, struct err *err);
	int (*counter_increment)(void *tpm, struct err *err);
	/* `extra` is the qualifying data, such as the digest of a nonce. */
	int (*quote)(void *tpm, const struct digest *extra,
	    struct tpm_quote *ret_quote, struct err *err);
	/* Of the log index and its 32 bytes. */
	int (*log_certify)(void *tpm, const struct digest *extra,
	    struct tpm_attestation *ret_attestation, struct err *err);
	/* The TPMT_PUBLIC of a pinned key, without a size before it. */
	int (*public_read)(void *tpm, enum tpm_key key,
	    struct tpm_blob *ret_public, struct err *err);
	/* DER, as the maker of the TPM stored it; empty if there is none. Not
	 * checked here: that is for the verifier. */
	int (*ek_certificate_read)(void *tpm, struct tpm_blob *ret_certificate,
	    struct err *err);
	/* All calls from now on have this long altogether; what has no time
	 * left is TPM_UNREACHABLE. 0: each has the time of the port. */
	void (*time_limit)(void *tpm, int seconds);
	void (*close)(void *tpm);
};

/* An open port. `tpm` belongs to the implementation. */
struct tpm_port {
	const struct tpm_ops *ops;
	void *tpm;
};

static inline void
tpm_port_close(struct tpm_port *port)
{
	if (port->ops != NULL)
		port->ops->close(port->tpm);
	port->ops = NULL;
}

#endif
