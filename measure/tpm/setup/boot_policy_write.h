/*
 * Making a boot policy from predicted registers.
 */
#ifndef ASSAY_MEASURE_TPM_SETUP_BOOT_POLICY_WRITE_H
#define ASSAY_MEASURE_TPM_SETUP_BOOT_POLICY_WRITE_H

#include "measure/boot_policy.h"

/*
 * Allow the registers that `values` knows for the release of this name, which
 * is added if it is new. Several predictions of one release, such as of two
 * firmware versions, give each register several values; they must name the
 * same registers.
 * Errors: BOOT_POLICY_MALFORMED (name; too many releases or values; no
 * register; other registers than before; a blank value).
 */
int boot_policy_allow(struct boot_policy *policy, const char *name,
    const struct pcr_values *values, struct err *err);

/* The payload, which boot_policy_decode() takes. The same policy gives the
 * same bytes. Returns owned. Errors: NO_MEMORY. */
int boot_policy_encode(const struct boot_policy *policy, char **ret_text,
    struct err *err);

#endif
