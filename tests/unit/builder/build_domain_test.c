/*
 * The story on the fake, with a real store, real signatures and a real stage
 * process: the good case, each step failing in turn, and each request that is
 * refused before anything exists.
 */
#include "story_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/build_link.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "measure/event.h"

/* --- the good case -------------------------------------------------------- */

static void
build_asks_for_exactly_these_things_in_this_order(void **state)
{
	static const char *const expected[] = {
	    "domain_list max=1024",
	    "xenstore_find /local/domain/0/name +0 guest",
	    ("domain_create " BENCH_HANDLE_TEXT " mib=256 vcpus=2"),
	    "domain_prepare 7 mib=256 vcpus=2",
	    "evtchn_alloc 7 remote=1",
	    "evtchn_alloc 7 remote=2",
	    "xenstore_remove /local/domain/7 +2",
	    ("xenstore_remove /vm/" GOOD_UUID " +0"),
	    "xenstore_send /local/domain/7 nodes=59",
	    "domain_load 7 mib=256 vcpus=2 console=12/2 xenstore=11/1",
	    "grants_seed 7 console=d2:10000e xenstore=d1:10000f",
	    "grants_read 7",
	    "xenstore_write /local/domain/7/store/ring-ref nodes=2",
	    "xenstore_introduce 7 frame=10000f port=11",
	    "domain_list max=1024",
	    ("domain_set_uuid 7 " GOOD_UUID),
	    "domain_unpause 7",
	};
	struct fixture *fixture = *state;
	struct receipt receipt;

	assert_built(fixture, &receipt);
	for (uint32_t i = 0; i < fixture->fake->call_count; i++) {
		if (i < countof(expected))
			assert_string_equal(fixture->fake->calls[i],
			    expected[i]);
	}
	assert_int_equal(fixture->fake->call_count, countof(expected));
}

static void
build_loads_exactly_the_signed_bytes(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct fixture *fixture = *state;
	struct manifest manifest = good_manifest();
	struct digest ramdisk = digest_of_file("ramdisk.in");
	struct fake_domain *domain;
	struct receipt receipt;
	struct digest digest;
	struct err err;

	assert_built(fixture, &receipt);
	domain = xen_fake_domain(fixture->fake, receipt.domid);
	assert_non_null(domain);
	assert_code(digest_of(buffer_bytes(&elf), &digest, &err), 0);
	assert_true(digest_equal(&domain->elf, &digest));
	assert_true(digest_equal(&domain->ramdisk, &ramdisk));
	assert_string_equal(domain->cmdline, manifest.cmdline);
	assert_true(domain->is_running);
	assert_non_null(xen_fake_node(fixture->fake, "/local/domain/7/name"));
}

static void
build_receipt_says_what_was_built(void **state)
{
	struct fixture *fixture = *state;
	struct digest envelope = digest_of_file("dir-web-1/manifest.dsse");
	struct digest payload = digest_of_file("dir-web-1/manifest.json");
	struct receipt receipt;

	assert_built(fixture, &receipt);
	assert_int_equal(receipt.domid, 7);
	assert_memory_equal(receipt.guest.uuid, fixture->request.guest.uuid,
	    UUID_BYTES);
	assert_string_equal(receipt.guest.name, "guest");
	assert_string_equal(receipt.image.name, "web");
	assert_string_equal(receipt.image.version, "1");
	assert_string_equal(receipt.image.role, "prod");
	assert_int_equal(receipt.image.signer_count, 1);
	assert_string_equal(receipt.image.rollback_location, "web");
	assert_int_equal(receipt.image.rollback_index, 17);
	assert_false(receipt.image.is_debug);
	assert_false(receipt.was_cached);
	assert_true(digest_equal(&receipt.image.envelope, &envelope));
	assert_true(digest_equal(&receipt.image.payload, &payload));
	assert_int_equal(receipt.sequence, 3);
	assert_int_equal(receipt.guest.memory_mib, 256);
	assert_int_equal(receipt.guest.vcpus, 2);
	assert_int_equal(receipt.grants.entries[0].domid, XENCONSOLED);
	assert_int_equal(receipt.grants.entries[0].frame, 0x10000e);
	assert_int_equal(receipt.grants.entries[1].domid, XENSTORED);
	assert_int_equal(receipt.grants.entries[1].frame, 0x10000f);
}

