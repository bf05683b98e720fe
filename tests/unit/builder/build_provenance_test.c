/*
 * A build under a policy that demands provenance, with a real store and real
 * signatures.
 */
#include "builder/supervisor/verdict_keep.h"
#include "story_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/scope.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "image-store/pack/provenance_dir.h"
#include "image-store/statement.h"
#include "keys/dsse.h"
#include "verify_count.h"

/* Attach a statement about "webber" of the working directory. */
static void
attach_statement(const char *file, enum signer signer, const char *builder)
{
	CLEANUP(freep) char *envelope = NULL;
	struct digest digest;
	char kernel[DIGEST_HEX_SIZE], ramdisk[DIGEST_HEX_SIZE];
	char text[1024];
	char path[128];

	digest = digest_of_file("webber/" IMAGE_DIR_KERNEL);
	digest_hex(&digest, kernel);
	digest = digest_of_file("webber/" IMAGE_DIR_RAMDISK);
	digest_hex(&digest, ramdisk);
	snprintf(text, sizeof(text),
	    "{\"_type\":\"" STATEMENT_TYPE "\",\"subject\":["
	    "{\"digest\":{\"sha256\":\"%s\"}},"
	    "{\"digest\":{\"sha256\":\"%s\"}}],"
	    "\"predicateType\":\"urn:built\","
	    "\"predicate\":{\"builder\":{\"id\":\"%s\"}}}",
	    kernel, ramdisk, builder);
	envelope = sign_payload(signer, DSSE_STATEMENT_PAYLOAD_TYPE, text);
	(void)mkdir("webber/" PROVENANCE_DIR, 0755);
	snprintf(path, sizeof(path), "webber/" PROVENANCE_DIR "/%s.dsse", file);
	write_file(path, bytes_of_str(envelope));
}

/* As many signatures as there can be, each r = s = 1 of ECDSA and by nobody who
 * says so. */
static void
attach_hostile_statement(int number)
{
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(freep) char *envelope = NULL;
	json_t *signatures = json_array();
	json_t *tree;
	char text[8], path[128];

	for (int i = 0; i < LIMIT_SIGNATURES; i++)
		json_array_append_new(signatures,
		    json_pack("{s:s}", "sig", "MAYCAQECAQE="));
	snprintf(text, sizeof(text), "%03d", number);
	payload = base64_encode(bytes_of_str(text));
	tree = json_pack("{s:s, s:s, s:o}", "payloadType",
	    DSSE_STATEMENT_PAYLOAD_TYPE, "payload", payload, "signatures",
	    signatures);
	envelope = tree_text(tree);
	json_decref(tree);
	(void)mkdir("webber/" PROVENANCE_DIR, 0755);
	snprintf(path, sizeof(path), "webber/" PROVENANCE_DIR "/%s.dsse", text);
	write_file(path, bytes_of_str(envelope));
}

/* "webber", under a policy that demands provenance. Takes the policy. */
static void
demand_provenance_by(struct fixture *fixture, struct trust_policy *policy)
{
	fixture_take_policy(fixture, policy);
	make_image_dir("webber", "webber", "1");
	set_image(fixture, "webber");
}

static void
demand_provenance(struct fixture *fixture)
{
	demand_provenance_by(fixture, make_policy_with_provenance(1));
}

static void
store_webber(void)
{
	struct err err;

	assert_code(layout_add("store", "webber", true, &err), 0);
}

static void
build_takes_an_image_with_the_provenance_that_is_demanded(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;

	demand_provenance(fixture);
	attach_statement("1", SIGNER_LAB, "urn:ci");
	attach_statement("2", SIGNER_STRANGER, "urn:ci");
	store_webber();
	assert_built(fixture, &receipt);
	assert_string_equal(receipt.image.name, "webber");
}

/* A statement about the stored kernel says nothing about an unpacked one that
 * another image left in the cache: warm as cold it has to come from that file.
 */
