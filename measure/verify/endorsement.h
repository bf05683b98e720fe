/*
 * Endorsement keys: from a public area or a certificate of the TPM's maker,
 * and whether a given authority stands behind it.
 * Spec: TCG EK Credential Profile.
 */
#ifndef ASSAY_MEASURE_VERIFY_ENDORSEMENT_H
#define ASSAY_MEASURE_VERIFY_ENDORSEMENT_H

#include "base/digest.h"
#include "measure/verify/credential.h"

#define ENDORSEMENT_CAS 16

/* Certificates of authorities as PEM, each one or several. Borrowed. */
struct endorsement_cas {
	struct bytes pem[ENDORSEMENT_CAS];
	size_t count;
};

struct endorsement {
	struct credential_key key;
	struct digest digest; /* of the key's SubjectPublicKeyInfo */
	bool is_certified;    /* by one of the authorities */
};

/*
 * Read a TPM2B_PUBLIC, or a certificate in DER, as it comes from a host and
 * stands in evidence. A certificate has to be
 * of an endorsement key (measure/verify/endorsement_profile.h). With
 * authorities it has to be a certificate that leads to one of them, which need
 * not be a root. Fills *ret_endorsement, which endorsement_done() empties.
 * Errors: EK_UNTRUSTED; TPM_STRUCTURE_MALFORMED; TPM_ALGORITHM_UNSUPPORTED;
 * NO_MEMORY.
 * Not done: asking anybody for a pass phrase. An authority's PEM that is
 * encrypted, or anything else than certificates, is refused as EK_UNTRUSTED.
 */
int endorsement_read(struct bytes raw, const struct endorsement_cas *cas,
    struct endorsement *ret_endorsement, struct err *err);

/*
 * The same for a file that a person named: the certificate may be in PEM too,
 * one block and nothing else (keys/pem.h).
 * Errors: also BYTES_TRAILING.
 */
int endorsement_read_file(struct bytes text, const struct endorsement_cas *cas,
    struct endorsement *ret_endorsement, struct err *err);

void endorsement_done(struct endorsement *endorsement);

#endif
