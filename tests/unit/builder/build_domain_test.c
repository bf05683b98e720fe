/*
 * The story on the fake, with a real store, real signatures and a real stage
 * process: the good case, each step failing in turn, and every refusal before
 * anything exists.
 */
#include "builder_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "image-store/layout_write.h"
#include "image-store/provenance_dir.h"
#include "image-store/statement.h"
#include "keys/dsse.h"
#include "measure/event.h"

/* --- what is asked of the stage -------------------------------------- */

static unsigned int blob_calls;
static unsigned int envelope_calls;
static unsigned int unpack_calls;
static unsigned int verify_calls;

void __real_stage_ask_blob(struct stage *stage, const struct digest *digest,
    uint64_t size_bytes, const char *what);
int __real_stage_blob_max(struct stage *stage, const struct digest *digest,
    uint64_t max_bytes, const char *what, struct sealed **ret_raw,
    struct err *err);
void __real_stage_ask_unpack(struct stage *stage, uint64_t elf_bytes);
void __wrap_stage_ask_blob(struct stage *stage, const struct digest *digest,
    uint64_t size_bytes, const char *what);
int __wrap_stage_blob_max(struct stage *stage, const struct digest *digest,
    uint64_t max_bytes, const char *what, struct sealed **ret_raw,
    struct err *err);
void __wrap_stage_ask_unpack(struct stage *stage, uint64_t elf_bytes);

void
__wrap_stage_ask_blob(struct stage *stage, const struct digest *digest,
    uint64_t size_bytes, const char *what)
{
	blob_calls++;
	__real_stage_ask_blob(stage, digest, size_bytes, what);
}

int
__wrap_stage_blob_max(struct stage *stage, const struct digest *digest,
    uint64_t max_bytes, const char *what, struct sealed **ret_raw,
    struct err *err)
{
	envelope_calls++;
	return __real_stage_blob_max(stage, digest, max_bytes, what, ret_raw,
	    err);
}

void
__wrap_stage_ask_unpack(struct stage *stage, uint64_t elf_bytes)
{
	unpack_calls++;
	__real_stage_ask_unpack(stage, elf_bytes);
}

int __real_trust_verify_for(const struct trust_policy *policy,
    enum trust_purpose purpose, struct bytes raw,
    const struct dsse_envelope *envelope, struct trust_verdict *ret_verdict,
    struct err *err);
int __wrap_trust_verify_for(const struct trust_policy *policy,
    enum trust_purpose purpose, struct bytes raw,
    const struct dsse_envelope *envelope, struct trust_verdict *ret_verdict,
    struct err *err);

int
__wrap_trust_verify_for(const struct trust_policy *policy,
    enum trust_purpose purpose, struct bytes raw,
    const struct dsse_envelope *envelope, struct trust_verdict *ret_verdict,
    struct err *err)
{
	verify_calls++;
	return __real_trust_verify_for(policy, purpose, raw, envelope,
	    ret_verdict, err);
}

/* --- asserting ------------------------------------------------------- */

static void
assert_untouched(const struct receipt *receipt)
{
	struct receipt expected;

	memset(&expected, 0x5a, sizeof(expected));
	assert_memory_equal(receipt, &expected, sizeof(expected));
}

/* No domain of ours, no node of ours, no record, no descriptor. */
static void
assert_nothing_left(const struct bench *bench, uint32_t foreign_domains,
    uint32_t foreign_nodes)
{
	assert_int_equal(xen_fake_domain_count(bench->fake), foreign_domains);
	assert_int_equal(xen_fake_node_count(bench->fake), foreign_nodes);
	assert_int_equal(count_files("libxl"), 0);
	assert_int_equal(count_files("state"), 0);
	assert_string_equal(bench->fake->violation, "");
}

/* Refused with this code, and Xen was not even asked. */
static struct err
assert_refused_before_xen(struct bench *bench, int code)
{
	size_t descriptors = count_descriptors();
	struct receipt receipt;
	struct err err = {0};

	memset(&receipt, 0x5a, sizeof(receipt));
	xen_fake_forget_calls(bench->fake);
	assert_code(bench_build(bench, &receipt, &err), code);
	assert_code((int)err.code, code);
	assert_untouched(&receipt);
	assert_int_equal(bench->fake->call_count, 0);
	assert_nothing_left(bench, 0, 0);
	assert_int_equal(count_descriptors(), descriptors);
	return err;
}

static void
assert_built(struct bench *bench, struct receipt *ret_receipt)
{
	struct err err = {0};

	if (bench_build(bench, ret_receipt, &err) != 0)
		fail_msg("%s: %s", err_name(err.code), err.text);
	assert_string_equal(bench->fake->violation, "");
}

static void
set_image(struct bench *bench, const char *name)
{
	snprintf(bench->request.image, sizeof(bench->request.image), "%s",
	    name);
}

/* --- the good case --------------------------------------------------- */

static void
build_asks_for_exactly_these_things_in_this_order(void **state)
{
	static const char *const expected[] = {
	    "domain_list max=1024",
	    "store_read /local/domain/0/name",
	    ("domain_create " GOOD_UUID " mib=256 vcpus=2"),
	    "domain_prepare 7 mib=256 vcpus=2",
	    "evtchn_alloc 7 remote=1",
	    "evtchn_alloc 7 remote=2",
	    "store_remove /local/domain/7",
	    ("store_remove /vm/" GOOD_UUID),
	    "store_remove /libxl/7",
	    "store_remove /local/domain/2/backend/console/7",
	    "store_send /local/domain/7 nodes=59",
	    "domain_load 7 mib=256 vcpus=2 console=12/2 xenstore=11/1",
	    "grants_seed 7 console=d2:10000e xenstore=d1:10000f",
	    "grants_read 7",
	    "store_write /local/domain/7/store/ring-ref nodes=2",
	    "store_introduce 7 frame=10000f port=11",
	    "domain_unpause 7",
	};
	struct bench *bench = *state;
	struct receipt receipt;

	assert_built(bench, &receipt);
	for (uint32_t i = 0; i < bench->fake->call_count; i++) {
		if (i < countof(expected))
			assert_string_equal(bench->fake->calls[i], expected[i]);
	}
	assert_int_equal(bench->fake->call_count, countof(expected));
}

