#include "builder_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "builder/xen/domain_list.h"

static struct xen_fake *fake;
static struct xen_port port;

/* Domains 3, 7 and 9; 7 and 9 have one uuid, which Xen allows. */
static int
setup(void **state)
{
	(void)state;
	fake = xen_fake_new();
	port = xen_fake_port(fake);
	xen_fake_add(fake, 3, 0x33, "one");
	xen_fake_add(fake, 7, 0x77, "two");
	xen_fake_add(fake, 9, 0x77, "three");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	xen_fake_free(fake);
	return 0;
}

static struct domain_list
read_list(void)
{
	struct domain_list list = {0};
	struct err err = {0};

	if (domain_list_read(&port, &list, &err) != 0)
		fail_msg("%s", err.text);
	return list;
}

static void
list_holds_what_xen_lists(void **state)
{
	CLEANUP(domain_list_done) struct domain_list list = read_list();

	(void)state;
	assert_int_equal(list.count, 3);
	assert_non_null(list.infos);
}

static void
list_of_no_domains_is_a_list(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < FAKE_DOMAINS; i++)
		fake->domains[i].exists = false;
	{
		CLEANUP(domain_list_done) struct domain_list list = read_list();
		uint8_t uuid[UUID_BYTES] = {0};

		assert_int_equal(list.count, 0);
		assert_null(domain_list_find(&list, 3));
		assert_null(domain_list_uuid_owner(&list, uuid, 0));
	}
}

/* That Xen did not answer must not look as if no domain were there. */
static void
list_cannot_be_read_when_xen_does_not_answer(void **state)
{
	static struct xen_domain_info info;
	struct domain_list list = {&info, 77};
	struct err err;

	(void)state;
	strcpy(fake->fail_operation, "domain_list");
	assert_code(domain_list_read(&port, &list, &err), XEN_FAILED);
	assert_ptr_equal(list.infos, &info);
	assert_int_equal(list.count, 77);
}

static void
list_finds_by_id(void **state)
{
	CLEANUP(domain_list_done) struct domain_list list = read_list();
	static const uint32_t missing[] = {0, 1, 8, 65535};

	(void)state;
	assert_int_equal(domain_list_find(&list, 3)->uuid[0], 0x33);
	assert_int_equal(domain_list_find(&list, 9)->uuid[0], 0x77);
	for (size_t i = 0; i < countof(missing); i++)
		assert_null(domain_list_find(&list, missing[i]));
}

static void
list_tells_who_else_has_a_uuid(void **state)
{
	CLEANUP(domain_list_done) struct domain_list list = read_list();
	uint8_t uuid[UUID_BYTES];

	(void)state;
	memset(uuid, 0x77, sizeof(uuid));
	assert_int_equal(domain_list_uuid_owner(&list, uuid, 7)->domid, 9);
	assert_int_equal(domain_list_uuid_owner(&list, uuid, 9)->domid, 7);
	assert_non_null(domain_list_uuid_owner(&list, uuid, 0));
	memset(uuid, 0x33, sizeof(uuid));
	assert_null(domain_list_uuid_owner(&list, uuid, 3));
	assert_int_equal(domain_list_uuid_owner(&list, uuid, 7)->domid, 3);
	/* All bytes count. */
	uuid[UUID_BYTES - 1]++;
	assert_null(domain_list_uuid_owner(&list, uuid, 0));
}

static void
list_done_leaves_an_empty_one(void **state)
{
	struct domain_list list = read_list();

	(void)state;
	domain_list_done(&list);
	assert_null(list.infos);
	assert_int_equal(list.count, 0);
	domain_list_done(&list);
}

#define list_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    list_test(list_holds_what_xen_lists),
	    list_test(list_of_no_domains_is_a_list),
	    list_test(list_cannot_be_read_when_xen_does_not_answer),
	    list_test(list_finds_by_id),
	    list_test(list_tells_who_else_has_a_uuid),
	    list_test(list_done_leaves_an_empty_one),
	};

	return cmocka_run_group_tests_name("domain_list", tests, NULL, NULL);
}
