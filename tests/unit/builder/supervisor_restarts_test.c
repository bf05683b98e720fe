/*
 * Guests that shut down: of the whole daemon, on the fake Xen, with a clock of
 * the test's.
 */
#include "daemon_clock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"

#define GUEST(more)                                                        \
	"{\"method\":\"org.assay.Builder.BuildDomain\",\"parameters\":{"   \
	"\"image\":\"web\",\"name\":\"guest\",\"uuid\":\"" GOOD_UUID "\"," \
	"\"memory_mib\":256,\"vcpus\":2" more "}}"
#define DESTROY_GUEST                                      \
	"{\"method\":\"org.assay.Builder.DestroyDomain\"," \
	"\"parameters\":{\"name\":\"guest\"}}"

enum { POWEROFF, REBOOT, SUSPEND, CRASH, ANY_NUMBER = 77 };

static int caller = -1;
static uint32_t newest; /* domid */
static uint32_t ends;   /* so far, each soon after its start */

static void
start_with(const char *call)
{
	give_tpm();
	start_daemon(FAULT_NONE, "");
	caller = caller_open();
	assert_call(caller, call, "receipt");
	newest = 7;
	ends = 0;
}

static int
hang_up(void **state)
{
	closep(&caller);
	return daemon_teardown(state);
}

static bool
is_newest_there(void)
{
	const struct fake_domain *domain = xen_fake_domain(fake, newest);

	return domain != NULL && domain->exists && domain->is_running &&
	       count_files("state/domains") == 1 && count_pending() == 0 &&
	       count_files("state/again") == 0;
}

static bool
is_planned(void)
{
	return is_domain_gone() && count_pending() == 0 &&
	       count_files("state/again") == 1;
}

static bool
is_all_gone(void)
{
	return is_nothing_left() && count_files("state/again") == 0;
}

static void
end_guest(uint8_t reason)
{
	struct fake_domain *domain = xen_fake_domain(fake, newest);

	wait_until(is_newest_there, "the guest runs");
	domain->shutdown_reason = reason;
	domain->is_shutdown = true;
	ends++;
	fire_watch();
}

/* The pause that is due. The daemon looks at its clock then. */
static void
let_pause_pass(void)
{
	*ahead_usec += (1000000ull << (ends > 7 ? 6 : ends - 1)) + 100000;
	fire_watch();
}

static void
wait_for_restart(void)
{
	wait_until(is_planned, "the guest is to be built again");
	let_pause_pass();
	newest++;
	wait_until(is_newest_there, "the guest was built again");
}

static int
said(const char *text)
{
	CLEANUP(buffer_done) struct buffer log = read_file("daemon.log");
	int count = 0;

	for (size_t i = 0; i + strlen(text) <= log.len; i++)
		count += memcmp(log.ptr + i, text, strlen(text)) == 0;
	return count;
}

static void
guest_that_powers_off_goes(void **state)
{
	(void)state;
	start_with(GUEST(""));
	end_guest(POWEROFF);
	wait_until(is_all_gone, "the guest is destroyed");
	assert_int_equal(logged("\"ev\":\"destroy\""), 1);
	assert_call(caller, CALL("ListDomains"), "{\"domains\":[]}");
}

/* With the same request, verified and put on record anew, for the same caller;
 * its old id is in the event. */
static void
guest_that_reboots_is_built_again(void **state)
{
	(void)state;
	start_with(GUEST(""));
	assert_call(caller, CALL("ListDomains"), "\"restarts\":0");
	end_guest(REBOOT);
	wait_for_restart();
	assert_call(caller, CALL("ListDomains"), "\"restarts\":1");
	assert_call(caller, CALL("ListDomains"), GOOD_UUID);
	assert_int_equal(logged("\"ev\":\"build\""), 2);
	assert_int_equal(logged("\"ev\":\"destroy\""), 1);
	assert_int_equal(logged("\"by\":{\"uid\":"), 2);
	assert_int_equal(logged(",\"after\":{\"domid\":7,\"end\":\"reboot\"}}"),
	    1);
}

static void
guest_goes_as_its_caller_asked(void **state)
{
	(void)state;
	start_with(GUEST(",\"on_poweroff\":\"restart\",\"on_reboot\":"
			 "\"destroy\",\"on_crash\":\"preserve\""));
	assert_call(caller, CALL("ListDomains"),
	    "\"on_poweroff\":\"restart\",\"on_reboot\":\"destroy\","
	    "\"on_crash\":\"preserve\"");
	end_guest(POWEROFF);
	wait_for_restart();
	end_guest(REBOOT);
	wait_until(is_all_gone, "the guest is destroyed");
}

