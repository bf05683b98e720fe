#include "measure/tpm/setup/boot_policy_write.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"

static struct boot_release *find_release(struct boot_policy *policy,
    const char *name, bool *ret_is_new, struct err *err);
static int allow_register(struct boot_release *release, bool is_new,
    enum pcr_bank bank, unsigned int pcr, const struct pcr_values *values,
    struct err *err);
static json_t *encode_release(const struct boot_release *release);
static json_t *encode_bank(const struct boot_release *release,
    enum pcr_bank bank);

int
boot_policy_allow(struct boot_policy *policy, const char *name,
    const struct pcr_values *values, struct err *err)
{
	struct boot_release *release;
	bool is_new;

	if (values->known[PCR_SHA256] == 0 && values->known[PCR_SHA384] == 0)
		return err_set(err, BOOT_POLICY_MALFORMED,
		    "release %s: no register", err_quote_str(name).text);
	release = find_release(policy, name, &is_new, err);
	if (release == NULL)
		return (int)err->code;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++)
			TRY(allow_register(release, is_new, bank, pcr, values,
			    err));
	return 0;
}

int
boot_policy_encode(const struct boot_policy *policy, char **ret_text,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	json_t *releases = json_array();
	char *text;

	for (size_t i = 0; i < policy->release_count; i++)
		json_array_append_new(releases,
		    encode_release(&policy->releases[i]));
	document = json_pack("{s:s, s:I, s:o}", "schema", BOOT_POLICY_SCHEMA,
	    "version", (json_int_t)policy->version, "releases", releases);
	text = document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "boot policy");
	*ret_text = text;
	return 0;
}

/* NULL after an error. */
static struct boot_release *
find_release(struct boot_policy *policy, const char *name, bool *ret_is_new,
    struct err *err)
{
	struct boot_release *release;

	*ret_is_new = false;
	for (size_t i = 0; i < policy->release_count; i++)
		if (strcmp(policy->releases[i].name, name) == 0)
			return &policy->releases[i];
	if (!boot_release_name_is_valid(name)) {
		err_set(err, BOOT_POLICY_MALFORMED,
		    "\"%s\" is no release name: [a-z0-9][a-z0-9._-]*",
		    err_quote_str(name).text);
		return NULL;
	}
	if (policy->release_count == LIMIT_BOOT_RELEASES) {
		err_set(err, BOOT_POLICY_MALFORMED, "over %d releases",
		    LIMIT_BOOT_RELEASES);
		return NULL;
	}
	release = &policy->releases[policy->release_count++];
	memcpy(release->name, name, strlen(name) + 1);
	*ret_is_new = true;
	return release;
}

/* A register that only one of two predictions names would be open for the
 * other, or shut it out: neither is what somebody meant. */
static int
allow_register(struct boot_release *release, bool is_new, enum pcr_bank bank,
    unsigned int pcr, const struct pcr_values *values, struct err *err)
{
	struct boot_register *allowed = &release->registers[bank][pcr];
	const struct pcr_digest *value = &values->value[bank][pcr];
	bool is_named = (values->known[bank] >> pcr & 1) != 0;

	if (!is_new && is_named != (allowed->count > 0))
		return err_set(err, BOOT_POLICY_MALFORMED,
		    "release %s: register %s:%u is in some of its predictions "
		    "only",
		    release->name, pcr_bank_name(bank), pcr);
	if (!is_named || boot_register_allows(allowed, bank, value))
		return 0;
	if (pcr_digest_is_blank(bank, value))
		return err_set(err, BOOT_POLICY_MALFORMED,
		    "release %s: register %s:%u is blank", release->name,
		    pcr_bank_name(bank), pcr);
	if (allowed->count == LIMIT_BOOT_VALUES)
		return err_set(err, BOOT_POLICY_MALFORMED,
		    "release %s: register %s:%u has over %d values",
		    release->name, pcr_bank_name(bank), pcr, LIMIT_BOOT_VALUES);
	allowed->values[allowed->count++] = *value;
	return 0;
}

static json_t *
encode_release(const struct boot_release *release)
{
	json_t *registers = json_object();

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		json_t *of_bank = encode_bank(release, bank);

		if (json_object_size(of_bank) > 0)
			json_object_set_new(registers, pcr_bank_name(bank),
			    of_bank);
		else
			json_decref(of_bank);
	}
	return json_pack("{s:s, s:o}", "name", release->name, "registers",
	    registers);
}

static json_t *
encode_bank(const struct boot_release *release, enum pcr_bank bank)
{
	json_t *registers = json_object();

	for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++) {
		const struct boot_register *allowed =
		    &release->registers[bank][pcr];
		json_t *values;
		char number[8];

		if (allowed->count == 0)
			continue;
		values = json_array();
		for (size_t i = 0; i < allowed->count; i++) {
			char hex[PCR_HEX_SIZE];

			pcr_digest_hex(bank, &allowed->values[i], hex);
			json_array_append_new(values, json_string(hex));
		}
		snprintf(number, sizeof(number), "%u", pcr);
		json_object_set_new(registers, number, values);
	}
	return registers;
}
