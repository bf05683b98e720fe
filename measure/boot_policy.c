#include "measure/boot_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_table.h"
#include "base/scope.h"

enum { max_depth = 6 };

static int read_releases(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static int check_release(const struct json_at *at,
    const struct boot_policy *policy, const struct boot_release *release,
    struct err *err);
static int read_name(const struct json_at *at, const struct json_member *member,
    void *ret_value, struct err *err);
static int read_registers(const struct json_at *at,
    const struct json_member *member, void *ret_value, struct err *err);
static int decode_bank(const struct json_at *registers, const char *name,
    struct boot_release *release, struct err *err);
static uint32_t registers_of(const struct boot_release *release);
static bool is_register(const char *text, unsigned int *ret_pcr);
static int decode_values(const struct json_at *bank_at, const char *member,
    enum pcr_bank bank, struct boot_register *ret, struct err *err);
static size_t count_misfits(const struct boot_release *release,
    const struct pcr_values *found, struct boot_verdict *verdict);
static bool fits(const struct boot_register *allowed, enum pcr_bank bank,
    unsigned int pcr, const struct pcr_values *found);
static int refuse_platform(const struct boot_verdict *verdict, bool is_known,
    struct err *err);

static const struct json_kind name_kind = {"string", read_name, NULL};
static const struct json_kind registers_kind = {"object", read_registers, NULL};
static const struct json_kind releases_kind = {"[]", read_releases, NULL};

static const struct json_member release_members[] = {
    {MEMBER_OWN("name", struct boot_release, name, name_kind)},
    {MEMBER_OF_ALL("registers", registers_kind)},
};
static const struct json_table release_table = {JSON_MEMBERS(release_members)};

static const struct json_member members[] = {
    {MEMBER_INTEGER("version", struct boot_policy, version, 1, INT64_MAX)},
    {MEMBER_OF_ALL("releases", releases_kind), .table = &release_table},
};
static const struct json_table policy_table = {JSON_MEMBERS(members),
    .schema = BOOT_POLICY_SCHEMA};

int
boot_policy_verify(const struct trust_policy *trust, struct bytes raw,
    struct boot_policy **ret_policy, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	CLEANUP(freep) struct boot_policy *policy = NULL;
	struct trust_verdict verdict;
	struct verify_budget budget;

	verify_budget_init(&budget); /* no request, but one envelope */
	TRY(dsse_decode(raw, &envelope, err));
	TRY(trust_verify_for(trust, TRUST_BOOT_POLICY, raw, envelope, &budget,
	    &verdict, err));
	TRY(boot_policy_decode(dsse_raw_payload(envelope), &policy, err));
	policy->envelope = verdict.envelope;
	*ret_policy = take_ptr(&policy);
	return 0;
}

int
boot_policy_decode(struct bytes payload, struct boot_policy **ret_policy,
    struct err *err)
{
	CLEANUP(freep) struct boot_policy *policy = NULL;
	CLEANUP(json_freep) json_t *document = NULL;
	struct json_at root;

	if (payload.len > LIMIT_ENVELOPE_BYTES)
		return err_set(err, BOOT_POLICY_MALFORMED,
		    "boot policy: %zu bytes, limit %zu", payload.len,
		    LIMIT_ENVELOPE_BYTES);
	policy = calloc(1, sizeof(*policy));
	if (policy == NULL)
		return err_set(err, NO_MEMORY, "boot policy");
	TRY(json_parse(payload, max_depth, "boot policy", BOOT_POLICY_MALFORMED,
	    &document, err));
	root = json_root(document, BOOT_POLICY_MALFORMED);
	TRY(json_table_read(&root, &policy_table, policy, err));
	*ret_policy = take_ptr(&policy);
	return 0;
}

const char *
boot_registers_refuse(uint32_t registers)
{
	const uint32_t image = 1u << 4 | 1u << 17;
	const uint32_t grub = 1u << 8 | 1u << 9;
	const uint32_t open =
	    1u << 13 | 1u << 16 | 1u << 20 | 1u << 21 | 1u << 22 | 1u << 23;

	if ((registers & open) != 0)
		return "13, 16 and 20 to 23 hold what others write there";
	if ((registers & image) == 0 && (registers & grub) != grub)
		return "none of 4, 17, or 8 and 9: that fits any boot";
	return NULL;
}

bool
boot_registers_leave_options_open(uint32_t registers)
{
	const uint32_t image = 1u << 4;
	const uint32_t telling =
	    1u << 1 | 1u << 7 | 1u << 8 | 1u << 17 | 1u << 18 | 1u << 19;

	return (registers & image) != 0 && (registers & telling) == 0;
}

int
boot_policy_check(const struct boot_policy *policy,
    const struct pcr_values *found, struct boot_verdict *ret_verdict,
    struct err *err)
{
	size_t fewest = SIZE_MAX;

	for (size_t i = 0; i < policy->release_count; i++) {
		struct boot_verdict verdict = {.is_trusted = false};
		size_t misfits =
		    count_misfits(&policy->releases[i], found, &verdict);

		if (misfits >= fewest)
			continue;
		fewest = misfits;
		memcpy(verdict.release, policy->releases[i].name,
		    sizeof(verdict.release));
		verdict.is_trusted = misfits == 0;
		*ret_verdict = verdict;
	}
	if (ret_verdict->is_trusted)
		return 0;
	return refuse_platform(ret_verdict,
	    (found->known[ret_verdict->bank] >> ret_verdict->pcr & 1) != 0,
	    err);
}

static int
read_releases(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct boot_policy *policy = ret_value;
	struct json_at array, item;

	TRY(json_array_in(root, member->name, LIMIT_BOOT_RELEASES, &array,
	    err));
	if (json_array_size(array.value) == 0)
		return json_refuse(root, member->name, err, "empty");
	for (size_t i = 0; i < json_array_size(array.value); i++) {
		struct boot_release *release = &policy->releases[i];

		TRY(json_item_object(&array, i, &item, err));
		TRY(json_table_read(&item, member->table, release, err));
		TRY(check_release(&item, policy, release, err));
		policy->release_count++;
	}
	return 0;
}

static int
check_release(const struct json_at *at, const struct boot_policy *policy,
    const struct boot_release *release, struct err *err)
{
	const char *why = boot_registers_refuse(registers_of(release));

	for (size_t i = 0; i < policy->release_count; i++)
		if (strcmp(policy->releases[i].name, release->name) == 0)
			return json_refuse(at, "name", err,
			    "two releases are named %s", release->name);
	if (why != NULL)
		return json_refuse(at, "registers", err, "%s", why);
	return 0;
}

static int
read_name(const struct json_at *at, const struct json_member *member,
    void *ret_value, struct err *err)
{
	TRY(json_table_read_string(at, member, ret_value, err));
	if (!boot_release_name_is_valid(ret_value))
		return json_refuse(at, member->name, err,
		    "\"%s\" is no release name: [a-z0-9][a-z0-9._-]*",
		    err_quote_str(ret_value).text);
	return 0;
}

static int
read_registers(const struct json_at *at, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct json_at registers;
	const char *name;
	json_t *ignored;

	TRY(json_object_in(at, member->name, &registers, err));
	if (json_object_size(registers.value) == 0)
		return json_refuse(at, member->name, err,
		    "empty: a release that names no register fits any host");
	json_object_foreach(registers.value, name, ignored)
	{
		TRY(decode_bank(&registers, name, ret_value, err));
	}
	return 0;
}

static int
decode_bank(const struct json_at *registers, const char *name,
    struct boot_release *release, struct err *err)
{
	struct json_at at;
	enum pcr_bank bank;
	const char *member;
	json_t *ignored;

	if (!pcr_bank_from_name(name, &bank))
		return json_refuse(registers, err_quote_str(name).text, err,
		    "not a bank: sha256 or sha384");
	TRY(json_object_in(registers, name, &at, err));
	if (json_object_size(at.value) == 0)
		return json_refuse(registers, name, err, "empty");
	json_object_foreach(at.value, member, ignored)
	{
		unsigned int pcr;

		if (!is_register(member, &pcr))
			return json_refuse(&at, err_quote_str(member).text, err,
			    "not a register: 0 to %d", PCR_COUNT - 1);
		TRY(decode_values(&at, member, bank,
		    &release->registers[bank][pcr], err));
	}
	return 0;
}

/* In any bank. */
static uint32_t
registers_of(const struct boot_release *release)
{
	uint32_t registers = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++)
			if (release->registers[bank][pcr].count > 0)
				registers |= 1u << pcr;
	return registers;
}

