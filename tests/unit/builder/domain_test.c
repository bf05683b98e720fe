/*
 * Removing domains, whoever made them; making one is tested with the story.
 */
#include "builder_fixture.h"

#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/build/domain_erase.h"

/* What the supervisor knows of it: as after a build that did not end. */
static struct domain_claim
claim_of(const struct fixture *fixture, uint32_t domid, bool may_have_uuid)
{
	struct domain_claim claim = {
	    .domid = domid,
	    .may_have_uuid = may_have_uuid,
	};

	memcpy(claim.handle, fixture->env.handle, UUID_BYTES);
	memcpy(claim.uuid, fixture->request.guest.uuid, UUID_BYTES);
	return claim;
}

static uint32_t erased; /* what the last one says */

static int
erase_claim(struct fixture *fixture, const struct domain_claim *claim,
    struct err *err)
{
	erased = 0x5a5a;
	fixture_renew_nodes(fixture);
	return domain_erase(&fixture->env.place, claim, &erased, err);
}

static int
erase(struct fixture *fixture, uint32_t domid, bool may_have_uuid,
    struct err *err)
{
	struct domain_claim claim = claim_of(fixture, domid, may_have_uuid);

	return erase_claim(fixture, &claim, err);
}

/* Domain 7 still has the handle that it was created under. */
static void
unname(struct fixture *fixture)
{
	memset(xen_fake_domain(fixture->fake, 7)->uuid, BENCH_HANDLE,
	    UUID_BYTES);
}

/* A built domain 7, and two of other people. */
static int
setup(void **state)
{
	struct fixture *fixture;
	struct receipt receipt;
	struct err err;

	if (fixture_setup(state) != 0)
		return -1;
	fixture = *state;
	xen_fake_add(fixture->fake, 3, 0x33, "other");
	xen_fake_add(fixture->fake, 70, 0x70, "seventy");
	assert_code(fixture_build(fixture, &receipt, &err), 0);
	assert_int_equal(receipt.domid, 7);
	xen_fake_forget_calls(fixture->fake);
	return 0;
}

static void
assert_only_others(struct fixture *fixture)
{
	assert_non_null(xen_fake_domain(fixture->fake, 3));
	assert_non_null(xen_fake_domain(fixture->fake, 70));
	assert_int_equal(xen_fake_domain_count(fixture->fake), 2);
	assert_int_equal(xen_fake_node_count(fixture->fake), 2);
	assert_int_equal(erased, 7);
}

static void
erase_removes_the_domain_and_its_nodes(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	assert_code(erase(fixture, 7, true, &err), 0);
	assert_only_others(fixture);
	/* The domain first: until then it could write its nodes. */
	assert_string_equal(fixture->fake->calls[1], "domain_destroy 7");
	/* Again: there is nothing, and that is fine. */
	assert_code(erase(fixture, 7, true, &err), 0);
	assert_only_others(fixture);
}

static void
erase_tries_everything_and_reports_the_first_failure(void **state)
{
	static const char *const operations[] = {"domain_destroy",
	    "xenstore_remove"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < countof(operations); i++) {
		struct err err = {0};

		xen_fake_forget_calls(fixture->fake);
		strcpy(fixture->fake->fail_operation, operations[i]);
		assert_code(erase(fixture, 7, true, &err),
		    i == 0 ? XEN_FAILED : XENSTORE_FAILED);
		assert_has(err.text, operations[i]);
		assert_true(
		    xen_fake_call_of(fixture->fake, "xenstore_remove") > 0);
	}
	fixture->fake->fail_operation[0] = '\0';
	assert_null(xen_fake_domain(fixture->fake, 7));
}

static void
erase_finds_the_domain_by_its_handle_alone(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	unname(fixture);
	assert_code(erase(fixture, 0, false, &err), 0);
	assert_only_others(fixture);
}

/* A caller chose the uuid: it may be that of anybody. */
static void
erase_never_goes_by_a_uuid_alone(void **state)
{
	struct fixture *fixture = *state;
	uint32_t nodes = xen_fake_node_count(fixture->fake);
	struct err err;

	assert_code(erase(fixture, 0, true, &err), 0);
	assert_int_equal(erased, 0);
	assert_code(erase(fixture, 70, true, &err), 0);
	assert_int_equal(erased, 0);
	assert_code(erase(fixture, 7, false, &err), 0);
	assert_int_equal(erased, 0);
	assert_int_equal(xen_fake_call_of(fixture->fake, "domain_destroy"), -1);
	assert_int_equal(xen_fake_domain_count(fixture->fake), 3);
	assert_int_equal(xen_fake_node_count(fixture->fake), nodes);
}