static void
build_loads_exactly_the_signed_bytes(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct bench *bench = *state;
	struct manifest manifest = good_manifest();
	struct digest ramdisk = digest_of_file("ramdisk.in");
	struct fake_domain *domain;
	struct receipt receipt;
	struct digest digest;
	struct err err;

	assert_built(bench, &receipt);
	domain = xen_fake_domain(bench->fake, receipt.domid);
	assert_non_null(domain);
	assert_code(digest_of(buffer_bytes(&elf), &digest, &err), 0);
	assert_true(digest_equal(&domain->elf, &digest));
	assert_true(digest_equal(&domain->ramdisk, &ramdisk));
	assert_string_equal(domain->cmdline, manifest.cmdline);
	assert_true(domain->is_running);
	assert_int_equal(count_files("libxl"), 1);
	assert_non_null(xen_fake_node(bench->fake, "/local/domain/7/name"));
}

static void
build_receipt_says_what_was_built(void **state)
{
	struct bench *bench = *state;
	struct digest envelope = digest_of_file("dir-web-1/manifest.dsse");
	struct digest payload = digest_of_file("dir-web-1/manifest.json");
	struct receipt receipt;

	assert_built(bench, &receipt);
	assert_int_equal(receipt.domid, 7);
	assert_memory_equal(receipt.uuid, bench->request.uuid, UUID_BYTES);
	assert_string_equal(receipt.name, "guest");
	assert_string_equal(receipt.image, "web");
	assert_string_equal(receipt.version, "1");
	assert_string_equal(receipt.role, "prod");
	assert_int_equal(receipt.signer_count, 1);
	assert_string_equal(receipt.rollback_location, "web");
	assert_int_equal(receipt.rollback_index, 17);
	assert_false(receipt.is_debug);
	assert_false(receipt.was_cached);
	assert_true(digest_equal(&receipt.envelope, &envelope));
	assert_true(digest_equal(&receipt.payload, &payload));
	assert_int_equal(receipt.sequence, 3);
	assert_int_equal(receipt.memory_mib, 256);
	assert_int_equal(receipt.vcpus, 2);
	assert_int_equal(receipt.grants.entries[0].domid, XENCONSOLED);
	assert_int_equal(receipt.grants.entries[0].frame, 0x10000e);
	assert_int_equal(receipt.grants.entries[1].domid, XENSTORED);
	assert_int_equal(receipt.grants.entries[1].frame, 0x10000f);
}

static void
build_puts_on_record_what_it_built(void **state)
{
	struct bench *bench = *state;
	struct manifest manifest = good_manifest();
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct receipt receipt;
	struct report report;
	const struct event_build *build = &report.build;
	struct digest ramdisk = digest_of_file("ramdisk.in");
	struct digest expected;
	struct err err;
	bool is_end;

	assert_built(bench, &receipt);
	assert_code(ipc_receive(bench->record_link, &report, sizeof(report),
			NULL, &is_end, &err),
	    0);
	assert_int_equal(report.kind, REPORT_BUILD);
	assert_true(
	    digest_equal(&report.basis.policy, trust_digest(bench->policy)));
	assert_false(report.basis.has_store);
	assert_true(digest_equal(&build->envelope, &receipt.envelope));
	assert_true(digest_equal(&build->payload, &receipt.payload));
	assert_true(build->has_ramdisk);
	assert_true(digest_equal(&build->ramdisk, &ramdisk));
	assert_code(digest_of(buffer_bytes(&elf), &expected, &err), 0);
	assert_true(digest_equal(&build->kernel_elf, &expected));
	assert_code(digest_of(bytes_of_str(manifest.cmdline), &expected, &err),
	    0);
	assert_true(digest_equal(&build->cmdline, &expected));
	assert_has(receipt.configuration, "\"name\":\"guest\"");
	assert_code(
	    digest_of(bytes_of_str(receipt.configuration), &expected, &err), 0);
	assert_true(digest_equal(&build->config, &expected));
	assert_true(digest_equal(&receipt.config, &expected));
	assert_string_equal(build->role, "prod");
	assert_false(build->is_debug);
	assert_memory_equal(build->uuid, bench->request.uuid, UUID_BYTES);
	assert_int_equal(build->domid, 7);
	assert_int_equal(build->memory_mib, 256);
	assert_int_equal(build->vcpus, 2);

	memset(expected.bytes, BENCH_MEASUREMENT, DIGEST_BYTES);
	assert_true(digest_equal(&receipt.measurement, &expected));
}

static void
build_that_is_not_on_record_does_not_run(void **state)
{
	static const enum err_code outcomes[] = {TPM_FAILED, EVENT_LOG_IO,
	    TPM_UNREACHABLE};
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err;

	for (size_t i = 0; i < countof(outcomes); i++) {
		bench->record_outcome = outcomes[i];
		assert_code(bench_build(bench, &receipt, &err),
		    (int)outcomes[i]);
		assert_int_equal(
		    xen_fake_call_of(bench->fake, "domain_unpause"), -1);
		assert_nothing_left(bench, 0, 0);
	}
}