/* Decimal, without a leading zero. */
static bool
is_register(const char *text, unsigned int *ret_pcr)
{
	char canonical[8];

	for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++) {
		snprintf(canonical, sizeof(canonical), "%u", pcr);
		if (strcmp(text, canonical) == 0) {
			*ret_pcr = pcr;
			return true;
		}
	}
	return false;
}

static int
decode_values(const struct json_at *bank_at, const char *member,
    enum pcr_bank bank, struct boot_register *ret, struct err *err)
{
	struct json_at values;

	TRY(json_array_in(bank_at, member, LIMIT_BOOT_VALUES, &values, err));
	if (json_array_size(values.value) == 0)
		return json_refuse(bank_at, member, err, "empty");
	for (size_t i = 0; i < json_array_size(values.value); i++) {
		struct pcr_digest value;
		const char *hex;

		TRY(json_item_string(&values, i, PCR_HEX_SIZE, &hex, err));
		if (!pcr_digest_from_hex(bank, hex, &value))
			return json_refuse(bank_at, member, err,
			    "item %zu is not %zu bytes in lower-case hex", i,
			    pcr_bank_bytes(bank));
		if (pcr_digest_is_blank(bank, &value))
			return json_refuse(bank_at, member, err,
			    "item %zu says that nothing was measured", i);
		if (boot_register_allows(ret, bank, &value))
			return json_refuse(bank_at, member, err,
			    "item %zu stands there twice", i);
		ret->values[ret->count++] = value;
	}
	return 0;
}

