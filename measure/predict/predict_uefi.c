#include "measure/predict/predict_uefi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/scope.h"
#include "measure/predict/authenticode.h"

enum {
	CERTIFICATE_HEADER_BYTES = 8,
	CERTIFICATE_ALIGNMENT = 8,
	CERTIFICATE_IS_PKCS7 = 2,
	SHA256_BYTES = 32,
	VARIABLE_HEADER_BYTES = 32,
};

static const char calling[] = "Calling EFI Application from Boot Option";
static const char returning[] =
    "Returning from EFI Application from Boot Option";
static const uint8_t separator[4];

/* A register in each bank while it grows. */
struct registers {
	struct pcr_digest bank[PCR_BANKS];
};

static int extend_bytes(struct registers *registers, struct bytes data,
    struct err *err);
static int extend_digests(struct registers *registers,
    const struct pcr_digests *digests, struct err *err);
static int extend_variable(struct registers *registers,
    enum efi_variable variable, struct bytes data, struct err *err);
static void set_all(struct prediction *prediction, unsigned int pcr,
    const struct registers *registers, const char *covers);
static int find_authority(const struct efi_variables *variables,
    const struct pe *image, struct bytes *ret_authority, struct err *err);
static int judge_signature(const struct efi_variables *variables,
    struct bytes signature, const struct pcr_digest *digest,
    struct bytes *authority, struct err *err);
static int judge_digest(const struct efi_variables *variables,
    const struct pcr_digest *digest, struct bytes *authority, struct err *err);
static bool find_certificate(struct bytes lists, struct bytes signature,
    const struct pcr_digest *digest, struct bytes *ret_entry);
static bool find_digest(struct bytes lists, const struct pcr_digest *digest,
    struct bytes *ret_entry);
static bool next_signature(const struct pe *image, size_t *offset,
    struct bytes *ret_signature);
static bool verify(struct bytes signature, const struct pcr_digest *digest,
    struct bytes certificate);
static bool verify_pkcs7(PKCS7 *pkcs7, X509_STORE *store,
    const struct pcr_digest *digest);
static bool signed_content(const PKCS7 *pkcs7, struct bytes *ret_content);

int
predict_uefi_boot(const struct pe *const *images, size_t count,
    unsigned int failed_options, struct prediction *prediction, struct err *err)
{
	struct registers registers = {0};
	char covers[PREDICTION_COVERS_BYTES + 1];

	TRY(extend_bytes(&registers, bytes_of_str(calling), err));
	TRY(extend_bytes(&registers, bytes_of(separator, 4), err));
	for (unsigned int i = 0; i < failed_options; i++) {
		TRY(extend_bytes(&registers, bytes_of_str(returning), err));
		TRY(extend_bytes(&registers, bytes_of_str(calling), err));
	}
	for (size_t i = 0; i < count; i++) {
		struct pcr_digests digests;

		TRY(authenticode_digests(images[i], &digests, err));
		TRY(extend_digests(&registers, &digests, err));
	}
	snprintf(covers, sizeof(covers),
	    "%zu program%s that firmware starts, after %u failed boot options",
	    count, count == 1 ? "" : "s", failed_options);
	set_all(prediction, 4, &registers, covers);
	return 0;
}

int
predict_uefi_secure_boot(const struct efi_variables *variables,
    const struct pe *image, struct prediction *prediction, struct err *err)
{
	bool is_on = efi_secure_boot_is_on(variables);
	struct registers registers = {0};
	struct bytes authority;

	for (enum efi_variable i = 0; i < EFI_DBT; i++)
		TRY(extend_variable(&registers, i, variables->data[i], err));
	if (variables->data[EFI_DBT].len > 0)
		TRY(extend_variable(&registers, EFI_DBT,
		    variables->data[EFI_DBT], err));
	TRY(extend_bytes(&registers, bytes_of(separator, 4), err));
	if (is_on) {
		TRY(find_authority(variables, image, &authority, err));
		TRY(extend_variable(&registers, EFI_DB, authority, err));
	}
	set_all(prediction, 7, &registers,
	    is_on ? "Secure Boot is on: PK, KEK, db, dbx, and the entry of db "
		    "that lets the program pass"
		  : PREDICTION_SECURE_BOOT_OFF ": PK, KEK, db, dbx");
	return 0;
}

