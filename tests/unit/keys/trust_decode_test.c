#include "keys_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/limits.h"
#include "base/scope.h"
#include "keys/trust.h"

/* Takes the tree. */
static struct trust_policy *
decode(json_t *tree)
{
	char *text = fixture_text(tree);
	struct trust_policy *policy = NULL;
	struct err err;

	assert_code(trust_decode(bytes_of_str(text), &policy, &err), ERR_NONE);
	free(text);
	return policy;
}

/* Takes the tree. */
static void
expect_taken(json_t *tree)
{
	struct trust_policy *policy = decode(tree);

	trust_freep(&policy);
	assert_null(policy);
}

static void
expect_refused_text(struct bytes text, enum err_code code)
{
	struct trust_policy *policy = UNTOUCHED;
	struct err err;

	assert_code(trust_decode(text, &policy, &err), code);
	assert_int_equal(err.code, code);
	assert_ptr_equal(policy, UNTOUCHED);
	assert_int_equal(ERR_peek_error(), 0);
}

/* Takes the tree. */
static void
expect_refused(json_t *tree, enum err_code code)
{
	char *text = fixture_text(tree);

	expect_refused_text(bytes_of_str(text), code);
	free(text);
}

/* Takes the tree. The message says where, and what. */
static void
expect_named(json_t *tree, enum err_code code, const char *field,
    const char *why)
{
	struct trust_policy *policy = UNTOUCHED;
	char *text = fixture_text(tree);
	struct err err;

	assert_code(trust_decode(bytes_of_str(text), &policy, &err), code);
	assert_string_equal(err.field, field);
	if (strncmp(err.text, field, strlen(field)) != 0 ||
	    strstr(err.text, why) == NULL)
		fail_msg("%s", err.text);
	assert_ptr_equal(policy, UNTOUCHED);
	free(text);
}

/* A good policy in which one member of a place is set. */
static json_t *
good_with(const char *member, json_t *value)
{
	json_t *tree = fixture_trust();

	json_object_set_new(tree, member, value);
	return tree;
}

static json_t *
good_with_role(const char *member, json_t *value)
{
	json_t *tree = fixture_trust();

	json_object_set_new(fixture_role(tree, "prod"), member, value);
	return tree;
}

static json_t *
good_with_role_name(const char *name)
{
	json_t *tree = fixture_trust();
	json_t *roles = json_object_get(tree, "roles");

	json_object_set(roles, name, json_object_get(roles, "prod"));
	return tree;
}

static json_t *
good_with_pattern(const char *pattern)
{
	return good_with_role("images", json_pack("[s]", pattern));
}

static json_t *
good_with_revoked(const char *member, json_t *value)
{
	json_t *tree = fixture_trust();

	json_object_set_new(json_object_get(tree, "revoked"), member, value);
	return tree;
}

static json_t *
good_with_floor(const char *location, json_t *value)
{
	json_t *tree = fixture_trust();

	json_object_set_new(json_object_get(tree, "min_rollback"), location,
	    value);
	return tree;
}

static const struct fixture_key *
spare_key(void)
{
	return fixture_key(ALGORITHM_ED25519, 3);
}

/* A key that is in no role, under any id, with any members. */
static json_t *
good_with_key(const char *id, const char *alg, const char *pem)
{
	json_t *tree = fixture_trust();

	json_object_set_new(json_object_get(tree, "keys"), id,
	    json_pack("{s:s, s:s}", "alg", alg, "pem", pem));
	return tree;
}

static json_t *
role_keys(const char *a, const char *b)
{
	return json_pack("[s, s*]", a, b);
}

static char *
name_of_length(size_t len)
{
	char *name = malloc(len + 1);

	memset(name, 'a', len);
	name[len] = '\0';
	return name;
}

static void
trust_decode_reads_a_good_policy(void **state)
{
	struct trust_policy *policy = decode(fixture_trust());

	(void)state;
	assert_int_equal(trust_version(policy), 4);
	assert_int_equal(trust_role_count(policy), 2);
	assert_string_equal(trust_role_name(policy, 0), "prod");
	assert_string_equal(trust_role_name(policy, 1), "lab");
	trust_freep(&policy);
}

static void
trust_decode_refuses_a_missing_member(void **state)
{
	static const char *const members[] = {"schema", "version", "keys",
	    "roles", "revoked", "min_rollback"};
	static const char *const role_members[] = {"threshold", "keys",
	    "images", "debug"};
	static const char *const revoked_members[] = {"keys", "manifests"};
	static const char *const key_members[] = {"alg", "pem"};
	json_t *tree;

	(void)state;
	for (size_t i = 0; i < countof(members); i++) {
		tree = fixture_trust();
		json_object_del(tree, members[i]);
		expect_refused(tree, TRUST_MALFORMED);
	}
	for (size_t i = 0; i < countof(role_members); i++) {
		tree = fixture_trust();
		json_object_del(fixture_role(tree, "prod"), role_members[i]);
		expect_refused(tree, TRUST_MALFORMED);
	}
	for (size_t i = 0; i < countof(revoked_members); i++) {
		tree = fixture_trust();
		json_object_del(json_object_get(tree, "revoked"),
		    revoked_members[i]);
		expect_refused(tree, TRUST_MALFORMED);
	}
	for (size_t i = 0; i < countof(key_members); i++) {
		tree =
		    good_with_key(spare_key()->id, "ed25519", spare_key()->pem);
		json_object_del(json_object_get(json_object_get(tree, "keys"),
				    spare_key()->id),
		    key_members[i]);
		expect_refused(tree, TRUST_MALFORMED);
	}
}

