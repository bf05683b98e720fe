/*
 * What the tpm role keeps: the TPM, the event log, one link to the supervisor.
 */
#ifndef ASSAY_BUILDER_TPM_TPM_SANDBOX_H
#define ASSAY_BUILDER_TPM_TPM_SANDBOX_H

#include "builder/sandbox.h"

extern const struct sandbox tpm_sandbox;

#endif
