#include "measure/tpm/setup/policy_digest.h"

#include "base/log.h"
#include "base/scope.h"

/* TPM_CC and TPM_EO, TPM 2.0 Part 2. */
enum {
	COMMAND_POLICY_NV = 0x149,
	COMMAND_POLICY_AUTHORIZE = 0x16a,
	COMMAND_POLICY_COMMAND_CODE = 0x16c,
	COMMAND_POLICY_OR = 0x171,
	COMMAND_POLICY_PCR = 0x17f,
	OPERATION_UNSIGNED_LE = 0x0009,
};

/* What is hashed: never longer than all registers, or eight digests. */
struct parts {
	uint8_t bytes[PCR_BANKS * PCR_COUNT * PCR_MAX_BYTES];
	size_t len;
};

static void put(struct parts *parts, const void *bytes, size_t len);
static void put_number(struct parts *parts, uint64_t number, size_t len);
static void put_selection(struct parts *parts, const struct pcr_values *values);
static int finish(const struct parts *parts, struct digest *policy,
    struct err *err);

int
policy_digest_pcr(const struct pcr_values *values, struct digest *policy,
    struct err *err)
{
	struct parts registers = {.len = 0};
	struct parts parts = {.len = 0};
	struct digest digest;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++)
			if ((values->known[bank] >> pcr & 1) != 0)
				put(&registers, values->value[bank][pcr].bytes,
				    pcr_bank_bytes(bank));
	TRY(finish(&registers, &digest, err));
	put(&parts, policy->bytes, sizeof(policy->bytes));
	put_number(&parts, COMMAND_POLICY_PCR, 4);
	put_selection(&parts, values);
	put(&parts, digest.bytes, sizeof(digest.bytes));
	return finish(&parts, policy, err);
}

int
policy_digest_command(uint32_t command, struct digest *policy, struct err *err)
{
	struct parts parts = {.len = 0};

	put(&parts, policy->bytes, sizeof(policy->bytes));
	put_number(&parts, COMMAND_POLICY_COMMAND_CODE, 4);
	put_number(&parts, command, 4);
	return finish(&parts, policy, err);
}

int
policy_digest_authorize(const struct tpm_name *key, struct bytes ref,
    struct digest *policy, struct err *err)
{
	struct digest digest = POLICY_DIGEST_START;
	struct parts parts = {.len = 0};

	put(&parts, digest.bytes, sizeof(digest.bytes));
	put_number(&parts, COMMAND_POLICY_AUTHORIZE, 4);
	put(&parts, key->bytes, sizeof(key->bytes));
	TRY(finish(&parts, &digest, err));
	parts.len = 0;
	put(&parts, digest.bytes, sizeof(digest.bytes));
	put(&parts, ref.ptr, ref.len);
	return finish(&parts, policy, err);
}

int
policy_digest_counter(const struct tpm_name *counter, uint64_t value,
    struct digest *policy, struct err *err)
{
	struct parts parts = {.len = 0};
	struct digest arguments;

	put_number(&parts, value, 8);
	put_number(&parts, 0, 2); /* from the first byte of the index on */
	put_number(&parts, OPERATION_UNSIGNED_LE, 2);
	TRY(finish(&parts, &arguments, err));
	parts.len = 0;
	put(&parts, policy->bytes, sizeof(policy->bytes));
	put_number(&parts, COMMAND_POLICY_NV, 4);
	put(&parts, arguments.bytes, sizeof(arguments.bytes));
	put(&parts, counter->bytes, sizeof(counter->bytes));
	return finish(&parts, policy, err);
}

int
policy_digest_or(const struct digest *branches, size_t count,
    struct digest *policy, struct err *err)
{
	struct digest start = POLICY_DIGEST_START;
	struct parts parts = {.len = 0};

	bug_unless(count >= POLICY_OR_MIN && count <= POLICY_OR_MAX);
	put(&parts, start.bytes, sizeof(start.bytes));
	put_number(&parts, COMMAND_POLICY_OR, 4);
	for (size_t i = 0; i < count; i++)
		put(&parts, branches[i].bytes, sizeof(branches[i].bytes));
	return finish(&parts, policy, err);
}

static void
put(struct parts *parts, const void *bytes, size_t len)
{
	bug_unless(len <= sizeof(parts->bytes) - parts->len);
	if (len > 0)
		memcpy(parts->bytes + parts->len, bytes, len);
	parts->len += len;
}

/* Big-endian. */
static void
put_number(struct parts *parts, uint64_t number, size_t len)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(number >> 8 * (len - 1 - i));
	put(parts, bytes, len);
}

/* TPML_PCR_SELECTION: a count, and of each bank its algorithm and a bit map. */
static void
put_selection(struct parts *parts, const struct pcr_values *values)
{
	uint32_t count = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		count += values->known[bank] != 0;
	put_number(parts, count, 4);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		uint32_t known = values->known[bank];
		const uint8_t map[] = {(uint8_t)known, (uint8_t)(known >> 8),
		    (uint8_t)(known >> 16)};

		if (known == 0)
			continue;
		put_number(parts, pcr_bank_algorithm(bank), 2);
		put_number(parts, sizeof(map), 1);
		put(parts, map, sizeof(map));
	}
}

static int
finish(const struct parts *parts, struct digest *policy, struct err *err)
{
	return digest_of(bytes_of(parts->bytes, parts->len), policy, err);
}