static void
trust_decode_refuses_an_unknown_member(void **state)
{
	json_t *tree;

	(void)state;
	expect_refused(good_with("comment", json_string("x")), TRUST_MALFORMED);
	expect_refused(good_with_role("quorum", json_array()), TRUST_MALFORMED);
	expect_refused(good_with_revoked("roles", json_array()),
	    TRUST_MALFORMED);
	tree = good_with_key(spare_key()->id, "ed25519", spare_key()->pem);
	json_object_set_new(
	    json_object_get(json_object_get(tree, "keys"), spare_key()->id),
	    "owner", json_string("x"));
	expect_refused(tree, TRUST_MALFORMED);
}

static void
trust_decode_refuses_members_of_another_type(void **state)
{
	static const char *const members[] = {"schema", "version", "keys",
	    "roles", "revoked", "min_rollback"};
	static const char *const role_members[] = {"threshold", "keys",
	    "images", "debug"};

	(void)state;
	for (size_t i = 0; i < countof(members); i++) {
		expect_refused(good_with(members[i], json_null()),
		    TRUST_MALFORMED);
		expect_refused(good_with(members[i], json_real(1.0)),
		    TRUST_MALFORMED);
		expect_refused(good_with(members[i], json_array()),
		    TRUST_MALFORMED);
	}
	for (size_t i = 0; i < countof(role_members); i++) {
		expect_refused(good_with_role(role_members[i], json_null()),
		    TRUST_MALFORMED);
		expect_refused(
		    good_with_role(role_members[i], json_string("x")),
		    TRUST_MALFORMED);
		expect_refused(good_with_role(role_members[i], json_object()),
		    TRUST_MALFORMED);
	}
	expect_refused(good_with_role("debug", json_integer(0)),
	    TRUST_MALFORMED);
	expect_refused(good_with_role("threshold", json_real(2.0)),
	    TRUST_MALFORMED);
}

static void
trust_decode_refuses_what_is_not_one_json_object(void **state)
{
	static const char *const texts[] = {"", "[]", "nonsense"};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++)
		expect_refused_text(bytes_of_str(texts[i]), TRUST_MALFORMED);
	expect_refused_text(bytes_of_str("{}x"), BYTES_TRAILING);
	expect_refused_text(bytes_of_str("{\"version\":1,\"version\":2}"),
	    MEMBER_DUPLICATE);
}

static void
trust_decode_refuses_deep_json(void **state)
{
	json_t *deep = json_array();

	(void)state;
	for (int i = 0; i < 8; i++)
		deep = json_pack("[o]", deep);
	expect_refused(good_with("schema", deep), TRUST_MALFORMED);
}

static void
trust_decode_refuses_a_policy_over_256_kib(void **state)
{
	char *text = fixture_text(fixture_trust());
	char *longer = malloc(LIMIT_TRUST_BYTES + 1);
	struct trust_policy *policy;
	struct err err;

	(void)state;
	memset(longer, ' ', LIMIT_TRUST_BYTES + 1);
	memcpy(longer, text, strlen(text));
	expect_refused_text(bytes_of(longer, LIMIT_TRUST_BYTES + 1),
	    TRUST_TOO_LARGE);
	assert_code(
	    trust_decode(bytes_of(longer, LIMIT_TRUST_BYTES), &policy, &err),
	    ERR_NONE);
	trust_freep(&policy);
	free(longer);
	free(text);
}

static void
trust_decode_refuses_another_schema(void **state)
{
	(void)state;
	expect_refused(good_with("schema", json_string("assay.trust/2")),
	    TRUST_MALFORMED);
	expect_refused(good_with("schema", json_string("")), TRUST_MALFORMED);
}

static void
trust_decode_refuses_a_version_below_one(void **state)
{
	(void)state;
	expect_refused(good_with("version", json_integer(0)), TRUST_MALFORMED);
	expect_refused(good_with("version", json_integer(-1)), TRUST_MALFORMED);
	expect_taken(good_with("version", json_integer(1)));
	expect_taken(good_with("version", json_integer(INT64_MAX)));
}

static void
trust_decode_refuses_a_policy_without_keys_or_roles(void **state)
{
	(void)state;
	expect_refused(good_with("keys", json_object()), TRUST_MALFORMED);
	expect_refused(good_with("roles", json_object()), TRUST_MALFORMED);
}