static void
build_leaves_the_guest_paused_if_told_to(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;

	bench->request.is_paused = true;
	assert_built(bench, &receipt);
	assert_int_equal(xen_fake_call_of(bench->fake, "domain_unpause"), -1);
	assert_false(xen_fake_domain(bench->fake, 7)->is_running);
	assert_true(xen_fake_domain(bench->fake, 7)->is_introduced);
}

static void
build_unpauses_last_and_verifies_first(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	int unpause;

	assert_built(bench, &receipt);
	unpause = xen_fake_call_of(bench->fake, "domain_unpause");
	assert_int_equal(unpause, (int)bench->fake->call_count - 1);
	assert_true(xen_fake_call_of(bench->fake, "grants_read") < unpause);
	assert_true(xen_fake_call_of(bench->fake, "store_introduce") < unpause);
	assert_true(xen_fake_call_of(bench->fake, "grants_read") <
		    xen_fake_call_of(bench->fake, "store_introduce"));
}

static void
build_without_a_libxl_directory_writes_no_record(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;

	bench->config.libxl_dir[0] = '\0';
	assert_built(bench, &receipt);
	assert_int_equal(count_files("libxl"), 0);
}

/* What an earlier domain of this id left must not be seen by the new one. */
static void
build_removes_old_nodes_before_it_writes_new_ones(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct fake_domain *old = xen_fake_add(bench->fake, 7, 0x66, "old");

	old->exists = false;
	assert_built(bench, &receipt);
	assert_int_equal(receipt.domid, 7);
	assert_string_equal(
	    xen_fake_node(bench->fake, "/local/domain/7/name")->value, "guest");
}

/* --- each step fails in turn ----------------------------------------- */

static void
fail_each_call(struct bench *bench, bool fails_after)
{
	uint32_t n = 0;

	for (;;) {
		size_t descriptors = count_descriptors();
		struct receipt receipt;
		struct err err = {0};
		char failed[120];
		int code;

		memset(&receipt, 0x5a, sizeof(receipt));
		xen_fake_forget_calls(bench->fake);
		bench->fake->fail_at = ++n;
		bench->fake->fails_after = fails_after;
		code = bench_build(bench, &receipt, &err);
		if (code == 0)
			break;
		memcpy(failed, bench->fake->calls[n - 1], sizeof(failed));
		*strchr(failed, ' ') = '\0';
		assert_has(err.text, failed);
		assert_code(code, strncmp(failed, "store_", 6) == 0
				      ? XENSTORE_FAILED
				      : XEN_FAILED);
		assert_untouched(&receipt);
		assert_nothing_left(bench, 1, 1);
		assert_false(bench->left_behind);
		assert_int_equal(count_descriptors(), descriptors);
	}
	/* All calls of the good case, and one that was not made. */
	assert_int_equal(n, 18 + 1);
	assert_int_equal(bench->fake->call_count, 18);
}

static void
build_that_fails_at_any_call_leaves_nothing(void **state)
{
	struct bench *bench = *state;

	xen_fake_add(bench->fake, 3, 0x33, "other");
	fail_each_call(bench, false);
}

static void
build_that_fails_after_any_call_took_effect_leaves_nothing(void **state)
{
	struct bench *bench = *state;

	xen_fake_add(bench->fake, 3, 0x33, "other");
	fail_each_call(bench, true);
}

/* The whole clean-up is tried although the first part of it fails. */
static void
build_that_cannot_clean_up_says_so(void **state)
{
	static const char *const operations[] = {"domain_destroy",
	    "store_remove"};
	struct bench *bench = *state;

	for (size_t i = 0; i < countof(operations); i++) {
		struct receipt receipt;
		struct err err = {0};

		memset(&receipt, 0x5a, sizeof(receipt));
		bench->left_behind = false;
		strcpy(bench->fake->fail_operation, operations[i]);
		/* The first: store_introduce, when all has been written. */
		bench->fake->fail_at = i == 0 ? 16 : 0;
		xen_fake_forget_calls(bench->fake);
		assert_code(bench_build(bench, &receipt, &err),
		    XENSTORE_FAILED);
		assert_untouched(&receipt);
		assert_true(bench->left_behind);
		assert_int_equal(count_files("libxl"), 0);
		assert_true(
		    xen_fake_call_of(bench->fake, "domain_destroy") > 0);
		assert_has(bench->fake->calls[bench->fake->call_count - 1],
		    "store_remove /local/domain/2/backend/console/");
		memset(bench->fake->domains, 0, sizeof(bench->fake->domains));
	}
}

static void
build_removes_the_domain_when_libxls_record_cannot_be_written(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err = {0};

	memset(&receipt, 0x5a, sizeof(receipt));
	strcpy(bench->config.libxl_dir, "no/such/place");
	assert_code(bench_build(bench, &receipt, &err), STORE_IO);
	assert_untouched(&receipt);
	assert_int_equal(xen_fake_domain_count(bench->fake), 0);
	assert_int_equal(xen_fake_node_count(bench->fake), 0);
	assert_int_equal(xen_fake_call_of(bench->fake, "domain_unpause"), -1);
}

static void
add_a_grant(struct fake_domain *domain)
{
	domain->grants[8] = (struct xen_grant_entry){1, 0, 0x1000};
}

static void
build_refuses_a_grant_table_that_was_not_planned(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err = {0};

	memset(&receipt, 0x5a, sizeof(receipt));
	bench->fake->twist_grants = add_a_grant;
	assert_code(bench_build(bench, &receipt, &err), GRANT_MISMATCH);
	assert_has(err.text, "reference 8");
	assert_untouched(&receipt);
	assert_nothing_left(bench, 0, 0);
	assert_int_equal(xen_fake_call_of(bench->fake, "store_introduce"), -1);
}

