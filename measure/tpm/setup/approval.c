#include "measure/tpm/setup/approval.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "measure/boot_policy.h"
#include "measure/tpm/setup/policy_digest.h"

#define SCHEMA "assay.approval/1"

enum { max_depth = 6 };

static int decode_key(const struct json_at *root, struct public_key **ret_key,
    struct err *err);
static int decode_use(const struct json_at *root, struct approvals *approvals,
    struct err *err);
static int decode_item(const struct json_at *releases, size_t index,
    struct approvals *approvals, struct err *err);
static int decode_registers(const struct json_at *at, struct approval *approval,
    struct err *err);
static int decode_bank(const struct json_at *registers, const char *name,
    struct approval *approval, struct err *err);
static int decode_signature(const struct json_at *at, struct approval *approval,
    struct err *err);
static json_t *encode_item(const struct approval *approval);
static json_t *encode_registers(const struct approval *approval);

int
approvals_decode(struct bytes text, struct approvals **ret_approvals,
    struct err *err)
{
	static const char *const members[] = {"schema", "key", "ref",
	    "until_epoch", "releases", NULL};
	CLEANUP(approvals_freep) struct approvals *approvals = NULL;
	CLEANUP(json_freep) json_t *document = NULL;
	struct json_at releases;
	struct json_at root;

	if (text.len > LIMIT_APPROVAL_BYTES)
		return err_set(err, APPROVAL_MALFORMED,
		    "approvals: %zu bytes, limit %zu", text.len,
		    LIMIT_APPROVAL_BYTES);
	approvals = calloc(1, sizeof(*approvals));
	if (approvals == NULL)
		return err_set(err, NO_MEMORY, "approvals");
	TRY(json_parse(text, max_depth, "approvals", APPROVAL_MALFORMED,
	    &document, err));
	root = json_root(document, APPROVAL_MALFORMED);
	TRY(json_known(&root, members, err));
	TRY(json_literal_in(&root, "schema", SCHEMA, err));
	TRY(decode_key(&root, &approvals->key, err));
	TRY(decode_use(&root, approvals, err));
	TRY(json_array_in(&root, "releases", LIMIT_APPROVALS, &releases, err));
	for (size_t i = 0; i < json_array_size(releases.value); i++)
		TRY(decode_item(&releases, i, approvals, err));
	*ret_approvals = take_ptr(&approvals);
	return 0;
}

void
approvals_freep(struct approvals **approvals)
{
	if (*approvals != NULL)
		public_key_freep(&(*approvals)->key);
	free(*approvals);
	*approvals = NULL;
}

int
approvals_encode(const struct approvals *approvals, char **ret_text,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *pem = NULL;
	json_t *releases = json_array();
	char *text;

	for (size_t i = 0; i < approvals->count; i++)
		json_array_append_new(releases,
		    encode_item(&approvals->items[i]));
	TRY(public_key_to_pem(approvals->key, &pem, err));
	document = json_pack("{s:s, s:s, s:s, s:o}", "schema", SCHEMA, "key",
	    pem, "ref", approvals->ref, "releases", releases);
	if (approvals->until_epoch > 0)
		json_object_set_new(document, "until_epoch",
		    json_integer(approvals->until_epoch));
	text = document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "approvals");
	*ret_text = text;
	return 0;
}

bool
approval_ref_is_valid(const char *ref, int64_t until_epoch)
{
	size_t len = strlen(ref);

	for (size_t i = 0; i < len; i++)
		if (ref[i] < 0x20 || ref[i] > 0x7e)
			return false;
	return len <= (until_epoch > 0 ? APPROVAL_BOUND_REF_BYTES
				       : APPROVAL_REF_BYTES);
}

/* No `ref` holds a line feed, so no use without a bound looks like one. */
size_t
approval_use(const char *ref, int64_t until_epoch,
    uint8_t ret_use[static APPROVAL_USE_BYTES])
{
	char use[APPROVAL_USE_BYTES + 1];
	int len = until_epoch > 0 ? snprintf(use, sizeof(use), "%s\n%" PRId64,
					ref, until_epoch)
	                          : snprintf(use, sizeof(use), "%s", ref);

	bug_unless(len >= 0 && len <= APPROVAL_USE_BYTES);
	memcpy(ret_use, use, (size_t)len);
	return (size_t)len;
}

size_t
approval_message(const struct digest *policy, const char *ref,
    int64_t until_epoch,
    uint8_t ret_message[static DIGEST_BYTES + APPROVAL_USE_BYTES])
{
	memcpy(ret_message, policy->bytes, DIGEST_BYTES);
	return DIGEST_BYTES +
	       approval_use(ref, until_epoch, ret_message + DIGEST_BYTES);
}

int
approvals_find(const struct approvals *approvals,
    const struct pcr_values *found, const struct approval **ret_approval,
    struct err *err)
{
	for (size_t i = 0; i < approvals->count; i++) {
		const struct approval *approval = &approvals->items[i];
		struct pcr_values values = *found;
		struct digest policy = POLICY_DIGEST_START;
		bool is_there = true;

		for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
			values.known[bank] &= approval->registers[bank];
			is_there = is_there && values.known[bank] ==
			                           approval->registers[bank];
		}
		TRY(policy_digest_pcr(&values, &policy, err));
		if (is_there && digest_equal(&policy, &approval->policy)) {
			*ret_approval = approval;
			return 0;
		}
	}
	return err_set(err, TPM_POLICY_UNMET,
	    "this host is in none of the %zu approved states",
	    approvals->count);
}

static int
decode_key(const struct json_at *root, struct public_key **ret_key,
    struct err *err)
{
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	const char *pem;

