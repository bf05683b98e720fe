/*
 * A variable store, and the same bytes as db: what was checked can be walked,
 * and a program judged by it.
 */
#include <string.h>

#include "measure/predict/efi_variables.h"
#include "tests/fuzz/fuzz.h"

static void
walk(const struct efi_variables *variables)
{
	for (enum efi_variable i = EFI_PK; i < EFI_VARIABLES; i++) {
		struct efi_signature signature = {.next = 0};
		uint8_t sum = 0;

		while (efi_signature_next(variables->data[i], &signature))
			for (size_t j = 0; j < signature.owned.len; j++)
				sum ^= signature.owned.ptr[j];
		__asm__ volatile("" : : "r"(sum));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct efi_variables variables = {0};
	struct err err;

	if (efi_variables_from_store(bytes_of(data, len), &variables, &err) ==
	    0)
		walk(&variables);
	memset(&variables, 0, sizeof(variables));
	variables.data[EFI_DB] = bytes_of(data, len);
	if (efi_variables_check(&variables, &err) == 0)
		walk(&variables);
	return 0;
}
