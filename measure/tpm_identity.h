/*
 * What provisioning pinned of one host's TPM: which keys and NV indices assay
 * uses there, each by its handle and its Name.
 *
 * A Name is the digest of an object's public area, so it says which key it is,
 * what it may do and under which policy. Whoever talks to the TPM compares
 * before use: on the way to the TPM somebody may offer keys of his own.
 *
 * {"schema":"assay.tpm/1",
 *  "salt":{"handle":"0x81000001","name":"000b..."},
 *  "ak":{...},"ek":{...},
 *  "counter":{"handle":"0x018a5500","name":"000b...","base":7},
 *  "log":{"handle":"0x018a5501","name":"000b..."} or null}
 *
 * Trust: the file is a host's own and in no measured image; what somebody who
 * changes it can do is in assay-tpm-identity(5).
 * Spec: TPM 2.0 Part 1, "Names"; docs/man/assay-tpm-identity.5.
 */
#ifndef ASSAY_MEASURE_TPM_IDENTITY_H
#define ASSAY_MEASURE_TPM_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define TPM_NAME_BYTES    34 /* TPM_ALG_SHA256 (000b) and a SHA-256 digest */
#define TPM_NAME_HEX_SIZE (2 * TPM_NAME_BYTES + 1)

struct tpm_name {
	uint8_t bytes[TPM_NAME_BYTES];
};

struct tpm_object {
	uint32_t handle;
	struct tpm_name name;
};

struct tpm_identity {
	struct tpm_object salt;    /* sessions are salted to this key */
	struct tpm_object ak;      /* signs quotes */
	struct tpm_object ek;      /* says which TPM this is */
	struct tpm_object counter; /* floor of the store's epoch */
	uint64_t counter_base;     /* what it held at epoch 0, modulo 2^64 */
	bool has_log;
	struct tpm_object log; /* written after a dynamic launch only */
};

/*
 * Strict: every member is needed and no other allowed; handles are eight
 * lower-case hex digits in the range of persistent keys or of NV indices, each
 * once; names are SHA-256 names.
 * Errors: TPM_IDENTITY_MALFORMED; those of json_parse().
 */
int tpm_identity_decode(struct bytes text, struct tpm_identity *ret_identity,
    struct err *err);

/* The same as text, a line per member. Returns owned. Errors: NO_MEMORY. */
int tpm_identity_encode(const struct tpm_identity *identity, char **ret_text,
    struct err *err);

bool tpm_name_equal(const struct tpm_name *a, const struct tpm_name *b);
void tpm_name_hex(const struct tpm_name *name,
    char ret_hex[static TPM_NAME_HEX_SIZE]);

/* True only for a SHA-256 name in lower-case hex. */
bool tpm_name_from_hex(const char *hex, struct tpm_name *ret_name);

/*
 * The Name of a public area, which is a marshalled TPMT_PUBLIC or
 * TPMS_NV_PUBLIC whose name algorithm is SHA-256. Errors: NO_MEMORY.
 */
int tpm_name_of(struct bytes public_area, struct tpm_name *ret_name,
    struct err *err);

#endif
