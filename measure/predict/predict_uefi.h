/*
 * What UEFI firmware measures of a boot: PCR 4, the programs that it starts,
 * and PCR 7, the Secure Boot policy and who let the program pass.
 *
 * Follows edk2, which OVMF and most firmware of machines is made of; other
 * firmware may add events of its own. What it does not know: programs that
 * firmware starts before (option ROMs, Driver####), which extend PCR 4 or 7 on
 * some machines. Take those registers from a reference machine.
 *
 * Spec: edk2 SecurityPkg/Tcg/Tcg2Dxe/Tcg2Dxe.c (OnReadyToBoot,
 * MeasureAllSecureVariables, MeasureSecureBootPolicy) and
 * SecurityPkg/Library/DxeImageVerificationLib; TCG PC Client PFP §3.3.4.
 */
#ifndef ASSAY_MEASURE_PREDICT_PREDICT_UEFI_H
#define ASSAY_MEASURE_PREDICT_PREDICT_UEFI_H

#include "measure/predict/efi_variables.h"
#include "measure/predict/pe.h"
#include "measure/predict/prediction.h"

/*
 * PCR 4 in every bank: `failed_options` boot options that came to nothing, then
 * one that started these programs, each started by the one before.
 * Errors: NO_MEMORY.
 */
int predict_uefi_boot(const struct pe *const *images, size_t count,
    unsigned int failed_options, struct prediction *prediction,
    struct err *err);

/*
 * PCR 7 in every bank, for one program that firmware itself verifies if Secure
 * Boot is on. The certificate of db that its signature leads to is measured;
 * for a program whose SHA-256 digest is in db, that entry.
 * Errors: BOOT_NOT_AUTHORISED if Secure Boot is on and would not start it: db
 * has neither, or dbx has it or a certificate that it leads to; NO_MEMORY.
 * Not done: certificates that dbx names by a hash, and db entries of other
 * hash algorithms (both refused, if they decide).
 */
int predict_uefi_secure_boot(const struct efi_variables *variables,
    const struct pe *image, struct prediction *prediction, struct err *err);

#endif