static void
trust_decode_takes_a_key_that_is_in_no_role(void **state)
{
	(void)state;
	expect_taken(
	    good_with_key(spare_key()->id, "ed25519", spare_key()->pem));
}

static void
trust_decode_refuses_an_id_that_is_not_the_keys(void **state)
{
	const char *pem = spare_key()->pem;
	char id[DIGEST_HEX_SIZE];

	(void)state;
	expect_refused(good_with_key(fixture_key(ALGORITHM_ED25519, 2)->id,
			   "ed25519", pem),
	    TRUST_MALFORMED);
	expect_refused(good_with_key("", "ed25519", pem), TRUST_MALFORMED);
	memcpy(id, spare_key()->id, sizeof(id));
	for (char *c = id; *c != '\0'; c++) {
		if (*c >= 'a' && *c <= 'f')
			*c = (char)(*c - 'a' + 'A');
	}
	expect_refused(good_with_key(id, "ed25519", pem), TRUST_MALFORMED);
}

static void
trust_decode_names_one_key_under_two_ids(void **state)
{
	const struct fixture_key *listed = fixture_key(ALGORITHM_ED25519, 0);
	json_t *tree = fixture_trust();
	json_t *keys = json_object();
	char field[64], other[64];

	(void)state;
	snprintf(field, sizeof(field), "keys.%.16s...", spare_key()->id);
	snprintf(other, sizeof(other), "the same key as keys.%.16s...",
	    listed->id);
	expect_named(good_with_key(spare_key()->id, "ed25519", listed->pem),
	    TRUST_KEY_TWICE, field, other);
	/* In the other order: the wrong id before its own. */
	json_object_set_new(keys, spare_key()->id,
	    json_pack("{s:s, s:s}", "alg", "ed25519", "pem", listed->pem));
	json_object_update(keys, json_object_get(tree, "keys"));
	json_object_set_new(tree, "keys", keys);
	expect_named(tree, TRUST_KEY_TWICE, field, other);
}

static void
trust_decode_refuses_an_algorithm_that_is_not_the_keys(void **state)
{
	(void)state;
	expect_refused(good_with_key(spare_key()->id, "ecdsa-p256-sha256",
			   spare_key()->pem),
	    TRUST_MALFORMED);
	expect_refused(
	    good_with_key(fixture_key(ALGORITHM_ECDSA_P256_SHA256, 1)->id,
		"ecdsa-p384-sha384",
		fixture_key(ALGORITHM_ECDSA_P256_SHA256, 1)->pem),
	    TRUST_MALFORMED);
}

static void
trust_decode_refuses_an_algorithm_that_nobody_knows(void **state)
{
	(void)state;
	expect_refused(
	    good_with_key(spare_key()->id, "slh-dsa-128s", spare_key()->pem),
	    KEY_UNSUPPORTED);
	expect_refused(good_with_key(spare_key()->id, "", spare_key()->pem),
	    KEY_UNSUPPORTED);
}

/* A key of libcrypto's, of any kind, in a policy. Takes the key. */
static void
expect_key_named(EVP_PKEY *pkey, enum err_code code, const char *why)
{
	char *pem = fixture_pem(pkey);
	char field[64];

	snprintf(field, sizeof(field), "keys.%.16s....pem", spare_key()->id);
	expect_named(good_with_key(spare_key()->id, "ecdsa-p384-sha384", pem),
	    code, field, why);
	free(pem);
	EVP_PKEY_free(pkey);
}

static void
trust_decode_says_which_key_is_not_fit_and_why(void **state)
{
	EVP_PKEY *explicit = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	size_t bits = 2048;

	(void)state;
	expect_refused(good_with_key(spare_key()->id, "ed25519", "nonsense"),
	    KEY_MALFORMED);
	expect_key_named(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521"),
	    KEY_CURVE_WRONG, "ec: curve secp521r1");
	expect_key_named(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits),
	    KEY_TOO_SHORT, "rsa: 2048 bits");
	assert_int_equal(EVP_PKEY_set_utf8_string_param(explicit,
			     OSSL_PKEY_PARAM_EC_ENCODING, "explicit"),
	    1);
	expect_key_named(explicit, KEY_PARAMETERS_EXPLICIT,
	    "ec: explicit curve parameters");
}

static void
trust_decode_refuses_more_than_64_keys(void **state)
{
	json_t *tree = fixture_trust();
	char id[24];

	(void)state;
	for (int i = 4; i < LIMIT_TRUST_KEYS + 1; i++) {
		snprintf(id, sizeof(id), "%d", i);
		json_object_set_new(json_object_get(tree, "keys"), id,
		    json_object());
	}
	expect_refused(tree, TRUST_MALFORMED);
}

