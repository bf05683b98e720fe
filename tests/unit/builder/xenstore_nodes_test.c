#include "builder_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "builder/nodes/xenstore_nodes.h"

#define D         "/local/domain/7"
#define VM        "/vm/" GOOD_UUID
#define BACKEND   "/local/domain/2/backend/console/7/0"
#define RECORD    "/libxl/7/device/console/0"
#define HEX(four) four four four four four four four four

enum { STARTED = 1700000000 };

static struct nodes_facts
good_input(void)
{
	struct nodes_facts input = {
	    .domid = 7,
	    .guest = good_build_request().guest,
	    .has_ramdisk = true,
	    .cmdline = "console=hvc0 root=/dev/xvda",
	    .console_port = 12,
	    .xenstore_port = 11,
	};

	memset(input.kernel_elf.bytes, 0x11, DIGEST_BYTES);
	memset(input.ramdisk.bytes, 0x22, DIGEST_BYTES);
	return input;
}

static int
make_nodes(const struct nodes_facts *input, struct xenstore_nodes *ret_nodes,
    struct err *err)
{
	return xenstore_nodes_make(input, XENCONSOLED,
	    STARTED * 1000000ll + 120000, ret_nodes, err);
}

/* i: as the parent; n0: dom0 alone; nW: W owns; nW,rR: and R reads. */
static const struct {
	const char *path;
	const char *value;
	const char *access;
} expected[] = {
    {D, "", "n0,r7"},
    {D "/vm", VM, "i"},
    {D "/name", "guest", "i"},
    {D "/domid", "7", "i"},
    {D "/cpu", "", "i"},
    {D "/cpu/0/availability", "online", "i"},
    {D "/cpu/1/availability", "online", "i"},
    {D "/memory", "", "i"},
    {D "/memory/static-max", "262144", "i"},
    {D "/memory/target", "262144", "i"},
    {D "/memory/videoram", "0", "i"},
    {D "/device", "", "i"},
    {D "/device/suspend/event-channel", "", "n7"},
    {D "/data", "", "n7"},
    {D "/drivers", "", "n7"},
    {D "/feature", "", "n7"},
    {D "/attr", "", "n7"},
    {D "/error", "", "n7"},
    {D "/store/port", "11", "i"},
    {D "/control", "", "i"},
    {D "/control/shutdown", "", "n7"},
    {D "/control/feature-poweroff", "", "n7"},
    {D "/control/feature-reboot", "", "n7"},
    {D "/control/feature-suspend", "", "n7"},
    {D "/control/sysrq", "", "n7"},
    {D "/control/platform-feature-multiprocessor-suspend", "1", "i"},
    {D "/control/platform-feature-xs_reset_watches", "1", "i"},
    {VM, "", "n0,r7"},
    {VM "/uuid", GOOD_UUID, "i"},
    {VM "/name", "guest", "i"},
    {VM "/start_time", "1700000000.12", "i"},
    {VM "/image/ostype", "linux", "i"},
    {VM "/image/kernel", "assay:sha256:" HEX("11111111"), "i"},
    {VM "/image/ramdisk", "assay:sha256:" HEX("22222222"), "i"},
    {VM "/image/cmdline", "console=hvc0 root=/dev/xvda", "i"},
    {"/libxl/7", "", "n0"},
    {"/libxl/7/device", "", "i"},
    {"/libxl/7/type", "pv", "i"},
    {D "/console", "", "n2,r7"},
    {D "/console/backend", BACKEND, "i"},
    {D "/console/backend-id", "2", "i"},
    {D "/console/limit", "1048576", "n2,r7"},
    {D "/console/type", "xenconsoled", "n2,r7"},
    {D "/console/output", "pty", "n2,r7"},
    {D "/console/tty", "", "n2,r7"},
    {D "/console/port", "12", "n2,r7"},
    {BACKEND, "", "n2,r7"},
    {BACKEND "/frontend", D "/console", "i"},
    {BACKEND "/frontend-id", "7", "i"},
    {BACKEND "/online", "1", "i"},
    {BACKEND "/state", "1", "i"},
    {BACKEND "/protocol", "vt100", "i"},
    {RECORD, "", "n0"},
    {RECORD "/frontend", D "/console", "i"},
    {RECORD "/backend", BACKEND, "i"},
    {RECORD "/frontend-id", "7", "i"},
    {RECORD "/online", "1", "i"},
    {RECORD "/state", "1", "i"},
    {RECORD "/protocol", "vt100", "i"},
};