static void
build_puts_on_record_what_it_built(void **state)
{
	struct fixture *fixture = *state;
	struct manifest manifest = good_manifest();
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct receipt receipt;
	struct build_report report;
	const struct event_build *build = &report.record.build;
	struct digest ramdisk = digest_of_file("ramdisk.in");
	struct digest expected;
	struct err err;
	bool is_end;

	assert_built(fixture, &receipt);
	assert_code(ipc_receive(fixture->supervisor_fd, &report,
			LINK_BYTES(build_report, record), NULL, &is_end, &err),
	    0);
	assert_int_equal(report.kind, BUILD_RECORD);
	assert_true(digest_equal(&report.record.decided_by.policy,
	    trust_digest(fixture->policy)));
	assert_false(report.record.decided_by.has_store);
	assert_true(digest_equal(&build->envelope, &receipt.image.envelope));
	assert_true(digest_equal(&build->payload, &receipt.image.payload));
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
	assert_memory_equal(build->uuid, fixture->request.guest.uuid,
	    UUID_BYTES);
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
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err;

	for (size_t i = 0; i < countof(outcomes); i++) {
		fixture->record_outcome = outcomes[i];
		assert_code(fixture_build(fixture, &receipt, &err),
		    (int)outcomes[i]);
		assert_int_equal(
		    xen_fake_call_of(fixture->fake, "domain_unpause"), -1);
		assert_nothing_left(fixture, 0, 0);
	}
}

static void
build_leaves_the_guest_paused_if_told_to(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;

	fixture->request.is_paused = true;
	assert_built(fixture, &receipt);
	assert_int_equal(xen_fake_call_of(fixture->fake, "domain_unpause"), -1);
	assert_false(xen_fake_domain(fixture->fake, 7)->is_running);
	assert_true(xen_fake_domain(fixture->fake, 7)->is_introduced);
}

static void
build_unpauses_last_and_verifies_first(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	int unpause;

	assert_built(fixture, &receipt);
	unpause = xen_fake_call_of(fixture->fake, "domain_unpause");
	assert_int_equal(unpause, (int)fixture->fake->call_count - 1);
	assert_true(xen_fake_call_of(fixture->fake, "grants_read") < unpause);
	assert_true(
	    xen_fake_call_of(fixture->fake, "xenstore_introduce") < unpause);
	assert_true(xen_fake_call_of(fixture->fake, "grants_read") <
		    xen_fake_call_of(fixture->fake, "xenstore_introduce"));
}

/* What an earlier domain of this id left must not be seen by the new one. */
static void
build_removes_old_nodes_before_it_writes_new_ones(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct fake_domain *old = xen_fake_add(fixture->fake, 7, 0x66, "old");

	old->exists = false;
	assert_built(fixture, &receipt);
	assert_int_equal(receipt.domid, 7);
	assert_string_equal(
	    xen_fake_node(fixture->fake, "/local/domain/7/name")->value,
	    "guest");
}

/* --- each step fails in turn ---------------------------------------------- */

