/*
 * The Xen seam over libxc calls that are not made: each is noted, and can fail.
 */
#include "builder_fixture.h"

#include <errno.h>
#include <string.h>

#include "base/scope.h"
#include "builder/xen/xen_look.h"
#include "builder/xen/xen_port_libxc.h"
#include "libxc_script.h"

enum { DOMID = SCRIPT_DOMID, INFOS = SCRIPT_INFOS };

/* Two handles of the port, and one of who looks. */
enum { HELD = 3 };

#define ENTRIES SCRIPT_ENTRIES

static struct xen_port port;
static struct xen_port looks;
static struct xen_grant_entry entries[ENTRIES];

static const char elf[64] = "elf";
static const char ramdisk[48] = "ramdisk";

static const struct xen_load load = {
    .elf = {(const uint8_t *)elf, sizeof(elf)},
    .ramdisk = {(const uint8_t *)ramdisk, sizeof(ramdisk)},
    .cmdline = "console=hvc0",
    .memory_mib = 256,
    .vcpus = 2,
    .console_port = 11,
    .xenstore_port = 12,
    .console_domid = XENCONSOLED,
    .xenstore_domid = XENSTORED,
};
static const struct xen_domain_spec spec = {
    .handle = {0xaa, 0xbb},
    .memory_mib = 256,
    .memory_slack_kib = 1024,
    .vcpus = 2,
    .flags = 4,
    .max_event_port = 1023,
    .grant_version = 1,
    .max_grant_frames = 64,
    .max_maptrack_frames = 1024,
    .tsc_mode = 1,
};
static const uint8_t uuid[XEN_UUID_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    12, 13, 14, 15, 16};

/* --- fixture --------------------------------------------------------- */

static int
setup(void **state)
{
	struct err err = {0};

	(void)state;
	libxc_script_reset();
	memset(entries, 0x5a, sizeof(entries));
	assert_code(xen_look_open(&looks, &err), 0);
	assert_code(xen_port_libxc_open(&port, &err), 0);
	assert_int_equal(xen.held, HELD);
	libxc_script_forget();
	return 0;
}

/* Whatever a test does, all is released in the end. */
static int
teardown(void **state)
{
	(void)state;
	xen_port_close(&port);
	xen_port_close(&looks);
	assert_int_equal(xen.held, 0);
	assert_null(xen.image);
	return 0;
}

/* --- each operation, and each of its calls failing ------------------- */

static uint32_t number; /* output of an operation that is not looked at */
static struct xen_rings rings;
static struct xen_host_info host;
static struct xen_domain_info list[INFOS];

static int
run_create(struct err *err)
{
	return port.ops->domain_create(port.xen, &spec, &number, err);
}

static int
run_prepare(struct err *err)
{
	return port.ops->domain_prepare(port.xen, DOMID, &spec, err);
}

static int
run_evtchn(struct err *err)
{
	return port.ops->evtchn_alloc(port.xen, DOMID, XENSTORED, &number, err);
}

static int
run_load(struct err *err)
{
	return port.ops->domain_load(port.xen, DOMID, &load, &rings, err);
}

static int
run_seed(struct err *err)
{
	const struct xen_grant_entry console = {1, XENCONSOLED, 0x2000};
	const struct xen_grant_entry xenstore = {1, XENSTORED, 0x3000};

	return port.ops->grants_seed(port.xen, DOMID, &console, &xenstore, err);
}

static int
run_read_grants(struct err *err)
{
	return port.ops->grants_read(port.xen, DOMID, entries, ENTRIES, &number,
	    err);
}

static int
run_set_uuid(struct err *err)
{
	return port.ops->domain_set_uuid(port.xen, DOMID, uuid, err);
}

static int
run_unpause(struct err *err)
{
	return port.ops->domain_unpause(port.xen, DOMID, err);
}

static int
run_destroy(struct err *err)
{
	return port.ops->domain_destroy(port.xen, DOMID, err);
}

static int
run_list(struct err *err)
{
	return port.ops->domain_list(port.xen, list, INFOS, &number, err);
}