/* Zeros say that there is none, and are what a toolstack may have chosen. */
static void
erase_goes_by_no_handle_that_is_not_known(void **state)
{
	struct fixture *fixture = *state;
	struct domain_claim claim = claim_of(fixture, 0, false);
	struct err err;

	memset(claim.handle, 0, UUID_BYTES);
	memset(xen_fake_domain(fixture->fake, 70)->uuid, 0, UUID_BYTES);
	assert_code(erase_claim(fixture, &claim, &err), 0);
	claim.domid = 70;
	assert_code(erase_claim(fixture, &claim, &err), 0);
	assert_int_equal(xen_fake_call_of(fixture->fake, "domain_destroy"), -1);
	assert_int_equal(xen_fake_domain_count(fixture->fake), 3);
}

/* The id that was reported belongs to somebody else by now. */
static void
erase_never_touches_another_domain_of_that_id(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	xen_fake_domain(fixture->fake, 7)->exists = false;
	memset(xen_fake_add(fixture->fake, 7, 0x77, NULL)->uuid, 0x77,
	    UUID_BYTES);
	assert_code(erase(fixture, 7, true, &err), 0);
	assert_non_null(xen_fake_domain(fixture->fake, 7));
	assert_non_null(xen_fake_node(fixture->fake, "/local/domain/7/name"));
	assert_int_equal(erased, 0);
	/* Nobody has the uuid. */
	assert_null(xen_fake_node(fixture->fake, "/vm/" GOOD_UUID));
}

/* Somebody has made a domain with the same uuid. */
static void
erase_leaves_the_nodes_of_another_domain_with_that_uuid(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	memcpy(xen_fake_domain(fixture->fake, 3)->uuid,
	    fixture->request.guest.uuid, UUID_BYTES);
	assert_code(erase(fixture, 7, true, &err), 0);
	assert_null(xen_fake_domain(fixture->fake, 7));
	assert_non_null(xen_fake_domain(fixture->fake, 3));
	assert_non_null(xen_fake_node(fixture->fake, "/vm/" GOOD_UUID));
	assert_null(xen_fake_node(fixture->fake, "/local/domain/7/name"));
}

static void
erase_refuses_when_several_domains_have_the_handle(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	unname(fixture);
	memset(xen_fake_domain(fixture->fake, 3)->uuid, BENCH_HANDLE,
	    UUID_BYTES);
	assert_code(erase(fixture, 0, false, &err), DOMAIN_AMBIGUOUS);
	assert_int_equal(xen_fake_domain_count(fixture->fake), 3);
	assert_int_equal(fixture->fake->call_count, 1);
	/* With its id there is no doubt. */
	assert_code(erase(fixture, 7, false, &err), 0);
	assert_null(xen_fake_domain(fixture->fake, 7));
	assert_non_null(xen_fake_domain(fixture->fake, 3));
}

static void
erase_removes_the_nodes_of_a_domain_that_is_gone(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	xen_fake_domain(fixture->fake, 7)->exists = false;
	assert_code(erase(fixture, 7, true, &err), 0);
	assert_only_others(fixture);
}

static void
erase_does_nothing_when_nothing_was_made(void **state)
{
	struct fixture *fixture = *state;
	uint32_t nodes = xen_fake_node_count(fixture->fake);
	struct err err;

	assert_code(erase(fixture, 0, false, &err), 0);
	assert_int_equal(fixture->fake->call_count, 1);
	assert_int_equal(xen_fake_domain_count(fixture->fake), 3);
	assert_int_equal(xen_fake_node_count(fixture->fake), nodes);
}

static void
erase_touches_nothing_if_the_list_cannot_be_had(void **state)
{
	struct fixture *fixture = *state;
	struct err err;

	fixture->fake->fail_at = 1;
	assert_code(erase(fixture, 7, true, &err), XEN_FAILED);
	assert_int_equal(fixture->fake->call_count, 1);
	assert_non_null(xen_fake_domain(fixture->fake, 7));
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
	cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    erase_test(erase_removes_the_domain_and_its_nodes),
	    erase_test(erase_tries_everything_and_reports_the_first_failure),
	    erase_test(erase_finds_the_domain_by_its_handle_alone),
	    erase_test(erase_never_goes_by_a_uuid_alone),
	    erase_test(erase_goes_by_no_handle_that_is_not_known),
	    erase_test(erase_never_touches_another_domain_of_that_id),
	    erase_test(erase_leaves_the_nodes_of_another_domain_with_that_uuid),
	    erase_test(erase_refuses_when_several_domains_have_the_handle),
	    erase_test(erase_removes_the_nodes_of_a_domain_that_is_gone),
	    erase_test(erase_does_nothing_when_nothing_was_made),
	    erase_test(erase_touches_nothing_if_the_list_cannot_be_had),
	    cmocka_unit_test(abort_of_no_domain_does_nothing),
	};

	return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