static void
trust_decode_takes_64_keys_in_one_role(void **state)
{
	json_t *tree = fixture_trust();
	json_t *keys = json_array();
	struct trust_policy *policy;

	(void)state;
	json_object_clear(json_object_get(tree, "keys"));
	for (int i = 0; i < LIMIT_TRUST_KEYS; i++) {
		struct fixture_key key = {.algorithm = ALGORITHM_ED25519};
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		unsigned char *der = NULL;
		int len = i2d_PUBKEY(pkey, &der);
		struct digest id;
		struct err err;

		assert_code(digest_of(bytes_of(der, (size_t)len), &id, &err),
		    ERR_NONE);
		digest_hex(&id, key.id);
		key.pem = fixture_pem(pkey);
		fixture_trust_add_key(tree, &key);
		json_array_append_new(keys, json_string(key.id));
		free(key.pem);
		OPENSSL_free(der);
		EVP_PKEY_free(pkey);
	}
	json_object_set(fixture_role(tree, "lab"), "keys", keys);
	json_object_set_new(fixture_role(tree, "lab"), "threshold",
	    json_integer(64));
	json_object_set_new(fixture_role(tree, "prod"), "keys", keys);
	policy = decode(tree);
	trust_freep(&policy);
}

static void
trust_decode_refuses_threshold_zero(void **state)
{
	(void)state;
	expect_named(good_with_role("threshold", json_integer(0)),
	    TRUST_THRESHOLD_BAD, "roles.prod.threshold", "0 is outside 1 to 3");
	expect_refused(good_with_role("threshold", json_integer(-1)),
	    TRUST_THRESHOLD_BAD);
}

static void
trust_decode_refuses_a_threshold_above_the_number_of_keys(void **state)
{
	(void)state;
	expect_taken(good_with_role("threshold", json_integer(3)));
	expect_named(good_with_role("threshold", json_integer(4)),
	    TRUST_THRESHOLD_BAD, "roles.prod.threshold", "4 is outside 1 to 3");
	expect_refused(
	    good_with_role("threshold", json_integer(INT64_C(1) << 32)),
	    TRUST_THRESHOLD_BAD);
}

static void
trust_decode_refuses_a_role_without_keys(void **state)
{
	(void)state;
	expect_refused(good_with_role("keys", json_array()),
	    TRUST_THRESHOLD_BAD);
}

static void
trust_decode_refuses_a_key_twice_in_a_role(void **state)
{
	const char *id = fixture_key(ALGORITHM_ED25519, 0)->id;
	json_t *tree = good_with_role("keys", role_keys(id, id));

	(void)state;
	/* Or the threshold would be too high as well. */
	json_object_set_new(fixture_role(tree, "prod"), "threshold",
	    json_integer(1));
	expect_named(tree, TRUST_KEY_TWICE, "roles.prod.keys",
	    "stands there twice");
}

static void
trust_decode_refuses_a_role_key_that_is_not_listed(void **state)
{
	const char *id = fixture_key(ALGORITHM_ED25519, 0)->id;

	(void)state;
	expect_refused(good_with_role("keys", role_keys(id, spare_key()->id)),
	    TRUST_MALFORMED);
	expect_refused(good_with_role("keys", role_keys(id, "")),
	    TRUST_MALFORMED);
	expect_refused(good_with_role("keys", role_keys(id, "prod")),
	    TRUST_MALFORMED);
}

static json_t *
good_with_role_for(const char *signs)
{
	json_t *tree = fixture_trust();

	json_object_set_new(json_object_get(tree, "roles"), "other",
	    json_pack("{s:s, s:i, s:[s]}", "signs", signs, "threshold", 1,
		"keys", fixture_key(ALGORITHM_ED25519, 0)->id));
	return tree;
}

static void
trust_decode_takes_roles_of_each_purpose(void **state)
{
	static const char *const others[] = {"boot-policy", "store-index",
	    "trust"};

	(void)state;
	expect_taken(good_with_role("signs", json_string("image")));
	for (size_t i = 0; i < countof(others); i++) {
		struct trust_policy *policy =
		    decode(good_with_role_for(others[i]));
		enum trust_purpose purpose = TRUST_IMAGE;

		assert_true(trust_purpose_from_name(others[i], &purpose));
		assert_true(trust_has_purpose(policy, purpose));
		trust_freep(&policy);
	}
}

static void
trust_decode_refuses_a_purpose_that_nobody_knows(void **state)
{
	(void)state;
	expect_refused(good_with_role("signs", json_string("")),
	    TRUST_MALFORMED);
	expect_refused(good_with_role("signs", json_string("images")),
	    TRUST_MALFORMED);
	expect_refused(good_with_role("signs", json_null()), TRUST_MALFORMED);
	expect_refused(good_with_role("signs", json_integer(0)),
	    TRUST_MALFORMED);
}

static void
trust_decode_refuses_patterns_and_debug_in_other_roles(void **state)
{
	json_t *tree = good_with_role_for("trust");

	(void)state;
	json_object_set_new(fixture_role(tree, "other"), "images",
	    json_pack("[s]", "*"));
	expect_refused(tree, TRUST_MALFORMED);
	tree = good_with_role_for("trust");
	json_object_set_new(fixture_role(tree, "other"), "debug", json_false());
	expect_refused(tree, TRUST_MALFORMED);
	expect_refused(good_with_role("signs", json_string("trust")),
	    TRUST_MALFORMED);
	expect_refused(good_with_role_for("image"), TRUST_MALFORMED);
}