static void
build_takes_no_kernel_from_the_cache_that_provenance_is_not_about(void **state)
{
	struct fixture *fixture = *state;
	struct elf_recipe recipe = good_elf;
	CLEANUP(buffer_done) struct buffer other = {0};
	CLEANUP(buffer_done) struct buffer text = {0};
	CLEANUP(freep) char *envelope = NULL;
	CLEANUP(freep) char *payload = NULL;
	struct manifest manifest;
	struct err err;

	demand_provenance(fixture);
	text = read_file("webber/" IMAGE_DIR_MANIFEST);
	assert_code(manifest_decode(buffer_bytes(&text), &manifest, &err), 0);
	recipe.content_bytes += 64;
	other = make_elf(&recipe);
	assert_code(digest_of(buffer_bytes(&other), &manifest.elf.digest, &err),
	    0);
	manifest.elf.size_bytes = other.len;
	envelope = sign_manifest(SIGNER_PROD, &manifest);
	write_file("webber/" IMAGE_DIR_ENVELOPE, bytes_of_str(envelope));
	assert_code(manifest_encode(&manifest, &payload, &err), 0);
	write_file("webber/" IMAGE_DIR_MANIFEST, bytes_of_str(payload));
	attach_statement("1", SIGNER_STRANGER, "urn:ci");
	store_webber();
	assert_refused_before_xen(fixture, DECOMPRESS_FAILED);
	kept_blobs_add(&fixture->kept, &manifest.elf.digest,
	    sealed_of(buffer_bytes(&other)));
	assert_refused_before_xen(fixture, DECOMPRESS_FAILED);
}

static void
build_finds_what_is_demanded_among_many_statements(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	char name[16], builder[32];

	demand_provenance(fixture);
	for (int i = 0; i < LIMIT_PROVENANCE - 1; i++) {
		snprintf(name, sizeof(name), "5%03d", i);
		snprintf(builder, sizeof(builder), "urn:other:%d", i);
		attach_statement(name, SIGNER_STRANGER, builder);
	}
	attach_statement("9", SIGNER_STRANGER, "urn:ci");
	store_webber();
	story_calls.verify = 0;
	assert_built(fixture, &receipt);
	assert_int_equal(story_calls.verify, 1 + LIMIT_PROVENANCE);
}

static void
build_looks_at_no_more_statements_than_it_needs(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;

	demand_provenance(fixture);
	attach_statement("1", SIGNER_STRANGER, "urn:elsewhere");
	attach_statement("2", SIGNER_STRANGER, "urn:ci");
	attach_statement("3", SIGNER_STRANGER, "urn:after");
	store_webber();
	story_calls.verify = 0;
	assert_built(fixture, &receipt);
	assert_int_equal(story_calls.verify, 1 + 2);
}

static void
build_refuses_an_image_without_the_provenance_that_is_demanded(void **state)
{
	struct fixture *fixture = *state;

	demand_provenance(fixture);
	store_webber();
	assert_refused_before_xen(fixture, PROVENANCE_MISSING);
	attach_statement("1", SIGNER_LAB, "urn:ci");
	store_webber();
	assert_refused_before_xen(fixture, PROVENANCE_MISSING);
	attach_statement("2", SIGNER_STRANGER, "urn:elsewhere");
	store_webber();
	assert_refused_before_xen(fixture, PROVENANCE_MISMATCH);
}

/* What is remembered of an envelope's signatures is nothing about its
 * provenance. */
static void
build_demands_provenance_of_a_cached_envelope_too(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(buffer_done) struct buffer file = {0};
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	struct receipt receipt;
	struct err err;

	demand_provenance(fixture);
	store_webber();
	file = read_file("webber/" IMAGE_DIR_ENVELOPE);
	raw = sealed_of(buffer_bytes(&file));
	assert_code(verified_manifest_new(fixture->policy, "webber", raw,
			FRESH_BUDGET, &verified, &err),
	    0);
	verdict_keep(&fixture->verdicts, trust_digest(fixture->policy),
	    verified_manifest_verdict(verified));
	story_calls.verify = 0;
	assert_refused_before_xen(fixture, PROVENANCE_MISSING);
	assert_int_equal(story_calls.verify, 0);
	assert_int_equal(fixture->budget.verifications, 0);
	/* Of all signatures only the statement's are looked at. */
	attach_statement("1", SIGNER_STRANGER, "urn:ci");
	store_webber();
	assert_built(fixture, &receipt);
	assert_int_equal(story_calls.verify, 1);
	assert_int_equal(fixture->budget.verifications, 1);
}