/* Until the grants are proven xenstored shows nobody the new domain. */
static void
build_shows_no_node_before_the_grants_were_read_back(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err = {0};

	strcpy(bench->fake->fail_operation, "grants_read");
	assert_code(bench_build(bench, &receipt, &err), XEN_FAILED);
	assert_true(xen_fake_call_of(bench->fake, "store_send") > 0);
	assert_int_equal(xen_fake_call_of(bench->fake, "store_write"), -1);
	assert_nothing_left(bench, 0, 0);
}

static void
build_refuses_a_daemon_in_the_new_guest(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err = {0};

	bench->fake->next_domid = XENSTORED;
	assert_code(bench_build(bench, &receipt, &err), GRANT_MISMATCH);
	assert_nothing_left(bench, 0, 0);
	assert_int_equal(xen_fake_call_of(bench->fake, "grants_seed"), -1);
}

/* --- refused before anything exists ---------------------------------- */

static void
build_refuses_memory_and_vcpus_outside_the_signed_limits(void **state)
{
	static const struct {
		uint32_t memory_mib;
		uint32_t vcpus;
		const char *field;
	} rows[] = {{127, 2, "memory_mib"}, {4097, 2, "memory_mib"},
	    {1, 2, "memory_mib"}, {LIMIT_MEMORY_MIB, 2, "memory_mib"},
	    {256, 9, "vcpus"}, {256, LIMIT_VCPUS, "vcpus"}};
	struct bench *bench = *state;

	for (size_t i = 0; i < countof(rows); i++) {
		struct err err;

		bench->request.memory_mib = rows[i].memory_mib;
		bench->request.vcpus = rows[i].vcpus;
		err = assert_refused_before_xen(bench, LIMIT_EXCEEDED);
		assert_string_equal(err.field, rows[i].field);
	}
}

static void
build_takes_the_ends_of_the_signed_limits(void **state)
{
	static const uint32_t ends[][2] = {{128, 1}, {4096, 8}};
	struct bench *bench = *state;

	for (size_t i = 0; i < countof(ends); i++) {
		struct receipt receipt;

		bench->request.memory_mib = ends[i][0];
		bench->request.vcpus = ends[i][1];
		bench->request.uuid[0]++;
		bench->request.name[0]++;
		assert_built(bench, &receipt);
		assert_int_equal(receipt.memory_mib, ends[i][0]);
		assert_int_equal(receipt.vcpus, ends[i][1]);
	}
}

static void
build_refuses_a_caller_who_is_not_on_the_list(void **state)
{
	struct bench *bench = *state;

	bench->request.peer.uid = bench->config.allow_uids[0] + 1;
	assert_refused_before_xen(bench, RPC_NOT_PERMITTED);
	bench->config.allow_uid_count = 0;
	bench->request.peer.uid = 0;
	assert_refused_before_xen(bench, RPC_NOT_PERMITTED);
	/* The store was not asked either. */
	assert_int_equal(envelope_calls, 0);
}

static void
build_refuses_a_request_that_the_front_should_have_refused(void **state)
{
	struct bench *bench = *state;

	memset(bench->request.image, 'a', sizeof(bench->request.image));
	assert_refused_before_xen(bench, RPC_PARAMETER_BAD);
	assert_int_equal(envelope_calls, 0);
}

static void
build_refuses_an_image_that_is_not_there(void **state)
{
	struct bench *bench = *state;
	struct err err;

	set_image(bench, "web-other");
	err = assert_refused_before_xen(bench, IMAGE_UNKNOWN);
	assert_string_equal(err.field, "image");
}

static void
build_refuses_a_manifest_digest_that_is_not_there(void **state)
{
	struct bench *bench = *state;
	struct err err;

	bench->request.has_manifest = true;
	memset(bench->request.manifest.bytes, 0x77, DIGEST_BYTES);
	err = assert_refused_before_xen(bench, IMAGE_UNKNOWN);
	assert_string_equal(err.field, "manifest");
}

static void
build_refuses_an_envelope_that_was_changed(void **state)
{
	struct bench *bench = *state;
	struct digest envelope = digest_of_file("dir-web-1/manifest.dsse");
	CLEANUP(buffer_done)
	struct buffer text = read_file("dir-web-1/manifest.dsse");
	char path[128];
	char *payload;

	stored_path(&envelope, path);
	buffer_add(&text, "", 1);
	payload = strstr((char *)text.ptr, "\"payload\":\"");
	assert_non_null(payload);
	payload[40] = payload[40] == 'A' ? 'B' : 'A';
	write_file(path, bytes_of(text.ptr, text.len - 1));
	assert_refused_before_xen(bench, IMAGE_SIGNATURE_BAD);
}

static void
build_refuses_another_envelope_in_the_place_of_the_one_named(void **state)
{
	struct bench *bench = *state;
	struct digest old = digest_of_file("dir-web-1/manifest.dsse");
	struct digest new = add_image(SIGNER_PROD, "web", "2", 18);
	CLEANUP(buffer_done) struct buffer file = {0};
	char path[128];

	/* A thief puts the old image where the new one should be. */
	stored_path(&old, path);
	file = read_file(path);
	stored_path(&new, path);
	write_file(path, buffer_bytes(&file));
	bench->request.has_manifest = true;
	bench->request.manifest = new;
	assert_refused_before_xen(bench, IMAGE_DIGEST_MISMATCH);
}

static void
build_refuses_an_image_of_a_strangers_key(void **state)
{
	struct bench *bench = *state;

	add_image(SIGNER_STRANGER, "webfoot", "1", 17);
	set_image(bench, "webfoot");
	assert_refused_before_xen(bench, KEY_UNKNOWN);
}