static int
extend_bytes(struct registers *registers, struct bytes data, struct err *err)
{
	struct pcr_digests digests;

	TRY(pcr_digests_of(data, &digests, err));
	return extend_digests(registers, &digests, err);
}

static int
extend_digests(struct registers *registers, const struct pcr_digests *digests,
    struct err *err)
{
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		TRY(pcr_extend(bank, &digests->bank[bank],
		    &registers->bank[bank], err));
	return 0;
}

/* UEFI_VARIABLE_DATA: GUID, lengths of name and data, name, data. */
static int
extend_variable(struct registers *registers, enum efi_variable variable,
    struct bytes data, struct err *err)
{
	const char *name = efi_variable_name(variable);
	size_t name_len = strlen(name);
	size_t len = VARIABLE_HEADER_BYTES + 2 * name_len + data.len;
	CLEANUP(freep) uint8_t *event = calloc(1, len);

	if (event == NULL)
		return err_set(err, NO_MEMORY, "variable %s", name);
	memcpy(event, efi_variable_guid(variable), EFI_GUID_BYTES);
	bytes_put_le(event + 16, name_len, 8);
	bytes_put_le(event + 24, data.len, 8);
	for (size_t i = 0; i < name_len; i++)
		event[VARIABLE_HEADER_BYTES + 2 * i] = (uint8_t)name[i];
	if (data.len > 0)
		memcpy(event + len - data.len, data.ptr, data.len);
	return extend_bytes(registers, bytes_of(event, len), err);
}

static void
set_all(struct prediction *prediction, unsigned int pcr,
    const struct registers *registers, const char *covers)
{
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		prediction_set(prediction, bank, pcr, &registers->bank[bank],
		    covers);
}

/* In the order of firmware: signature by signature, db's certificates, then
 * its digests. What dbx names anywhere ends it. */
static int
find_authority(const struct efi_variables *variables, const struct pe *image,
    struct bytes *ret_authority, struct err *err)
{
	struct bytes authority = {0};
	struct pcr_digest digest;
	struct bytes signature;
	size_t offset = 0;

	TRY(authenticode_digest(PCR_SHA256, image, &digest, err));
	if (image->certificates.len == 0)
		TRY(judge_digest(variables, &digest, &authority, err));
	while (next_signature(image, &offset, &signature))
		TRY(judge_signature(variables, signature, &digest, &authority,
		    err));
	if (authority.len == 0)
		return err_set(err, BOOT_NOT_AUTHORISED,
		    "%s, and db has no digest of it",
		    image->certificates.len == 0
			? "the program is not signed"
			: "no signature of the program leads to db");
	*ret_authority = authority;
	return 0;
}

static int
judge_signature(const struct efi_variables *variables, struct bytes signature,
    const struct pcr_digest *digest, struct bytes *authority, struct err *err)
{
	struct bytes entry;

	if (find_certificate(variables->data[EFI_DBX], signature, digest,
		&entry))
		return err_set(err, BOOT_NOT_AUTHORISED,
		    "dbx has a certificate that a signature leads to");
	if (authority->len == 0)
		(void)find_certificate(variables->data[EFI_DB], signature,
		    digest, authority);
	return judge_digest(variables, digest, authority, err);
}

static int
judge_digest(const struct efi_variables *variables,
    const struct pcr_digest *digest, struct bytes *authority, struct err *err)
{
	struct bytes entry;

	if (find_digest(variables->data[EFI_DBX], digest, &entry))
		return err_set(err, BOOT_NOT_AUTHORISED,
		    "dbx has the digest of the program");
	if (authority->len == 0)
		(void)find_digest(variables->data[EFI_DB], digest, authority);
	return 0;
}

static bool
find_certificate(struct bytes lists, struct bytes signature,
    const struct pcr_digest *digest, struct bytes *ret_entry)
{
	struct efi_signature entry = {.next = 0};

	while (efi_signature_next(lists, &entry))
		if (efi_signature_is_x509(&entry) &&
		    verify(signature, digest, entry.data)) {
			*ret_entry = entry.owned;
			return true;
		}
	return false;
}