/* A guest says any number. */
static void
every_other_end_is_a_crash(void **state)
{
	static const uint8_t reasons[] = {SUSPEND, CRASH, ANY_NUMBER, 255};

	(void)state;
	start_with(GUEST(",\"on_poweroff\":\"preserve\",\"on_reboot\":"
			 "\"preserve\",\"on_crash\":\"restart\""));
	for (size_t i = 0; i < countof(reasons); i++) {
		end_guest(reasons[i]);
		wait_for_restart();
	}
	assert_int_equal(logged("\"end\":\"crash\""), countof(reasons));
}

static void
preserved_guest_stays_until_it_is_destroyed(void **state)
{
	(void)state;
	start_with(GUEST(",\"on_crash\":\"preserve\""));
	end_guest(CRASH);
	assert_call(caller, CALL("ListDomains"), "\"reason\":\"crash\"");
	assert_call(caller, CALL("ListDomains"), "\"reason\":\"crash\"");
	assert_call(caller, DESTROY_GUEST, "{\"parameters\":{}}");
	wait_until(is_all_gone, "the guest is destroyed");
}

/* Each time takes room in the log that nobody gives back. */
static void
guest_that_ends_at_once_is_not_built_for_ever(void **state)
{
	(void)state;
	start_with(GUEST(""));
	for (int i = 0; i < 8; i++) {
		end_guest(REBOOT);
		wait_for_restart();
	}
	end_guest(REBOOT);
	wait_until(is_all_gone, "the guest is destroyed");
	assert_int_equal(said("refused restart name=guest after=15 "
			      "end=reboot caller=user:"),
	    1);
	assert_int_equal(said("code=RESTART_LOOP"), 1);
}

/* And it waits before. */
static void
guest_that_ends_at_once_waits(void **state)
{
	(void)state;
	start_with(GUEST(""));
	for (int i = 0; i < 3; i++) {
		end_guest(REBOOT);
		wait_for_restart();
	}
	end_guest(REBOOT);
	wait_until(is_planned, "the guest is to be built again");
	*ahead_usec += 6000000; /* of 8 seconds */
	assert_call(caller, CALL("ListDomains"), "{\"domains\":[]}");
	assert_true(is_planned());
	*ahead_usec += 3000000;
	fire_watch();
	newest++;
	wait_until(is_newest_there, "the guest was built again");
}

/* Each time after a minute: the log would be full in days. */
static void
guest_that_ends_for_ever_is_built_less_often(void **state)
{
	(void)state;
	start_with(GUEST(""));
	for (int i = 0; i < 16; i++) {
		wait_until(is_newest_there, "the guest runs");
		*ahead_usec += 61000000;
		end_guest(REBOOT);
		newest++;
	}
	wait_until(is_newest_there, "the guest runs");
	*ahead_usec += 61000000;
	end_guest(REBOOT);
	wait_until(is_planned, "the guest is to be built again");
	*ahead_usec += 400000000;
	fire_watch();
	usleep(100000);
	assert_true(is_planned());
	*ahead_usec += 200000000;
	fire_watch();
	newest++;
	wait_until(is_newest_there, "the guest was built again");
}

/* Its name and uuid are its own meanwhile. */
static void
guest_that_is_built_again_keeps_its_name(void **state)
{
	(void)state;
	start_with(GUEST(""));
	end_guest(REBOOT);
	wait_until(is_planned, "the guest is to be built again");
	assert_call(caller, GUEST(""), "a domain that has it is built again");
	send_build(caller, "guest", 0x44);
	assert_reply(caller, "name guest: is built again");
}

static void
guest_that_is_destroyed_is_not_built_again(void **state)
{
	(void)state;
	start_with(GUEST(""));
	end_guest(REBOOT);
	wait_until(is_planned, "the guest is to be built again");
	assert_call(caller, DESTROY_GUEST, "{\"parameters\":{}}");
	wait_until(is_all_gone, "the plan is forgotten");
	let_pause_pass();
	assert_call(caller, CALL("ListDomains"), "{\"domains\":[]}");
	assert_call(caller, DESTROY_GUEST, "DOMAIN_UNKNOWN");
	assert_call(caller, GUEST(""), "receipt");
}

