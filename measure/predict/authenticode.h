/*
 * The Authenticode digest of an EFI image: what a signature signs, and what
 * firmware extends PCR 4 with.
 *
 * It covers headers and sections in file order and whatever is behind them, but
 * not the checksum, the certificate directory entry and the certificates: an
 * image has the same digest before and after it is signed, if it is padded to
 * 8 bytes before (signing programs do that, `assay boot pack` has done it).
 *
 * Follows edk2 to the letter, including what it does with bytes between
 * sections: they are not hashed, and as many bytes at the end of the headers
 * and sections are hashed twice. Xen, shim, GRUB and Linux have none.
 *
 * Spec: Microsoft "Windows Authenticode Portable Executable Signature Format";
 * edk2 SecurityPkg/Tcg/Tcg2Dxe/MeasureBootPeCoff.c, steps 1 to 17.
 */
#ifndef ASSAY_MEASURE_PREDICT_AUTHENTICODE_H
#define ASSAY_MEASURE_PREDICT_AUTHENTICODE_H

#include "measure/pcr.h"
#include "measure/predict/pe.h"

/* Errors: NO_MEMORY. */
int authenticode_digest(enum pcr_bank bank, const struct pe *pe,
    struct pcr_digest *ret_digest, struct err *err);

/* In every bank. */
int authenticode_digests(const struct pe *pe, struct pcr_digests *ret_digests,
    struct err *err);

#endif
