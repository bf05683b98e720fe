#include "builder_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "builder/supervisor/domain_table.h"
#include "builder/xen/domain_list.h"

static struct xen_fake *fake;
static struct xen_port port;
static struct journal journal;
static struct domain_table table;

static struct receipt
receipt_of(uint32_t domid, uint8_t byte, const char *name)
{
	struct receipt receipt = good_receipt();

	receipt.domid = domid;
	memset(receipt.guest.uuid, byte, sizeof(receipt.guest.uuid));
	snprintf(receipt.guest.name, sizeof(receipt.guest.name), "%s", name);
	return receipt;
}

static struct receipt
commit(uint32_t domid, uint8_t byte, const char *name)
{
	struct receipt receipt = receipt_of(domid, byte, name);
	struct err err;

	assert_code(journal_commit(&journal, receipt.guest.uuid,
			&(struct built){.receipt = receipt}, &err),
	    0);
	return receipt;
}

/* Look at what the fake has, as the look role does. */
static void
look_at_xen(void)
{
	CLEANUP(domain_list_done) struct domain_list list = {0};
	struct err err;

	domain_table_begin_look(&table, table.look + 1);
	assert_code(domain_list_read(&port, &list, &err), 0);
	domain_table_update(&table, list.infos, list.count);
}

static void
load(void)
{
	struct err err = {0};

	if (domain_table_load(&journal, &table, &err) != 0)
		fail_msg("%s", err.text);
	look_at_xen();
}

static const struct domain_row *
find(const struct domain_selector *selector)
{
	const struct domain_row *row = NULL;
	struct err err = {0};

	if (domain_table_find(&table, selector, NULL, &row, &err) != 0)
		fail_msg("%s", err.text);
	return row;
}

static void
assert_not_found(const struct domain_selector *selector, int code)
{
	static const struct domain_row unchanged;
	const struct domain_row *row = &unchanged;
	struct err err;

	assert_code(domain_table_find(&table, selector, NULL, &row, &err),
	    code);
	assert_ptr_equal(row, &unchanged);
}

/* Domains 7 "one" and 9 "two" were built and live. */
static int
setup(void **state)
{
	struct err err;

	if (enter_directory(state) != 0)
		return -1;
	fake = xen_fake_new();
	port = xen_fake_port(fake);
	assert_code(journal_open("state", &journal, &err), 0);
	xen_fake_add(fake, 7, 0x77, "one");
	xen_fake_add(fake, 9, 0x99, "two");
	commit(7, 0x77, "one");
	commit(9, 0x99, "two");
	load();
	return 0;
}

static int
teardown(void **state)
{
	domain_table_done(&table);
	journal_close(&journal);
	xen_fake_free(fake);
	return leave_directory(state);
}

static void
table_holds_what_was_built_and_lives(void **state)
{
	(void)state;
	assert_int_equal(table.count, 2);
}

static void
table_forgets_at_start_what_ended_meanwhile(void **state)
{
	(void)state;
	domain_table_done(&table);
	commit(11, 0xbb, "three");
	load();
	assert_int_equal(table.count, 2);
	assert_int_equal(count_files("state/domains"), 2);
}

/* Its id was given to another domain, or its uuid: neither is ours. */
static void
table_knows_its_domains_by_id_and_uuid(void **state)
{
	(void)state;
	memset(xen_fake_domain(fake, 7)->uuid, 0x12, UUID_BYTES);
	look_at_xen();
	assert_int_equal(table.count, 1);
	assert_int_equal(table.rows[0].receipt.domid, 9);

	xen_fake_domain(fake, 9)->exists = false;
	xen_fake_add(fake, 12, 0x99, "two");
	look_at_xen();
	assert_int_equal(table.count, 0);
}

/* Another one with the same uuid does not hide ours, wherever it is listed. */
static void
table_keeps_a_domain_whose_uuid_another_has_too(void **state)
{
	struct domain_selector selector = {.domid = 9};

	(void)state;
	xen_fake_domain(fake, 7)->exists = false;
	xen_fake_add(fake, 4, 0x99, "copy");
	xen_fake_add(fake, 12, 0x99, "copy");
	xen_fake_domain(fake, 9)->memory_mib = 300;
	look_at_xen();
	assert_int_equal(table.count, 1);
	assert_int_equal(find(&selector)->memory_kib, 300 << 10);
}

static void
table_refresh_drops_what_ended_and_forgets_its_receipt(void **state)
{
	(void)state;
	xen_fake_domain(fake, 7)->exists = false;
	look_at_xen();
	assert_int_equal(table.count, 1);
	assert_string_equal(table.rows[0].receipt.guest.name, "two");
	assert_int_equal(count_files("state/domains"), 1);
}

static void
table_refresh_updates_what_xen_says(void **state)
{
	struct domain_selector selector = {.domid = 9};

	(void)state;
	xen_fake_domain(fake, 9)->is_running = true;
	xen_fake_domain(fake, 9)->is_dying = true;
	xen_fake_domain(fake, 9)->memory_mib = 300;
	look_at_xen();
	assert_false(find(&selector)->is_paused);
	assert_true(find(&selector)->is_dying);
	assert_int_equal(find(&selector)->memory_kib, 300 << 10);
	selector.domid = 7;
	assert_true(find(&selector)->is_paused);
}

/* It was built while somebody looked: that look did not see it, the next one
 * has to. */
