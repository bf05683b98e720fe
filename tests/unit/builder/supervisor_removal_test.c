/*
 * Domains that have to go and cannot be removed at once: what is known of them,
 * and that they go as soon as they can.
 */
#include "daemon_clock.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"

#define DESTROY_7                                          \
	"{\"method\":\"org.assay.Builder.DestroyDomain\"," \
	"\"parameters\":{\"domid\":7}}"

static void
let_removals_fail(void)
{
	strcpy(fake->fail_operation, "domain_destroy");
}

static void
let_removals_work(void)
{
	fake->fail_operation[0] = '\0';
}

/* A build whose child died, and whose domain Xen does not want to remove. */
static int
leave_a_domain_behind(void)
{
	int fd;

	let_removals_fail();
	start_daemon(FAULT_KILL, "xenstore_introduce");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "BUILD_CRASHED");
	assert_int_equal(xen_fake_domain_count(fake), 1);
	assert_int_equal(count_pending(), 1);
	return fd;
}

static void
daemon_tries_again_to_remove_what_it_could_not(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	fd = leave_a_domain_behind();
	assert_int_equal(logged("\"ev\":\"abandon\""), 0);
	let_removals_work();
	wait_until(is_nothing_left, "the domain is removed");
	assert_int_equal(logged("\"ev\":\"abandon\""), 1);
	assert_call(fd, CALL("GetStatus"), "\"pending\":[]");
	assert_call(fd, BUILD_CALL, "BUILD_CRASHED"); /* the uuid is free */
	close(fd);
}

static void
status_shows_what_could_not_be_removed_and_why(void **state)
{
	int fd;

	(void)state;
	fd = leave_a_domain_behind();
	assert_call(fd, CALL("GetStatus"), "\"pending\":[{");
	assert_call(fd, CALL("GetStatus"), GOOD_UUID);
	assert_call(fd, CALL("GetStatus"), "\"domid\":7,\"gone\":false");
	assert_call(fd, CALL("GetStatus"), "\"failed\":\"XEN_FAILED\"");
	assert_call(fd, CALL("GetStatus"), "injected failure");
	close(fd);
}

/* Else its entry would be forgotten, and the domain with it. */
static void
daemon_refuses_a_uuid_whose_domain_could_not_be_removed(void **state)
{
	int fd;

	(void)state;
	fd = leave_a_domain_behind();
	assert_call(fd, BUILD_CALL, "is being removed");
	assert_int_equal(count_pending(), 1);
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_int_equal(count_pending(), 1);
	let_removals_work();
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_nothing_left();
}

/* A caller that destroys hears that it did not work, and need not come back. */
static void
destroy_that_failed_is_tried_again(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	let_removals_fail();
	assert_call(fd, DESTROY_7, "XEN_FAILED");
	assert_call(fd, CALL("ListDomains"), GOOD_UUID);
	assert_int_equal(count_pending(), 1);
	assert_int_equal(logged("\"ev\":\"destroy\""), 0);
	/* Asking again tries at once. */
	assert_call(fd, DESTROY_7, "XEN_FAILED");
	let_removals_work();
	wait_until(is_nothing_left, "the domain is removed");
	assert_int_equal(logged("\"ev\":\"destroy\""), 1);
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	assert_call(fd, DESTROY_7, "DOMAIN_UNKNOWN");
	close(fd);
}

/* It was asked for before the daemon died: the next one does it. */
static void
destroy_that_failed_is_remembered_over_a_crash(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	let_removals_fail();
	assert_call(fd, DESTROY_7, "XEN_FAILED");
	close(fd);
	end_daemon(SIGKILL);
	let_removals_work();
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_nothing_left();
}

/* That is how a child says that it left something behind. */
static void
daemon_that_was_started_with_sigchld_ignored_sees_how_children_end(void **state)
{
	int fd;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	let_removals_fail();
	start_daemon(FAULT_FAIL, "domain_unpause");
	signal(SIGCHLD, SIG_DFL);
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "BUILD_CRASHED");
	assert_int_equal(count_pending(), 1);
	let_removals_work();
	wait_until(is_nothing_left, "the domain is removed");
	close(fd);
}

/* The log and the TPM do not say that a domain is gone before it is, and say so
 * as soon as they can. */
static void
end_that_cannot_be_recorded_is_pending(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	assert_int_equal(kill(role_of_daemon("tpm"), SIGKILL), 0);
	assert_call(fd, DESTROY_7, "{\"parameters\":{}}");
	assert_int_equal(xen_fake_domain_count(fake), 0);
	assert_call(fd, CALL("GetStatus"), "\"gone\":true");
	assert_int_equal(count_pending(), 1);
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_int_equal(logged("\"ev\":\"destroy\""), 0);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_nothing_left();
	assert_int_equal(logged("\"ev\":\"destroy\""), 1);
}

static bool
is_end_on_record(void)
{
	return logged("\"ev\":\"abandon\"") == 1 &&
	       logged("\"ev\":\"destroy\"") == 1 && count_pending() == 0;
}

