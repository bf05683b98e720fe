/*
 * The firmware variables that Secure Boot goes by, from files.
 *
 * Reads the variable store of OVMF (a VARS.fd file), and signature lists as
 * they stand in db and dbx. Its input is trusted for nothing; a decoded list
 * has been walked to its end once, so that walking it again cannot fail.
 *
 * Spec: UEFI 2.10 §32.4.1 (signature lists); edk2
 * MdeModulePkg/Include/Guid/VariableFormat.h (the store).
 */
#ifndef ASSAY_MEASURE_PREDICT_EFI_VARIABLES_H
#define ASSAY_MEASURE_PREDICT_EFI_VARIABLES_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

#define EFI_GUID_BYTES 16

enum efi_variable {
	EFI_SECURE_BOOT, /* one byte, which firmware makes at each start */
	EFI_PK,
	EFI_KEK,
	EFI_DB,
	EFI_DBX,
	EFI_DBT,
	EFI_VARIABLES,
};

/* Borrowed; of length 0 if there is no such variable. */
struct efi_variables {
	struct bytes data[EFI_VARIABLES];
};

const char *efi_variable_name(enum efi_variable variable);
const uint8_t *efi_variable_guid(enum efi_variable variable);
/* "8be4df61-93ca-11d2-aa0d-00e098032b8c" */
const char *efi_variable_guid_text(enum efi_variable variable);

bool efi_secure_boot_is_on(const struct efi_variables *variables);

/*
 * From a variable store. SecureBoot is not in it: firmware sets it if there is
 * a PK and SecureBootEnable does not say no.
 * Errors: EFI_VARIABLES_MALFORMED.
 */
int efi_variables_from_store(struct bytes store,
    struct efi_variables *ret_variables, struct err *err);

/*
 * After data was filled in by hand: check the lists, and give SecureBoot the
 * value that firmware would, unless it is there.
 * Errors: EFI_VARIABLES_MALFORMED.
 */
int efi_variables_check(struct efi_variables *variables, struct err *err);

/*
 * Is Secure Boot as it is wanted? What register 7 shows hangs on it, and what a
 * boot policy then demands. Of checked variables only.
 * Errors: SECURE_BOOT_OTHER, with the reason.
 */
int efi_variables_want(const struct efi_variables *variables, bool is_on,
    struct err *err);

/* An entry of a signature list. */
struct efi_signature {
	const uint8_t *type;
	struct bytes owned; /* the owner's GUID, then the data */
	struct bytes data;
	size_t next; /* where to go on */
};
bool efi_signature_is_x509(const struct efi_signature *signature);
bool efi_signature_is_sha256(const struct efi_signature *signature);

/* The entry at `signature->next`, which is 0 at first; false at the end. Of
 * checked variables only. */
bool efi_signature_next(struct bytes lists, struct efi_signature *signature);

#endif
