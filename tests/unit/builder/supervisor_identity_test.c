/*
 * What assayd did not build it does not touch, whatever a caller asks, and
 * whoever dies meanwhile: domains with the same uuid, name or id.
 */
#include "daemon_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/supervisor/journal.h"

#define FOREIGN_UUID "33333333-3333-3333-3333-333333333333"
#define FOREIGN_VM   "/vm/" FOREIGN_UUID
#define ATTACK_CALL                                                          \
	"{\"method\":\"org.assay.Builder.BuildDomain\",\"parameters\":{"     \
	"\"image\":\"web\",\"name\":\"mine\",\"uuid\":\"" FOREIGN_UUID "\"," \
	"\"memory_mib\":256,\"vcpus\":2}}"
#define DESTROY_7                                          \
	"{\"method\":\"org.assay.Builder.DestroyDomain\"," \
	"\"parameters\":{\"domid\":7}}"

enum { VICTIM = 3 };

/* As xl makes it, with what xl writes. */
static void
add_victim(uint32_t domid)
{
	xen_fake_add(fake, domid, 0x33, "victim")->is_running = true;
	xen_fake_put(fake, FOREIGN_VM "/name", "victim");
}

static void
assert_victim(uint32_t domid)
{
	char name[64];

	snprintf(name, sizeof(name), "/local/domain/%u/name", domid);
	assert_non_null(xen_fake_domain(fake, domid));
	assert_true(xen_fake_domain(fake, domid)->is_running);
	assert_non_null(xen_fake_node(fake, name));
	assert_string_equal(xen_fake_node(fake, name)->value, "victim");
	assert_non_null(xen_fake_node(fake, FOREIGN_VM "/name"));
	assert_string_equal(xen_fake_node(fake, FOREIGN_VM "/name")->value,
	    "victim");
}

static bool
is_only_the_victim_left(void)
{
	return count_pending() == 0 && count_files("state/domains") == 0 &&
	       xen_fake_domain_count(fake) == 1;
}

static const char *const moments[] = {"domain_list", "xenstore_find",
    "domain_create", "domain_prepare", "evtchn_alloc", "xenstore_remove",
    "domain_load", "grants_seed", "grants_read", "xenstore_write",
    "xenstore_introduce", "domain_set_uuid", "domain_unpause"};

/* A build under the victim's uuid has come as far as this, when somebody makes
 * the victim: in the first moments it is there before. */
static int
build_until(const char *moment)
{
	int fd = caller_open();

	assert_call(fd, CALL("GetStatus"), "builds_done");
	xen_fake_forget_calls(fake);
	if (strcmp(moment, "domain_list") == 0)
		add_victim(VICTIM);
	else
		hang_at(moment);
	caller_send(fd, ATTACK_CALL);
	if (strcmp(moment, "domain_list") == 0)
		return fd;
	wait_for_call(moment);
	add_victim(VICTIM);
	return fd;
}

static void
forget_victim(void)
{
	xen_fake_domain(fake, VICTIM)->exists = false;
	xen_fake_forget_nodes(fake);
}

static unsigned int attacks;

static unsigned int
number_after(const char *text, const char *member)
{
	const char *at = strstr(text, member);

	assert_non_null(at);
	return (unsigned int)strtoul(at + strlen(member), NULL, 10);
}

/* All of them were begun and have ended, this way or that. */
static bool
are_attacks_over(void)
{
	int fd = caller_open();
	CLEANUP(freep) char *status = NULL;

	caller_send(fd, CALL("GetStatus"));
	status = caller_receive(fd);
	close(fd);
	assert_non_null(status);
	return number_after(status, "\"builds_done\":") +
	           number_after(status, "\"builds_refused\":") ==
	       attacks;
}

/* --- the caller hangs up --------------------------------------------- */

