/*
 * Removals that meet each other, a build, or a crash: what the daemon keeps of
 * them, and that nothing else is lost by them.
 */
#include "daemon_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/supervisor/journal.h"

/* Builds are begun while fewer than half of the places are taken; destroys may
 * take the rest. */
enum {
	STUCK = JOURNAL_PENDING / 2 - 1,
	BUILT = JOURNAL_PENDING - STUCK,
	FIRST_STUCK = 1000,
	FIRST_BUILT = 100,
	HANDLE = 0x55,
	OWN = 7,
};

static struct journal
open_journal(void)
{
	struct journal journal = {.lock_fd = -1};
	struct err err;

	assert_code(journal_open(config.state, &journal, &err), 0);
	return journal;
}

static void
add_entry(const struct journal *journal, const struct journal_pending *entry)
{
	struct err err;

	assert_code(journal_begin(journal, entry, &err), 0);
}

/* A domain that an earlier assayd built, with its receipt; its uuid is `byte`s.
 */
static void
add_built(const struct journal *journal, uint32_t domid, uint8_t byte)
{
	static const uint8_t no_handle[UUID_BYTES] = {1};
	struct receipt receipt = good_receipt();
	struct err err;

	receipt.domid = domid;
	memset(receipt.guest.uuid, byte, UUID_BYTES);
	snprintf(receipt.guest.name, sizeof(receipt.guest.name), "n%u", domid);
	assert_code(journal_commit(journal, no_handle,
			&(struct built){.receipt = receipt}, &err),
	    0);
	xen_fake_add(fake, domid, byte, NULL)->is_running = true;
}

static void
let_no_nodes_be_removed(void)
{
	strcpy(fake->fail_operation, "xenstore_remove");
}

static void
let_nodes_be_removed(void)
{
	fake->fail_operation[0] = '\0';
}

/* --- more removals than places --------------------------------------- */

/* As many as may be there when a build begins, and none can end. */
static void
add_stuck_removals_and_domains(void)
{
	struct journal journal = open_journal();

	for (uint8_t i = 0; i < STUCK; i++) {
		struct journal_pending entry = {
		    .domid = FIRST_STUCK + i,
		    .state = JOURNAL_BUILT,
		};

		memset(entry.handle, i + 1, UUID_BYTES);
		memset(entry.uuid, 0x80 + i, UUID_BYTES);
		add_entry(&journal, &entry);
	}
	for (uint8_t i = 0; i < BUILT; i++)
		add_built(&journal, FIRST_BUILT + i, i + 1);
	journal_close(&journal);
	let_no_nodes_be_removed();
}

static void
destroy_all(int fd)
{
	char text[120];

	for (int i = 0; i < BUILT; i++) {
		CLEANUP(freep) char *reply = NULL;

		snprintf(text, sizeof(text),
		    "{\"method\":\"org.assay.Builder.DestroyDomain\","
		    "\"parameters\":{\"domid\":%d}}",
		    FIRST_BUILT + i);
		caller_send(fd, text);
		reply = caller_receive(fd);
		assert_non_null(reply);
	}
}

/* A build hangs, and every place is taken by what cannot be removed. */
static int
fill_all_places(int destroyer)
{
	int builder = caller_open();

	hang_at("domain_prepare");
	send_build(builder, "guest", 1);
	wait_for_call("domain_prepare");
	destroy_all(destroyer);
	return builder;
}

static bool
is_built_domain_gone(void)
{
	return xen_fake_domain(fake, OWN) == NULL;
}

static void
build_that_fails_has_a_place_beside_all_destroys(void **state)
{
	int destroyer;
	int builder;

	(void)state;
	add_stuck_removals_and_domains();
	start_daemon(FAULT_NONE, "");
	destroyer = caller_open();
	builder = fill_all_places(destroyer);
	close(builder);
	wait_until(is_built_domain_gone, "the build is undone");
	go_on();
	assert_call(destroyer, CALL("GetStatus"), "builds_done");
	close(destroyer);
	assert_int_equal(end_daemon(SIGTERM), 0);
}

static void
daemon_starts_whatever_was_pending_when_it_was_killed(void **state)
{
	int destroyer;
	int builder;

	(void)state;
	add_stuck_removals_and_domains();
	start_daemon(FAULT_NONE, "");
	destroyer = caller_open();
	builder = fill_all_places(destroyer);
	end_daemon(SIGKILL);
	close(builder);
	close(destroyer);
	go_on();
	let_nodes_be_removed();
	start_daemon(FAULT_NONE, "");
	destroyer = caller_open();
	assert_call(destroyer, CALL("GetStatus"), "builds_done");
	close(destroyer);
}

/* --- two domains of one uuid, one after the other --------------------- */

static bool
is_nothing_pending(void)
{
	return count_files("state/pending") == 0;
}

/* That the first is gone was not forgotten yet when assayd died; the second had
 * been built by then. */
static void
removal_of_an_earlier_domain_costs_no_receipt_of_a_later_one(void **state)
{
	struct journal_pending earlier = {
	    .domid = OWN - 1,
	    .state = JOURNAL_BUILT,
	};
	struct journal journal = open_journal();
	int fd;

	(void)state;
	memset(earlier.handle, HANDLE, UUID_BYTES);
	memset(earlier.uuid, 0x33, UUID_BYTES);
	add_entry(&journal, &earlier);
	add_built(&journal, OWN, 0x33);
	journal_close(&journal);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	wait_until(is_nothing_pending, "the earlier one is forgotten");
	assert_call(fd, CALL("ListDomains"), "\"domid\":7");
	assert_true(xen_fake_domain(fake, OWN)->is_running);
	close(fd);
}

/* --- a domain whose id was never reported ----------------------------- */

static bool
was_tried_twice(void)
{
	uint32_t tries = 0;

	for (uint32_t i = 0; i < fake->call_count && i < FAKE_CALLS; i++)
		tries += strncmp(fake->calls[i], "xenstore_remove", 12) == 0;
	return tries >= 2;
}

/* assayd was killed before it read the report; the child had sent nodes. That
 * xenstored does not answer at first must not cost their id. */
static void
domain_of_no_known_id_leaves_no_nodes(void **state)
{
	struct journal_pending entry = {.state = JOURNAL_MADE};
	struct journal journal = open_journal();
	int fd;

	(void)state;
	memset(entry.handle, HANDLE, UUID_BYTES);
	memset(entry.uuid, 0x33, UUID_BYTES);
	add_entry(&journal, &entry);
	journal_close(&journal);
	xen_fake_add(fake, OWN, HANDLE, "guest");
	let_no_nodes_be_removed();
	start_daemon(FAULT_NONE, "");
	wait_until(was_tried_twice, "a try");
	let_nodes_be_removed();
	fd = caller_open();
	assert_nothing_left();
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(build_that_fails_has_a_place_beside_all_destroys),
	    daemon_test(daemon_starts_whatever_was_pending_when_it_was_killed),
	    daemon_test(
		removal_of_an_earlier_domain_costs_no_receipt_of_a_later_one),
	    daemon_test(domain_of_no_known_id_leaves_no_nodes),
	};

	return cmocka_run_group_tests_name("supervisor_places", tests, NULL,
	    NULL);
}
