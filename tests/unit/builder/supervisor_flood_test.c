/*
 * Callers that come in masses, hang up, or do not read; a front that is slow,
 * silent or taken over. The daemon goes on serving, and builds end well.
 */
#include "daemon_clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/timing.h"

enum { FLOODERS = 3, FLOOD_CALLS = 2000, BUILDS = 5 };

#define DESTROY_NONE                                       \
	"{\"method\":\"org.assay.Builder.DestroyDomain\"," \
	"\"parameters\":{\"domid\":4711}}"
#define ATTEST                                                     \
	"{\"method\":\"org.assay.Builder.Attest\",\"parameters\":" \
	"{\"nonce\":\"00112233445566778899aabbccddeeff\"}}"
#define FLOOD_BUILD                                                            \
	"{\"method\":\"org.assay.Builder.BuildDomain\",\"parameters\":{"       \
	"\"image\":\"web\",\"name\":\"flood\",\"memory_mib\":256,\"vcpus\":2}" \
	"}"

/* --- a flood --------------------------------------------------------- */

static int
connect_to_daemon(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
	    config.socket);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		closep(&fd);
	return fd;
}

/* Come, say this much of it, and hang up. */
static void
flood(const char *text, size_t len)
{
	for (int i = 0; i < FLOOD_CALLS; i++) {
		int fd = connect_to_daemon();

		if (fd < 0)
			continue;
		(void)!send(fd, text, len, MSG_NOSIGNAL);
		close(fd);
	}
}

static void
start_flood(pid_t pids[FLOODERS], const char *text, size_t len)
{
	for (int i = 0; i < FLOODERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			flood(text, len);
			_exit(0);
		}
	}
}

static void
end_flood(const pid_t pids[FLOODERS])
{
	for (int i = 0; i < FLOODERS; i++)
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
}

/* A caller that finds no free place comes again. */
static void
ask_until_answered(const char *text, const char *part)
{
	for (int tries = 0; tries < 500; tries++) {
		CLEANUP(freep) char *reply = NULL;
		CLEANUP(closep) int fd = connect_to_daemon();

		if (fd >= 0) {
			caller_send(fd, text);
			reply = caller_receive(fd);
		}
		if (reply != NULL && strstr(reply, part) != NULL)
			return;
		usleep(10000);
	}
	fail_msg("no such answer: %s", part);
}

static void
serves_through_a_flood_of(const char *text, size_t len)
{
	pid_t pids[FLOODERS];

	start_daemon(FAULT_NONE, "");
	ask_until_answered(CALL("GetStatus"), "builds_done");
	start_flood(pids, text, len);
	for (unsigned int i = 0; i < BUILDS; i++) {
		char build[400];

		snprintf(build, sizeof(build),
		    "{\"method\":\"org.assay.Builder.BuildDomain\","
		    "\"parameters\":{\"image\":\"web\",\"name\":\"n%u\","
		    "\"memory_mib\":256,\"vcpus\":2}}",
		    i);
		ask_until_answered(build, "receipt");
		ask_until_answered(CALL("GetStatus"), "builds_done");
	}
	end_flood(pids);
	ask_until_answered(CALL("GetStatus"), "\"builds_running\":0");
	assert_string_equal(fake->violation, "");
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_true(xen_fake_domain_count(fake) >= BUILDS);
	memset(fake->domains, 0, sizeof(fake->domains));
	xen_fake_forget_nodes(fake);
}

static void
daemon_serves_through_floods_of_every_method(void **state)
{
	static const char *const calls[] = {CALL("ListDomains"),
	    CALL("GetStatus"), CALL("ListImages"), DESTROY_NONE, ATTEST,
	    FLOOD_BUILD};

	(void)state;
	for (size_t i = 0; i < countof(calls); i++)
		serves_through_a_flood_of(calls[i], strlen(calls[i]) + 1);
}

static void
daemon_serves_through_floods_of_half_calls_and_of_nothing(void **state)
{
	(void)state;
	serves_through_a_flood_of(FLOOD_BUILD, strlen(FLOOD_BUILD) / 2);
	serves_through_a_flood_of("", 0);
}

/* --- a front that does not read, or says nothing --------------------- */

static pid_t first_front;

static bool
is_another_front(void)
{
	pid_t front = role_of_daemon("front");

	return front != 0 && front != first_front;
}

static bool
is_built(void)
{
	return count_files("state/domains") == 1 && count_pending() == 0;
}

static void
front_that_reads_no_answers_is_begun_again(void **state)
{
	int fds[15];
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	for (size_t i = 0; i < countof(fds); i++)
		fds[i] = caller_open();
	fd = caller_open();
	assert_call(fd, CALL("GetStatus"), "builds_done");
	hang_at("domain_load");
	caller_send(fd, BUILD_CALL);
	wait_for_call("domain_load");
	first_front = role_of_daemon("front");
	assert_int_equal(kill(first_front, SIGSTOP), 0);
	*ahead_usec += 20000000; /* not yet */
	usleep(100000);
	assert_int_equal(role_of_daemon("front"), first_front);
	*ahead_usec += 20000000;
	/* The build's end wakes the supervisor, whatever its clock was. */
	go_on();
	wait_until(is_another_front, "another front");
	wait_until(is_built, "the build");
	ask_until_answered(CALL("ListDomains"), GOOD_UUID);
	for (size_t i = 0; i < countof(fds); i++)
		close(fds[i]);
	close(fd);
}

/* The room for answers is bounded, and calls under way have theirs. */
static void
caller_that_reads_nothing_costs_only_itself(void **state)
{
	int fds[12];
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	for (size_t i = 0; i < countof(fds); i++) {
		fds[i] = caller_open();
		for (int n = 0; n < 40; n++)
			caller_send(fds[i], CALL("ListImages"));
	}
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	assert_call(fd, CALL("GetStatus"), "\"builds_done\":1");
	for (size_t i = 0; i < countof(fds); i++)
		close(fds[i]);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    clocked_test(daemon_serves_through_floods_of_every_method),
	    clocked_test(
		daemon_serves_through_floods_of_half_calls_and_of_nothing),
	    clocked_test(front_that_reads_no_answers_is_begun_again),
	    clocked_test(caller_that_reads_nothing_costs_only_itself),
	};

	return cmocka_run_group_tests_name("supervisor_flood", tests, NULL,
	    NULL);
}