static int
run_host_info(struct err *err)
{
	return looks.ops->host_info(looks.xen, &host, err);
}

/* A destroy asks twice and retries: it has tests of its own. */
static const struct {
	int (*run)(struct err *err);
	unsigned int calls;
} operations[] = {
    {run_create, 1},
    {run_prepare, 5},
    {run_evtchn, 1},
    {run_load, 11},
    {run_seed, 1},
    {run_read_grants, 3},
    {run_set_uuid, 1},
    {run_unpause, 1},
    {run_list, 1},
    {run_host_info, 2},
};

static void
each_call_that_fails_is_named_and_nothing_stays_acquired(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(operations); i++) {
		struct err err = {0};

		number = 77;
		memset(&rings, 0x5a, sizeof(rings));
		for (unsigned int n = 1; n <= operations[i].calls; n++) {
			libxc_script_forget();
			xen.fail_at = n;
			xen.sys = ENOMEM;
			assert_code(operations[i].run(&err), XEN_FAILED);
			assert_int_equal(xen.count, n);
			assert_has(err.text, xen.failed);
			assert_has(err.text, "Cannot allocate memory");
			assert_int_equal(err.sys, ENOMEM);
			assert_int_equal(xen.held, HELD);
			assert_int_equal(number, 77);
			assert_int_equal(rings.console_frame,
			    0x5a5a5a5a5a5a5a5a);
		}
		libxc_script_forget();
		xen.fail_at = 0;
		assert_code(operations[i].run(&err), 0);
		assert_int_equal(xen.count, operations[i].calls);
		assert_int_equal(xen.held, HELD);
	}
}

static void
domain_is_created_with_what_was_asked_for(void **state)
{
	static const char *const expected[] = {
	    "xc_domain_create 0 handle=aabb flags=4 vcpus=2 ports=1023"
	    " grants=1/64/1024",
	};
	struct err err = {0};

	(void)state;
	assert_code(run_create(&err), 0);
	assert_int_equal(number, DOMID);
	assert_calls(expected);
}

static void
domain_is_prepared_as_libxl_does_it(void **state)
{
	static const char *const expected[] = {
	    "xc_domain_max_vcpus d7 2",
	    "xc_domain_setmaxmem d7 263168",
	    "xc_domain_set_memmap_limit d7 262144",
	    "xc_domain_set_tsc_info d7 1 0 0 0",
	    "xc_cpuid_apply_policy d7 0 0 1 0 0",
	};
	struct err err = {0};

	(void)state;
	assert_code(run_prepare(&err), 0);
	assert_calls(expected);
}

static void
event_channel_is_for_one_remote_domain(void **state)
{
	static const char *const expected[] = {"xc_evtchn_alloc_unbound d7 d1"};
	struct err err = {0};

	(void)state;
	assert_code(run_evtchn(&err), 0);
	assert_int_equal(number, 11);
	assert_calls(expected);
}

static void
port_0_is_not_a_port(void **state)
{
	struct err err = {0};

	(void)state;
	xen.event_port = 0;
	assert_code(run_evtchn(&err), XEN_FAILED);
}

/* Both limits before both blobs: docs/decisions/0006 rests on the second. */
static void
kernel_and_ramdisk_are_loaded_with_their_own_sizes_as_limits(void **state)
{
	static const char *const expected[] = {
	    "xc_dom_allocate console=hvc0",
	    "xc_dom_kernel_max_size 64",
	    "xc_dom_module_max_size 48",
	    "xc_dom_kernel_mem elf 64",
	    "xc_dom_module_mem ramdisk 48",
	    ("xc_dom_boot_xen_init d7 pv=1 vcpus=2 console=d2:11"
	     " xenstore=d1:12"),
	    "xc_dom_parse_image -",
	    "xc_dom_mem_init 256",
	    "xc_dom_boot_mem_init -",
	    "xc_dom_build_image -",
	    "xc_dom_boot_image -",
	};
	struct err err = {0};

	(void)state;
	assert_code(run_load(&err), 0);
	assert_calls(expected);
	assert_int_equal(rings.console_frame, 0x2000);
	assert_int_equal(rings.xenstore_frame, 0x3000);
}

