/*
 * The ends of the daemon and of its roles, and what then is on record.
 */
#include "daemon_fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/scope.h"

static bool
is_running(void)
{
	return xen_fake_domain(fake, 7) != NULL &&
	       xen_fake_domain(fake, 7)->is_running &&
	       count_files("state/domains") == 1;
}

/* --- its own end ----------------------------------------------------- */

static void
daemon_that_is_told_to_stop_undoes_builds_and_leaves_guests(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	send_build(fd, "one", 1);
	assert_reply(fd, "receipt");
	hang_at("grants_seed");
	xen_fake_forget_calls(fake);
	send_build(fd, "two", 2);
	wait_for_call("grants_seed");
	go_on();
	hang_at("grants_seed");
	assert_int_equal(end_daemon(SIGTERM), 0);
	close(fd);
	assert_int_equal(xen_fake_domain_count(fake), 1);
	assert_true(xen_fake_domain(fake, 7)->is_running);
	assert_int_equal(count_pending(), 0);
	assert_int_equal(count_files("state/domains"), 1);
}

/* Killed between any two instructions: the next one removes the rest. */
static void
daemon_recovers_from_being_killed_in_a_build(void **state)
{
	static const char *const operations[] = {"domain_create",
	    "domain_prepare", "domain_load", "grants_read", "xenstore_write",
	    "xenstore_introduce", "domain_unpause"};

	(void)state;
	for (size_t i = 0; i < countof(operations); i++) {
		int fd;

		start_daemon(FAULT_NONE, "");
		xen_fake_forget_calls(fake);
		hang_at(operations[i]);
		fd = caller_open();
		caller_send(fd, BUILD_CALL);
		wait_for_call(operations[i]);
		/* Before Xen has it: then no moment is without. */
		assert_int_equal(count_pending(), 1);
		end_daemon(SIGKILL);
		close(fd);
		/* Nobody is left who could go on. */
		go_on();
		start_daemon(FAULT_NONE, "");
		fd = caller_open();
		assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
		assert_nothing_left();
		close(fd);
		assert_int_equal(end_daemon(SIGTERM), 0);
	}
}

/* --- the log --------------------------------------------------------- */

/* Else it would be started and never ended, as far as the log says. */
static void
daemon_puts_on_record_what_it_recovers(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	start_daemon(FAULT_NONE, "");
	xen_fake_forget_calls(fake);
	hang_at("xenstore_introduce");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	wait_for_call("xenstore_introduce");
	end_daemon(SIGKILL);
	close(fd);
	go_on();
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_int_equal(logged("\"ev\":\"build\""), 1);
	assert_int_equal(logged("\"ev\":\"abandon\",\"seq\":2"), 1);
	assert_int_equal(logged("\"error\":\"BUILD_CRASHED\""), 1);
	assert_int_equal(logged("\"ev\":\"stop\""), 2);
}

/* In the log, but not in the TPM, nor can it be said that it was abandoned. */
static void
daemon_puts_on_record_what_a_failing_tpm_did_not_take(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	start_daemon(FAULT_NONE, "");
	hang_at("grants_read");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	wait_for_call("grants_read");
	strcpy(tpm->fail_operation, "pcr_extend");
	go_on();
	assert_reply(fd, "TPM_FAILED");
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_int_equal(xen_fake_domain_count(fake), 0);
	assert_int_equal(logged("\"ev\":\"build\""), 1);
	assert_int_equal(logged("\"ev\":\"abandon\""), 0);

	tpm->fail_operation[0] = '\0';
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	assert_call(fd, BUILD_CALL, "receipt");
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_int_equal(count_pending(), 0);
	assert_int_equal(logged("\"ev\":\"abandon\",\"seq\":2"), 1);
	assert_int_equal(logged("\"ev\":\"stop\""), 1);
}

static void
daemon_ends_in_bounded_time_if_its_tpm_role_does_not(void **state)
{
	time_t before;
	pid_t role;
	int fd;

	(void)state;
	give_tpm();
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	role = role_of_daemon("tpm");
	assert_int_equal(kill(role, SIGSTOP), 0);
	before = time(NULL);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_in_range((uint64_t)(time(NULL) - before), 9, 20);
	assert_int_equal(kill(role, 0), -1);
	assert_true(xen_fake_domain(fake, 7)->is_running);
	close(fd);
}

