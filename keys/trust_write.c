#include "keys/trust_write.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/scope.h"
#include "keys/trust_policy.h"

static int check_counts(const struct trust_draft *draft, struct err *err);
static int check_strings(const struct trust_draft *draft, struct err *err);
static int encode_keys(const struct trust_draft *draft, json_t **ret_keys,
    struct err *err);
static json_t *encode_key_ids(const struct trust_draft *draft);
static json_t *encode_patterns(const struct trust_draft *draft);
static json_t *sorted_array(const char **strings, size_t count);
static int compare_strings(const void *a, const void *b);
static int write_text(const struct trust_draft *draft, json_t *keys,
    char **ret_text, struct err *err);
static int check_text(const char *text, struct err *err);

int
trust_encode_new(const struct trust_draft *draft, char **ret_text,
    struct err *err)
{
	CLEANUP(json_freep) json_t *keys = NULL;
	CLEANUP(freep) char *text = NULL;

	TRY(check_counts(draft, err));
	TRY(check_strings(draft, err));
	TRY(encode_keys(draft, &keys, err));
	TRY(write_text(draft, keys, &text, err));
	TRY(check_text(text, err));
	*ret_text = take_ptr(&text);
	return 0;
}

static int
check_counts(const struct trust_draft *draft, struct err *err)
{
	if (draft->key_count > LIMIT_TRUST_KEYS)
		return err_set_field(err, TRUST_MALFORMED, "keys",
		    "%zu keys, limit %d", draft->key_count, LIMIT_TRUST_KEYS);
	if (draft->pattern_count > LIMIT_ROLE_PATTERNS)
		return err_set_field(err, TRUST_MALFORMED, "images",
		    "%zu patterns, limit %d", draft->pattern_count,
		    LIMIT_ROLE_PATTERNS);
	return 0;
}

/* What is not even UTF-8 would make jansson fail without a reason. */
static int
check_strings(const struct trust_draft *draft, struct err *err)
{
	if (!trust_role_name_is_valid(draft->role))
		return err_set_field(err, TRUST_MALFORMED, "role",
		    "\"%s\" is not a role name: [a-z][a-z0-9-]*",
		    err_quote_str(draft->role).text);
	for (size_t i = 0; i < draft->pattern_count; i++) {
		if (!trust_pattern_is_valid(draft->patterns[i]))
			return err_set_field(err, TRUST_MALFORMED, "images",
			    "\"%s\" is no name, nor a beginning and '*'",
			    err_quote_str(draft->patterns[i]).text);
	}
	return 0;
}

static int
encode_keys(const struct trust_draft *draft, json_t **ret_keys, struct err *err)
{
	CLEANUP(json_freep) json_t *keys = json_object();

	for (size_t i = 0; i < draft->key_count; i++) {
		const struct public_key *key = draft->keys[i];
		CLEANUP(freep) char *pem = NULL;
		char id[DIGEST_HEX_SIZE];
		json_t *entry;

		TRY(public_key_to_pem(key, &pem, err));
		digest_hex(public_key_id(key), id);
		entry = json_pack("{s:s, s:s}", "alg",
		    algorithm_name(public_key_algorithm(key)), "pem", pem);
		if (json_object_set_new(keys, id, entry) != 0)
			return err_set(err, NO_MEMORY, "keys");
	}
	*ret_keys = take_ptr(&keys);
	return 0;
}

static json_t *
encode_key_ids(const struct trust_draft *draft)
{
	char ids[LIMIT_TRUST_KEYS][DIGEST_HEX_SIZE];
	const char *strings[LIMIT_TRUST_KEYS];

	for (size_t i = 0; i < draft->key_count; i++) {
		digest_hex(public_key_id(draft->keys[i]), ids[i]);
		strings[i] = ids[i];
	}
	return sorted_array(strings, draft->key_count);
}

static json_t *
encode_patterns(const struct trust_draft *draft)
{
	const char *strings[LIMIT_ROLE_PATTERNS];

	for (size_t i = 0; i < draft->pattern_count; i++)
		strings[i] = draft->patterns[i];
	return sorted_array(strings, draft->pattern_count);
}

static json_t *
sorted_array(const char **strings, size_t count)
{
	json_t *array = json_array();

	qsort(strings, count, sizeof(*strings), compare_strings);
	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(array, json_string(strings[i])) != 0)
			json_freep(&array);
	}
	return array;
}

static int
compare_strings(const void *a, const void *b)
{
	const char *const *left = a;
	const char *const *right = b;

	return strcmp(*left, *right);
}

static int
write_text(const struct trust_draft *draft, json_t *keys, char **ret_text,
    struct err *err)
{
	CLEANUP(json_freep) json_t *policy = NULL;
	CLEANUP(freep) char *text = NULL;
	char *line;

	policy = json_pack("{s:s, s:I, s:O, s:{s:{s:I, s:o, s:o, s:b}},"
			   " s:{s:[], s:[]}, s:{}}",
	    "schema", TRUST_SCHEMA, "version", (json_int_t)draft->version,
	    "keys", keys, "roles", draft->role, "threshold",
	    (json_int_t)draft->threshold, "keys", encode_key_ids(draft),
	    "images", encode_patterns(draft), "debug", (int)draft->is_debug,
	    "revoked", "keys", "manifests", "min_rollback");
	text = json_dumps(policy, JSON_INDENT(2) | JSON_SORT_KEYS);
	if (text == NULL || asprintf(&line, "%s\n", text) < 0)
		return err_set(err, NO_MEMORY, "trust policy");
	*ret_text = line;
	return 0;
}

static int
check_text(const char *text, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;

	return trust_decode(bytes_of_str(text), &policy, err);
}