/* One more demand of `from`: provenance by the role `to`. */
static void
demand(json_t *trust, const char *from, const char *to)
{
	json_t *role = fixture_role(trust, from);

	if (json_object_get(role, "provenance") == NULL)
		json_object_set_new(role, "provenance", json_array());
	assert_int_equal(
	    json_array_append_new(json_object_get(role, "provenance"),
		json_pack("{s:s, s:n, s:s}", "predicate_type", "urn:built",
		    "builder_id", "role", to)),
	    0);
}

/* "prod" and "lab" sign images; "builders" and "auditors" provenance. */
static json_t *
good_with_provenance(void)
{
	json_t *tree = fixture_trust();
	json_t *roles = json_object_get(tree, "roles");
	json_t *signing = json_pack("{s:s, s:i, s:[s]}", "signs", "provenance",
	    "threshold", 1, "keys", fixture_key(ALGORITHM_ED25519, 0)->id);

	json_object_set(roles, "builders", signing);
	json_object_set_new(roles, "auditors", json_deep_copy(signing));
	json_decref(signing);
	return tree;
}

static void
trust_decode_takes_demands_that_meet_but_do_not_go_round(void **state)
{
	json_t *tree = good_with_provenance();

	(void)state;
	demand(tree, "prod", "builders");
	demand(tree, "prod", "auditors");
	demand(tree, "lab", "builders");
	demand(tree, "lab", "builders");
	expect_taken(tree);
}

static void
trust_decode_shows_the_circle_of_roles_that_demand_of_each_other(void **state)
{
	json_t *tree = good_with_provenance();

	(void)state;
	demand(tree, "lab", "lab");
	expect_named(tree, TRUST_ROLE_CYCLE, "roles.lab", ": lab -> lab");

	tree = good_with_provenance();
	demand(tree, "prod", "lab");
	demand(tree, "lab", "prod");
	expect_named(tree, TRUST_ROLE_CYCLE, "roles.prod",
	    ": prod -> lab -> prod");

	/* Not by way of the first demands, and not from the first role. */
	tree = good_with_provenance();
	demand(tree, "prod", "builders");
	demand(tree, "builders", "lab");
	demand(tree, "builders", "auditors");
	demand(tree, "auditors", "auditor");
	demand(tree, "auditors", "builders");
	expect_named(tree, TRUST_ROLE_CYCLE, "roles.builders",
	    ": builders -> auditors -> builders");
}

/* Sixteen names of the greatest length are more than a message holds. */
static void
trust_decode_shows_the_beginning_of_a_long_circle(void **state)
{
	json_t *tree = fixture_trust();
	json_t *roles = json_object();
	char names[16][LIMIT_NAME_BYTES + 1];
	struct trust_policy *policy = UNTOUCHED;
	CLEANUP(freep) char *text = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		memset(names[i], 'a' + (int)i, LIMIT_NAME_BYTES);
		names[i][LIMIT_NAME_BYTES] = '\0';
		json_object_set_new(roles, names[i],
		    json_deep_copy(fixture_role(tree, "prod")));
	}
	json_object_set_new(tree, "roles", roles);
	for (size_t i = 0; i < countof(names); i++)
		demand(tree, names[i], names[(i + 1) % countof(names)]);
	text = fixture_text(tree);
	assert_code(trust_decode(bytes_of_str(text), &policy, &err),
	    TRUST_ROLE_CYCLE);
	assert_non_null(strstr(err.text, " -> bbbb"));
	assert_non_null(strstr(err.text, "..."));
}

static void
trust_decode_refuses_a_demand_of_a_role_that_cannot_meet_it(void **state)
{
	json_t *tree = good_with_provenance();

	(void)state;
	demand(tree, "prod", "builders");
	demand(tree, "prod", "lab");
	expect_named(tree, TRUST_ROLE_REFERENCE_BAD,
	    "roles.prod.provenance[1].role", "prod -> lab, which signs images");

	tree = good_with_provenance();
	demand(tree, "prod", "builder");
	expect_named(tree, TRUST_ROLE_REFERENCE_BAD,
	    "roles.prod.provenance[0].role",
	    "prod -> builder, which signs nothing: there is no such role");

	tree = good_with_provenance();
	demand(tree, "builders", "auditors");
	expect_named(tree, TRUST_ROLE_REFERENCE_BAD,
	    "roles.builders.provenance",
	    "a role that signs provenance demands none");
}