static void
daemon_puts_on_record_the_builds_that_its_end_undoes(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	start_daemon(FAULT_NONE, "");
	hang_at("xenstore_introduce");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	wait_for_call("xenstore_introduce");
	go_on();
	hang_at("xenstore_introduce");
	assert_int_equal(end_daemon(SIGTERM), 0);
	close(fd);
	assert_int_equal(logged("\"ev\":\"build\""), 1);
	assert_int_equal(logged("\"error\":\"BUILD_CANCELLED\""), 1);
	assert_int_equal(logged("\"ev\":\"stop\""), 1);
}

/* The log says of no domain that it is gone which may be there. */
static void
daemon_does_not_call_gone_what_it_left_behind(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	strcpy(fake->fail_operation, "domain_destroy");
	start_daemon(FAULT_KILL, "xenstore_introduce");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "BUILD_CRASHED");
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_int_equal(xen_fake_domain_count(fake), 1);
	assert_int_equal(logged("\"ev\":\"build\""), 1);
	assert_int_equal(logged("\"ev\":\"abandon\""), 0);
	/* It can be removed now, and that is on record. */
	fake->fail_operation[0] = '\0';
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_nothing_left();
	assert_int_equal(logged("\"ev\":\"abandon\""), 1);
}

static pid_t first_front;

static bool
is_another_front(void)
{
	pid_t front = role_of_daemon("front");

	return front != 0 && front != first_front;
}

/* What runs for its callers goes on: it stays, and can be found. */
static void
daemon_begins_its_front_again_and_builds_live_through_that(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	hang_at("domain_load");
	caller_send(fd, BUILD_CALL);
	wait_for_call("domain_load");
	first_front = role_of_daemon("front");
	assert_int_equal(kill(first_front, SIGKILL), 0);
	wait_until(is_another_front, "another front");
	close(fd);
	go_on();
	wait_until(is_running, "the domain runs");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), GOOD_UUID);
	assert_call(fd, CALL("GetStatus"), "\"builds_done\":1");
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_true(xen_fake_domain(fake, 7)->is_running);
}

static void
daemon_begins_a_front_again_that_dies_at_once_and_again(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	for (int i = 0; i < 4; i++) {
		fd = caller_open();
		assert_call(fd, CALL("GetStatus"), "builds_done");
		first_front = role_of_daemon("front");
		assert_int_equal(kill(first_front, SIGKILL), 0);
		wait_until(is_another_front, "another front");
		close(fd);
	}
}

/* There is no TPM here, and so nothing is known of the host. */
static void
daemon_on_a_host_that_is_not_trusted_builds_nothing(void **state)
{
	int fd;

	(void)state;
	is_development = false;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "PLATFORM_NOT_TRUSTED");
	assert_call(fd, CALL("ListImages"), "PLATFORM_NOT_TRUSTED");
	assert_int_equal(xen_fake_call_of(fake, "domain_create"), -1);
	assert_call(fd, CALL("GetStatus"),
	    "\"platform\":{\"trusted\":false,\"development\":false");
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.Attest\",\"parameters\":"
	    "{\"nonce\":\"00112233445566778899aabbccddeeff\"}}",
	    "TPM_UNREACHABLE");
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.GetEventLog\",\"parameters\":"
	    "{\"offset\":0}}",
	    "{\"parameters\":{\"data\":\"\"}}");
	close(fd);
}

/* What cannot be put on record does not run, in development neither. */
static void
daemon_without_its_tpm_role_builds_nothing(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	hang_at("domain_load");
	caller_send(fd, BUILD_CALL);
	wait_for_call("domain_load");
	assert_int_equal(kill(role_of_daemon("tpm"), SIGKILL), 0);
	go_on();
	assert_reply(fd, "TPM_FAILED");
	wait_until(is_domain_gone, "the domain is gone");
	assert_int_equal(count_pending(),
	    1); /* for the next assayd to record */
	assert_int_equal(xen_fake_call_of(fake, "domain_unpause"), -1);
	assert_call(fd, BUILD_CALL, "TPM_FAILED");
	assert_int_equal(xen_fake_domain_count(fake), 0);
	assert_call(fd, CALL("GetStatus"), "\"trusted\":false");
	close(fd);
}

#define ATTEST_CALL                                                \
	"{\"method\":\"org.assay.Builder.Attest\",\"parameters\":" \
	"{\"nonce\":\"00112233445566778899aabbccddeeff\"}}"

