#include "base_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "measure/verify/started_domains.h"

static const uint8_t one[UUID_BYTES] = {1};
static const uint8_t two[UUID_BYTES] = {2};

static void
add(struct started_domains *domains, const uint8_t *uuid, uint32_t domid,
    size_t number)
{
	struct err err;

	assert_refused(started_domains_add(domains, uuid, domid, number, &err),
	    0);
}

static void
a_domain_is_found_by_uuid_and_domid(void **state)
{
	CLEANUP(started_domains_done) struct started_domains domains = {NULL};
	size_t number = 77;

	(void)state;
	assert_false(started_domains_has(&domains, one, 1));
	assert_false(started_domains_end(&domains, one, 1, &number));
	add(&domains, one, 1, 10);
	add(&domains, two, 1, 11);
	add(&domains, one, 2, 12);
	assert_true(started_domains_has(&domains, one, 1));
	assert_false(started_domains_has(&domains, two, 2));
	assert_false(started_domains_end(&domains, two, 2, &number));
	assert_int_equal(number, 77);
	assert_true(started_domains_end(&domains, one, 2, &number));
	assert_int_equal(number, 12);
	assert_false(started_domains_has(&domains, one, 2));
	assert_true(started_domains_end(&domains, one, 1, &number));
	assert_int_equal(number, 10);
	assert_true(started_domains_has(&domains, two, 1));
}

static void
of_several_alike_the_newest_ends_first(void **state)
{
	CLEANUP(started_domains_done) struct started_domains domains = {NULL};
	size_t number;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		add(&domains, one, 1, i);
	for (size_t i = 3; i-- > 0;) {
		assert_true(started_domains_has(&domains, one, 1));
		assert_true(started_domains_end(&domains, one, 1, &number));
		assert_int_equal(number, i);
	}
	assert_false(started_domains_has(&domains, one, 1));
	add(&domains, one, 1, 3);
	add(&domains, one, 1, 4); /* left to the end of this test */
}

/* Against a list that is searched from its end. */
static void
any_order_ends_as_in_a_list(void **state)
{
	enum { PLACES = 500, STEPS = 5000 };
	CLEANUP(started_domains_done) struct started_domains domains = {NULL};
	static struct {
		uint8_t uuid[UUID_BYTES];
		uint32_t domid;
		bool runs;
	} list[STEPS];
	unsigned int seed = 1;

	(void)state;
	for (size_t count = 0; count < STEPS; count++) {
		uint8_t uuid[UUID_BYTES] = {(uint8_t)(rand_r(&seed) % 25)};
		uint32_t domid = (uint32_t)rand_r(&seed) % (PLACES / 25);
		size_t found = count;
		size_t number;

		while (
		    found > 0 &&
		    !(list[found - 1].runs && list[found - 1].domid == domid &&
			memcmp(list[found - 1].uuid, uuid, UUID_BYTES) == 0))
			found--;
		assert_int_equal(started_domains_has(&domains, uuid, domid),
		    found > 0);
		if (rand_r(&seed) % 2 == 0) {
			add(&domains, uuid, domid, count);
			memcpy(list[count].uuid, uuid, UUID_BYTES);
			list[count].domid = domid;
			list[count].runs = true;
			continue;
		}
		assert_int_equal(
		    started_domains_end(&domains, uuid, domid, &number),
		    found > 0);
		if (found > 0) {
			assert_int_equal(number, found - 1);
			list[found - 1].runs = false;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_domain_is_found_by_uuid_and_domid),
	    cmocka_unit_test(of_several_alike_the_newest_ends_first),
	    cmocka_unit_test(any_order_ends_as_in_a_list),
	};

	return cmocka_run_group_tests_name("started_domains", tests, NULL,
	    NULL);
}
