#include "measure/predict/authenticode.h"

#include <openssl/evp.h>

#include "base/scope.h"

enum {
	CHECKSUM_BYTES = 4,
	DIRECTORY_BYTES = 8,
};

static void free_hash(EVP_MD_CTX **hash);
static bool hash_headers(EVP_MD_CTX *hash, const struct pe *pe);
static size_t hash_sections(EVP_MD_CTX *hash, const struct pe *pe);
static const struct pe_section *next_section(const struct pe *pe,
    uint32_t from);
static bool hash_part(EVP_MD_CTX *hash, const struct pe *pe, size_t from,
    size_t to);

int
authenticode_digest(enum pcr_bank bank, const struct pe *pe,
    struct pcr_digest *ret_digest, struct err *err)
{
	CLEANUP(free_hash) EVP_MD_CTX *hash = EVP_MD_CTX_new();
	size_t signed_end = pe->file.len - pe->certificates.len;
	struct pcr_digest digest = {{0}};
	size_t hashed;

	if (hash == NULL ||
	    EVP_DigestInit_ex(hash, EVP_get_digestbyname(pcr_bank_name(bank)),
		NULL) != 1 ||
	    !hash_headers(hash, pe))
		return err_set(err, NO_MEMORY, "%s", pcr_bank_name(bank));
	hashed = hash_sections(hash, pe);
	if (hashed == 0)
		return err_set(err, NO_MEMORY, "%s", pcr_bank_name(bank));
	if (!hash_part(hash, pe, hashed, signed_end) ||
	    EVP_DigestFinal_ex(hash, digest.bytes, NULL) != 1)
		return err_set(err, NO_MEMORY, "%s", pcr_bank_name(bank));
	*ret_digest = digest;
	return 0;
}

int
authenticode_digests(const struct pe *pe, struct pcr_digests *ret_digests,
    struct err *err)
{
	struct pcr_digests digests;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		TRY(authenticode_digest(bank, pe, &digests.bank[bank], err));
	*ret_digests = digests;
	return 0;
}

static void
free_hash(EVP_MD_CTX **hash)
{
	EVP_MD_CTX_free(*hash);
}

/* Without the checksum and the entry that says where certificates are. */
static bool
hash_headers(EVP_MD_CTX *hash, const struct pe *pe)
{
	size_t checksum = pe_checksum_offset(pe);
	size_t entry = pe_directory_offset(pe, PE_DIRECTORY_SECURITY);
	size_t rest = checksum + CHECKSUM_BYTES;

	if (!hash_part(hash, pe, 0, checksum))
		return false;
	if (pe->directory_count > PE_DIRECTORY_SECURITY) {
		if (!hash_part(hash, pe, rest, entry))
			return false;
		rest = entry + DIRECTORY_BYTES;
	}
	return hash_part(hash, pe, rest, pe->header_bytes);
}

/* In the order of the file. Returns the sum of bytes with the headers, or 0. */
static size_t
hash_sections(EVP_MD_CTX *hash, const struct pe *pe)
{
	const struct pe_section *section = next_section(pe, 0);
	size_t sum = pe->header_bytes;

	while (section != NULL) {
		size_t end = section->raw_offset + section->raw_bytes;

		if (!hash_part(hash, pe, section->raw_offset, end))
			return 0;
		sum += section->raw_bytes;
		section = next_section(pe, (uint32_t)end);
	}
	return sum;
}

/* The first that begins at or behind `from`; sections do not overlap. */
static const struct pe_section *
next_section(const struct pe *pe, uint32_t from)
{
	const struct pe_section *next = NULL;

	for (size_t i = 0; i < pe->section_count; i++) {
		const struct pe_section *section = &pe->sections[i];

		if (section->raw_bytes > 0 && section->raw_offset >= from &&
		    (next == NULL || section->raw_offset < next->raw_offset))
			next = section;
	}
	return next;
}

static bool
hash_part(EVP_MD_CTX *hash, const struct pe *pe, size_t from, size_t to)
{
	return EVP_DigestUpdate(hash, pe->file.ptr + from, to - from) == 1;
}