static void
table_keeps_what_was_added_during_a_look(void **state)
{
	struct receipt receipt = receipt_of(12, 0x12, "three");
	struct domain_selector selector = {.domid = 12};
	struct err err;

	(void)state;
	commit(12, 0x12, "three");
	domain_table_begin_look(&table, table.look + 1);
	assert_code(
	    domain_table_add(&table, &(struct built){.receipt = receipt}, &err),
	    0);
	domain_table_update(&table, NULL, 0);
	assert_int_equal(table.count, 1);
	assert_string_equal(find(&selector)->receipt.guest.name, "three");
	assert_int_equal(count_files("state/domains"), 1);
	domain_table_begin_look(&table, table.look + 1);
	domain_table_update(&table, NULL, 0);
	assert_int_equal(table.count, 0);
	assert_int_equal(count_files("state/domains"), 0);
}

/* What was removed leaves its place to another one, with its age. */
static void
table_keeps_the_age_of_what_moves(void **state)
{
	struct receipt receipt = receipt_of(12, 0x12, "three");
	uint8_t first[UUID_BYTES];
	struct err err;

	(void)state;
	memcpy(first, table.rows[0].receipt.guest.uuid, UUID_BYTES);
	domain_table_begin_look(&table, table.look + 1);
	assert_code(
	    domain_table_add(&table, &(struct built){.receipt = receipt}, &err),
	    0);
	domain_table_remove(&table, first);
	domain_table_update(&table, NULL, 0);
	assert_int_equal(table.count, 1);
	assert_int_equal(table.rows[0].receipt.domid, 12);
}

static void
table_finds_by_id_uuid_or_name(void **state)
{
	struct domain_selector by_domid = {.domid = 9};
	struct domain_selector by_uuid = {.has_uuid = true};
	struct domain_selector by_name = {.name = "two"};

	(void)state;
	memset(by_uuid.uuid, 0x99, UUID_BYTES);
	assert_int_equal(find(&by_domid)->receipt.guest.uuid[0], 0x99);
	assert_int_equal(find(&by_uuid)->receipt.domid, 9);
	assert_int_equal(find(&by_name)->receipt.domid, 9);
}

static void
table_finds_nothing_that_it_does_not_have(void **state)
{
	struct domain_selector by_domid = {.domid = 3};
	struct domain_selector by_nothing = {.domid = 0};
	struct domain_selector by_uuid = {.has_uuid = true, .domid = 9};
	struct domain_selector by_name = {.name = "tw"};

	(void)state;
	assert_not_found(&by_domid, DOMAIN_UNKNOWN);
	assert_not_found(&by_nothing, DOMAIN_UNKNOWN);
	assert_not_found(&by_uuid, DOMAIN_UNKNOWN);
	assert_not_found(&by_name, DOMAIN_UNKNOWN);
}

/* It is about a domain to be destroyed: refuse, do not guess. */
static void
table_does_not_choose_between_domains_that_fit(void **state)
{
	struct domain_selector by_name = {.name = "two"};
	struct domain_selector by_domid = {.domid = 11};
	struct receipt receipt = receipt_of(11, 0xbb, "two");
	struct err err;

	(void)state;
	assert_code(
	    domain_table_add(&table, &(struct built){.receipt = receipt}, &err),
	    0);
	assert_not_found(&by_name, DOMAIN_AMBIGUOUS);
	assert_int_equal(find(&by_domid)->receipt.guest.uuid[0], 0xbb);
}

static void
table_adds_and_removes(void **state)
{
	struct receipt receipt = receipt_of(11, 0xbb, "three");
	struct domain_selector selector = {.domid = 11};
	struct err err;

	(void)state;
	assert_code(
	    domain_table_add(&table, &(struct built){.receipt = receipt}, &err),
	    0);
	assert_string_equal(find(&selector)->receipt.guest.name, "three");
	domain_table_remove(&table, receipt.guest.uuid);
	assert_not_found(&selector, DOMAIN_UNKNOWN);
	assert_int_equal(table.count, 2);
	domain_table_remove(&table, receipt.guest.uuid);
	assert_int_equal(table.count, 2);
}

static void
table_takes_no_more_than_its_limit(void **state)
{
	struct receipt receipt = receipt_of(11, 0xbb, "three");
	struct err err;

	(void)state;
	while (table.count < LIMIT_DOMAINS)
		assert_code(domain_table_add(&table,
				&(struct built){.receipt = receipt}, &err),
		    0);
	assert_code(
	    domain_table_add(&table, &(struct built){.receipt = receipt}, &err),
	    RPC_BUSY);
	assert_int_equal(table.count, LIMIT_DOMAINS);
}

static void
table_cannot_be_loaded_from_a_bad_journal(void **state)
{
	struct domain_table other = {.count = 77};
	struct err err;

	(void)state;
	write_file("state/domains/" GOOD_UUID, bytes_of_str("nonsense"));
	assert_code(domain_table_load(&journal, &other, &err), CONFIG_BAD);
	assert_int_equal(other.count, 77);
}

#define table_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    table_test(table_holds_what_was_built_and_lives),
	    table_test(table_forgets_at_start_what_ended_meanwhile),
	    table_test(table_knows_its_domains_by_id_and_uuid),
	    table_test(table_keeps_a_domain_whose_uuid_another_has_too),
	    table_test(table_refresh_drops_what_ended_and_forgets_its_receipt),
	    table_test(table_refresh_updates_what_xen_says),
	    table_test(table_keeps_what_was_added_during_a_look),
	    table_test(table_keeps_the_age_of_what_moves),
	    table_test(table_finds_by_id_uuid_or_name),
	    table_test(table_finds_nothing_that_it_does_not_have),
	    table_test(table_does_not_choose_between_domains_that_fit),
	    table_test(table_adds_and_removes),
	    table_test(table_takes_no_more_than_its_limit),
	    table_test(table_cannot_be_loaded_from_a_bad_journal),
	};

	return cmocka_run_group_tests_name("domain_table", tests, NULL, NULL);
}