	TRY(json_string_in(root, "key", LIMIT_PEM_BYTES, &pem, err));
	if (public_key_from_pem(bytes_of_str(pem), &key, err) != 0)
		return json_blame(root, "key", err);
	if (public_key_algorithm(key) != ALGORITHM_ECDSA_P256_SHA256)
		return err_set_field(err, POLICY_KEY_UNFIT, "key",
		    "key: it is %s", algorithm_name(public_key_algorithm(key)));
	*ret_key = take_ptr(&key);
	return 0;
}

static int
decode_use(const struct json_at *root, struct approvals *approvals,
    struct err *err)
{
	const char *ref;

	if (json_object_get(root->value, "until_epoch") != NULL)
		TRY(json_integer_in(root, "until_epoch", 1, INT64_MAX,
		    &approvals->until_epoch, err));
	TRY(json_string_in(root, "ref", APPROVAL_REF_BYTES, &ref, err));
	if (!approval_ref_is_valid(ref, approvals->until_epoch))
		return json_refuse(root, "ref", err,
		    "not printable ASCII, or too long beside an epoch");
	memcpy(approvals->ref, ref, strlen(ref) + 1);
	return 0;
}

static int
decode_item(const struct json_at *releases, size_t index,
    struct approvals *approvals, struct err *err)
{
	static const char *const members[] = {"name", "registers", "policy",
	    "signature", NULL};
	struct approval *approval = &approvals->items[index];
	uint8_t message[DIGEST_BYTES + APPROVAL_USE_BYTES];
	struct json_at at;
	const char *text;
	size_t len;

	TRY(json_item_object(releases, index, &at, err));
	TRY(json_known(&at, members, err));
	TRY(json_string_in(&at, "name", LIMIT_NAME_BYTES, &text, err));
	if (!boot_release_name_is_valid(text))
		return json_refuse(&at, "name", err, "not a release name");
	memcpy(approval->release, text, strlen(text) + 1);
	TRY(decode_registers(&at, approval, err));
	TRY(json_string_in(&at, "policy", DIGEST_HEX_SIZE, &text, err));
	if (!digest_from_hex(text, &approval->policy))
		return json_refuse(&at, "policy", err,
		    "not 64 lower-case hex digits");
	TRY(decode_signature(&at, approval, err));
	len = approval_message(&approval->policy, approvals->ref,
	    approvals->until_epoch, message);
	if (!public_key_accepts(approvals->key, bytes_of(message, len),
		bytes_of(approval->signature, approval->signature_len)))
		return json_refuse(&at, "signature", err,
		    "release %s: not of this key, policy, ref and epoch",
		    approval->release);
	approvals->count++;
	return 0;
}

static int
decode_registers(const struct json_at *at, struct approval *approval,
    struct err *err)
{
	struct json_at registers;
	const char *name;
	json_t *ignored;

	TRY(json_object_in(at, "registers", &registers, err));
	if (json_object_size(registers.value) == 0)
		return json_refuse(at, "registers", err, "empty");
	json_object_foreach(registers.value, name, ignored)
	{
		TRY(decode_bank(&registers, name, approval, err));
	}
	return 0;
}

static int
decode_bank(const struct json_at *registers, const char *name,
    struct approval *approval, struct err *err)
{
	struct json_at at;
	enum pcr_bank bank;

	if (!pcr_bank_from_name(name, &bank))
		return json_refuse(registers, err_quote_str(name).text, err,
		    "not a bank: sha256 or sha384");
	TRY(json_array_in(registers, name, PCR_COUNT, &at, err));
	if (json_array_size(at.value) == 0)
		return json_refuse(registers, name, err, "empty");
	for (size_t i = 0; i < json_array_size(at.value); i++) {
		json_t *item = json_array_get(at.value, i);
		json_int_t pcr = json_integer_value(item);

		if (!json_is_integer(item) || pcr < 0 || pcr >= PCR_COUNT)
			return json_refuse(registers, name, err,
			    "item %zu is no register: 0 to %d", i,
			    PCR_COUNT - 1);
		if ((approval->registers[bank] >> pcr & 1) != 0)
			return json_refuse(registers, name, err,
			    "item %zu stands there twice", i);
		approval->registers[bank] |= 1u << pcr;
	}
	return 0;
}

static int
decode_signature(const struct json_at *at, struct approval *approval,
    struct err *err)
{
	CLEANUP(freep) uint8_t *sig = NULL;
	size_t len;

	TRY(json_base64_in(at, "signature", 2 * APPROVAL_SIGNATURE_BYTES, &sig,
	    &len, err));
	if (len == 0 || len > sizeof(approval->signature))
		return json_refuse(at, "signature", err, "%zu bytes", len);
	memcpy(approval->signature, sig, len);
	approval->signature_len = len;
	return 0;
}

static json_t *
encode_item(const struct approval *approval)
{
	CLEANUP(freep)
	char *sig = base64_encode(
	    bytes_of(approval->signature, approval->signature_len));
	char policy[DIGEST_HEX_SIZE];

	digest_hex(&approval->policy, policy);
	return json_pack("{s:s, s:o, s:s, s:s}", "name", approval->release,
	    "registers", encode_registers(approval), "policy", policy,
	    "signature", sig);
}

static json_t *
encode_registers(const struct approval *approval)
{
	json_t *registers = json_object();

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		json_t *list;

		if (approval->registers[bank] == 0)
			continue;
		list = json_array();
		for (int pcr = 0; pcr < PCR_COUNT; pcr++)
			if ((approval->registers[bank] >> pcr & 1) != 0)
				json_array_append_new(list, json_integer(pcr));
		json_object_set_new(registers, pcr_bank_name(bank), list);
	}
	return registers;
}