static void
fail_each_call(struct fixture *fixture, bool fails_after)
{
	uint32_t n = 0;

	for (;;) {
		size_t descriptors = count_descriptors();
		struct receipt receipt;
		struct err err = {0};
		char failed[120];
		int code;

		memset(&receipt, 0x5a, sizeof(receipt));
		xen_fake_forget_calls(fixture->fake);
		fixture->fake->fail_at = ++n;
		fixture->fake->fails_after = fails_after;
		code = fixture_build(fixture, &receipt, &err);
		if (code == 0)
			break;
		memcpy(failed, fixture->fake->calls[n - 1], sizeof(failed));
		*strchr(failed, ' ') = '\0';
		assert_has(err.text, failed);
		assert_code(code, strncmp(failed, "xenstore_", 9) == 0
				      ? XENSTORE_FAILED
				      : XEN_FAILED);
		assert_untouched(&receipt);
		assert_nothing_left(fixture, 1, 1);
		assert_false(fixture->left_behind);
		assert_int_equal(count_descriptors(), descriptors);
	}
	/* All calls of the good case, and one that was not made. */
	assert_int_equal(n, 17 + 1);
	assert_int_equal(fixture->fake->call_count, 17);
}

static void
build_that_fails_at_any_call_leaves_nothing(void **state)
{
	struct fixture *fixture = *state;

	xen_fake_add(fixture->fake, 3, 0x33, "other");
	fail_each_call(fixture, false);
}

static void
build_that_fails_after_any_call_took_effect_leaves_nothing(void **state)
{
	struct fixture *fixture = *state;

	xen_fake_add(fixture->fake, 3, 0x33, "other");
	fail_each_call(fixture, true);
}

/* The whole clean-up is tried although the first part of it fails. */
static void
build_that_cannot_clean_up_says_so(void **state)
{
	static const char *const operations[] = {"domain_destroy",
	    "xenstore_remove"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < countof(operations); i++) {
		struct receipt receipt;
		struct err err = {0};

		memset(&receipt, 0x5a, sizeof(receipt));
		fixture->left_behind = false;
		strcpy(fixture->fake->fail_operation, operations[i]);
		/* The first: xenstore_introduce, when all has been written. */
		fixture->fake->fail_at = i == 0 ? 14 : 0;
		xen_fake_forget_calls(fixture->fake);
		assert_code(fixture_build(fixture, &receipt, &err),
		    XENSTORE_FAILED);
		assert_untouched(&receipt);
		assert_true(fixture->left_behind);
		assert_true(
		    xen_fake_call_of(fixture->fake, "domain_destroy") > 0);
		assert_true(
		    xen_fake_call_of(fixture->fake, "xenstore_remove") > 0);
		memset(fixture->fake->domains, 0,
		    sizeof(fixture->fake->domains));
	}
}

static void
build_that_cannot_report_its_domain_removes_it(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err;
	int link[2];

	assert_code(ipc_pair(link, &err), 0);
	close(link[0]);
	fixture->env.place.link = link[1];
	assert_code(fixture_build(fixture, &receipt, &err), SYSTEM_FAILED);
	close(link[1]);
	assert_nothing_left(fixture, 0, 0);
	assert_int_equal(xen_fake_call_of(fixture->fake, "domain_prepare"), -1);
}

/* --- what Xen did is not believed ----------------------------------------- */

static void
add_a_grant(struct fake_domain *domain)
{
	domain->grants[8] = (struct xen_grant_entry){1, 0, 0x1000};
}

static void
build_refuses_a_grant_table_that_was_not_planned(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err = {0};

	memset(&receipt, 0x5a, sizeof(receipt));
	fixture->fake->twist_grants = add_a_grant;
	assert_code(fixture_build(fixture, &receipt, &err), GRANT_MISMATCH);
	assert_has(err.text, "reference 8");
	assert_untouched(&receipt);
	assert_nothing_left(fixture, 0, 0);
	assert_int_equal(xen_fake_call_of(fixture->fake, "xenstore_introduce"),
	    -1);
}

/* Until the grants are proven xenstored shows nobody the new domain. */
static void
build_shows_no_node_before_the_grants_were_read_back(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err = {0};

	strcpy(fixture->fake->fail_operation, "grants_read");
	assert_code(fixture_build(fixture, &receipt, &err), XEN_FAILED);
	assert_true(xen_fake_call_of(fixture->fake, "xenstore_send") > 0);
	assert_int_equal(xen_fake_call_of(fixture->fake, "xenstore_write"), -1);
	assert_nothing_left(fixture, 0, 0);
}