static bool
find_digest(struct bytes lists, const struct pcr_digest *digest,
    struct bytes *ret_entry)
{
	struct efi_signature entry = {.next = 0};

	while (efi_signature_next(lists, &entry))
		if (efi_signature_is_sha256(&entry) &&
		    bytes_equal(entry.data,
			bytes_of(digest->bytes, SHA256_BYTES))) {
			*ret_entry = entry.owned;
			return true;
		}
	return false;
}

/* WIN_CERTIFICATE: length, revision, type, then PKCS#7 in DER. */
static bool
next_signature(const struct pe *image, size_t *offset,
    struct bytes *ret_signature)
{
	struct bytes all = image->certificates;
	uint32_t len = 0;
	uint16_t type = 0;
	struct bytes whole;

	while (bytes_le32(all, *offset, &len) &&
	       bytes_le16(all, *offset + 6, &type) &&
	       len > CERTIFICATE_HEADER_BYTES &&
	       bytes_part(all, *offset, len, &whole)) {
		*offset += (len + CERTIFICATE_ALIGNMENT - 1) &
		           ~(size_t)(CERTIFICATE_ALIGNMENT - 1);
		if (type != CERTIFICATE_IS_PKCS7)
			continue;
		*ret_signature = bytes_of(whole.ptr + CERTIFICATE_HEADER_BYTES,
		    len - CERTIFICATE_HEADER_BYTES);
		return true;
	}
	return false;
}

/* As firmware does: the certificate itself is trusted, whatever its issuer, its
 * dates and its purpose. */
static bool
verify(struct bytes signature, const struct pcr_digest *digest,
    struct bytes certificate)
{
	const uint8_t *der = signature.ptr;
	const uint8_t *anchor = certificate.ptr;
	PKCS7 *pkcs7 = d2i_PKCS7(NULL, &der, (long)signature.len);
	X509 *x509 = d2i_X509(NULL, &anchor, (long)certificate.len);
	X509_STORE *store = X509_STORE_new();
	bool is_good = false;

	if (pkcs7 != NULL && x509 != NULL && store != NULL &&
	    X509_STORE_add_cert(store, x509) == 1 &&
	    X509_STORE_set_flags(store,
		X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME) == 1 &&
	    X509_STORE_set_purpose(store, X509_PURPOSE_ANY) == 1)
		is_good = verify_pkcs7(pkcs7, store, digest);
	X509_STORE_free(store);
	X509_free(x509);
	PKCS7_free(pkcs7);
	ERR_clear_error();
	return is_good;
}

static bool
verify_pkcs7(PKCS7 *pkcs7, X509_STORE *store, const struct pcr_digest *digest)
{
	struct bytes content;
	BIO *bio;
	bool is_good;

	if (!signed_content(pkcs7, &content) || content.len < SHA256_BYTES ||
	    memcmp(content.ptr + content.len - SHA256_BYTES, digest->bytes,
		SHA256_BYTES) != 0)
		return false;
	bio = BIO_new_mem_buf(content.ptr, (int)content.len);
	is_good = bio != NULL && PKCS7_verify(pkcs7, NULL, store, bio, NULL,
				     PKCS7_BINARY) == 1;
	BIO_free(bio);
	return is_good;
}

/* SpcIndirectDataContent without its tag and length; it ends with the digest
 * of the image. */
static bool
signed_content(const PKCS7 *pkcs7, struct bytes *ret_content)
{
	const ASN1_TYPE *other;
	const uint8_t *at;
	long len;
	int tag;
	int class;

	if (!PKCS7_type_is_signed(pkcs7) ||
	    !PKCS7_type_is_other(pkcs7->d.sign->contents))
		return false;
	other = pkcs7->d.sign->contents->d.other;
	if (other == NULL || other->type != V_ASN1_SEQUENCE)
		return false;
	at = other->value.sequence->data;
	if ((ASN1_get_object(&at, &len, &tag, &class,
		 other->value.sequence->length) &
		0x80) != 0 ||
	    len < 0)
		return false;
	*ret_content = bytes_of(at, (size_t)len);
	return true;
}