static void
a_load_without_ramdisk_adds_no_module(void **state)
{
	struct xen_load without = load;
	struct err err = {0};

	(void)state;
	without.ramdisk = (struct bytes){0};
	assert_code(
	    port.ops->domain_load(port.xen, DOMID, &without, &rings, &err), 0);
	assert_int_equal(xen.count, 10);
	for (unsigned int i = 0; i < xen.count; i++)
		assert_null(strstr(xen.seen[i], "module_mem"));
}

static void
a_ring_without_a_page_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	xen.xenstore_pfn = SCRIPT_PAGES;
	rings.xenstore_frame = 77;
	assert_code(run_load(&err), XEN_FAILED);
	assert_has(err.text, "no page for a ring");
	assert_int_equal(rings.xenstore_frame, 77);
	assert_int_equal(xen.held, HELD);
}

static void
uuid_is_set_and_the_domain_unpaused(void **state)
{
	static const char *const expected[] = {
	    "xc_domain_sethandle d7 01..10",
	    "xc_domain_unpause d7",
	};
	struct err err = {0};

	(void)state;
	assert_code(run_set_uuid(&err), 0);
	assert_code(run_unpause(&err), 0);
	assert_calls(expected);
}

/* --- destroying ------------------------------------------------------ */

static void
destroyed_means_that_xen_lists_it_no_more(void **state)
{
	static const char *const expected[] = {
	    "xc_domain_destroy d7",
	    "xc_domain_getinfolist 7 1",
	    "xc_domain_getinfolist 7 1",
	    "xc_domain_getinfolist 7 1",
	};
	struct err err = {0};

	(void)state;
	/* Then it answers with d9, the next one. */
	xen.listed_for = 2;
	assert_code(run_destroy(&err), 0);
	assert_calls(expected);
	assert_int_equal(xen.pauses, 2);
}

static void
destroyed_means_that_xen_lists_none_from_it_on(void **state)
{
	struct err err = {0};

	(void)state;
	xen.listed_for = 0;
	xen.info_count = 1;
	assert_code(run_destroy(&err), 0);
	assert_int_equal(xen.count, 2);
}

static void
a_domain_that_does_not_exist_counts_as_destroyed(void **state)
{
	struct err err = {0};

	(void)state;
	xen.fail_at = 1;
	xen.sys = ESRCH;
	assert_code(run_destroy(&err), 0);
	assert_int_equal(xen.count, 1);
}

static void
a_destroy_that_xen_did_not_do_is_not_taken_for_done(void **state)
{
	static const int causes[] = {ENOMEM, EFAULT, EPERM, EACCES, EINVAL,
	    EBUSY, SCRIPT_ERRNO_LEFT_ALONE};

	(void)state;
	for (size_t i = 0; i < countof(causes); i++) {
		struct err err = {0};

		libxc_script_forget();
		xen.fail_at = 1;
		xen.sys = causes[i];
		errno = ESRCH; /* an old one says nothing about this call */
		assert_code(run_destroy(&err), XEN_FAILED);
		assert_has(err.text, "d7 may still exist: xc_domain_destroy: ");
		assert_int_equal(err.sys, causes[i] > 0 ? causes[i] : 0);
		assert_int_equal(xen.count, 1);
	}
}

static void
a_destroy_of_which_xen_cannot_be_asked_is_not_taken_for_done(void **state)
{
	struct err err = {0};

	(void)state;
	xen.list_fails_for = 1000000;
	assert_code(run_destroy(&err), XEN_FAILED);
	assert_string_equal(err.text,
	    "d7 may still exist: xc_domain_getinfolist: Cannot allocate "
	    "memory");
	assert_int_equal(xen.pauses, 1000);
}

static void
a_destroy_asks_again_after_it_could_not_ask(void **state)
{
	struct err err = {0};

	(void)state;
	xen.list_fails_for = 3;
	assert_code(run_destroy(&err), 0);
	assert_int_equal(xen.pauses, 4);
}

static void
a_domain_whose_memory_stays_mapped_is_not_taken_for_gone(void **state)
{
	struct err err = {0};

	(void)state;
	xen.listed_for = 1000000;
	assert_code(run_destroy(&err), XEN_FAILED);
	assert_string_equal(err.text,
	    "d7 is dead but somebody still maps its memory");
	assert_int_equal(xen.pauses, 1000);
}

/* --- listing --------------------------------------------------------- */

static void
list_tells_what_xen_says_of_each_domain(void **state)
{
	static const char *const expected[] = {"xc_domain_getinfolist 1 32"};
	struct err err = {0};

	(void)state;
	xen.infos[0].flags = XEN_DOMINF_dying | XEN_DOMINF_paused;
	xen.infos[1].flags = XEN_DOMINF_shutdown;
	xen.infos[1].max_vcpu_id = 3;
	xen.infos[1].tot_pages = 5;
	memset(xen.infos[1].handle, 0xcd, sizeof(xen.infos[1].handle));
	assert_code(run_list(&err), 0);
	assert_calls(expected);
	assert_int_equal(number, 3);
	assert_true(list[0].is_dying && list[0].is_paused);
	assert_false(list[0].is_shutdown);
	assert_true(list[1].is_shutdown);
	assert_false(list[1].is_dying || list[1].is_paused);
	assert_int_equal(list[1].domid, DOMID);
	assert_int_equal(list[1].vcpus, 4);
	assert_int_equal(list[1].memory_kib, 20);
	assert_int_equal(list[1].uuid[15], 0xcd);
	assert_int_equal(list[2].domid, 9);
}

static void
many_domains_are_listed_in_parts(void **state)
{
	static const char *const expected[] = {"xc_domain_getinfolist 1 32",
	    "xc_domain_getinfolist 133 32", "xc_domain_getinfolist 165 32"};
	struct err err = {0};

	(void)state;
	for (unsigned int i = 0; i < INFOS; i++)
		xen.infos[i].domain = (domid_t)(101 + i);
	xen.info_count = 64;
	assert_code(run_list(&err), 0);
	assert_calls(expected);
	assert_int_equal(number, 64);
	for (uint32_t i = 0; i < number; i++)
		assert_int_equal(list[i].domid, 101 + i);
	xen.info_count = INFOS;
	assert_code(run_list(&err), 0);
	assert_int_equal(number, INFOS);
	number = 77;
	assert_code(
	    port.ops->domain_list(port.xen, list, INFOS - 1, &number, &err),
	    XEN_FAILED);
	assert_int_equal(number, 77);
}

static void
list_of_more_domains_than_there_is_room_for_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	assert_code(port.ops->domain_list(port.xen, list, 3, &number, &err), 0);
	assert_int_equal(number, 3);
	xen.listed_for = 1;
	memset(list, 0x5a, sizeof(list));
	number = 77;
	assert_code(port.ops->domain_list(port.xen, list, 2, &number, &err),
	    XEN_FAILED);
	assert_has(err.text, "more than 2 domains");
	assert_int_equal(number, 77);
	assert_int_equal(list[0].domid, 0x5a5a5a5a);
}

static void
host_info_is_in_kib(void **state)
{
	struct err err = {0};

	(void)state;
	assert_code(run_host_info(&err), 0);
	assert_int_equal(host.version_major, 4);
	assert_int_equal(host.version_minor, 17);
	assert_int_equal(host.total_kib, 4000);
	assert_int_equal(host.free_kib, 40);
}

/* --- grants ---------------------------------------------------------- */

static void
grants_are_seeded_for_a_pv_guest(void **state)
{
	static const char *const expected[] = {
	    "xc_dom_gnttab_seed d7 0 d2:2000 d1:3000"};
	struct err err = {0};

	(void)state;
	assert_code(run_seed(&err), 0);
	assert_calls(expected);
}

static void
all_grants_are_read(void **state)
{
	static const char *const expected[] = {
	    "GNTTABOP_get_version d7",
	    "GNTTABOP_query_size d7",
	    "XENMEM_acquire_resource d7 0+2",
	};
	struct err err = {0};

	(void)state;
	xen.frames = SCRIPT_FRAMES;
	xen.table[1] =
	    (grant_entry_v1_t){.flags = 1, .domid = 1, .frame = 0x3000};
	xen.table[ENTRIES - 1].flags = 9;
	assert_code(run_read_grants(&err), 0);
	assert_calls(expected);
	assert_int_equal(number, ENTRIES);
	assert_memory_equal(entries, xen.table, sizeof(entries));
	assert_int_equal(entries[1].domid, 1);
	assert_int_equal(entries[1].frame, 0x3000);
	assert_int_equal(xen.held, HELD);
}

static void
grant_tables_of_another_version_are_refused(void **state)
{
	static const uint32_t versions[] = {2, 3, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < countof(versions); i++) {
		struct err err = {0};

		libxc_script_forget();
		xen.version = versions[i];
		assert_code(run_read_grants(&err), GRANT_MISMATCH);
		assert_has(err.text, "grant table version");
		assert_int_equal(xen.count, 1);
	}
}

static void
a_grant_table_larger_than_the_callers_buffer_is_refused(void **state)
{
	static const uint32_t frames[] = {SCRIPT_FRAMES + 1, 0x800000,
	    UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < countof(frames); i++) {
		struct err err = {0};

		libxc_script_forget();
		number = 77;
		xen.frames = frames[i];
		assert_code(run_read_grants(&err), GRANT_MISMATCH);
		assert_int_equal(xen.count, 2); /* not mapped */
		assert_int_equal(number, 77);
	}
}

static void
a_part_of_a_frame_is_no_room_for_one(void **state)
{
	struct err err = {0};

	(void)state;
	assert_code(port.ops->grants_read(port.xen, DOMID, entries,
			XEN_GRANTS_PER_FRAME - 1, &number, &err),
	    GRANT_MISMATCH);
	assert_int_equal(xen.count, 2);
}

/* To libxenforeignmemory it would be a question for the size. */
static void
a_grant_table_without_frames_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	xen.frames = 0;
	assert_code(run_read_grants(&err), GRANT_MISMATCH);
	assert_int_equal(xen.count, 2);
}

/* libxc returns 0 then, from xc_gnttab_op of all versions up to 4.22. */
static void
grants_that_libxc_had_no_memory_to_ask_for_are_not_taken_as_read(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 2; n++) {
		struct err err = {0};

		libxc_script_forget();
		xen.not_made_at = n;
		assert_code(run_read_grants(&err), XEN_FAILED);
		assert_has(err.text,
		    n == 1 ? "GNTTABOP_get_version" : "GNTTABOP_query_size");
		assert_int_equal(xen.count, n);
	}
}

static void
a_size_that_xen_did_not_tell_is_not_taken_as_told(void **state)
{
	struct err err = {0};

	(void)state;
	xen.size_status = GNTST_permission_denied;
	assert_code(run_read_grants(&err), XEN_FAILED);
	assert_has(err.text, "GNTTABOP_query_size");
	assert_int_equal(xen.count, 2);
}

/* --- causes ---------------------------------------------------------- */

static void
the_first_complaint_of_libxc_is_the_cause(void **state)
{
	struct err err = {0};

	(void)state;
	xen.fail_at = 7;
	xen.sys = EINVAL;
	xen.words = "no\033[31m ELF\n";
	assert_code(run_load(&err), XEN_FAILED);
	assert_string_equal(err.text, "xc_dom_parse_image: no [31m ELF");
	assert_int_equal(err.sys, EINVAL);
}

static void
a_complaint_is_no_cause_of_what_fails_later(void **state)
{
	struct err err = {0};

	(void)state;
	xtl_log(xen.logger, XTL_WARN, -1, "xc", "old");
	for (size_t i = 0; i < countof(operations); i++) {
		libxc_script_forget();
		xen.fail_at = 1;
		xen.sys = EPERM;
		assert_code(operations[i].run(&err), XEN_FAILED);
		assert_has(err.text, "Operation not permitted");
		/* As one that is no failure. */
		xtl_log(xen.logger, XTL_WARN, -1, "xc", "old");
	}
	libxc_script_forget();
	assert_code(run_destroy(&err), XEN_FAILED);
	assert_has(err.text, "Operation not permitted");
}

static void
a_failure_without_a_cause_has_none(void **state)
{
	struct err err = {0};

	(void)state;
	xen.fail_at = 1;
	xen.sys = SCRIPT_ERRNO_LEFT_ALONE;
	errno = ENOTTY; /* an old one is not the cause */
	assert_code(run_unpause(&err), XEN_FAILED);
	assert_string_equal(err.text, "xc_domain_unpause: no cause was given");
	assert_int_equal(err.sys, 0);
}

/* --- opening --------------------------------------------------------- */

static void
opening_fails_at_any_step_and_keeps_nothing(void **state)
{
	size_t before;
	struct xen_port other = {0};
	struct err err = {0};

	(void)state;
	before = count_descriptors();
	for (unsigned int n = 1; n <= 2; n++) {
		libxc_script_forget();
		xen.fail_at = n;
		xen.sys = EACCES;
		assert_code(xen_port_libxc_open(&other, &err), XEN_FAILED);
		assert_has(err.text, xen.failed);
		assert_int_equal(xen.held, HELD);
	}
	xen.fail_at = 0;
	assert_null(other.ops);
	assert_int_equal(count_descriptors(), before);
}

static void
looking_that_cannot_begin_keeps_nothing(void **state)
{
	struct xen_port other = {0};
	struct err err = {0};

	(void)state;
	xen.fail_at = 1;
	xen.sys = EACCES;
	assert_code(xen_look_open(&other, &err), XEN_UNREACHABLE);
	assert_has(err.text, "xc_interface_open");
	assert_null(other.ops);
	assert_int_equal(xen.held, HELD);
}

#define port_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    port_test(each_call_that_fails_is_named_and_nothing_stays_acquired),
	    port_test(domain_is_created_with_what_was_asked_for),
	    port_test(domain_is_prepared_as_libxl_does_it),
	    port_test(event_channel_is_for_one_remote_domain),
	    port_test(port_0_is_not_a_port),
	    port_test(
		kernel_and_ramdisk_are_loaded_with_their_own_sizes_as_limits),
	    port_test(a_load_without_ramdisk_adds_no_module),
	    port_test(a_ring_without_a_page_is_refused),
	    port_test(uuid_is_set_and_the_domain_unpaused),
	    port_test(destroyed_means_that_xen_lists_it_no_more),
	    port_test(destroyed_means_that_xen_lists_none_from_it_on),
	    port_test(a_domain_that_does_not_exist_counts_as_destroyed),
	    port_test(a_destroy_that_xen_did_not_do_is_not_taken_for_done),
	    port_test(
		a_destroy_of_which_xen_cannot_be_asked_is_not_taken_for_done),
	    port_test(a_destroy_asks_again_after_it_could_not_ask),
	    port_test(a_domain_whose_memory_stays_mapped_is_not_taken_for_gone),
	    port_test(list_tells_what_xen_says_of_each_domain),
	    port_test(many_domains_are_listed_in_parts),
	    port_test(list_of_more_domains_than_there_is_room_for_is_refused),
	    port_test(host_info_is_in_kib),
	    port_test(grants_are_seeded_for_a_pv_guest),
	    port_test(all_grants_are_read),
	    port_test(grant_tables_of_another_version_are_refused),
	    port_test(a_grant_table_larger_than_the_callers_buffer_is_refused),
	    port_test(a_part_of_a_frame_is_no_room_for_one),
	    port_test(a_grant_table_without_frames_is_refused),
	    port_test(
		grants_that_libxc_had_no_memory_to_ask_for_are_not_taken_as_read),
	    port_test(a_size_that_xen_did_not_tell_is_not_taken_as_told),
	    port_test(the_first_complaint_of_libxc_is_the_cause),
	    port_test(a_complaint_is_no_cause_of_what_fails_later),
	    port_test(a_failure_without_a_cause_has_none),
	    port_test(opening_fails_at_any_step_and_keeps_nothing),
	    port_test(looking_that_cannot_begin_keeps_nothing),
	};

	return cmocka_run_group_tests_name("xen_port_libxc", tests, NULL, NULL);
}
