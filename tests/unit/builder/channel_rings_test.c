/*
 * Which rings a client domain may still have: against a kernel that gives away
 * the number first that became free last, and no number that is still mapped.
 */
#include "builder_fixture.h"

#include <string.h>

#include "builder/channel/channel_rings.h"
#include "base/scope.h"

enum { DOMID = 7, OTHER_DOMID = 8, REFS = 512, DEVICE = 5, PROBE = 6 };

/* The kernel's list of numbers, its head last; whom a number is mapped by. */
static struct kernel {
	uint32_t free[REFS];
	uint32_t count;
	bool is_mapped[REFS + 1];
	bool is_broken;
} kernel;

static struct channel_rings rings;

static int
setup(void **state)
{
	(void)state;
	kernel = (struct kernel){.count = 0};
	for (uint32_t ref = REFS; ref > 0; ref--)
		kernel.free[kernel.count++] = ref;
	rings = (struct channel_rings){.probe_fd = PROBE};
	return 0;
}

int
channel_device_grant(int grants_fd, uint32_t domid,
    struct channel_page *ret_page, struct err *err)
{
	assert_int_equal(grants_fd, DEVICE);
	assert_true(domid == DOMID || domid == OTHER_DOMID);
	if (kernel.is_broken)
		return err_set(err, XEN_FAILED, "no");
	*ret_page = (struct channel_page){0, kernel.free[--kernel.count]};
	return 0;
}

int
channel_device_probe(int grants_fd, uint32_t count, uint32_t *ret_refs,
    struct err *err)
{
	assert_int_equal(grants_fd, PROBE);
	if (kernel.is_broken)
		return err_set(err, XEN_FAILED, "no");
	for (uint32_t i = 0; i < count; i++)
		ret_refs[i] = kernel.free[kernel.count - 1 - i];
	return 0;
}

/* The session is over, and we have the page no more. */
static void
end_session(uint32_t domid, uint32_t ref)
{
	channel_rings_withdraw(&rings, domid);
	if (!kernel.is_mapped[ref])
		kernel.free[kernel.count++] = ref;
}

static void
let_go(uint32_t ref)
{
	kernel.is_mapped[ref] = false;
	kernel.free[kernel.count++] = ref;
}

static int
offer(uint32_t domid, uint32_t *ret_ref, struct err *err)
{
	struct channel_page page = {0, 0};

	TRY(channel_rings_offer(&rings, domid, DEVICE, &page, err));
	*ret_ref = page.ref;
	return 0;
}

/* A session whose page the domain keeps. */
static uint32_t
keep_one(uint32_t domid)
{
	uint32_t ref = 0;
	struct err err;

	assert_code(offer(domid, &ref, &err), 0);
	kernel.is_mapped[ref] = true;
	end_session(domid, ref);
	return ref;
}

static void
client_that_lets_go_gets_rings_without_end(void **state)
{
	uint32_t ref = 0;
	struct err err;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_code(offer(DOMID, &ref, &err), 0);
		assert_true(channel_rings_has(&rings, DOMID));
		end_session(DOMID, ref);
		assert_false(channel_rings_has(&rings, DOMID));
	}
}

static void
ring_that_is_held_is_not_given_again(void **state)
{
	uint32_t first = keep_one(DOMID);
	uint32_t second = keep_one(DOMID);

	(void)state;
	assert_int_not_equal(first, second);
}

static void
ninth_ring_is_refused_while_eight_are_held(void **state)
{
	uint32_t ref = 0;
	struct err err;

	(void)state;
	for (int i = 0; i < CHANNEL_HELD; i++)
		keep_one(DOMID);
	assert_code(offer(DOMID, &ref, &err), CHANNEL_RINGS_HELD);
	assert_false(channel_rings_has(&rings, DOMID));
	/* That is nobody else's affair. */
	assert_code(offer(OTHER_DOMID, &ref, &err), 0);
}

static void
ring_is_offered_again_once_one_is_free(void **state)
{
	uint32_t refs[CHANNEL_HELD];
	uint32_t others[CHANNEL_HELD];
	uint32_t ref = 0;
	struct err err;

	(void)state;
	for (int i = 0; i < CHANNEL_HELD; i++)
		refs[i] = keep_one(DOMID);
	for (int i = 0; i < CHANNEL_HELD; i++)
		others[i] = keep_one(OTHER_DOMID);
	let_go(refs[3]);
	/* What became free later lies above it. */
	for (int i = 0; i < CHANNEL_HELD; i++)
		let_go(others[i]);
	assert_code(offer(DOMID, &ref, &err), 0);
	kernel.is_mapped[ref] = true;
	end_session(DOMID, ref);
	assert_code(offer(DOMID, &ref, &err), CHANNEL_RINGS_HELD);
}

/* What cannot be seen to be free counts as held. */
static void
kernel_that_gives_no_grants_frees_nothing(void **state)
{
	uint32_t ref = 0;
	uint32_t held = 0;
	struct err err;

	(void)state;
	for (int i = 0; i < CHANNEL_HELD; i++)
		held = keep_one(DOMID);
	let_go(held);
	kernel.is_broken = true;
	assert_code(offer(DOMID, &ref, &err), CHANNEL_RINGS_HELD);
	assert_code(offer(OTHER_DOMID, &ref, &err), XEN_FAILED);
	kernel.is_broken = false;
	assert_code(offer(DOMID, &ref, &err), 0);
}

static void
domain_that_is_gone_holds_nothing(void **state)
{
	uint32_t ref = 0;
	struct err err;

	(void)state;
	for (int i = 0; i < CHANNEL_HELD; i++)
		keep_one(DOMID);
	channel_rings_forget(&rings, DOMID);
	assert_code(offer(DOMID, &ref, &err), 0);
	channel_rings_forget(&rings, DOMID);
	assert_false(channel_rings_has(&rings, DOMID));
}

static void
so_many_domains_have_rings(void **state)
{
	struct channel_page page;
	struct err err;

	(void)state;
	for (uint32_t i = 0; i < LIMIT_CLIENTS; i++)
		rings.rings[i].domid = 100 + i;
	assert_code(channel_rings_offer(&rings, DOMID, DEVICE, &page, &err),
	    RPC_BUSY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(client_that_lets_go_gets_rings_without_end,
		setup),
	    cmocka_unit_test_setup(ring_that_is_held_is_not_given_again, setup),
	    cmocka_unit_test_setup(ninth_ring_is_refused_while_eight_are_held,
		setup),
	    cmocka_unit_test_setup(ring_is_offered_again_once_one_is_free,
		setup),
	    cmocka_unit_test_setup(kernel_that_gives_no_grants_frees_nothing,
		setup),
	    cmocka_unit_test_setup(domain_that_is_gone_holds_nothing, setup),
	    cmocka_unit_test_setup(so_many_domains_have_rings, setup),
	};

	return cmocka_run_group_tests_name("channel_rings", tests, NULL, NULL);
}