static void
trust_decode_refuses_malformed_demands(void **state)
{
	static const char *const bad[] = {"null", "{}", "[]", "[1]", "[null]",
	    "[{}]", "[{\"role\":1}]", "[{\"role\":\"lab\"}]", "\"builders\""};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		expect_refused(good_with_role("provenance",
				   json_loads(bad[i], JSON_DECODE_ANY, NULL)),
		    TRUST_MALFORMED);
}

static void
trust_decode_takes_groups(void **state)
{
	(void)state;
	expect_taken(good_with_role("groups", json_array()));
	expect_taken(
	    good_with_role("groups", json_pack("[[s,i]]", "classical", 1)));
	expect_taken(
	    good_with_role("groups", json_pack("[[s,i]]", "classical", 3)));
}

static void
trust_decode_refuses_malformed_groups(void **state)
{
	static const char *const bad[] = {"null", "{}", "\"classical\"",
	    "[\"classical\",1]", "[[\"classical\"]]", "[[\"classical\",1.0]]",
	    "[[\"classical\",\"1\"]]", "[[\"classical\",1,1]]",
	    "[[1,\"classical\"]]", "[[\"Classical\",1]]", "[{\"classical\":1}]",
	    "[[]]", "[[\"classical\",1],[\"classical\",1]]"};
	/* There is no such key in the role. */
	static const char *const unmet[] = {"[[\"classical\",0]]",
	    "[[\"classical\",4]]", "[[\"ml-dsa\",1]]"};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		expect_refused(good_with_role("groups",
				   json_loads(bad[i], JSON_DECODE_ANY, NULL)),
		    TRUST_MALFORMED);
	for (size_t i = 0; i < countof(unmet); i++)
		expect_named(
		    good_with_role("groups", json_loads(unmet[i], 0, NULL)),
		    TRUST_THRESHOLD_BAD, "roles.prod.groups", "is outside 1");
}

/* Here libcrypto is too old; where it is not, the test has nothing to say. */
static void
trust_decode_refuses_ml_dsa_before_openssl_3_5(void **state)
{
	const struct fixture_key *key = spare_key();
	struct trust_policy *policy = UNTOUCHED;
	CLEANUP(freep) char *text = NULL;
	struct err err;

	(void)state;
	if (OPENSSL_VERSION_NUMBER >= 0x30500000L)
		skip();
	text = fixture_text(good_with_key(key->id, "ml-dsa-65", key->pem));
	assert_code(trust_decode(bytes_of_str(text), &policy, &err),
	    KEY_UNSUPPORTED);
	assert_non_null(strstr(err.text, "ml-dsa-65 needs OpenSSL 3.5"));
	assert_int_equal(ERR_peek_error(), 0);
}

static void
trust_decode_keeps_the_digest_of_the_text(void **state)
{
	char *text = fixture_text(fixture_trust());
	struct trust_policy *policy = NULL;
	struct digest digest;
	struct err err;

	(void)state;
	assert_code(trust_decode(bytes_of_str(text), &policy, &err), ERR_NONE);
	assert_code(digest_of(bytes_of_str(text), &digest, &err), ERR_NONE);
	assert_true(digest_equal(trust_digest(policy), &digest));
	trust_freep(&policy);
	free(text);
}

static void
trust_decode_refuses_role_names_out_of_the_rule(void **state)
{
	static const char *const bad[] = {"", "1", "-a", "A", "aB", "a_b",
	    "a.b", "a b", "a*", "\xc3\xa4"};
	static const char *const good[] = {"a", "a1", "a-", "release-2"};
	char *longest = name_of_length(LIMIT_NAME_BYTES);
	char *longer = name_of_length(LIMIT_NAME_BYTES + 1);

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		expect_refused(good_with_role_name(bad[i]), TRUST_MALFORMED);
	for (size_t i = 0; i < countof(good); i++)
		expect_taken(good_with_role_name(good[i]));
	expect_taken(good_with_role_name(longest));
	expect_refused(good_with_role_name(longer), TRUST_MALFORMED);
	free(longest);
	free(longer);
}

static void
trust_decode_refuses_more_than_16_roles(void **state)
{
	json_t *tree = fixture_trust();
	json_t *roles = json_object_get(tree, "roles");
	char name[24];

	(void)state;
	for (int i = 2; i < LIMIT_TRUST_ROLES; i++) {
		snprintf(name, sizeof(name), "role-%d", i);
		json_object_set(roles, name, json_object_get(roles, "prod"));
	}
	expect_taken(json_deep_copy(tree));
	json_object_set(roles, "one-more", json_object_get(roles, "prod"));
	expect_refused(tree, TRUST_MALFORMED);
}

static void
trust_decode_refuses_patterns_out_of_the_rule(void **state)
{
	static const char *const bad[] = {"", "**", "w*b", "*-web", "*web*",
	    "web**", "Web", "web ", "we?", "web[1]", "-web", ".web", "_", ".*",
	    "-*", "web/*", "\xc3\xa4*"};
	static const char *const good[] = {"*", "web", "web-*", "w*", "1",
	    "0.a_b-c", "0.a_b-c*"};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		expect_refused(good_with_pattern(bad[i]), TRUST_MALFORMED);
	for (size_t i = 0; i < countof(good); i++)
		expect_taken(good_with_pattern(good[i]));
}

