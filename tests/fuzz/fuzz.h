/*
 * What a harness is: one function, which libFuzzer or replay.c calls. It must
 * end, return 0, leave nothing behind and never crash, whatever the bytes.
 */
#ifndef ASSAY_TESTS_FUZZ_H
#define ASSAY_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif
