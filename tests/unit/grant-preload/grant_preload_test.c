#include "base_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "grant-preload/grant_preload.h"
#include "xen_port_fake.h"

enum { GUEST = 7 };

static const struct grant_plan good_plan = {
    .entries = {{XEN_GRANT_PERMIT, 2, 0x1234}, {XEN_GRANT_PERMIT, 1, 0x5678}},
};

static bool calloc_fails;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *
__wrap_calloc(size_t count, size_t size)
{
	return calloc_fails ? NULL : __real_calloc(count, size);
}

static int
make_fake(void **state)
{
	struct xen_fake *fake = xen_fake_new();

	xen_fake_add(fake, GUEST, 0x77, NULL);
	*state = fake;
	return 0;
}

static int
free_fake(void **state)
{
	xen_fake_free(*state);
	return 0;
}

static int
preload(struct xen_fake *fake, struct grant_plan *ret_found, struct err *err)
{
	struct xen_port port = xen_fake_port(fake);

	return grant_preload(&port, GUEST, &good_plan, ret_found, err);
}

static void
assert_mismatch(void **state, void (*twist)(struct fake_domain *domain),
    const char *text)
{
	struct xen_fake *fake = *state;
	struct grant_plan found;
	struct grant_plan before;
	struct err err = {0};

	memset(&found, 0x5a, sizeof(found));
	before = found;
	fake->twist_grants = twist;
	assert_refused(preload(fake, &found, &err), GRANT_MISMATCH);
	assert_has(err.text, text);
	assert_memory_equal(&found, &before, sizeof(found));
}

static void
grant_preload_seeds_then_reads_back(void **state)
{
	struct xen_fake *fake = *state;
	struct grant_plan found;
	struct err err;

	assert_refused(preload(fake, &found, &err), 0);
	assert_memory_equal(&found, &good_plan, sizeof(found));
	assert_int_equal(fake->call_count, 2);
	assert_string_equal(fake->calls[0],
	    "grants_seed 7 console=d2:1234 xenstore=d1:5678");
	assert_string_equal(fake->calls[1], "grants_read 7");
}

static void
skip_console(struct fake_domain *domain)
{
	memset(&domain->grants[0], 0, sizeof(domain->grants[0]));
}

static void
skip_xenstore(struct fake_domain *domain)
{
	memset(&domain->grants[1], 0, sizeof(domain->grants[1]));
}

static void
skip_both(struct fake_domain *domain)
{
	skip_console(domain);
	skip_xenstore(domain);
}

static void
grant_preload_refuses_an_entry_that_was_skipped(void **state)
{
	assert_mismatch(state, skip_console,
	    "reference 0: planned flags 0x1 domid 2 frame 0x1234, "
	    "found flags 0x0 domid 0 frame 0x0");
	assert_mismatch(state, skip_xenstore,
	    "reference 1: planned flags 0x1 domid 1 frame 0x5678, "
	    "found flags 0x0 domid 0 frame 0x0");
	assert_mismatch(state, skip_both, "reference 0: ");
}

static void
swap_entries(struct fake_domain *domain)
{
	struct xen_grant_entry console = domain->grants[0];

	domain->grants[0] = domain->grants[1];
	domain->grants[1] = console;
}

static void
grant_preload_refuses_entries_in_each_others_place(void **state)
{
	assert_mismatch(state, swap_entries, "reference 0: ");
}

static void
other_domid(struct fake_domain *domain)
{
	domain->grants[1].domid = 3;
}

static void
other_frame(struct fake_domain *domain)
{
	domain->grants[0].frame ^= 1;
}

static void
high_frame_bit(struct fake_domain *domain)
{
	domain->grants[0].frame ^= 1u << 31;
}

static void
read_only(struct fake_domain *domain)
{
	domain->grants[0].flags |= 1u << 2;
}

static void
mapped_already(struct fake_domain *domain)
{
	domain->grants[1].flags |= 1u << 3;
}

static void
transfer(struct fake_domain *domain)
{
	domain->grants[1].flags = 2;
}

static void
grant_preload_refuses_another_domid_frame_or_flag(void **state)
{
	assert_mismatch(state, other_domid,
	    "reference 1: planned flags 0x1 domid 1 frame 0x5678, "
	    "found flags 0x1 domid 3 frame 0x5678");
	assert_mismatch(state, other_frame,
	    "planned flags 0x1 domid 2 frame 0x1234, "
	    "found flags 0x1 domid 2 frame 0x1235");
	assert_mismatch(state, high_frame_bit, "frame 0x80001234");
	assert_mismatch(state, read_only, "found flags 0x5 domid 2");
	assert_mismatch(state, mapped_already, "found flags 0x9 domid 1");
	assert_mismatch(state, transfer, "found flags 0x2 domid 1");
}

static uint32_t extra_ref;

static void
add_extra(struct fake_domain *domain)
{
	domain->grant_count = FAKE_GRANTS;
	memset(&domain->grants[2], 0, sizeof(domain->grants[2]) * 1022);
	domain->grants[extra_ref] =
	    (struct xen_grant_entry){.flags = XEN_GRANT_PERMIT,
		.domid = 0,
		.frame = 0x9999};
}

static void
grant_preload_refuses_an_extra_entry_wherever_it_is(void **state)
{
	static const uint32_t refs[] = {2, 3, 8, 511, 512, 700, 1023};

	for (size_t i = 0; i < countof(refs); i++) {
		char text[128];

		extra_ref = refs[i];
		snprintf(text, sizeof(text),
		    "reference %u: planned flags 0x0 domid 0 frame 0x0, "
		    "found flags 0x1 domid 0 frame 0x9999",
		    extra_ref);
		assert_mismatch(state, add_extra, text);
	}
}

/* Any of the three fields, alone, is something that was not planned. */
static void
leave_a_frame(struct fake_domain *domain)
{
	domain->grants[5].frame = 1;
}

static void
leave_a_domid(struct fake_domain *domain)
{
	memset(&domain->grants[5], 0, sizeof(domain->grants[5]));
	domain->grants[5].domid = 1;
}

static void
grant_preload_refuses_remains_in_an_unused_entry(void **state)
{
	assert_mismatch(state, leave_a_frame, "reference 5: ");
	assert_mismatch(state, leave_a_domid, "reference 5: ");
}

static void
no_entries(struct fake_domain *domain)
{
	domain->grant_count = 0;
}

static void
one_entry(struct fake_domain *domain)
{
	domain->grant_count = 1;
}

static void
two_entries(struct fake_domain *domain)
{
	domain->grant_count = 2;
}

static void
grant_preload_refuses_a_short_table(void **state)
{
	struct xen_fake *fake = *state;
	struct grant_plan found;
	struct err err;

	assert_mismatch(state, no_entries, "a table of 0 entries");
	assert_mismatch(state, one_entry, "a table of 1 entries");
	fake->twist_grants = two_entries;
	assert_refused(preload(fake, &found, &err), 0);
}

static void
grant_preload_returns_what_xen_refuses(void **state)
{
	static const char *const operations[] = {"grants_seed", "grants_read"};
	struct xen_fake *fake = *state;

	for (size_t i = 0; i < countof(operations); i++) {
		struct grant_plan found = {.entries = {{.frame = 77}}};
		struct err err = {0};

		xen_fake_forget_calls(fake);
		strcpy(fake->fail_operation, operations[i]);
		assert_refused(preload(fake, &found, &err), XEN_FAILED);
		assert_has(err.text, operations[i]);
		assert_int_equal(found.entries[0].frame, 77);
		assert_int_equal(fake->call_count, i + 1);
	}
}

static void
grant_preload_touches_nothing_without_memory(void **state)
{
	struct xen_fake *fake = *state;
	struct grant_plan found;
	struct err err = {0};
	int code;

	calloc_fails = true;
	code = preload(fake, &found, &err);
	calloc_fails = false;
	assert_refused(code, NO_MEMORY);
	assert_int_equal(fake->call_count, 0);
}

#define fake_test(test) \
	cmocka_unit_test_setup_teardown(test, make_fake, free_fake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    fake_test(grant_preload_seeds_then_reads_back),
	    fake_test(grant_preload_refuses_an_entry_that_was_skipped),
	    fake_test(grant_preload_refuses_entries_in_each_others_place),
	    fake_test(grant_preload_refuses_another_domid_frame_or_flag),
	    fake_test(grant_preload_refuses_an_extra_entry_wherever_it_is),
	    fake_test(grant_preload_refuses_remains_in_an_unused_entry),
	    fake_test(grant_preload_refuses_a_short_table),
	    fake_test(grant_preload_returns_what_xen_refuses),
	    fake_test(grant_preload_touches_nothing_without_memory),
	};

	return cmocka_run_group_tests_name("grant_preload", tests, NULL, NULL);
}