static void
trust_decode_refuses_long_patterns(void **state)
{
	char *name = name_of_length(LIMIT_NAME_BYTES + 2);

	(void)state;
	expect_refused(good_with_pattern(name), TRUST_MALFORMED);
	expect_refused(good_with_pattern(name + 1), TRUST_MALFORMED);
	expect_taken(good_with_pattern(name + 2));
	name[LIMIT_NAME_BYTES + 1] = '*';
	expect_refused(good_with_pattern(name), TRUST_MALFORMED);
	expect_taken(good_with_pattern(name + 1));
	free(name);
}

static void
trust_decode_refuses_a_role_without_patterns(void **state)
{
	(void)state;
	expect_refused(good_with_role("images", json_array()), TRUST_MALFORMED);
}

static void
trust_decode_refuses_a_pattern_twice(void **state)
{
	(void)state;
	expect_refused(good_with_role("images", json_pack("[s,s]", "db", "db")),
	    TRUST_MALFORMED);
}

static void
trust_decode_refuses_more_than_64_patterns(void **state)
{
	json_t *images = json_array();
	char name[24];

	(void)state;
	for (int i = 0; i < LIMIT_ROLE_PATTERNS; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		json_array_append_new(images, json_string(name));
	}
	expect_taken(good_with_role("images", json_deep_copy(images)));
	json_array_append_new(images, json_string("one-more"));
	expect_refused(good_with_role("images", images), TRUST_MALFORMED);
}

static void
trust_decode_takes_a_revoked_key_that_is_gone(void **state)
{
	(void)state;
	expect_taken(
	    good_with_revoked("keys", json_pack("[s]", spare_key()->id)));
}

static void
trust_decode_refuses_malformed_revocations(void **state)
{
	static const char *const bad[] = {"", "x", "sha256:"};
	const char *id = spare_key()->id;
	char text[DIGEST_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		expect_refused(
		    good_with_revoked("keys", json_pack("[s]", bad[i])),
		    TRUST_MALFORMED);
		expect_refused(
		    good_with_revoked("manifests", json_pack("[s]", bad[i])),
		    TRUST_MALFORMED);
	}
	snprintf(text, sizeof(text), "sha256:%s", id);
	expect_refused(good_with_revoked("manifests", json_pack("[s]", id)),
	    TRUST_MALFORMED);
	expect_refused(good_with_revoked("keys", json_pack("[s]", text)),
	    TRUST_MALFORMED);
	expect_refused(good_with_revoked("keys", json_pack("[i]", 1)),
	    TRUST_MALFORMED);
	expect_refused(good_with_revoked("keys", json_object()),
	    TRUST_MALFORMED);
	expect_taken(good_with_revoked("manifests", json_pack("[s]", text)));
}

static void
trust_decode_refuses_a_revocation_twice(void **state)
{
	const char *id = spare_key()->id;
	char text[DIGEST_TEXT_SIZE];

	(void)state;
	snprintf(text, sizeof(text), "sha256:%s", id);
	expect_refused(good_with_revoked("keys", json_pack("[s,s]", id, id)),
	    TRUST_MALFORMED);
	expect_refused(
	    good_with_revoked("manifests", json_pack("[s,s]", text, text)),
	    TRUST_MALFORMED);
}

static json_t *
many_revocations(const char *prefix, int count)
{
	json_t *array = json_array();
	char text[DIGEST_TEXT_SIZE];

	for (int i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%s%064x", prefix,
		    (unsigned int)i);
		json_array_append_new(array, json_string(text));
	}
	return array;
}

static void
trust_decode_refuses_more_than_1024_revocations(void **state)
{
	(void)state;
	expect_taken(
	    good_with_revoked("keys", many_revocations("", LIMIT_REVOCATIONS)));
	expect_refused(good_with_revoked("keys",
			   many_revocations("", LIMIT_REVOCATIONS + 1)),
	    TRUST_MALFORMED);
	expect_taken(good_with_revoked("manifests",
	    many_revocations("sha256:", LIMIT_REVOCATIONS)));
	expect_refused(good_with_revoked("manifests",
			   many_revocations("sha256:", LIMIT_REVOCATIONS + 1)),
	    TRUST_MALFORMED);
}

static void
trust_decode_refuses_malformed_floors(void **state)
{
	static const char *const locations[] = {"", "*", "web-*", "Web", "-a"};

	(void)state;
	for (size_t i = 0; i < countof(locations); i++)
		expect_refused(good_with_floor(locations[i], json_integer(1)),
		    TRUST_MALFORMED);
	expect_refused(good_with_floor("db", json_integer(-1)),
	    TRUST_MALFORMED);
	expect_refused(good_with_floor("db", json_real(1.0)), TRUST_MALFORMED);
	expect_refused(good_with_floor("db", json_string("1")),
	    TRUST_MALFORMED);
	expect_taken(good_with_floor("db", json_integer(0)));
	expect_taken(good_with_floor("db", json_integer(INT64_MAX)));
	expect_taken(good_with("min_rollback", json_object()));
}

