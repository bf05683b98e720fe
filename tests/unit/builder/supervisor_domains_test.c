/*
 * What callers ask of one domain: of the whole daemon, on the fake Xen.
 */
#include "daemon_fixture.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"

#define ASK(method, parameters)                   \
	"{\"method\":\"org.assay.Builder." method \
	"\",\"parameters\":{" parameters "}}"
#define BY_ID   "\"domid\":7"
#define BY_NAME "\"name\":\"web-1\""
#define BY_UUID "\"uuid\":\"" GOOD_UUID "\""

static int
start_with_a_guest(void)
{
	int fd;

	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	return fd;
}

static bool
is_asked(void)
{
	const struct fake_node *node =
	    xen_fake_node(fake, "/local/domain/7/control/shutdown");

	return node != NULL && strcmp(node->value, "poweroff") == 0;
}

/* The watch role may not be there yet. */
static void
ask_until_it_can(int fd)
{
	for (int i = 0; i < 400 && !is_asked(); i++) {
		CLEANUP(freep) char *reply = NULL;

		caller_send(fd, ASK("ShutdownDomain", BY_UUID));
		reply = caller_receive(fd);
		assert_non_null(reply);
		usleep(5000);
	}
	assert_true(is_asked());
}

static void
domain_is_described(void **state)
{
	struct fake_domain *domain;
	int fd;

	(void)state;
	fd = start_with_a_guest();
	domain = xen_fake_domain(fake, 7);
	assert_call(fd, ASK("DescribeDomain", BY_ID),
	    "{\"parameters\":{\"domain\":{\"receipt\":{");
	assert_call(fd, ASK("DescribeDomain", BY_UUID),
	    "\"shutdown\":false,\"memory_kib\"");
	domain->is_shutdown = true;
	domain->shutdown_reason = 3;
	assert_call(fd, ASK("DescribeDomain", BY_UUID), "\"reason\":\"crash\"");
	domain->shutdown_reason = 255; /* the guest may say anything */
	assert_call(fd, ASK("DescribeDomain", BY_UUID), "\"reason\":\"other\"");
	assert_call(fd, ASK("DescribeDomain", "\"domid\":8"), "DOMAIN_UNKNOWN");
	close(fd);
}

static void
domain_is_paused_and_unpaused(void **state)
{
	int fd;

	(void)state;
	fd = start_with_a_guest();
	assert_true(xen_fake_domain(fake, 7)->is_running);
	assert_call(fd, ASK("PauseDomain", BY_UUID), "{\"parameters\":{}}");
	assert_false(xen_fake_domain(fake, 7)->is_running);
	assert_call(fd, ASK("DescribeDomain", BY_ID), "\"paused\":true");
	assert_call(fd, ASK("PauseDomain", BY_ID), "{\"parameters\":{}}");
	assert_call(fd, ASK("UnpauseDomain", BY_ID), "{\"parameters\":{}}");
	assert_true(xen_fake_domain(fake, 7)->is_running);
	assert_call(fd, ASK("PauseDomain", "\"name\":\"no-such\""),
	    "DOMAIN_UNKNOWN");
	close(fd);
}

/* Its id has gone to another one, and nobody has looked since. */
static void
domain_of_another_is_neither_paused_nor_asked(void **state)
{
	int fd;

	(void)state;
	fd = start_with_a_guest();
	ask_until_it_can(fd);
	xen_fake_put(fake, "/local/domain/7/control/shutdown", "");
	memset(xen_fake_domain(fake, 7)->uuid, 0x55, XEN_UUID_BYTES);
	assert_call(fd, ASK("ShutdownDomain", BY_UUID), "DOMAIN_UNKNOWN");
	assert_call(fd, ASK("PauseDomain", BY_ID), "DOMAIN_UNKNOWN");
	assert_true(xen_fake_domain(fake, 7)->is_running);
	assert_false(is_asked());
	close(fd);
}

static void
guest_is_asked_to_shut_down(void **state)
{
	int fd;

	(void)state;
	fd = start_with_a_guest();
	ask_until_it_can(fd);
	assert_call(fd, ASK("ShutdownDomain", BY_ID), "{\"parameters\":{}}");
	close(fd);
}

/* xenstored hangs: only who asked waits, and the guest can be destroyed. */
static void
guest_that_is_being_asked_can_be_destroyed(void **state)
{
	int other;
	int fd;

	(void)state;
	fd = start_with_a_guest();
	ask_until_it_can(fd);
	hang_at("ask_shutdown");
	caller_send(fd, ASK("ShutdownDomain", BY_ID));
	other = caller_open();
	assert_call(other, ASK("PauseDomain", BY_ID), "{\"parameters\":{}}");
	assert_call(other, ASK("DestroyDomain", BY_ID), "{\"parameters\":{}}");
	go_on();
	assert_reply(fd, "DOMAIN_UNKNOWN");
	assert_call(other, ASK("PauseDomain", BY_ID), "DOMAIN_UNKNOWN");
	close(other);
	close(fd);
	assert_nothing_left();
}

static void
watch_role_that_is_killed_is_begun_again(void **state)
{
	pid_t first;
	int fd;

	(void)state;
	fd = start_with_a_guest();
	ask_until_it_can(fd);
	first = role_of_daemon("watch");
	kill(first, SIGKILL);
	xen_fake_put(fake, "/local/domain/7/control/shutdown", "");
	ask_until_it_can(fd);
	assert_int_not_equal(role_of_daemon("watch"), first);
	close(fd);
}

/* --- waiting --------------------------------------------------------- */

#define UNTIL(state, seconds) \
	BY_UUID ",\"until\":\"" state "\",\"timeout_seconds\":" seconds

static void
caller_waits_for_the_end_of_a_guest(void **state)
{
	struct fake_domain *domain;
	int fd;

	(void)state;
	fd = start_with_a_guest();
	ask_until_it_can(fd); /* it watches */
	assert_call(fd, ASK("WaitDomain", UNTIL("running", "30")),
	    "\"state\":\"running\"}");
	assert_call(fd, ASK("WaitDomain", UNTIL("shutdown", "0")), "WAIT_OVER");
	assert_call(fd, ASK("WaitDomain", UNTIL("asleep", "0")), "until");
	caller_send(fd, ASK("WaitDomain", UNTIL("shutdown", "30")));
	usleep(100000);
	domain = xen_fake_domain(fake, 7);
	domain->shutdown_reason = 3;
	domain->is_shutdown = true;
	fire_watch();
	assert_reply(fd, "\"state\":\"shutdown\",\"reason\":\"crash\"}");
	close(fd);
}

static void
caller_that_waits_hears_that_it_is_gone(void **state)
{
	int other;
	int fd;

	(void)state;
	fd = start_with_a_guest();
	caller_send(fd, ASK("WaitDomain", UNTIL("shutdown", "30")));
	usleep(100000);
	other = caller_open();
	assert_call(other, ASK("DestroyDomain", BY_ID), "{\"parameters\":{}}");
	assert_reply(fd, "\"state\":\"gone\"}");
	close(other);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(domain_is_described),
	    daemon_test(domain_is_paused_and_unpaused),
	    daemon_test(domain_of_another_is_neither_paused_nor_asked),
	    daemon_test(guest_is_asked_to_shut_down),
	    daemon_test(guest_that_is_being_asked_can_be_destroyed),
	    daemon_test(watch_role_that_is_killed_is_begun_again),
	    daemon_test(caller_waits_for_the_end_of_a_guest),
	    daemon_test(caller_that_waits_hears_that_it_is_gone),
	};

	return cmocka_run_group_tests_name("supervisor_domains", tests, NULL,
	    NULL);
}