static void
caller_that_hangs_up_destroys_no_domain_of_that_uuid(void **state)
{
	(void)state;
	start_daemon(FAULT_NONE, "");
	for (size_t i = 0; i < countof(moments); i++) {
		int fd = build_until(moments[i]);

		close(fd);
		usleep(20000); /* so that it is often killed where it hangs */
		go_on();
		attacks = (unsigned int)i + 1;
		wait_until(are_attacks_over, moments[i]);
		wait_until(is_only_the_victim_left, moments[i]);
		assert_victim(VICTIM);
		forget_victim();
	}
}

/* As fast as it can, into whatever window there is. */
static void
caller_that_tries_again_and_again_destroys_nothing(void **state)
{
	(void)state;
	add_victim(VICTIM);
	start_daemon(FAULT_NONE, "");
	for (int tries = 0; tries < 60; tries++) {
		int fd = caller_open();

		caller_send(fd, ATTACK_CALL);
		usleep((useconds_t)(tries % 20) * 1000);
		close(fd);
	}
	wait_until(is_only_the_victim_left, "all is undone");
	assert_victim(VICTIM);
}

/* --- somebody dies --------------------------------------------------- */

static const char *
who_does(const char *operation)
{
	return strncmp(operation, "xenstore_", 9) == 0 ? "nodes" : "build";
}

static void
build_child_that_dies_costs_no_domain_of_that_uuid(void **state)
{
	(void)state;
	for (size_t i = 1; i < countof(moments); i++) {
		int fd;

		start_daemon(FAULT_NONE, "");
		fd = build_until(moments[i]);
		assert_int_equal(
		    kill(role_of_daemon(who_does(moments[i])), SIGKILL), 0);
		go_on();
		assert_reply(fd, strcmp(moments[i], "xenstore_find") == 0
				     ? "XENSTORE_FAILED" /* nothing is made */
				     : "BUILD_CRASHED");
		close(fd);
		wait_until(is_only_the_victim_left, moments[i]);
		assert_victim(VICTIM);
		forget_victim();
		assert_int_equal(end_daemon(SIGTERM), 0);
	}
}

static void
daemon_that_is_begun_again_destroys_no_domain_of_that_uuid(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(moments); i++) {
		int fd;

		start_daemon(FAULT_NONE, "");
		fd = build_until(moments[i]);
		end_daemon(SIGKILL);
		close(fd);
		go_on();
		start_daemon(FAULT_NONE, "");
		fd = caller_open();
		assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
		close(fd);
		wait_until(is_only_the_victim_left, moments[i]);
		assert_victim(VICTIM);
		forget_victim();
		assert_int_equal(end_daemon(SIGTERM), 0);
	}
}

/* The host was booted again, and ids begin at the same number. */
static void
daemon_knows_nothing_of_an_earlier_boot(void **state)
{
	struct journal journal = {.lock_fd = -1};
	struct journal_pending entry = {
	    .domid = VICTIM,
	    .state = JOURNAL_RECORDED,
	};
	struct receipt receipt = good_receipt();
	struct err err;
	int fd;

	(void)state;
	memset(entry.handle, 0x55, UUID_BYTES);
	memset(entry.uuid, 0x33, UUID_BYTES);
	receipt.domid = VICTIM;
	memset(receipt.guest.uuid, 0x33, UUID_BYTES);
	assert_code(journal_open(config.state, &journal, &err), 0);
	assert_code(journal_begin(&journal, &entry, &err), 0);
	assert_code(journal_commit(&journal, receipt.guest.uuid,
			&(struct built){.receipt = receipt}, &err),
	    0);
	journal_close(&journal);
	write_file("state/boot",
	    bytes_of_str("00000000-0000-4000-8000-000000000001"));
	add_victim(VICTIM);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.DestroyDomain\","
	    "\"parameters\":{\"uuid\":\"" FOREIGN_UUID "\"}}",
	    "DOMAIN_UNKNOWN");
	close(fd);
	wait_until(is_only_the_victim_left, "nothing is pending");
	assert_victim(VICTIM);
}