static void
build_refuses_a_daemon_in_the_new_guest(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err = {0};

	fixture->fake->next_domid = XENSTORED;
	assert_code(fixture_build(fixture, &receipt, &err), GRANT_MISMATCH);
	assert_nothing_left(fixture, 0, 0);
	assert_int_equal(xen_fake_call_of(fixture->fake, "grants_seed"), -1);
}

/* --- refused before anything exists --------------------------------------- */

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
	struct fixture *fixture = *state;

	for (size_t i = 0; i < countof(rows); i++) {
		struct err err;

		fixture->request.guest.memory_mib = rows[i].memory_mib;
		fixture->request.guest.vcpus = rows[i].vcpus;
		err = assert_refused_before_xen(fixture, LIMIT_EXCEEDED);
		assert_string_equal(err.field, rows[i].field);
	}
}

static void
build_takes_the_ends_of_the_signed_limits(void **state)
{
	static const uint32_t ends[][2] = {{128, 1}, {4096, 8}};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < countof(ends); i++) {
		struct receipt receipt;

		fixture->request.guest.memory_mib = ends[i][0];
		fixture->request.guest.vcpus = ends[i][1];
		fixture->request.guest.uuid[0]++;
		fixture->request.guest.name[0]++;
		assert_built(fixture, &receipt);
		assert_int_equal(receipt.guest.memory_mib, ends[i][0]);
		assert_int_equal(receipt.guest.vcpus, ends[i][1]);
	}
}

/* Neither by a user's rule nor by that of a domain. */
static void
build_refuses_an_image_that_the_caller_may_not_have(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct caller_rule *rule = &fixture->config.callers[0];

	*rule = (struct caller_rule){
	    .kind = CALLER_RULE_UID,
	    .id = 4711,
	    .builds = {"we", "web-*"},
	    .pattern_count = 2,
	};
	fixture->config.caller_count = 1;
	fixture->caller = user_caller(4711);
	assert_refused_before_xen(fixture, RPC_NOT_PERMITTED);
	rule->kind = CALLER_RULE_IMAGE;
	strcpy(rule->image, "tool");
	strcpy(rule->role, "infra");
	fixture->caller = (struct caller){
	    .kind = CALLER_DOMAIN,
	    .domain = {.domid = 5, .image = "tool", .role = "infra"},
	};
	assert_refused_before_xen(fixture, RPC_NOT_PERMITTED);
	assert_int_equal(story_calls.envelope, 0);
	strcpy(rule->builds[1], "web*");
	assert_built(fixture, &receipt);
}

static void
build_refuses_a_caller_who_is_not_on_the_list(void **state)
{
	struct fixture *fixture = *state;

	fixture->caller.user.uid = fixture->config.allow_uids[0] + 1;
	assert_refused_before_xen(fixture, RPC_NOT_PERMITTED);
	fixture->config.allow_uid_count = 0;
	fixture->caller.user.uid = 0;
	assert_refused_before_xen(fixture, RPC_NOT_PERMITTED);
	/* The store was not asked either. */
	assert_int_equal(story_calls.envelope, 0);
}

static void
build_refuses_a_request_that_the_front_should_have_refused(void **state)
{
	struct fixture *fixture = *state;

	memset(fixture->request.image, 'a', sizeof(fixture->request.image));
	assert_refused_before_xen(fixture, RPC_PARAMETER_BAD);
	assert_int_equal(story_calls.envelope, 0);
}

/* --- name and uuid -------------------------------------------------------- */

static void
build_refuses_a_name_that_is_taken(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err = {0};

	xen_fake_add(fixture->fake, 3, 0x33, "other");
	xen_fake_add(fixture->fake, 4, 0x44, NULL);
	xen_fake_add(fixture->fake, 5, 0x55, "guest");
	memset(&receipt, 0x5a, sizeof(receipt));
	assert_code(fixture_build(fixture, &receipt, &err), DOMAIN_EXISTS);
	assert_string_equal(err.field, "name");
	assert_has(err.text, "d5");
	assert_untouched(&receipt);
	assert_nothing_left(fixture, 3, 2);
	assert_int_equal(xen_fake_call_of(fixture->fake, "domain_create"), -1);
}

