#include "measure/pcr.h"

#include <openssl/evp.h>

#include "base/hex.h"
#include "base/scope.h"

static const struct {
	const char *name;
	size_t bytes;
	uint16_t algorithm;
} banks[PCR_BANKS] = {
    [PCR_SHA256] = {"sha256", 32, 0x000b},
    [PCR_SHA384] = {"sha384", 48, 0x000c},
};

static const EVP_MD *hash_of(enum pcr_bank bank);
static bool is_all(enum pcr_bank bank, const struct pcr_digest *digest,
    uint8_t byte);

size_t
pcr_bank_bytes(enum pcr_bank bank)
{
	return banks[bank].bytes;
}

const char *
pcr_bank_name(enum pcr_bank bank)
{
	return banks[bank].name;
}

uint16_t
pcr_bank_algorithm(enum pcr_bank bank)
{
	return banks[bank].algorithm;
}

bool
pcr_bank_from_name(const char *name, enum pcr_bank *ret_bank)
{
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if (strcmp(banks[bank].name, name) == 0) {
			*ret_bank = bank;
			return true;
		}
	}
	return false;
}

bool
pcr_bank_from_algorithm(uint16_t algorithm, enum pcr_bank *ret_bank)
{
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if (banks[bank].algorithm == algorithm) {
			*ret_bank = bank;
			return true;
		}
	}
	return false;
}

int
pcr_digest_of(enum pcr_bank bank, struct bytes data,
    struct pcr_digest *ret_digest, struct err *err)
{
	struct pcr_digest digest = {{0}};
	const EVP_MD *hash = hash_of(bank);

	if (hash == NULL ||
	    EVP_Digest(data.ptr, data.len, digest.bytes, NULL, hash, NULL) != 1)
		return err_set(err, NO_MEMORY, "%s of %zu bytes",
		    banks[bank].name, data.len);
	*ret_digest = digest;
	return 0;
}

int
pcr_digests_of(struct bytes data, struct pcr_digests *ret_digests,
    struct err *err)
{
	struct pcr_digests digests;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		TRY(pcr_digest_of(bank, data, &digests.bank[bank], err));
	*ret_digests = digests;
	return 0;
}

int
pcr_extend(enum pcr_bank bank, const struct pcr_digest *digest,
    struct pcr_digest *value, struct err *err)
{
	uint8_t both[2 * PCR_MAX_BYTES];
	size_t len = banks[bank].bytes;

	memcpy(both, value->bytes, len);
	memcpy(both + len, digest->bytes, len);
	return pcr_digest_of(bank, bytes_of(both, 2 * len), value, err);
}

bool
pcr_digest_equal(enum pcr_bank bank, const struct pcr_digest *a,
    const struct pcr_digest *b)
{
	return memcmp(a->bytes, b->bytes, banks[bank].bytes) == 0;
}

bool
pcr_digest_is_blank(enum pcr_bank bank, const struct pcr_digest *digest)
{
	return is_all(bank, digest, 0x00) || is_all(bank, digest, 0xff);
}

void
pcr_digest_hex(enum pcr_bank bank, const struct pcr_digest *digest,
    char ret_hex[static PCR_HEX_SIZE])
{
	hex_encode(bytes_of(digest->bytes, banks[bank].bytes), ret_hex);
}

bool
pcr_digest_from_hex(enum pcr_bank bank, const char *hex,
    struct pcr_digest *ret_digest)
{
	struct pcr_digest digest = {{0}};

	if (!hex_decode(hex, banks[bank].bytes, digest.bytes))
		return false;
	*ret_digest = digest;
	return true;
}

/* Until the process ends: to find it takes as long as to hash an event. */
static const EVP_MD *
hash_of(enum pcr_bank bank)
{
	static EVP_MD *found[PCR_BANKS];

	if (found[bank] == NULL)
		found[bank] = EVP_MD_fetch(NULL, banks[bank].name, NULL);
	return found[bank];
}

static bool
is_all(enum pcr_bank bank, const struct pcr_digest *digest, uint8_t byte)
{
	for (size_t i = 0; i < banks[bank].bytes; i++)
		if (digest->bytes[i] != byte)
			return false;
	return true;
}