static void
trust_decode_refuses_more_than_256_floors(void **state)
{
	json_t *floors = json_object();
	char name[24];

	(void)state;
	for (int i = 0; i < LIMIT_ROLLBACK_FLOORS; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		json_object_set_new(floors, name, json_integer(i));
	}
	expect_taken(good_with("min_rollback", json_deep_copy(floors)));
	json_object_set_new(floors, "one-more", json_integer(1));
	expect_refused(good_with("min_rollback", floors), TRUST_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trust_decode_takes_groups),
	    cmocka_unit_test(trust_decode_refuses_malformed_groups),
	    cmocka_unit_test(
		trust_decode_takes_demands_that_meet_but_do_not_go_round),
	    cmocka_unit_test(
		trust_decode_shows_the_circle_of_roles_that_demand_of_each_other),
	    cmocka_unit_test(trust_decode_shows_the_beginning_of_a_long_circle),
	    cmocka_unit_test(
		trust_decode_refuses_a_demand_of_a_role_that_cannot_meet_it),
	    cmocka_unit_test(trust_decode_refuses_malformed_demands),
	    cmocka_unit_test(trust_decode_refuses_ml_dsa_before_openssl_3_5),
	    cmocka_unit_test(trust_decode_takes_roles_of_each_purpose),
	    cmocka_unit_test(trust_decode_refuses_a_purpose_that_nobody_knows),
	    cmocka_unit_test(
		trust_decode_refuses_patterns_and_debug_in_other_roles),
	    cmocka_unit_test(trust_decode_keeps_the_digest_of_the_text),
	    cmocka_unit_test(trust_decode_reads_a_good_policy),
	    cmocka_unit_test(trust_decode_refuses_a_missing_member),
	    cmocka_unit_test(trust_decode_refuses_an_unknown_member),
	    cmocka_unit_test(trust_decode_refuses_members_of_another_type),
	    cmocka_unit_test(trust_decode_refuses_what_is_not_one_json_object),
	    cmocka_unit_test(trust_decode_refuses_deep_json),
	    cmocka_unit_test(trust_decode_refuses_a_policy_over_256_kib),
	    cmocka_unit_test(trust_decode_refuses_another_schema),
	    cmocka_unit_test(trust_decode_refuses_a_version_below_one),
	    cmocka_unit_test(
		trust_decode_refuses_a_policy_without_keys_or_roles),
	    cmocka_unit_test(trust_decode_takes_a_key_that_is_in_no_role),
	    cmocka_unit_test(trust_decode_refuses_an_id_that_is_not_the_keys),
	    cmocka_unit_test(trust_decode_names_one_key_under_two_ids),
	    cmocka_unit_test(
		trust_decode_refuses_an_algorithm_that_is_not_the_keys),
	    cmocka_unit_test(
		trust_decode_refuses_an_algorithm_that_nobody_knows),
	    cmocka_unit_test(trust_decode_says_which_key_is_not_fit_and_why),
	    cmocka_unit_test(trust_decode_refuses_more_than_64_keys),
	    cmocka_unit_test(trust_decode_takes_64_keys_in_one_role),
	    cmocka_unit_test(trust_decode_refuses_threshold_zero),
	    cmocka_unit_test(
		trust_decode_refuses_a_threshold_above_the_number_of_keys),
	    cmocka_unit_test(trust_decode_refuses_a_role_without_keys),
	    cmocka_unit_test(trust_decode_refuses_a_key_twice_in_a_role),
	    cmocka_unit_test(
		trust_decode_refuses_a_role_key_that_is_not_listed),
	    cmocka_unit_test(trust_decode_refuses_role_names_out_of_the_rule),
	    cmocka_unit_test(trust_decode_refuses_more_than_16_roles),
	    cmocka_unit_test(trust_decode_refuses_patterns_out_of_the_rule),
	    cmocka_unit_test(trust_decode_refuses_long_patterns),
	    cmocka_unit_test(trust_decode_refuses_a_role_without_patterns),
	    cmocka_unit_test(trust_decode_refuses_a_pattern_twice),
	    cmocka_unit_test(trust_decode_refuses_more_than_64_patterns),
	    cmocka_unit_test(trust_decode_takes_a_revoked_key_that_is_gone),
	    cmocka_unit_test(trust_decode_refuses_malformed_revocations),
	    cmocka_unit_test(trust_decode_refuses_a_revocation_twice),
	    cmocka_unit_test(trust_decode_refuses_more_than_1024_revocations),
	    cmocka_unit_test(trust_decode_refuses_malformed_floors),
	    cmocka_unit_test(trust_decode_refuses_more_than_256_floors),
	};

	return cmocka_run_group_tests_name("trust_decode", tests, NULL, NULL);
}