static void
build_refuses_an_image_whose_role_may_not_sign_it(void **state)
{
	struct bench *bench = *state;

	add_image(SIGNER_LAB, "weblab", "1", 17);
	set_image(bench, "weblab");
	assert_refused_before_xen(bench, ROLE_NOT_ALLOWED);
}

static void
build_refuses_an_image_below_the_floor(void **state)
{
	struct bench *bench = *state;

	trust_freep(&bench->policy);
	bench->policy = make_policy(18);
	bench->env.images.policy = bench->policy;
	assert_refused_before_xen(bench, IMAGE_ROLLBACK);
}

/* --- provenance ------------------------------------------------------ */

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

/* "webber", under a policy that demands provenance. */
static void
demand_provenance(struct bench *bench)
{
	trust_freep(&bench->policy);
	bench->policy = make_policy_with_provenance(1);
	bench->env.images.policy = bench->policy;
	make_image_dir("webber", "webber", "1");
	set_image(bench, "webber");
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
	struct bench *bench = *state;
	struct receipt receipt;

	demand_provenance(bench);
	attach_statement("1", SIGNER_LAB, "urn:ci");
	attach_statement("2", SIGNER_STRANGER, "urn:ci");
	store_webber();
	assert_built(bench, &receipt);
	assert_string_equal(receipt.image, "webber");
}

static void
build_finds_what_is_demanded_among_many_statements(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	char name[16], builder[32];

	demand_provenance(bench);
	for (int i = 0; i < LIMIT_PROVENANCE - 1; i++) {
		snprintf(name, sizeof(name), "5%03d", i);
		snprintf(builder, sizeof(builder), "urn:other:%d", i);
		attach_statement(name, SIGNER_STRANGER, builder);
	}
	attach_statement("9", SIGNER_STRANGER, "urn:ci");
	store_webber();
	verify_calls = 0;
	assert_built(bench, &receipt);
	assert_int_equal(verify_calls, 1 + LIMIT_PROVENANCE);
}

static void
build_looks_at_no_more_statements_than_it_needs(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;

	demand_provenance(bench);
	attach_statement("1", SIGNER_STRANGER, "urn:elsewhere");
	attach_statement("2", SIGNER_STRANGER, "urn:ci");
	attach_statement("3", SIGNER_STRANGER, "urn:after");
	store_webber();
	verify_calls = 0;
	assert_built(bench, &receipt);
	assert_int_equal(verify_calls, 1 + 2);
}

static void
build_refuses_an_image_without_the_provenance_that_is_demanded(void **state)
{
	struct bench *bench = *state;

	demand_provenance(bench);
	store_webber();
	assert_refused_before_xen(bench, PROVENANCE_MISSING);
	attach_statement("1", SIGNER_LAB, "urn:ci");
	store_webber();
	assert_refused_before_xen(bench, PROVENANCE_MISSING);
	attach_statement("2", SIGNER_STRANGER, "urn:elsewhere");
	store_webber();
	assert_refused_before_xen(bench, PROVENANCE_MISMATCH);
}

/* What is remembered of an envelope's signatures is nothing about its
 * provenance. */
static void
build_demands_provenance_of_a_cached_envelope_too(void **state)
{
	struct bench *bench = *state;
	CLEANUP(buffer_done) struct buffer file = {0};
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	struct receipt receipt;
	struct err err;

	demand_provenance(bench);
	store_webber();
	file = read_file("webber/" IMAGE_DIR_ENVELOPE);
	raw = sealed_of(buffer_bytes(&file));
	assert_code(verified_manifest_new(bench->policy, "webber", raw,
			&verified, &err),
	    0);
	image_cache_add_verdict(&bench->cache, trust_digest(bench->policy),
	    verified_manifest_verdict(verified));
	verify_calls = 0;
	assert_refused_before_xen(bench, PROVENANCE_MISSING);
	assert_int_equal(verify_calls, 0);
	/* Of all signatures only the statement's are looked at. */
	attach_statement("1", SIGNER_STRANGER, "urn:ci");
	store_webber();
	assert_built(bench, &receipt);
	assert_int_equal(verify_calls, 1);
}

static void
build_refuses_provenance_that_the_store_does_not_have_whole(void **state)
{
	static char junk[LIMIT_ENVELOPE_BYTES + 1];
	struct bench *bench = *state;
	struct digest digest;
	char path[128];

	demand_provenance(bench);
	attach_statement("1", SIGNER_STRANGER, "urn:ci");
	store_webber();
	digest = digest_of_file("webber/" PROVENANCE_DIR "/1.dsse");
	stored_path(&digest, path);
	write_file(path, bytes_of(junk, sizeof(junk) - 1));
	assert_refused_before_xen(bench, PROVENANCE_MISSING);
	write_file(path, bytes_of(junk, sizeof(junk)));
	assert_refused_before_xen(bench, ENVELOPE_TOO_LARGE);
	assert_int_equal(unlink(path), 0);
	assert_refused_before_xen(bench, STORE_IO);
}

/* The blob of the kernel, as it is stored. */
static void
kernel_path(char ret_path[128])
{
	struct digest digest = digest_of_file("dir-web-1/kernel");

	stored_path(&digest, ret_path);
}

static void
build_refuses_a_kernel_that_was_changed(void **state)
{
	struct bench *bench = *state;
	CLEANUP(buffer_done) struct buffer kernel = {0};
	char path[128];

	kernel_path(path);
	kernel = read_file(path);
	kernel.ptr[kernel.len / 2] ^= 1;
	write_file(path, buffer_bytes(&kernel));
	assert_refused_before_xen(bench, IMAGE_DIGEST_MISMATCH);
	/* Not a byte of it was unpacked. */
	assert_int_equal(unpack_calls, 0);
}