/* No human is needed: what it refused costs what was asked meanwhile. */
static void
daemon_builds_again_when_the_tpm_works_again(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	strcpy(tpm->fail_operation, "pcr_extend");
	send_build(fd, "other", 1);
	assert_reply(fd, "TPM_FAILED");
	assert_call(fd, DESTROY_7, "{\"parameters\":{}}");
	assert_int_equal(xen_fake_domain_count(fake), 0);
	assert_false(is_end_on_record());
	tpm->fail_operation[0] = '\0';
	wait_until(is_end_on_record, "the ends of both on record");
	assert_call(fd, BUILD_CALL, "receipt");
	assert_call(fd, CALL("GetStatus"), "\"pending\":[]");
	close(fd);
}

/* --- the time limit, and what hangs ---------------------------------- */

static void
build_that_takes_too_long_is_undone(void **state)
{
	int fd;

	(void)state;
	config.build_seconds = 1;
	start_daemon(FAULT_NONE, "");
	hang_at("domain_load");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "BUILD_TIMEOUT");
	assert_nothing_left();
	close(fd);
}

/* Whatever xenstored does: the rest is the next assayd's. */
static void
daemon_is_ended_by_sigterm_while_xenstored_hangs(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	hang_at("grants_seed");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	wait_for_call("grants_seed");
	go_on();
	hang_at("xenstore_remove");
	assert_int_equal(end_daemon(SIGTERM), 0);
	close(fd);
	assert_int_equal(count_pending(), 1);
	go_on();
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_nothing_left();
}

static void
daemon_is_ended_by_sigterm_while_its_recovery_hangs(void **state)
{
	int fd;

	(void)state;
	fd = leave_a_domain_behind();
	close(fd);
	end_daemon(SIGKILL);
	let_removals_work();
	hang_at("xenstore_remove");
	xen_fake_forget_calls(fake);
	start_daemon(FAULT_NONE, "");
	wait_for_call("xenstore_remove");
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_int_equal(count_pending(), 1);
}

/* Callers are served although what an earlier assayd left cannot be removed. */
static void
daemon_serves_although_its_recovery_fails(void **state)
{
	int fd;

	(void)state;
	fd = leave_a_domain_behind();
	close(fd);
	end_daemon(SIGKILL);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	send_build(fd, "other", 1);
	assert_reply(fd, "receipt");
	assert_call(fd, CALL("GetStatus"), "\"tries\":");
	close(fd);
}

/* Its removal is under way; they wait for that, but not without end. */
static void
daemon_serves_although_its_recovery_hangs(void **state)
{
	int fd;

	(void)state;
	fd = leave_a_domain_behind();
	close(fd);
	end_daemon(SIGKILL);
	let_removals_work();
	hang_at("xenstore_remove");
	xen_fake_forget_calls(fake);
	start_daemon(FAULT_NONE, "");
	wait_for_call("xenstore_remove");
	assert_int_equal(role_of_daemon("front"), 0);
	*ahead_usec += 10000000;
	/* Its clock runs ahead, that of poll(2) does not: wake it. */
	kill(role_of_daemon("tpm"), SIGKILL);
	fd = caller_open();
	assert_call(fd, CALL("GetStatus"), "\"tries\":0");
	close(fd);
}

/* --- xenstored is begun again ---------------------------------------- */

static void
restart_of_xenstored_costs_no_later_build(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("GetStatus"), "builds_done");
	fake->stale_connections = 1;
	assert_call(fd, BUILD_CALL, "receipt");
	close(fd);
}

static void
build_without_xenstored_is_refused_by_name(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	fake->stale_connections = 2;
	assert_call(fd, BUILD_CALL, "XENSTORE_FAILED");
	assert_nothing_left();
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(daemon_tries_again_to_remove_what_it_could_not),
	    daemon_test(status_shows_what_could_not_be_removed_and_why),
	    daemon_test(
		daemon_refuses_a_uuid_whose_domain_could_not_be_removed),
	    daemon_test(destroy_that_failed_is_tried_again),
	    daemon_test(destroy_that_failed_is_remembered_over_a_crash),
	    daemon_test(
		daemon_that_was_started_with_sigchld_ignored_sees_how_children_end),
	    daemon_test(end_that_cannot_be_recorded_is_pending),
	    daemon_test(daemon_builds_again_when_the_tpm_works_again),
	    daemon_test(build_that_takes_too_long_is_undone),
	    daemon_test(daemon_is_ended_by_sigterm_while_xenstored_hangs),
	    daemon_test(daemon_is_ended_by_sigterm_while_its_recovery_hangs),
	    daemon_test(daemon_serves_although_its_recovery_fails),
	    clocked_test(daemon_serves_although_its_recovery_hangs),
	    daemon_test(restart_of_xenstored_costs_no_later_build),
	    daemon_test(build_without_xenstored_is_refused_by_name),
	};

	return cmocka_run_group_tests_name("supervisor_removal", tests, NULL,
	    NULL);
}