static void
access_text(const struct store_node *node, char ret_text[32])
{
	switch (node->access) {
	case STORE_INHERIT:
		strcpy(ret_text, "i");
		break;
	case STORE_PRIVATE:
		strcpy(ret_text, "n0");
		break;
	case STORE_OWNED:
		if (node->reader == STORE_NO_READER)
			snprintf(ret_text, 32, "n%u", node->owner);
		else
			snprintf(ret_text, 32, "n%u,r%u", node->owner,
			    node->reader);
		break;
	}
}

static void
skeleton_is_exactly_this_list(void **state)
{
	struct nodes_facts input = good_input();
	CLEANUP(xenstore_nodes_done) struct xenstore_nodes nodes = {0};
	struct err err;

	(void)state;
	assert_code(make_nodes(&input, &nodes, &err), 0);
	for (size_t i = 0; i < countof(expected) && i < nodes.count; i++) {
		char access[32];

		access_text(&nodes.nodes[i], access);
		assert_string_equal(nodes.nodes[i].path, expected[i].path);
		assert_string_equal(nodes.nodes[i].value, expected[i].value);
		if (strcmp(access, expected[i].access) != 0)
			fail_msg("%s: %s instead of %s", expected[i].path,
			    access, expected[i].access);
	}
	assert_int_equal(nodes.count, countof(expected));
}

static const struct xen_rings good_rings = {0x1234, 0x5678};

/* Their access is that of the directories, which are in the list above. */
static void
skeleton_of_the_rings_is_exactly_this_list(void **state)
{
	CLEANUP(xenstore_nodes_done)
	struct xenstore_nodes nodes = {0};
	struct err err;

	(void)state;
	assert_code(xenstore_nodes_make_rings(7, &good_rings, &nodes, &err), 0);
	assert_int_equal(nodes.count, 2);
	assert_string_equal(nodes.nodes[0].path, D "/store/ring-ref");
	assert_string_equal(nodes.nodes[0].value, "22136");
	assert_int_equal(nodes.nodes[0].access, STORE_INHERIT);
	assert_string_equal(nodes.nodes[1].path, D "/console/ring-ref");
	assert_string_equal(nodes.nodes[1].value, "4660");
	assert_int_equal(nodes.nodes[1].access, STORE_INHERIT);
}

/* The access of a node with what it inherits. */
static const struct store_node *
effective(const struct xenstore_nodes *nodes, uint32_t i)
{
	const struct store_node *node = &nodes->nodes[i];
	const struct store_node *best = NULL;

	if (node->access != STORE_INHERIT)
		return node;
	for (uint32_t j = 0; j < nodes->count; j++) {
		const struct store_node *parent = &nodes->nodes[j];
		size_t len = strlen(parent->path);

		if (parent->access == STORE_INHERIT ||
		    strncmp(node->path, parent->path, len) != 0 ||
		    node->path[len] != '/')
			continue;
		if (best == NULL || len > strlen(best->path))
			best = parent;
	}
	assert_non_null(best);
	return best;
}

/* XSA-57: what is in them would be opened in dom0. */
static void
skeleton_lets_the_guest_write_no_console_or_backend_node(void **state)
{
	struct nodes_facts input = good_input();
	CLEANUP(xenstore_nodes_done) struct xenstore_nodes nodes = {0};
	unsigned int seen = 0;
	struct err err;

	(void)state;
	assert_code(make_nodes(&input, &nodes, &err), 0);
	for (uint32_t i = 0; i < nodes.count; i++) {
		const struct store_node *node = effective(&nodes, i);

		if (strstr(nodes.nodes[i].path, "console") == NULL)
			continue;
		seen++;
		if (node->access == STORE_OWNED)
			assert_int_not_equal(node->owner, input.domid);
	}
	assert_int_equal(seen, 21);
}

