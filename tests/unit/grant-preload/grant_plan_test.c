#include "base_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "grant-preload/grant_plan.h"

enum { GUEST = 7 };

static const struct grant_daemons good_daemons = {
    .xenstored_domid = 1,
    .xenconsoled_domid = 2,
};
static const struct xen_rings good_rings = {
    .console_frame = 0x1234,
    .xenstore_frame = 0x5678,
};

static void
assert_no_plan(const struct grant_daemons *daemons,
    const struct xen_rings *rings, const char *why)
{
	struct grant_plan plan;
	struct grant_plan before;
	struct err err = {0};

	memset(&plan, 0x5a, sizeof(plan));
	before = plan;
	assert_refused(grant_plan_make(daemons, GUEST, rings, &plan, &err),
	    GRANT_MISMATCH);
	assert_has(err.text, why);
	assert_memory_equal(&plan, &before, sizeof(plan));
}

static void
grant_plan_gives_each_daemon_its_ring_and_nothing_else(void **state)
{
	struct grant_plan plan;
	struct err err;

	(void)state;
	assert_refused(
	    grant_plan_make(&good_daemons, GUEST, &good_rings, &plan, &err), 0);
	assert_int_equal(plan.entries[0].domid, 2);
	assert_int_equal(plan.entries[0].frame, 0x1234);
	assert_int_equal(plan.entries[0].flags, 1);
	assert_int_equal(plan.entries[1].domid, 1);
	assert_int_equal(plan.entries[1].frame, 0x5678);
	assert_int_equal(plan.entries[1].flags, 1);
}

/* grant_table.h of Xen; guests and daemons count on these. */
static void
grant_plan_uses_the_reserved_references(void **state)
{
	(void)state;
	assert_int_equal(GRANT_REF_CONSOLE, 0);
	assert_int_equal(GRANT_REF_XENSTORE, 1);
	assert_int_equal(sizeof(struct xen_grant_entry), 8);
}

static void
grant_plan_may_give_both_rings_to_one_domain(void **state)
{
	const struct grant_daemons daemons = {0, 0};
	struct grant_plan plan;
	struct err err;

	(void)state;
	assert_refused(
	    grant_plan_make(&daemons, GUEST, &good_rings, &plan, &err), 0);
	assert_int_equal(plan.entries[0].domid, 0);
	assert_int_equal(plan.entries[1].domid, 0);
}

static void
grant_plan_refuses_two_rings_in_one_frame(void **state)
{
	const struct xen_rings rings = {0x1234, 0x1234};

	(void)state;
	assert_no_plan(&good_daemons, &rings, "share frame 0x1234");
}

static void
grant_plan_refuses_frame_zero(void **state)
{
	const struct xen_rings console = {0, 0x5678};
	const struct xen_rings xenstore = {0x1234, 0};

	(void)state;
	assert_no_plan(&good_daemons, &console, "console ring: frame 0x0");
	assert_no_plan(&good_daemons, &xenstore, "xenstore ring: frame 0x0");
}

static void
grant_plan_refuses_a_frame_that_does_not_fit_an_entry(void **state)
{
	static const uint64_t frames[] = {UINT32_MAX, (uint64_t)UINT32_MAX + 1,
	    0x100001234, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < countof(frames); i++) {
		struct xen_rings console = {frames[i], 0x5678};
		struct xen_rings xenstore = {0x1234, frames[i]};

		assert_no_plan(&good_daemons, &console, "console ring: frame");
		assert_no_plan(&good_daemons, &xenstore,
		    "xenstore ring: frame");
	}
}

static void
grant_plan_takes_the_highest_frame_that_fits(void **state)
{
	const struct xen_rings rings = {UINT32_MAX - 1, 1};
	struct grant_plan plan;
	struct err err;

	(void)state;
	assert_refused(
	    grant_plan_make(&good_daemons, GUEST, &rings, &plan, &err), 0);
	assert_true(plan.entries[0].frame == UINT32_MAX - 1);
	assert_int_equal(plan.entries[1].frame, 1);
}

static void
grant_plan_refuses_a_daemon_in_the_guest_itself(void **state)
{
	const struct grant_daemons console = {0, GUEST};
	const struct grant_daemons xenstore = {GUEST, 0};

	(void)state;
	assert_no_plan(&console, &good_rings, "console ring: its daemon");
	assert_no_plan(&xenstore, &good_rings, "xenstore ring: its daemon");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		grant_plan_gives_each_daemon_its_ring_and_nothing_else),
	    cmocka_unit_test(grant_plan_uses_the_reserved_references),
	    cmocka_unit_test(grant_plan_may_give_both_rings_to_one_domain),
	    cmocka_unit_test(grant_plan_refuses_two_rings_in_one_frame),
	    cmocka_unit_test(grant_plan_refuses_frame_zero),
	    cmocka_unit_test(
		grant_plan_refuses_a_frame_that_does_not_fit_an_entry),
	    cmocka_unit_test(grant_plan_takes_the_highest_frame_that_fits),
	    cmocka_unit_test(grant_plan_refuses_a_daemon_in_the_guest_itself),
	};

	return cmocka_run_group_tests_name("grant_plan", tests, NULL, NULL);
}