static void
build_refuses_a_kernel_of_another_size(void **state)
{
	struct bench *bench = *state;
	CLEANUP(buffer_done) struct buffer kernel = {0};
	char path[128];

	kernel_path(path);
	kernel = read_file(path);
	write_file(path, bytes_of(kernel.ptr, kernel.len - 1));
	assert_refused_before_xen(bench, IMAGE_SIZE_MISMATCH);
	buffer_add(&kernel, "x", 1);
	write_file(path, buffer_bytes(&kernel));
	assert_refused_before_xen(bench, IMAGE_SIZE_MISMATCH);
	assert_int_equal(unlink(path), 0);
	assert_refused_before_xen(bench, STORE_IO);
}

static void
build_refuses_a_ramdisk_that_was_changed(void **state)
{
	struct bench *bench = *state;
	struct digest digest = digest_of_file("dir-web-1/ramdisk");
	CLEANUP(buffer_done) struct buffer ramdisk = {0};
	char path[128];

	stored_path(&digest, path);
	ramdisk = read_file(path);
	ramdisk.ptr[0] ^= 1;
	write_file(path, buffer_bytes(&ramdisk));
	assert_refused_before_xen(bench, IMAGE_DIGEST_MISMATCH);
}

static void
build_refuses_a_store_that_is_broken(void **state)
{
	struct bench *bench = *state;

	write_file("store/index.json", bytes_of_str("{}"));
	assert_refused_before_xen(bench, STORE_MALFORMED);
}

static void
build_refuses_when_the_stage_is_dead(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(kill(bench->stage.pid, SIGKILL), 0);
	assert_refused_before_xen(bench, STAGE_FAILED);
}

/* --- which of several images ----------------------------------------- */

static void
build_chooses_the_highest_rollback_index(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;

	add_image(SIGNER_PROD, "web", "2", 30);
	add_image(SIGNER_PROD, "web", "3", 20);
	assert_built(bench, &receipt);
	assert_string_equal(receipt.version, "2");
}

static void
build_refuses_a_tie_of_the_highest(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err;

	add_image(SIGNER_PROD, "web", "2", 30);
	add_image(SIGNER_PROD, "web", "3", 30);
	err = assert_refused_before_xen(bench, IMAGE_AMBIGUOUS);
	assert_string_equal(err.field, "manifest");
	/* A tie below the highest is none. */
	add_image(SIGNER_PROD, "web", "4", 31);
	assert_built(bench, &receipt);
	assert_string_equal(receipt.version, "4");
}

static void
build_refuses_a_tie_wherever_the_lower_ones_are_listed(void **state)
{
	struct bench *bench = *state;

	/* web:0 and web:9 frame the tie in the sorted index. */
	add_image(SIGNER_PROD, "web", "0", 5);
	add_image(SIGNER_PROD, "web", "2", 17);
	add_image(SIGNER_PROD, "web", "9", 4);
	assert_refused_before_xen(bench, IMAGE_AMBIGUOUS);
}

static void
build_takes_the_one_that_is_named_by_digest(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;

	bench->request.has_manifest = true;
	bench->request.manifest = digest_of_file("dir-web-1/manifest.dsse");
	add_image(SIGNER_PROD, "web", "2", 30);
	assert_built(bench, &receipt);
	assert_string_equal(receipt.version, "1");
}

static void
build_does_not_take_a_digest_under_another_name(void **state)
{
	struct bench *bench = *state;

	bench->request.has_manifest = true;
	bench->request.manifest = add_image(SIGNER_PROD, "web2", "1", 17);
	assert_refused_before_xen(bench, IMAGE_UNKNOWN);
}

/* The index says web, the signature says web2. */
static void
build_refuses_an_index_that_lies_about_the_name(void **state)
{
	struct bench *bench = *state;
	CLEANUP(buffer_done) struct buffer index = {0};
	char *name;

	add_image(SIGNER_PROD, "web2", "1", 40);
	index = read_file("store/index.json");
	buffer_add(&index, "", 1);
	name = strstr((char *)index.ptr, "\"web2:1\"");
	assert_non_null(name);
	memcpy(name, "\"web:10\"", 8);
	write_file("store/index.json", bytes_of(index.ptr, index.len - 1));
	assert_refused_before_xen(bench, IMAGE_NAME_MISMATCH);
}

/* Else who can break the newest brings the old one back. */
static void
build_does_not_fall_back_when_one_of_two_is_bad(void **state)
{
	struct bench *bench = *state;
	struct digest newest = add_image(SIGNER_PROD, "web", "2", 30);
	char path[128];

	stored_path(&newest, path);
	write_file(path, bytes_of_str("{}"));
	assert_refused_before_xen(bench, ENVELOPE_MALFORMED);
	assert_int_equal(unlink(path), 0);
	assert_refused_before_xen(bench, STORE_IO);
}

static void
build_does_not_pass_over_a_bad_older_one(void **state)
{
	struct bench *bench = *state;

	add_image(SIGNER_STRANGER, "web", "0", 1);
	assert_refused_before_xen(bench, KEY_UNKNOWN);
}

/* --- name and uuid --------------------------------------------------- */

static void
build_refuses_a_name_that_is_taken(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err = {0};

	xen_fake_add(bench->fake, 3, 0x33, "other");
	xen_fake_add(bench->fake, 4, 0x44, NULL);
	xen_fake_add(bench->fake, 5, 0x55, "guest");
	memset(&receipt, 0x5a, sizeof(receipt));
	assert_code(bench_build(bench, &receipt, &err), DOMAIN_EXISTS);
	assert_string_equal(err.field, "name");
	assert_has(err.text, "d5");
	assert_untouched(&receipt);
	assert_nothing_left(bench, 3, 2);
	assert_int_equal(xen_fake_call_of(bench->fake, "domain_create"), -1);
}