static void
skeleton_lets_the_guest_write_only_what_it_must(void **state)
{
	static const char *const writable[] = {
	    D "/device/suspend/event-channel", D "/data", D "/drivers",
	    D "/feature", D "/attr", D "/error", D "/control/shutdown",
	    D "/control/feature-poweroff", D "/control/feature-reboot",
	    D "/control/feature-suspend", D "/control/sysrq"};
	struct nodes_facts input = good_input();
	CLEANUP(xenstore_nodes_done) struct xenstore_nodes nodes = {0};
	struct err err;

	(void)state;
	assert_code(make_nodes(&input, &nodes, &err), 0);
	for (uint32_t i = 0; i < nodes.count; i++) {
		const struct store_node *node = effective(&nodes, i);
		bool is_listed = false;

		for (size_t j = 0; j < countof(writable); j++)
			is_listed = is_listed || strcmp(nodes.nodes[i].path,
						     writable[j]) == 0;
		assert_true(is_listed ==
			    (node->access == STORE_OWNED && node->owner == 7));
	}
}

static void
skeleton_hides_libxls_nodes_from_the_guest(void **state)
{
	struct nodes_facts input = good_input();
	CLEANUP(xenstore_nodes_done) struct xenstore_nodes nodes = {0};
	struct err err;

	(void)state;
	assert_code(make_nodes(&input, &nodes, &err), 0);
	for (uint32_t i = 0; i < nodes.count; i++) {
		if (strncmp(nodes.nodes[i].path, "/libxl/", 7) == 0)
			assert_int_equal(effective(&nodes, i)->access,
			    STORE_PRIVATE);
	}
}

static void
skeleton_without_a_ramdisk_says_so(void **state)
{
	struct nodes_facts input = good_input();
	CLEANUP(xenstore_nodes_done) struct xenstore_nodes nodes = {0};
	struct err err;

	(void)state;
	input.has_ramdisk = false;
	assert_code(make_nodes(&input, &nodes, &err), 0);
	assert_string_equal(nodes.nodes[33].path, VM "/image/ramdisk");
	assert_string_equal(nodes.nodes[33].value, "");
}

static void
skeleton_has_room_for_the_most_vcpus(void **state)
{
	struct nodes_facts input = good_input();
	CLEANUP(xenstore_nodes_done) struct xenstore_nodes nodes = {0};
	struct err err;

	(void)state;
	input.guest.vcpus = LIMIT_VCPUS;
	input.guest.memory_mib = LIMIT_MEMORY_MIB;
	assert_code(make_nodes(&input, &nodes, &err), 0);
	assert_int_equal(nodes.count, countof(expected) + LIMIT_VCPUS - 2);
	assert_string_equal(nodes.nodes[4 + LIMIT_VCPUS].path,
	    D "/cpu/127/availability");
}

/* Every node that was written, and whatever a tool put below. */
static void
skeleton_remove_leaves_no_node(void **state)
{
	struct xen_fake *fake = xen_fake_new();
	struct store_port port = xen_fake_store(fake);
	struct nodes_facts input = good_input();
	CLEANUP(xenstore_nodes_done) struct xenstore_nodes nodes = {0};
	CLEANUP(xenstore_nodes_done)
	struct xenstore_nodes rings = {0};
	struct store_node vbd = {.path = "/libxl/7/device/vbd/51712",
	    .value = ""};
	struct store_node neighbour = {.path = "/local/domain/71", .value = ""};
	struct err err;

	(void)state;
	assert_code(make_nodes(&input, &nodes, &err), 0);
	assert_code(port.ops->write(port.store, nodes.nodes, nodes.count, &err),
	    0);
	assert_code(xenstore_nodes_make_rings(7, &good_rings, &rings, &err), 0);
	assert_code(port.ops->write(port.store, rings.nodes, rings.count, &err),
	    0);
	assert_code(port.ops->write(port.store, &vbd, 1, &err), 0);
	assert_code(port.ops->write(port.store, &neighbour, 1, &err), 0);
	assert_int_equal(xen_fake_node_count(fake), nodes.count + 4);
	assert_code(xenstore_nodes_remove(&port, 7, XENCONSOLED, NULL, &err),
	    0);
	assert_non_null(xen_fake_node(fake, VM));
	assert_code(
	    xenstore_nodes_remove_vm(&port, input.guest.uuid, NULL, &err), 0);
	assert_non_null(xen_fake_node(fake, "/local/domain/71"));
	assert_int_equal(xen_fake_node_count(fake), 1);
	xen_fake_free(fake);
}

