/*
 * What a long run keeps: descriptors, processes and memory of the supervisor
 * after many builds, refusals, listings and callers who hung up.
 */
#include "daemon_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"

/* A sanitizer keeps what was freed. */
#ifdef __SANITIZE_ADDRESS__
#define MORE_KIB (1 << 20)
#else
#define MORE_KIB 2048
#endif

enum { WARM_UP = 5, ROUNDS = 25 };

static size_t
descriptors_of_daemon(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon_pid);
	return count_files(path);
}

static size_t
count_children(void)
{
	size_t count = 0;

	while (child_of_daemon((int)count) != 0)
		count++;
	return count;
}

static long
resident_kib(void)
{
	char path[64];
	char line[128];
	long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon_pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	}
	fclose(file);
	return kib;
}

/* The front, the tpm role, who looks, who watches, and those that wait. */
enum { CHILDREN_AT_REST = 8 };

static bool
is_at_rest(void)
{
	return count_children() == CHILDREN_AT_REST;
}

/* What ended last is let go a moment later. */
static size_t
settled_descriptors(void)
{
	size_t count = descriptors_of_daemon();

	for (int same = 0; same < 10; same++) {
		size_t now;

		usleep(20000);
		now = descriptors_of_daemon();
		if (now != count)
			same = -1;
		count = now;
	}
	return count;
}

static void
destroy(int fd, unsigned int number)
{
	char text[200];

	snprintf(text, sizeof(text),
	    "{\"method\":\"org.assay.Builder.DestroyDomain\",\"parameters\":{"
	    "\"uuid\":\"6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d%02x\"}}",
	    number);
	caller_send(fd, text);
	assert_reply(fd, "parameters");
}

static bool
is_decided(void)
{
	return count_pending() == 0;
}

static void
one_round(int fd, unsigned int number)
{
	int quick;

	xen_fake_forget_calls(fake);
	send_build(fd, "a", 1);
	assert_reply(fd, "receipt");
	send_build(fd, "a", 2); /* the name is taken */
	assert_reply(fd, "DOMAIN_EXISTS");
	destroy(fd, 1);
	assert_call(fd, CALL("ListImages"), "web");
	assert_call(fd, CALL("ListDomains"), "domains");
	/* Hung up, after longer and longer. */
	quick = caller_open();
	send_build(quick, "b", 3);
	usleep(number % 40 * 500);
	close(quick);
	wait_until(is_decided, "it is built or not");
	destroy(fd, 3); /* it had its answer already, or there is none */
	wait_until(is_nothing_left, "nothing is left of it");
}

static void
daemon_keeps_nothing_of_what_it_did(void **state)
{
	size_t descriptors = 0;
	long kib = 0;
	int fd;

	(void)state;
	give_tpm();
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	for (int i = 0; i < WARM_UP + ROUNDS; i++) {
		alarm(PATIENCE_SECONDS);
		if (i == WARM_UP) {
			wait_until(is_at_rest, "it is at rest");
			descriptors = settled_descriptors();
			kib = resident_kib();
		}
		one_round(fd, (unsigned int)i);
	}
	wait_until(is_at_rest, "it is at rest again");
	/* A look may have been under way at the first count. */
	assert_in_range(settled_descriptors(), 1, descriptors);
	assert_in_range(resident_kib(), 0, kib + MORE_KIB);
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(daemon_keeps_nothing_of_what_it_did),
	};

	return cmocka_run_group_tests_name("supervisor_leak", tests, NULL,
	    NULL);
}