/* Xen does not list it among the guests, and xl would still find two. */
static void
build_refuses_the_name_of_domain_zero(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err = {0};

	xen_fake_add(bench->fake, 0, 0, "guest")->exists = false;
	assert_code(bench_build(bench, &receipt, &err), DOMAIN_EXISTS);
	assert_string_equal(err.field, "name");
	assert_has(err.text, "d0");
	assert_nothing_left(bench, 0, 1);
}

static void
build_refuses_a_uuid_that_is_taken(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err = {0};

	xen_fake_add(bench->fake, 3, 0x33, "other");
	memset(bench->request.uuid, 0x33, UUID_BYTES);
	assert_code(bench_build(bench, &receipt, &err), DOMAIN_EXISTS);
	assert_string_equal(err.field, "uuid");
	assert_nothing_left(bench, 1, 1);
	assert_int_equal(xen_fake_call_of(bench->fake, "domain_create"), -1);
}

static void
build_cannot_be_done_twice(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err = {0};

	assert_built(bench, &receipt);
	assert_code(bench_build(bench, &receipt, &err), DOMAIN_EXISTS);
	assert_int_equal(xen_fake_domain_count(bench->fake), 1);
	assert_true(xen_fake_domain(bench->fake, 7)->is_running);
}

/* --- the cache ------------------------------------------------------- */

/* Does what the supervisor does with a build's reports. */
static unsigned int
keep_reported_blobs(struct bench *bench, int link, uint32_t *ret_domid)
{
	unsigned int blobs = 0;

	for (;;) {
		CLEANUP(sealed_freep) struct sealed *sealed = NULL;
		struct report report;
		struct err err;
		bool is_end;
		struct ipc_fds fds;

		assert_code(ipc_receive_fds(link, &report, sizeof(report), &fds,
				&is_end, &err),
		    0);
		if (is_end)
			return blobs;
		if (report.kind == REPORT_DOMAIN)
			*ret_domid = report.domid;
		if (report.kind == REPORT_VERDICT)
			image_cache_add_verdict(&bench->cache, &report.digest,
			    &report.verdict);
		if (report.kind != REPORT_BLOB)
			continue;
		assert_code(ipc_take_sealed(&fds, LIMIT_KERNEL_BYTES, "blob",
				&sealed, &err),
		    0);
		image_cache_add(&bench->cache, &report.digest,
		    take_ptr(&sealed));
		blobs++;
	}
}

static void
build_of_a_cached_image_fetches_no_blob(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct receipt again;
	struct err err;
	uint32_t domid = 0;
	int link[2];

	assert_code(ipc_pair(link, &err), 0);
	bench->env.images.link = link[1];
	bench->env.place.link = link[1];
	blob_calls = unpack_calls = verify_calls = 0;
	assert_built(bench, &receipt);
	close(link[1]);
	assert_int_equal(verify_calls, 1);
	assert_int_equal(blob_calls, 2);
	assert_int_equal(unpack_calls, 1);
	assert_false(receipt.was_cached);
	assert_int_equal(keep_reported_blobs(bench, link[0], &domid), 2);
	close(link[0]);
	assert_int_equal(domid, receipt.domid);

	bench->env.images.link = -1;
	bench->env.place.link = -1;
	bench->request.uuid[0]++;
	strcpy(bench->request.name, "guest2");
	blob_calls = unpack_calls = envelope_calls = verify_calls = 0;
	assert_built(bench, &again);
	assert_true(again.was_cached);
	assert_int_equal(blob_calls, 0);
	assert_int_equal(unpack_calls, 0);
	/* The envelope is read each time, and its bytes are the same. */
	assert_int_equal(envelope_calls, 1);
	assert_int_equal(verify_calls, 0);
	assert_true(
	    digest_equal(&xen_fake_domain(bench->fake, again.domid)->elf,
		&xen_fake_domain(bench->fake, receipt.domid)->elf));
	assert_true(
	    digest_equal(&xen_fake_domain(bench->fake, again.domid)->ramdisk,
		&xen_fake_domain(bench->fake, receipt.domid)->ramdisk));
}

/* The store may be gone or changed: what was verified is used. */
static void
build_of_a_cached_image_does_not_care_about_stored_blobs(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err;
	uint32_t domid;
	char path[128];
	int link[2];

	assert_code(ipc_pair(link, &err), 0);
	bench->env.images.link = link[1];
	assert_built(bench, &receipt);
	close(link[1]);
	keep_reported_blobs(bench, link[0], &domid);
	close(link[0]);
	bench->env.images.link = -1;

	kernel_path(path);
	write_file(path, bytes_of_str("evil"));
	bench->request.uuid[0]++;
	strcpy(bench->request.name, "guest2");
	assert_built(bench, &receipt);
	assert_true(receipt.was_cached);
}

static void
build_that_cannot_report_its_domain_removes_it(void **state)
{
	struct bench *bench = *state;
	struct receipt receipt;
	struct err err;
	int link[2];

	assert_code(ipc_pair(link, &err), 0);
	close(link[0]);
	bench->env.place.link = link[1];
	assert_code(bench_build(bench, &receipt, &err), SYSTEM_FAILED);
	close(link[1]);
	assert_nothing_left(bench, 0, 0);
	assert_int_equal(xen_fake_call_of(bench->fake, "domain_prepare"), -1);
}

/* --- listing --------------------------------------------------------- */