bool
boot_release_name_is_valid(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char later[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= LIMIT_NAME_BYTES &&
	       strchr(first, name[0]) != NULL && strspn(name, later) == len;
}

bool
boot_register_allows(const struct boot_register *allowed, enum pcr_bank bank,
    const struct pcr_digest *value)
{
	for (size_t i = 0; i < allowed->count; i++)
		if (pcr_digest_equal(bank, &allowed->values[i], value))
			return true;
	return false;
}

/* The first register that does not fit goes into the verdict. */
static size_t
count_misfits(const struct boot_release *release,
    const struct pcr_values *found, struct boot_verdict *verdict)
{
	size_t misfits = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++) {
			const struct boot_register *allowed =
			    &release->registers[bank][pcr];

			if (fits(allowed, bank, pcr, found) || misfits++ > 0)
				continue;
			verdict->bank = bank;
			verdict->pcr = pcr;
			verdict->expected = allowed->values[0];
			if ((found->known[bank] >> pcr & 1) != 0)
				verdict->found = found->value[bank][pcr];
		}
	}
	return misfits;
}

static bool
fits(const struct boot_register *allowed, enum pcr_bank bank, unsigned int pcr,
    const struct pcr_values *found)
{
	if (allowed->count == 0)
		return true;
	return (found->known[bank] >> pcr & 1) != 0 &&
	       !pcr_digest_is_blank(bank, &found->value[bank][pcr]) &&
	       boot_register_allows(allowed, bank, &found->value[bank][pcr]);
}

static int
refuse_platform(const struct boot_verdict *verdict, bool is_known,
    struct err *err)
{
	const char *bank = pcr_bank_name(verdict->bank);
	char expected[PCR_HEX_SIZE];
	char found[PCR_HEX_SIZE];
	char field[16];

	snprintf(field, sizeof(field), "%s:%u", bank, verdict->pcr);
	pcr_digest_hex(verdict->bank, &verdict->expected, expected);
	pcr_digest_hex(verdict->bank, &verdict->found, found);
	if (!is_known)
		return err_set_field(err, PLATFORM_NOT_MEASURED, field,
		    "register %s: the TPM does not have it; release %s names "
		    "it",
		    field, verdict->release);
	if (pcr_digest_is_blank(verdict->bank, &verdict->found))
		return err_set_field(err, PLATFORM_NOT_MEASURED, field,
		    "register %s: all bytes are %.2s, so nothing was measured",
		    field, found);
	return err_set_field(err, PLATFORM_NOT_TRUSTED, field,
	    "register %s: found %s, nearest release %s expects %s", field,
	    found, verdict->release, expected);
}
