/*
 * Everything at once: callers that build, destroy and hang up under the same
 * few uuids, while build children, stages, the front and at last assayd itself
 * are killed. Whatever the order was, in the end the domains there are are
 * those that have a receipt, and those whose build is on record without an end.
 */
#include "daemon_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "measure/event_decode.h"
#include "measure/event_log.h"
#include "measure/open_builds.h"

enum { CALLERS = 4, CALLS = 60, UUIDS = 5, KILLS = 40, FRONT_KILLS = 2 };

/* Small, and the same in each run; what comes of it is not. */
static unsigned int seed;

static unsigned int
random_below(unsigned int limit)
{
	return (unsigned int)rand_r(&seed) % limit;
}

/* --- a caller -------------------------------------------------------- */

/* Nothing here is asserted: that would be done in a child of the test. */
static int
try_to_connect(void)
{
	const struct timeval patience = {.tv_sec = 5};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
	    config.socket);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		closep(&fd);
	else
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		    sizeof(patience));
	return fd;
}

static void
write_call(char *text, size_t size)
{
	unsigned int number = random_below(UUIDS);

	if (random_below(4) == 0)
		snprintf(text, size,
		    "{\"method\":\"org.assay.Builder.DestroyDomain\","
		    "\"parameters\":{\"uuid\":"
		    "\"6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d%02x\"}}",
		    number);
	else
		snprintf(text, size,
		    "{\"method\":\"org.assay.Builder.BuildDomain\","
		    "\"parameters\":{\"image\":\"web\",\"name\":\"n%u\","
		    "\"uuid\":\"6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d%02x\","
		    "\"memory_mib\":256,\"vcpus\":2}}",
		    number, number);
}

/* Call, and read the reply or hang up at any time. */
static void
call_once(void)
{
	CLEANUP(closep) int fd = try_to_connect();
	char text[400];
	char reply[512];

	if (fd < 0) {
		usleep(5000);
		return;
	}
	write_call(text, sizeof(text));
	(void)!send(fd, text, strlen(text) + 1, MSG_NOSIGNAL);
	if (random_below(2) == 0)
		usleep(random_below(30000));
	else
		(void)!recv(fd, reply, sizeof(reply), 0);
}

static void
start_callers(pid_t pids[CALLERS])
{
	for (unsigned int i = 0; i < CALLERS; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		seed = seed * CALLERS + i;
		for (int n = 0; n < CALLS; n++)
			call_once();
		_exit(0);
	}
}

static void
end_callers(const pid_t pids[CALLERS])
{
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
}

/* --- who dies -------------------------------------------------------- */

/* Any child but the tpm role and the front. */
static pid_t
find_victim(void)
{
	pid_t child = child_of_daemon((int)random_below(9));

	return child == role_of_daemon("front") ||
	               child == role_of_daemon("tpm")
	           ? 0
	           : child;
}

static void
kill_some(void)
{
	for (int i = 0; i < KILLS; i++) {
		pid_t victim = find_victim();

		if (i % (KILLS / FRONT_KILLS) == KILLS / FRONT_KILLS / 2)
			victim = role_of_daemon("front");
		if (victim != 0)
			kill(victim, SIGKILL);
		usleep(1000 + random_below(25000));
	}
}

/* --- what is left ---------------------------------------------------- */

/* It may only begin to run: then a signal would just kill it. */
static void
wait_until_it_serves(void)
{
	int fd = caller_open();

	assert_call(fd, CALL("GetStatus"), "\"builds_done\":");
	close(fd);
}

static bool
is_quiet(void)
{
	return count_pending() == 0 &&
	       count_files("state/domains") == xen_fake_domain_count(fake);
}

static int
count_open(void *context, struct bytes raw, struct err *err)
{
	struct open_builds *builds = context;
	struct event event;

	TRY(event_decode(raw, &event, err));
	if (event.kind == EVENT_BUILD) {
		TRY(open_builds_reserve(builds, err));
		open_builds_add(builds, event.as.build.uuid);
	}
	if (event.kind == EVENT_ABANDON)
		open_builds_end(builds, event.as.abandon.uuid);
	if (event.kind == EVENT_DESTROY)
		open_builds_end(builds, event.as.destroy.uuid);
	return 0;
}

/* A verifier would say of these that they run. */
static void
assert_log_says_what_runs(void)
{
	struct event_log *log = NULL;
	struct open_builds builds = {0};
	struct err err = {0};

	for (int i = 0; i < 2000 && log == NULL; i++) {
		if (event_log_open(config.measure.log, LIMIT_EVENT_LOG_BYTES,
			&log, &err) != 0)
			usleep(5000); /* a role that was killed still has it */
	}
	assert_non_null(log);
	assert_code(event_log_each(log, count_open, &builds, &err), 0);
	assert_int_equal(builds.count, xen_fake_domain_count(fake));
	for (size_t i = 0; i < FAKE_DOMAINS; i++)
		assert_true(!fake->domains[i].exists ||
			    open_builds_has(&builds, fake->domains[i].uuid));
	open_builds_done(&builds);
	event_log_closep(&log);
}

static void
destroy_all(void)
{
	int fd = caller_open();

	for (size_t i = 0; i < FAKE_DOMAINS; i++) {
		char text[200];

		if (!fake->domains[i].exists)
			continue;
		snprintf(text, sizeof(text),
		    "{\"method\":\"org.assay.Builder.DestroyDomain\","
		    "\"parameters\":{\"domid\":%u}}",
		    fake->domains[i].domid);
		assert_call(fd, text, "\"parameters\":{");
	}
	close(fd);
}

static void
daemon_loses_nothing_among_callers_and_kills(void **state)
{
	pid_t callers[CALLERS];

	(void)state;
	alarm(4 * PATIENCE_SECONDS);
	give_tpm();
	start_daemon(FAULT_NONE, "");
	for (int round = 0; round < 3; round++) {
		seed = (unsigned int)round + 1;
		start_callers(callers);
		kill_some();
		end_daemon(SIGKILL);
		start_daemon(FAULT_NONE, "");
		end_callers(callers);
		wait_until_it_serves();
		wait_until(is_quiet, "quiet");
		assert_int_equal(end_daemon(SIGTERM), 0);
		assert_string_equal(fake->violation, "");
		assert_log_says_what_runs();
		start_daemon(FAULT_NONE, "");
	}
	destroy_all();
	assert_nothing_left();
	end_daemon(SIGTERM);
	assert_log_says_what_runs();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(daemon_loses_nothing_among_callers_and_kills),
	};

	return cmocka_run_group_tests_name("supervisor_chaos", tests, NULL,
	    NULL);
}