/* Names are read so many at once, domain 0's with the first. */
static void
build_refuses_a_name_that_any_of_many_has(void **state)
{
	static const uint32_t owners[] = {31, 32, 63, 64, 66};
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err = {0};
	char name[16] = "other";

	for (uint32_t i = 1; i <= 66; i++)
		xen_fake_add(fixture->fake, 100 + i, (uint8_t)i, "another");
	for (size_t i = 0; i < countof(owners); i++) {
		struct fake_node *node;
		char path[40];

		snprintf(path, sizeof(path), "/local/domain/%u/name",
		    100 + owners[i]);
		node = (struct fake_node *)(uintptr_t)xen_fake_node(
		    fixture->fake, path);
		strcpy(name, node->value);
		strcpy(node->value, "guest");
		assert_code(fixture_build(fixture, &receipt, &err),
		    DOMAIN_EXISTS);
		snprintf(path, sizeof(path), ": d%u has it", 100 + owners[i]);
		assert_has(err.text, path);
		strcpy(node->value, name);
	}
}

/* Xen does not list it among the guests, and xl would still find two. */
static void
build_refuses_the_name_of_domain_zero(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err = {0};

	xen_fake_add(fixture->fake, 0, 0, "guest")->exists = false;
	assert_code(fixture_build(fixture, &receipt, &err), DOMAIN_EXISTS);
	assert_string_equal(err.field, "name");
	assert_has(err.text, "d0");
	assert_nothing_left(fixture, 0, 1);
}

static void
build_refuses_a_uuid_that_is_taken(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err = {0};

	xen_fake_add(fixture->fake, 3, 0x33, "other");
	memset(fixture->request.guest.uuid, 0x33, UUID_BYTES);
	assert_code(fixture_build(fixture, &receipt, &err), DOMAIN_EXISTS);
	assert_string_equal(err.field, "uuid");
	assert_nothing_left(fixture, 1, 1);
	assert_int_equal(xen_fake_call_of(fixture->fake, "domain_create"), -1);
}

static void
build_cannot_be_done_twice(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err = {0};

	assert_built(fixture, &receipt);
	assert_code(fixture_build(fixture, &receipt, &err), DOMAIN_EXISTS);
	assert_int_equal(xen_fake_domain_count(fixture->fake), 1);
	assert_true(xen_fake_domain(fixture->fake, 7)->is_running);
}

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
	    story_test(build_removes_old_nodes_before_it_writes_new_ones),
	    story_test(build_that_fails_at_any_call_leaves_nothing),
	    story_test(
		build_that_fails_after_any_call_took_effect_leaves_nothing),
	    story_test(build_that_cannot_clean_up_says_so),
	    story_test(build_that_cannot_report_its_domain_removes_it),
	    story_test(build_refuses_a_grant_table_that_was_not_planned),
	    story_test(build_shows_no_node_before_the_grants_were_read_back),
	    story_test(build_refuses_a_daemon_in_the_new_guest),
	    story_test(
		build_refuses_memory_and_vcpus_outside_the_signed_limits),
	    story_test(build_takes_the_ends_of_the_signed_limits),
	    story_test(build_refuses_an_image_that_the_caller_may_not_have),
	    story_test(build_refuses_a_caller_who_is_not_on_the_list),
	    story_test(
		build_refuses_a_request_that_the_front_should_have_refused),
	    story_test(build_refuses_a_name_that_is_taken),
	    story_test(build_refuses_a_name_that_any_of_many_has),
	    story_test(build_refuses_the_name_of_domain_zero),
	    story_test(build_refuses_a_uuid_that_is_taken),
	    story_test(build_cannot_be_done_twice),
	};

	return cmocka_run_group_tests_name("build_domain", tests, NULL, NULL);
}