/* Else he would wait for ever. */
static void
daemon_answers_who_asked_a_tpm_role_that_died(void **state)
{
	pid_t role;
	int asking;
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	asking = caller_open();
	fd = caller_open();
	assert_call(asking, CALL("GetStatus"), "platform");
	role = role_of_daemon("tpm");
	assert_int_equal(kill(role, SIGSTOP), 0);
	caller_send(asking, ATTEST_CALL);
	assert_call(fd, CALL("GetStatus"), "platform");
	assert_int_equal(kill(role, SIGKILL), 0);
	assert_reply(asking, "TPM_FAILED");
	assert_call(asking, ATTEST_CALL, "TPM_FAILED");
	close(asking);
	close(fd);
}

/* Builds wait for the tpm role too: callers that come and go must not fill
 * its link. */
static void
daemon_bounds_the_calls_for_evidence(void **state)
{
	pid_t role;
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("GetStatus"), "platform");
	role = role_of_daemon("tpm");
	assert_int_equal(kill(role, SIGSTOP), 0);
	for (int i = 0; i < 8; i++) {
		int asking = caller_open();

		caller_send(asking, ATTEST_CALL);
		assert_call(fd, CALL("GetStatus"), "platform");
		close(asking);
	}
	assert_call(fd, ATTEST_CALL, "RPC_BUSY");
	assert_int_equal(kill(role, SIGCONT), 0);
	assert_call(fd, BUILD_CALL, "receipt");
	assert_call(fd, ATTEST_CALL, "TPM_UNREACHABLE");
	close(fd);
}

static void
daemon_builds_although_the_child_that_waited_died(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	for (int i = 0; i < 3; i++) {
		pid_t waiting;

		assert_call(fd, CALL("GetStatus"), "builds_done");
		waiting = role_of_daemon("build");
		if (waiting > 0)
			kill(waiting, SIGKILL);
		send_build(fd,
		    i == 0   ? "a"
		    : i == 1 ? "b"
			     : "c",
		    (unsigned int)i + 1);
		assert_reply(fd, "\"");
	}
	assert_call(fd, BUILD_CALL, "receipt");
	assert_string_equal(fake->violation, "");
	close(fd);
}

static const char *awaited_role;

static bool
is_there(void)
{
	return role_of_daemon(awaited_role) != 0;
}

/* Long before: there is time to take notice. */
static void
build_does_not_get_a_child_that_died_long_ago(void **state)
{
	static const char *const roles[] = {"stage", "verify", "build"};

	(void)state;
	for (unsigned int i = 0; i < countof(roles); i++) {
		int fd;

		start_daemon(FAULT_NONE, "");
		fd = caller_open();
		awaited_role = roles[i];
		wait_until(is_there, roles[i]);
		assert_int_equal(kill(role_of_daemon(roles[i]), SIGKILL), 0);
		usleep(200000);
		send_build(fd, roles[i], i + 1);
		assert_reply(fd, "receipt");
		close(fd);
		assert_int_equal(end_daemon(SIGTERM), 0);
	}
	assert_string_equal(fake->violation, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(
		daemon_that_is_told_to_stop_undoes_builds_and_leaves_guests),
	    daemon_test(daemon_recovers_from_being_killed_in_a_build),
	    daemon_test(daemon_puts_on_record_what_it_recovers),
	    daemon_test(daemon_puts_on_record_what_a_failing_tpm_did_not_take),
	    daemon_test(daemon_ends_in_bounded_time_if_its_tpm_role_does_not),
	    daemon_test(daemon_puts_on_record_the_builds_that_its_end_undoes),
	    daemon_test(daemon_does_not_call_gone_what_it_left_behind),
	    daemon_test(
		daemon_begins_its_front_again_and_builds_live_through_that),
	    daemon_test(
		daemon_begins_a_front_again_that_dies_at_once_and_again),
	    daemon_test(daemon_on_a_host_that_is_not_trusted_builds_nothing),
	    daemon_test(daemon_without_its_tpm_role_builds_nothing),
	    daemon_test(daemon_answers_who_asked_a_tpm_role_that_died),
	    daemon_test(daemon_bounds_the_calls_for_evidence),
	    daemon_test(daemon_builds_although_the_child_that_waited_died),
	    daemon_test(build_does_not_get_a_child_that_died_long_ago),
	};

	return cmocka_run_group_tests_name("supervisor_end", tests, NULL, NULL);
}