static void
listing_verifies_each_image_and_says_why_not(void **state)
{
	struct bench *bench = *state;
	struct err err = {0};
	int link[2];
	unsigned int rows = 0;
	unsigned int verdicts = 0;
	bool is_end = false;

	add_image(SIGNER_STRANGER, "web-bad", "2", 9);
	assert_code(ipc_pair(link, &err), 0);
	bench->env.images.link = link[1];
	assert_code(image_fetch_rows(&bench->env.images, &err), 0);
	close(link[1]);
	for (;;) {
		struct report report;

		assert_code(ipc_receive(link[0], &report, sizeof(report), NULL,
				&is_end, &err),
		    0);
		if (is_end)
			break;
		if (report.kind == REPORT_VERDICT) {
			verdicts++;
			continue;
		}
		rows++;
		assert_int_equal(report.kind, REPORT_IMAGE);
		if (strcmp(report.image.name, "web") == 0) {
			assert_code(report.image.outcome.code, 0);
			assert_string_equal(report.image.version, "1");
			assert_string_equal(report.image.role, "prod");
			assert_int_equal(report.image.rollback_index, 17);
			assert_int_equal(report.image.memory_min_mib, 128);
			assert_int_equal(report.image.memory_max_mib, 4096);
			assert_int_equal(report.image.vcpus_min, 1);
			assert_int_equal(report.image.vcpus_max, 8);
		} else {
			assert_string_equal(report.image.name, "web-bad");
			assert_code(report.image.outcome.code, KEY_UNKNOWN);
			assert_string_equal(report.image.role, "");
		}
	}
	close(link[0]);
	assert_int_equal(rows, 2);
	assert_int_equal(verdicts, 1); /* on the one that may run */
}

static int
setup(void **state)
{
	blob_calls = 0;
	envelope_calls = 0;
	unpack_calls = 0;
	return bench_setup(state);
}

#define story_test(test) \
	cmocka_unit_test_setup_teardown(test, setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    story_test(build_asks_for_exactly_these_things_in_this_order),
	    story_test(build_loads_exactly_the_signed_bytes),
	    story_test(build_receipt_says_what_was_built),
	    story_test(build_puts_on_record_what_it_built),
	    story_test(build_that_is_not_on_record_does_not_run),
	    story_test(build_leaves_the_guest_paused_if_told_to),
	    story_test(build_unpauses_last_and_verifies_first),
	    story_test(build_without_a_libxl_directory_writes_no_record),
	    story_test(build_removes_old_nodes_before_it_writes_new_ones),
	    story_test(build_that_fails_at_any_call_leaves_nothing),
	    story_test(
		build_that_fails_after_any_call_took_effect_leaves_nothing),
	    story_test(build_that_cannot_clean_up_says_so),
	    story_test(
		build_removes_the_domain_when_libxls_record_cannot_be_written),
	    story_test(build_refuses_a_grant_table_that_was_not_planned),
	    story_test(build_shows_no_node_before_the_grants_were_read_back),
	    story_test(build_refuses_a_daemon_in_the_new_guest),
	    story_test(
		build_refuses_memory_and_vcpus_outside_the_signed_limits),
	    story_test(build_takes_the_ends_of_the_signed_limits),
	    story_test(build_refuses_a_caller_who_is_not_on_the_list),
	    story_test(
		build_refuses_a_request_that_the_front_should_have_refused),
	    story_test(build_refuses_an_image_that_is_not_there),
	    story_test(build_refuses_a_manifest_digest_that_is_not_there),
	    story_test(build_refuses_an_envelope_that_was_changed),
	    story_test(
		build_refuses_another_envelope_in_the_place_of_the_one_named),
	    story_test(build_refuses_an_image_of_a_strangers_key),
	    story_test(build_refuses_an_image_whose_role_may_not_sign_it),
	    story_test(build_refuses_an_image_below_the_floor),
	    story_test(
		build_takes_an_image_with_the_provenance_that_is_demanded),
	    story_test(
		build_refuses_an_image_without_the_provenance_that_is_demanded),
	    story_test(build_finds_what_is_demanded_among_many_statements),
	    story_test(build_looks_at_no_more_statements_than_it_needs),
	    story_test(build_demands_provenance_of_a_cached_envelope_too),
	    story_test(
		build_refuses_provenance_that_the_store_does_not_have_whole),
	    story_test(build_refuses_a_kernel_that_was_changed),
	    story_test(build_refuses_a_kernel_of_another_size),
	    story_test(build_refuses_a_ramdisk_that_was_changed),
	    story_test(build_refuses_a_store_that_is_broken),
	    story_test(build_refuses_when_the_stage_is_dead),
	    story_test(build_chooses_the_highest_rollback_index),
	    story_test(build_refuses_a_tie_of_the_highest),
	    story_test(build_refuses_a_tie_wherever_the_lower_ones_are_listed),
	    story_test(build_takes_the_one_that_is_named_by_digest),
	    story_test(build_does_not_take_a_digest_under_another_name),
	    story_test(build_refuses_an_index_that_lies_about_the_name),
	    story_test(build_does_not_fall_back_when_one_of_two_is_bad),
	    story_test(build_does_not_pass_over_a_bad_older_one),
	    story_test(build_refuses_a_name_that_is_taken),
	    story_test(build_refuses_the_name_of_domain_zero),
	    story_test(build_refuses_a_uuid_that_is_taken),
	    story_test(build_cannot_be_done_twice),
	    story_test(build_of_a_cached_image_fetches_no_blob),
	    story_test(
		build_of_a_cached_image_does_not_care_about_stored_blobs),
	    story_test(build_that_cannot_report_its_domain_removes_it),
	    story_test(listing_verifies_each_image_and_says_why_not),
	};

	return cmocka_run_group_tests_name("build_domain", tests, NULL, NULL);
}