/* --- two domains ----------------------------------------------------- */

/* Xen takes the same uuid twice: a toolstack makes one after ours. */
static void
destroy_takes_ours_of_two_with_one_uuid(void **state)
{
	struct fake_domain built;
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, ATTACK_CALL, "\"domid\":7");
	/* Ahead in Xen's list, which is by id. */
	built = *xen_fake_domain(fake, 7);
	xen_fake_domain(fake, 7)->exists = false;
	add_victim(VICTIM);
	*xen_fake_add(fake, 7, 0x33, NULL) = built;
	assert_call(fd, CALL("ListDomains"), "\"domid\":7");
	assert_call(fd, DESTROY_7, "{\"parameters\":{}}");
	close(fd);
	assert_null(xen_fake_domain(fake, 7));
	wait_until(is_only_the_victim_left, "the record");
	assert_victim(VICTIM);
}

/* `xl destroy` ended ours, and Xen gave its id to another domain. */
static void
destroy_takes_no_other_domain_of_the_same_id(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "\"domid\":7");
	xen_fake_domain(fake, 7)->exists = false;
	xen_fake_forget_nodes(fake);
	add_victim(7);
	assert_call(fd, DESTROY_7, "DOMAIN_UNKNOWN");
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_victim(7);
}

static bool
was_tried_twice(void)
{
	uint32_t tries = 0;

	for (uint32_t i = 0; i < fake->call_count && i < FAKE_CALLS; i++)
		tries += strncmp(fake->calls[i], "domain_destroy", 14) == 0;
	return tries >= 2;
}

/* The same while ours could not be removed, and is tried again. */
static void
removal_that_is_tried_again_takes_no_other_domain_of_the_same_id(void **state)
{
	int fd;

	(void)state;
	strcpy(fake->fail_operation, "domain_destroy");
	start_daemon(FAULT_KILL, "grants_read");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "BUILD_CRASHED");
	wait_until(was_tried_twice, "a second try");
	xen_fake_domain(fake, 7)->exists = false;
	xen_fake_forget_nodes(fake);
	add_victim(7);
	fake->fail_operation[0] = '\0';
	wait_until(is_only_the_victim_left, "the removal");
	close(fd);
	assert_victim(7);
}

/* Xen would take the same uuid twice. */
static void
build_whose_uuid_was_taken_meanwhile_is_refused(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = build_until("xenstore_introduce");
	go_on();
	assert_reply(fd, "DOMAIN_EXISTS");
	close(fd);
	wait_until(is_only_the_victim_left, "ours is undone");
	assert_victim(VICTIM);
}

static void
build_under_the_name_of_another_domain_is_refused(void **state)
{
	int fd;

	(void)state;
	add_victim(VICTIM);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	send_build(fd, "victim", 1);
	assert_reply(fd, "DOMAIN_EXISTS");
	close(fd);
	wait_until(is_only_the_victim_left, "nothing is pending");
	assert_victim(VICTIM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(caller_that_hangs_up_destroys_no_domain_of_that_uuid),
	    daemon_test(caller_that_tries_again_and_again_destroys_nothing),
	    daemon_test(build_child_that_dies_costs_no_domain_of_that_uuid),
	    daemon_test(
		daemon_that_is_begun_again_destroys_no_domain_of_that_uuid),
	    daemon_test(daemon_knows_nothing_of_an_earlier_boot),
	    daemon_test(destroy_takes_ours_of_two_with_one_uuid),
	    daemon_test(destroy_takes_no_other_domain_of_the_same_id),
	    daemon_test(
		removal_that_is_tried_again_takes_no_other_domain_of_the_same_id),
	    daemon_test(build_whose_uuid_was_taken_meanwhile_is_refused),
	    daemon_test(build_under_the_name_of_another_domain_is_refused),
	};

	return cmocka_run_group_tests_name("supervisor_identity", tests, NULL,
	    NULL);
}