/* 256 statements of 16 signatures under 64 keys, of which 61 fit. */
static void
build_stops_at_its_budget_among_hostile_statements(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	demand_provenance_by(fixture, make_policy_with_many_keys(1));
	for (int i = 0; i < LIMIT_PROVENANCE; i++)
		attach_hostile_statement(i);
	store_webber();
	verify_count = 0;
	story_calls.envelope = 0;
	err = assert_refused_before_xen(fixture, VERIFY_BUDGET_SPENT);
	assert_non_null(
	    strstr(err.text, "4096 signature verifications were done"));
	assert_int_equal(verify_count, LIMIT_VERIFICATIONS);
	assert_int_equal(fixture->budget.verifications, LIMIT_VERIFICATIONS);
	/* 61 * 16 for each. */
	assert_int_equal(story_calls.envelope, 1 + 5);
}

/* Some that are attached by others do not hurt. */
static void
build_finds_what_is_demanded_beside_hostile_statements(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;

	demand_provenance_by(fixture, make_policy_with_many_keys(1));
	for (int i = 0; i < 4; i++)
		attach_hostile_statement(i);
	attach_statement("9", SIGNER_STRANGER, "urn:ci");
	store_webber();
	assert_built(fixture, &receipt);
	assert_int_equal(fixture->budget.verifications, 1 + 4 * 61 * 16 + 1);
}

/* Each is fetched only if as much as it can have is left. */
static void
build_pays_for_statements_before_it_fetches_them(void **state)
{
	struct fixture *fixture = *state;
	struct err err;
	char name[16];

	demand_provenance(fixture);
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "urn:other:%d", i);
		attach_statement(name, SIGNER_STRANGER, name);
	}
	store_webber();
	/* The manifest and each statement take a page. */
	fixture->budget.max_envelope_bytes = LIMIT_ENVELOPE_BYTES + 3 * 4096;
	story_calls.envelope = 0;
	err = assert_refused_before_xen(fixture, VERIFY_BUDGET_SPENT);
	assert_non_null(
	    strstr(err.text, "16384 bytes of envelopes were fetched"));
	assert_int_equal(story_calls.envelope, 4);
}

static void
build_refuses_provenance_that_the_store_does_not_have_whole(void **state)
{
	static char junk[LIMIT_ENVELOPE_BYTES + 1];
	struct fixture *fixture = *state;
	struct digest digest;
	char path[128];

	demand_provenance(fixture);
	attach_statement("1", SIGNER_STRANGER, "urn:ci");
	store_webber();
	digest = digest_of_file("webber/" PROVENANCE_DIR "/1.dsse");
	stored_path(&digest, path);
	write_file(path, bytes_of(junk, sizeof(junk) - 1));
	assert_refused_before_xen(fixture, PROVENANCE_MISSING);
	write_file(path, bytes_of(junk, sizeof(junk)));
	assert_refused_before_xen(fixture, ENVELOPE_TOO_LARGE);
	assert_int_equal(unlink(path), 0);
	assert_refused_before_xen(fixture, STORE_IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    story_test(
		build_takes_an_image_with_the_provenance_that_is_demanded),
	    story_test(
		build_takes_no_kernel_from_the_cache_that_provenance_is_not_about),
	    story_test(
		build_refuses_an_image_without_the_provenance_that_is_demanded),
	    story_test(build_finds_what_is_demanded_among_many_statements),
	    story_test(build_looks_at_no_more_statements_than_it_needs),
	    story_test(build_demands_provenance_of_a_cached_envelope_too),
	    story_test(build_stops_at_its_budget_among_hostile_statements),
	    story_test(build_finds_what_is_demanded_beside_hostile_statements),
	    story_test(build_pays_for_statements_before_it_fetches_them),
	    story_test(
		build_refuses_provenance_that_the_store_does_not_have_whole),
	};

	return cmocka_run_group_tests_name("build_provenance", tests, NULL,
	    NULL);
}
