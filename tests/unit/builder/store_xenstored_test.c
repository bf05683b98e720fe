/*
 * The xenstore seam on two connections to a scripted xenstored.
 */
#include "base_fixture.h"
#include "store_fixture.h"
#include "xenstored_script.h"

#include "base/scope.h"
#include "builder/xen/store_xenstored.h"
#include "builder/xen/xenstore_link.h"

static struct store_port port;
static int opens;
static int fail_at; /* the n-th of those */

int __wrap_xenstore_link_open(struct xenstore_link *ret_link, struct err *err);

int
__wrap_xenstore_link_open(struct xenstore_link *ret_link, struct err *err)
{
	if (++opens == fail_at)
		return err_set(err, XENSTORE_FAILED, "made to fail");
	*ret_link = (struct xenstore_link){.fd = script_connect()};
	return 0;
}

static int
setup(void **state)
{
	struct err err = {0};

	(void)state;
	opens = 0;
	fail_at = 0;
	script_start();
	return store_xenstored_open(&port, &err);
}

static int
teardown(void **state)
{
	(void)state;
	port.ops->close(port.store);
	script_stop();
	return 0;
}

static int
read_node(struct err *err)
{
	static const char *const path = "/a";
	uint32_t index;

	return port.ops->find(port.store, &path, 1, "b", &index, err);
}

static int
permit(void *context, bool *ret_may, struct err *err)
{
	(void)err;
	*ret_may = *(bool *)context;
	return 0;
}

/* The replies to a batch are not read before it is committed. */
static void
a_batch_and_single_requests_do_not_meet(void **state)
{
	static const struct store_node nodes[] = {
	    {"/a", "", STORE_PRIVATE, 0, 0},
	    {"/b", "", STORE_INHERIT, 0, 0},
	};
	static const char *const paths[] = {"/c"};
	bool may = true;
	const struct store_guard guard = {permit, &may};
	struct err err = {0};

	(void)state;
	assert_code(port.ops->send(port.store, nodes, 1, &err), 0);
	assert_true(port.ops->is_connected(port.store));
	assert_code(read_node(&err), 0);
	assert_code(port.ops->remove(port.store, paths, 1, &guard, &err), 0);
	assert_code(port.ops->remove(port.store, paths, 1, NULL, &err), 0);
	assert_code(port.ops->introduce(port.store, 7, 1, 2, &err), 0);
	assert_code(port.ops->write(port.store, &nodes[1], 1, &err), 0);
	assert_string_equal(script->seen[script->count - 1], "7 tx=5 T|");
	may = false;
	assert_code(port.ops->remove(port.store, paths, 1, &guard, &err), 0);
	assert_string_equal(script->seen[script->count - 1], "7 tx=5 F|");
}

/* Which of its descriptors say so is what a nodes role that waits polls. */
static void
is_connected_until_one_of_the_two_connections_ends(void **state)
{
	static const struct store_node node = {.path = "/a", .value = ""};
	struct err err = {0};

	(void)state;
	assert_true(port.fds[0] >= 0 && port.fds[1] >= 0);
	assert_true(port.ops->is_connected(port.store));
	script->twists[0] = (struct twist){1, TWIST_HANG_UP, NULL};
	assert_code(read_node(&err), XENSTORE_FAILED);
	assert_false(port.ops->is_connected(port.store));
	teardown(state);
	setup(state);
	assert_true(port.ops->is_connected(port.store));
	script->twists[0] = (struct twist){1, TWIST_HANG_UP, NULL};
	assert_code(port.ops->send(port.store, &node, 1, &err),
	    XENSTORE_FAILED);
	assert_false(port.ops->is_connected(port.store));
}

static void
opening_needs_both_connections(void **state)
{
	struct store_port other;
	struct err err = {0};

	(void)state;
	for (int i = 1; i <= 2; i++) {
		size_t before = count_descriptors();

		opens = 0;
		fail_at = i;
		assert_code(store_xenstored_open(&other, &err),
		    XENSTORE_FAILED);
		assert_int_equal(count_descriptors(), before);
	}
}

#define store_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    store_test(a_batch_and_single_requests_do_not_meet),
	    store_test(is_connected_until_one_of_the_two_connections_ends),
	    store_test(opening_needs_both_connections),
	};

	return cmocka_run_group_tests_name("store_xenstored", tests, NULL,
	    NULL);
}
