/*
 * Removing domains, whoever made them; making one is tested with the story.
 */
#include "builder_fixture.h"

#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/domain.h"
#include "builder/libxl_json.h"

static int
erase_by_uuid(struct bench *bench, uint32_t domid, struct err *err)
{
	return domain_erase_by_uuid(&bench->env.place, domid,
	    bench->request.uuid, err);
}

/* A built domain 7, and two of other people. */
static int
setup(void **state)
{
	struct bench *bench;
	struct receipt receipt;
	struct err err;

	if (bench_setup(state) != 0)
		return -1;
	bench = *state;
	xen_fake_add(bench->fake, 3, 0x33, "other");
	xen_fake_add(bench->fake, 70, 0x70, "seventy");
	assert_code(bench_build(bench, &receipt, &err), 0);
	assert_int_equal(receipt.domid, 7);
	xen_fake_forget_calls(bench->fake);
	return 0;
}

static void
assert_only_others(struct bench *bench)
{
	assert_non_null(xen_fake_domain(bench->fake, 3));
	assert_non_null(xen_fake_domain(bench->fake, 70));
	assert_int_equal(xen_fake_domain_count(bench->fake), 2);
	assert_int_equal(xen_fake_node_count(bench->fake), 2);
	assert_int_equal(count_files("libxl"), 0);
}

static void
erase_removes_the_domain_its_nodes_and_its_record(void **state)
{
	struct bench *bench = *state;
	struct err err;

	assert_code(
	    domain_erase(&bench->env.place, 7, bench->request.uuid, &err), 0);
	assert_only_others(bench);
	/* The domain first: until then it could write its nodes. */
	assert_string_equal(bench->fake->calls[0], "domain_destroy 7");
	/* Again: there is nothing, and that is fine. */
	assert_code(
	    domain_erase(&bench->env.place, 7, bench->request.uuid, &err), 0);
}

static void
erase_tries_everything_and_reports_the_first_failure(void **state)
{
	struct bench *bench = *state;

	for (uint32_t n = 1; n <= 5; n++) {
		struct err err = {0};

		xen_fake_forget_calls(bench->fake);
		bench->fake->fail_at = n;
		assert_code(libxl_json_write("libxl", 7, &bench->request, &err),
		    0);
		assert_code(domain_erase(&bench->env.place, 7,
				bench->request.uuid, &err),
		    n == 1 ? XEN_FAILED : XENSTORE_FAILED);
		assert_has(err.text,
		    n == 1 ? "domain_destroy" : "store_remove");
		assert_int_equal(bench->fake->call_count, 5);
		assert_int_equal(count_files("libxl"), 0);
	}
}

static void
erase_reports_a_record_that_cannot_be_removed(void **state)
{
	struct bench *bench = *state;
	struct err err = {0};

	memset(bench->config.libxl_dir, 'x', CONFIG_PATH_SIZE - 1);
	memcpy(bench->config.libxl_dir, "/dev/null/", 10);
	assert_code(
	    domain_erase(&bench->env.place, 7, bench->request.uuid, &err),
	    STORE_IO);
	assert_null(xen_fake_domain(bench->fake, 7));
}

static void
erase_by_uuid_finds_the_domain_whatever_its_id(void **state)
{
	struct bench *bench = *state;
	struct err err;

	assert_code(erase_by_uuid(bench, 0, &err), 0);
	assert_only_others(bench);
}

/* The id that was noted belongs to somebody else by now. */
static void
erase_by_uuid_never_touches_another_domain_of_that_id(void **state)
{
	struct bench *bench = *state;
	struct err err;

	assert_code(erase_by_uuid(bench, 3, &err), 0);
	assert_only_others(bench);

	xen_fake_forget_calls(bench->fake);
	assert_code(erase_by_uuid(bench, 3, &err), 0);
	assert_only_others(bench);
	assert_int_equal(bench->fake->call_count, 1);
}

static void
erase_by_uuid_removes_the_nodes_of_a_domain_that_is_gone(void **state)
{
	struct bench *bench = *state;
	struct err err;

	xen_fake_domain(bench->fake, 7)->exists = false;
	assert_code(erase_by_uuid(bench, 7, &err), 0);
	assert_only_others(bench);
}

static void
erase_by_uuid_does_nothing_when_nothing_was_made(void **state)
{
	struct bench *bench = *state;
	uint8_t uuid[UUID_BYTES] = {1};
	uint32_t nodes = xen_fake_node_count(bench->fake);
	struct err err;

	assert_code(domain_erase_by_uuid(&bench->env.place, 0, uuid, &err), 0);
	assert_int_equal(bench->fake->call_count, 1);
	assert_int_equal(xen_fake_domain_count(bench->fake), 3);
	assert_int_equal(xen_fake_node_count(bench->fake), nodes);
}

static void
erase_by_uuid_touches_nothing_if_the_list_cannot_be_had(void **state)
{
	struct bench *bench = *state;
	struct err err;

	bench->fake->fail_at = 1;
	assert_code(erase_by_uuid(bench, 7, &err), XEN_FAILED);
	assert_int_equal(bench->fake->call_count, 1);
	assert_non_null(xen_fake_domain(bench->fake, 7));
}

static void
abort_of_no_domain_does_nothing(void **state)
{
	struct domain *none = NULL;

	(void)state;
	domain_abortp(&none);
	assert_null(none);
}

#define erase_test(test) \
	cmocka_unit_test_setup_teardown(test, setup, bench_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    erase_test(erase_removes_the_domain_its_nodes_and_its_record),
	    erase_test(erase_tries_everything_and_reports_the_first_failure),
	    erase_test(erase_reports_a_record_that_cannot_be_removed),
	    erase_test(erase_by_uuid_finds_the_domain_whatever_its_id),
	    erase_test(erase_by_uuid_never_touches_another_domain_of_that_id),
	    erase_test(
		erase_by_uuid_removes_the_nodes_of_a_domain_that_is_gone),
	    erase_test(erase_by_uuid_does_nothing_when_nothing_was_made),
	    erase_test(erase_by_uuid_touches_nothing_if_the_list_cannot_be_had),
	    cmocka_unit_test(abort_of_no_domain_does_nothing),
	};

	return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