/* All of them together: with a guard they go in one transaction. */
static void
skeleton_remove_asks_once_and_reports_a_failure(void **state)
{
	struct nodes_facts input = good_input();

	(void)state;
	for (int is_vm = 0; is_vm < 2; is_vm++) {
		struct xen_fake *fake = xen_fake_new();
		struct store_port port = xen_fake_store(fake);
		struct err err = {0};

		fake->fail_at = 1;
		assert_code(is_vm ? xenstore_nodes_remove_vm(&port,
					input.guest.uuid, NULL, &err)
				  : xenstore_nodes_remove(&port, 7, XENCONSOLED,
					NULL, &err),
		    XENSTORE_FAILED);
		assert_has(err.text, "xenstore_remove");
		assert_int_equal(fake->call_count, 1);
		xen_fake_free(fake);
	}
}

struct guard {
	bool may;
	int code;
	unsigned int asked;
};

static int
ask_guard(void *context, bool *ret_may, struct err *err)
{
	struct guard *guard = context;

	guard->asked++;
	*ret_may = guard->may;
	if (guard->code != 0)
		return err_set(err, XEN_FAILED, "the guard");
	return 0;
}

/* All go, or none: as the guard says. */
static void
skeleton_remove_leaves_every_node_that_its_guard_does_not_give(void **state)
{
	static const struct {
		struct guard guard;
		int code;
	} rows[] = {
	    {{.may = false}, 0},
	    {{.may = true, .code = XEN_FAILED}, XEN_FAILED},
	    {{.may = true}, 0},
	};
	struct nodes_facts input = good_input();

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct xen_fake *fake = xen_fake_new();
		struct store_port port = xen_fake_store(fake);
		CLEANUP(xenstore_nodes_done) struct xenstore_nodes nodes = {0};
		struct guard guard = rows[i].guard;
		struct store_guard asks = {ask_guard, &guard};
		uint32_t left;
		struct err err;

		assert_code(make_nodes(&input, &nodes, &err), 0);
		assert_code(
		    port.ops->write(port.store, nodes.nodes, nodes.count, &err),
		    0);
		left = xen_fake_node_count(fake);
		assert_code(
		    xenstore_nodes_remove(&port, 7, XENCONSOLED, &asks, &err),
		    rows[i].code);
		assert_code(xenstore_nodes_remove_vm(&port, input.guest.uuid,
				&asks, &err),
		    rows[i].code);
		assert_int_equal(guard.asked, 2);
		if (rows[i].guard.may && rows[i].code == 0)
			left = 0;
		assert_int_equal(xen_fake_node_count(fake), left);
		xen_fake_free(fake);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(skeleton_is_exactly_this_list),
	    cmocka_unit_test(skeleton_of_the_rings_is_exactly_this_list),
	    cmocka_unit_test(
		skeleton_lets_the_guest_write_no_console_or_backend_node),
	    cmocka_unit_test(skeleton_lets_the_guest_write_only_what_it_must),
	    cmocka_unit_test(skeleton_hides_libxls_nodes_from_the_guest),
	    cmocka_unit_test(skeleton_without_a_ramdisk_says_so),
	    cmocka_unit_test(skeleton_has_room_for_the_most_vcpus),
	    cmocka_unit_test(skeleton_remove_leaves_no_node),
	    cmocka_unit_test(skeleton_remove_asks_once_and_reports_a_failure),
	    cmocka_unit_test(
		skeleton_remove_leaves_every_node_that_its_guard_does_not_give),
	};

	return cmocka_run_group_tests_name("xenstore_nodes", tests, NULL, NULL);
}