/* While it is removed, and while it is built. */
static void
guest_is_destroyed_at_any_time(void **state)
{
	(void)state;
	start_with(GUEST(""));
	hang_at("domain_destroy");
	end_guest(REBOOT);
	wait_for_call("domain_destroy");
	caller_send(caller, DESTROY_GUEST);
	usleep(50000);
	go_on();
	assert_reply(caller, "{\"parameters\":{}}");
	wait_until(is_all_gone, "the guest is destroyed");
	ends = 0;

	assert_call(caller, GUEST(""), "receipt");
	newest = 8;
	end_guest(REBOOT);
	wait_until(is_planned, "the guest is to be built again");
	hang_at("domain_create");
	ends = 1; /* of this one */
	let_pause_pass();
	wait_for_call("domain_create");
	caller_send(caller, DESTROY_GUEST);
	usleep(50000);
	go_on();
	assert_reply(caller, "{\"parameters\":{}}");
	wait_until(is_all_gone, "the guest is destroyed");
}

/* What is refused is in the log by its name, and the guest stays gone. */
static void
guest_whose_image_is_gone_stays_gone(void **state)
{
	(void)state;
	start_with(GUEST(""));
	end_guest(REBOOT);
	wait_until(is_planned, "the guest is to be built again");
	assert_int_equal(rename("store/index.json", "store/index.gone"), 0);
	let_pause_pass();
	wait_until(is_all_gone, "the plan is forgotten");
	assert_int_equal(said("refused restart name=guest after=7 end=reboot"),
	    1);
}

/* Killed between the two, or told to end. */
static void
guest_is_built_again_by_the_next_daemon(void **state)
{
	static const int signals[] = {SIGKILL, SIGTERM};

	(void)state;
	start_with(GUEST(""));
	for (size_t i = 0; i < countof(signals); i++) {
		end_guest(REBOOT);
		wait_until(is_planned, "the guest is to be built again");
		closep(&caller);
		end_daemon(signals[i]);
		assert_true(is_planned());
		*ahead_usec += 65000000;
		newest++;
		start_daemon(FAULT_NONE, "");
		wait_until(is_newest_there, "the guest was built again");
		caller = caller_open();
	}
	assert_call(caller, CALL("ListDomains"), "\"restarts\":2");
}

/* Killed while it removes what ended: that goes, and then it is built. */
static void
daemon_that_died_while_it_reaped_ends_it(void **state)
{
	(void)state;
	start_with(GUEST(""));
	hang_at("domain_destroy");
	end_guest(REBOOT);
	wait_for_call("domain_destroy");
	closep(&caller);
	end_daemon(SIGKILL);
	go_on();
	*ahead_usec += 65000000;
	newest++;
	start_daemon(FAULT_NONE, "");
	wait_until(is_newest_there, "the guest was built again");
	assert_int_equal(xen_fake_domain_count(fake), 1);
}

/* Nobody is there when it ends; the next daemon sees it. */
static void
guest_that_ended_while_no_daemon_ran_is_reaped(void **state)
{
	(void)state;
	start_with(GUEST(""));
	wait_until(is_newest_there, "the guest runs");
	closep(&caller);
	end_daemon(SIGTERM);
	xen_fake_domain(fake, 7)->is_shutdown = true;
	start_daemon(FAULT_NONE, "");
	wait_until(is_all_gone, "the guest is destroyed");
}

int
main(void)
{
#define restart_test(test) \
	cmocka_unit_test_setup_teardown(test, clocked_setup, hang_up)
	const struct CMUnitTest tests[] = {
	    restart_test(guest_that_powers_off_goes),
	    restart_test(guest_that_reboots_is_built_again),
	    restart_test(guest_goes_as_its_caller_asked),
	    restart_test(every_other_end_is_a_crash),
	    restart_test(preserved_guest_stays_until_it_is_destroyed),
	    restart_test(guest_that_ends_at_once_is_not_built_for_ever),
	    restart_test(guest_that_ends_at_once_waits),
	    restart_test(guest_that_ends_for_ever_is_built_less_often),
	    restart_test(guest_that_is_built_again_keeps_its_name),
	    restart_test(guest_that_is_destroyed_is_not_built_again),
	    restart_test(guest_is_destroyed_at_any_time),
	    restart_test(guest_whose_image_is_gone_stays_gone),
	    restart_test(guest_is_built_again_by_the_next_daemon),
	    restart_test(daemon_that_died_while_it_reaped_ends_it),
	    restart_test(guest_that_ended_while_no_daemon_ran_is_reaped),
	};

	return cmocka_run_group_tests_name("supervisor_restarts", tests, NULL,
	    NULL);
}
