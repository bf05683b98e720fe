/*
 * The whole daemon on the fake Xen: supervisor, front, build children and
 * stages are real processes; the store, the signatures and the socket are
 * real. The fake lives in memory that all of them share.
 */
#include "front_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/front.h"
#include "builder/journal.h"
#include "builder/supervisor.h"
#include "builder/xen_port_libxc.h"
#include "image-store/layout_write.h"
#include "measure/tpm_port_esys.h"
#include "tpm_port_fake.h"

static struct xen_fake *fake;
static struct tpm_fake *tpm; /* of those tests that have one */
static struct trust_policy *policy;
static struct config config;
static pid_t daemon_pid;
static bool is_development;

int __wrap_xen_port_libxc_open(struct xen_port *ret_port, struct err *err);

int
__wrap_xen_port_libxc_open(struct xen_port *ret_port, struct err *err)
{
	(void)err;
	*ret_port = xen_fake_port(fake);
	return 0;
}

int __wrap_tpm_port_esys_open(const char *where,
    const struct tpm_identity *identity, int timeout_ms,
    struct tpm_port *ret_port, struct err *err);

int
__wrap_tpm_port_esys_open(const char *where,
    const struct tpm_identity *identity, int timeout_ms,
    struct tpm_port *ret_port, struct err *err)
{
	(void)where;
	(void)identity;
	(void)timeout_ms;
	(void)err;
	*ret_port = tpm_fake_port(tpm);
	return 0;
}

static void
start_daemon(enum fault_kind kind, const char *operation)
{
	struct trust_in_force trust = {0};
	struct fault fault = {.kind = kind};
	struct journal journal = {.lock_fd = -1};
	int listen_fd = -1;
	struct err err = {0};

	snprintf(fault.operation, sizeof(fault.operation), "%s", operation);
	if (trust_in_force_load(policy, config.trust_updates, &trust, &err) !=
		0 ||
	    journal_open(config.state, &journal, &err) != 0 ||
	    front_listen(config.socket, &listen_fd, &err) != 0)
		fail_msg("%s", err.text);
	daemon_pid = fork();
	if (daemon_pid == 0) {
		int log_fd = open("daemon.log",
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		dup2(log_fd, STDERR_FILENO);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* cmocka's handlers would go on with its tests. */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGILL, SIG_DFL);
		signal(SIGFPE, SIG_DFL);
		_exit(supervisor_run(&config, &trust, &fault, &journal,
			  is_development, &listen_fd, &err) == 0
			  ? 0
			  : 1);
	}
	trust_in_force_done(&trust);
	journal_close(&journal);
	close(listen_fd);
}

static int
end_daemon(int signal_number)
{
	int status;

	assert_int_equal(kill(daemon_pid, signal_number), 0);
	assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
	daemon_pid = 0;
	return status;
}

static int
setup(void **state)
{
	struct err err;

	if (enter_directory(state) != 0)
		return -1;
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(mkdir("libxl", 0700), 0);
	assert_code(layout_init("store", &err), 0);
	add_image(SIGNER_PROD, "web", "1", 17);
	fake = xen_fake_new();
	policy = make_policy(1);
	config = good_config();
	is_development = true;
	alarm(PATIENCE_SECONDS);
	return 0;
}

static int
teardown(void **state)
{
	if (daemon_pid != 0)
		end_daemon(SIGKILL);
	alarm(0);
	trust_freep(&policy);
	signers_done();
	xen_fake_free(fake);
	if (tpm != NULL)
		tpm_fake_free(tpm);
	tpm = NULL;
	return leave_directory(state);
}

static void
wait_until(bool (*is_so)(void), const char *what)
{
	for (int i = 0; i < 2000; i++) {
		if (is_so())
			return;
		usleep(5000);
	}
	{
		CLEANUP(buffer_done)
		struct buffer log = read_file("daemon.log");

		buffer_add(&log, "", 1);
		fail_msg("never: %s\n%s", what, (char *)log.ptr);
	}
}

/* A write that a kill interrupted leaves a file of another name, which the
 * journal passes over. */
static size_t
count_pending(void)
{
	struct journal journal = {.state_dir = config.state, .lock_fd = -1};
	struct journal_pending pending[16];
	uint32_t count = 0;
	struct err err;

	assert_code(journal_read_pending(&journal, pending, 16, &count, &err),
	    0);
	return count;
}

static bool
is_nothing_left(void)
{
	return xen_fake_domain_count(fake) == 0 &&
	       xen_fake_node_count(fake) == 0 && count_files("libxl") == 0 &&
	       count_pending() == 0 && count_files("state/domains") == 0;
}

static bool
is_domain_gone(void)
{
	return xen_fake_domain_count(fake) == 0 &&
	       xen_fake_node_count(fake) == 0 && count_files("libxl") == 0;
}

static void
assert_nothing_left(void)
{
	assert_int_equal(xen_fake_domain_count(fake), 0);
	assert_int_equal(xen_fake_node_count(fake), 0);
	assert_int_equal(count_files("libxl"), 0);
	assert_int_equal(count_pending(), 0);
	assert_int_equal(count_files("state/domains"), 0);
	assert_string_equal(fake->violation, "");
}

/* A build as domain NAME whose uuid ends in NN. */
static void
send_build(int fd, const char *name, unsigned int number)
{
	char text[400];

	snprintf(text, sizeof(text),
	    "{\"method\":\"org.assay.Builder.BuildDomain\",\"parameters\":{"
	    "\"image\":\"web\",\"name\":\"%s\",\"uuid\":"
	    "\"6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d%02x\","
	    "\"memory_mib\":256,\"vcpus\":2}}",
	    name, number);
	caller_send(fd, text);
}

static void
assert_reply(int fd, const char *part)
{
	CLEANUP(freep) char *reply = caller_receive(fd);

	assert_non_null(reply);
	assert_has(reply, part);
}

static void
hang_at(const char *operation)
{
	strcpy(fake->hang_operation, operation);
}

static void
go_on(void)
{
	fake->hang_operation[0] = '\0';
}

static const char *awaited_call;

static bool
was_called(void)
{
	return xen_fake_call_of(fake, awaited_call) >= 0;
}

static void
wait_for_call(const char *operation)
{
	awaited_call = operation;
	wait_until(was_called, operation);
}

/* The daemon's n-th child, in the order of their birth. */
enum { TPM_CHILD, FRONT_CHILD, WAITING_CHILD };

static pid_t
child_of_daemon(int n)
{
	char path[64];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)daemon_pid, (int)daemon_pid);
	file = fopen(path, "re");
	assert_non_null(file);
	for (int i = 0; i <= n; i++) {
		if (fscanf(file, "%d", &pid) != 1)
			pid = 0;
	}
	fclose(file);
	return pid;
}

/* --- the life of a domain -------------------------------------------- */

static void
daemon_builds_lists_and_destroys_a_domain(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "\"domid\":7,\"uuid\":\"" GOOD_UUID "\"");
	assert_true(xen_fake_domain(fake, 7)->is_running);
	assert_string_equal(fake->violation, "");
	assert_int_equal(count_files("state/domains"), 1);
	assert_int_equal(count_pending(), 0);
	assert_call(fd, CALL("ListDomains"),
	    "{\"parameters\":{\"domains\":[{\"receipt\":{\"schema\":");
	assert_call(fd, CALL("GetStatus"),
	    "\"domains\":1,\"builds_running\":0,"
	    "\"builds_done\":1,"
	    "\"builds_refused\":0,");
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.DestroyDomain\","
	    "\"parameters\":{\"name\":\"guest\"}}",
	    "{\"parameters\":{}}");
	assert_nothing_left();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
}

static void
daemon_serves_a_second_build_from_its_cache(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	send_build(fd, "one", 1);
	assert_reply(fd, "\"cached\":false");
	send_build(fd, "two", 2);
	assert_reply(fd, "\"cached\":true");
	send_build(fd, "three", 3);
	assert_reply(fd, "\"sequence\":4"); /* 1 is the start */
	assert_int_equal(xen_fake_domain_count(fake), 3);
	close(fd);
}

/* The chain becomes these steps, at once. Takes the texts. */
static void
put_updates(char *one, char *two)
{
	CLEANUP(buffer_done) struct buffer chain = {0};

	buffer_add(&chain, one, strlen(one));
	buffer_add(&chain, two, strlen(two));
	free(one);
	free(two);
	write_file("updates.new", buffer_bytes(&chain));
	assert_int_equal(rename("updates.new", "updates"), 0);
}

static void
start_daemon_with_updates(void)
{
	trust_freep(&policy);
	policy = make_policy_with_trust(1); /* version 4 */
	strcpy(config.trust_updates, "updates");
	put_updates(strdup(""), strdup(""));
	start_daemon(FAULT_NONE, "");
}

static void
daemon_refuses_what_was_revoked_a_moment_ago(void **state)
{
	char *harmless;
	int fd;

	(void)state;
	start_daemon_with_updates();
	fd = caller_open();
	send_build(fd, "one", 1);
	assert_reply(fd, "\"cached\":false");
	assert_call(fd, CALL("GetStatus"), "\"trust_version\":4,");
	harmless = make_trust_step(5, 1, SIGNERS);
	put_updates(strdup(harmless), strdup(""));
	send_build(fd, "two", 2);
	assert_reply(fd, "\"cached\":true");
	assert_call(fd, CALL("GetStatus"), "\"trust_version\":5,");
	send_build(fd, "three", 3);
	assert_reply(fd, "\"cached\":true");

	put_updates(harmless, make_trust_step(6, 1, SIGNER_PROD));
	send_build(fd, "four", 4);
	assert_reply(fd, "KEY_REVOKED");
	assert_call(fd, CALL("ListImages"), "\"refused\":\"KEY_REVOKED\"");
	assert_call(fd, CALL("GetStatus"), "\"trust_version\":6,");
	assert_int_equal(xen_fake_domain_count(fake), 3);
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
}

static void
daemon_never_goes_back_to_an_older_policy(void **state)
{
	char *good = NULL;
	int fd;

	(void)state;
	start_daemon_with_updates();
	fd = caller_open();
	good = make_trust_step(5, 1, SIGNERS);
	put_updates(strdup(good), strdup(""));
	send_build(fd, "one", 1);
	assert_reply(fd, "\"cached\":false");

	put_updates(strdup(""), strdup("")); /* its line was taken away */
	send_build(fd, "two", 2);
	assert_reply(fd, "TRUST_DOWNGRADE");
	put_updates(make_trust_step(5, 2, SIGNERS), strdup(""));
	send_build(fd, "two", 2);
	assert_reply(fd, "TRUST_REPLAYED");
	put_updates(strdup(good), strdup("{"));
	send_build(fd, "two", 2);
	assert_reply(fd, "TRUST_CHAIN_MALFORMED");
	assert_int_equal(unlink("updates"), 0);
	send_build(fd, "two", 2);
	assert_reply(fd, "STORE_IO");
	assert_int_equal(xen_fake_domain_count(fake), 1);
	put_updates(good, strdup(""));
	send_build(fd, "two", 2);
	assert_reply(fd, "\"cached\":true");
	close(fd);
}

static void
daemon_lists_images_good_and_bad(void **state)
{
	CLEANUP(freep) char *reply = NULL;
	int fd;

	(void)state;
	add_image(SIGNER_STRANGER, "web-bad", "2", 9);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	caller_send(fd, CALL("ListImages"));
	reply = caller_receive(fd);
	assert_has(reply, "{\"name\":\"web\",\"version\":\"1\",");
	assert_has(reply, "\"refused\":\"KEY_UNKNOWN\"");
	close(fd);
}

static void
daemon_forgets_a_domain_that_others_destroyed(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	xen_fake_domain(fake, 7)->exists = false;
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	assert_int_equal(count_files("state/domains"), 0);
	/* Its uuid is free again. */
	assert_call(fd, BUILD_CALL, "\"domid\":8");
	close(fd);
}

static void
daemon_destroys_no_domain_that_it_did_not_build(void **state)
{
	static const char *const selectors[] = {"\"domid\":3", "\"domid\":9",
	    "\"name\":\"other\"", "\"uuid\":\"" GOOD_UUID "\""};
	int fd;

	(void)state;
	xen_fake_add(fake, 3, 0x33, "other");
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	for (size_t i = 0; i < countof(selectors); i++) {
		char text[200];

		snprintf(text, sizeof(text),
		    "{\"method\":\"org.assay.Builder.DestroyDomain\","
		    "\"parameters\":{%s}}",
		    selectors[i]);
		assert_call(fd, text, "DOMAIN_UNKNOWN");
	}
	assert_non_null(xen_fake_domain(fake, 3));
	close(fd);
}

static void
daemon_remembers_its_domains_over_a_restart(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_true(xen_fake_domain(fake, 7)->is_running);

	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "\"uuid\":\"" GOOD_UUID "\"");
	assert_call(fd, BUILD_CALL, "DOMAIN_EXISTS");
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.DestroyDomain\","
	    "\"parameters\":{\"domid\":7}}",
	    "{\"parameters\":{}}");
	assert_nothing_left();
	close(fd);
}

/* --- refusals -------------------------------------------------------- */

static void
daemon_refuses_and_says_why(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.BuildDomain\",\"parameters\":{"
	    "\"image\":\"nothing\",\"name\":\"x\",\"memory_mib\":256,"
	    "\"vcpus\":1}}",
	    "IMAGE_UNKNOWN");
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.BuildDomain\",\"parameters\":{"
	    "\"image\":\"web\",\"name\":\"x\",\"memory_mib\":64,"
	    "\"vcpus\":1}}",
	    "{\"error\":\"org.assay.Builder.Refused\",\"parameters\":{\"code\":"
	    "\"LIMIT_EXCEEDED\",\"field\":\"memory_mib\"");
	assert_call(fd, CALL("GetStatus"), "\"builds_refused\":2,");
	assert_nothing_left();
	close(fd);
}

static void
daemon_survives_a_store_that_is_gone(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rename("store", "away"), 0);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "\"STORE_IO\"");
	assert_int_equal(mkdir("store", 0755), 0);
	assert_call(fd, BUILD_CALL, "\"STORE_MALFORMED\"");
	assert_int_equal(rmdir("store"), 0);
	assert_int_equal(rename("away", "store"), 0);
	assert_call(fd, BUILD_CALL, "receipt");
	close(fd);
}

/* --- each step fails, each step is the last -------------------------- */

static void
build_with_each_fault(enum fault_kind kind, const char *code)
{
	for (const char *const *op = fault_operations(); *op != NULL; op++) {
		int fd;

		start_daemon(kind, *op);
		fd = caller_open();
		assert_call(fd, BUILD_CALL, code);
		if (!is_nothing_left())
			fail_msg("%s: something is left", *op);
		assert_string_equal(fake->violation, "");
		/* It goes on serving. */
		assert_call(fd, CALL("GetStatus"), "\"builds_refused\":1,");
		close(fd);
		assert_int_equal(end_daemon(SIGTERM), 0);
	}
}

static void
daemon_leaves_nothing_when_any_operation_fails(void **state)
{
	(void)state;
	build_with_each_fault(FAULT_FAIL, "FAULT_INJECTED");
}

static void
daemon_leaves_nothing_when_a_build_is_killed_after_any_operation(void **state)
{
	(void)state;
	build_with_each_fault(FAULT_KILL, "BUILD_CRASHED");
}

/* The child that could not clean up is followed by one that can. */
static void
daemon_cleans_up_after_a_build_that_could_not(void **state)
{
	int fd;

	(void)state;
	strcpy(fake->fail_operation, "domain_unpause");
	/* 1 domain_list at start, then the build; its first destroy fails:
	 * list, name of d0, create ... introduce, unpause, destroy. */
	fake->fail_at = 1 + 17 + 1;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "BUILD_CRASHED");
	assert_has(fake->calls[fake->fail_at - 1], "domain_destroy 7");
	assert_nothing_left();
	close(fd);
}

/* --- callers that go away -------------------------------------------- */

static void
daemon_undoes_the_build_of_a_caller_that_leaves(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	hang_at("domain_load");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	wait_for_call("domain_load");
	assert_int_equal(xen_fake_domain_count(fake), 1);
	assert_int_equal(count_pending(), 1);
	close(fd);
	wait_until(is_nothing_left, "the build is undone");
	go_on();
	fd = caller_open();
	assert_call(fd, CALL("GetStatus"),
	    "\"builds_running\":0,"
	    "\"builds_done\":0,"
	    "\"builds_refused\":1,");
	assert_call(fd, BUILD_CALL, "receipt");
	close(fd);
}

static bool
is_running(void)
{
	return xen_fake_domain(fake, 7) != NULL &&
	       xen_fake_domain(fake, 7)->is_running &&
	       count_files("state/domains") == 1;
}

/* The receipt and the caller's end reach the front in one turn. */
static void
daemon_destroys_a_domain_whose_receipt_reached_nobody(void **state)
{
	pid_t front;
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	hang_at("domain_load");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	wait_for_call("domain_load");
	front = child_of_daemon(FRONT_CHILD);
	assert_int_equal(kill(front, SIGSTOP), 0);
	go_on();
	wait_until(is_running, "the domain runs");
	close(fd);
	assert_int_equal(kill(front, SIGCONT), 0);
	wait_until(is_nothing_left, "the domain is destroyed");
	assert_string_equal(fake->violation, "");
}

/* --- several at once ------------------------------------------------- */

static void
daemon_refuses_a_name_or_uuid_that_is_being_built(void **state)
{
	int first;
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	hang_at("domain_load");
	first = caller_open();
	fd = caller_open();
	send_build(first, "one", 1);
	wait_for_call("domain_load");
	send_build(fd, "one", 2);
	assert_reply(fd, "DOMAIN_EXISTS");
	send_build(fd, "two", 1);
	assert_reply(fd, "DOMAIN_EXISTS");
	go_on();
	assert_reply(first, "receipt");
	assert_int_equal(xen_fake_domain_count(fake), 1);
	close(first);
	close(fd);
}

/* Else the clean-up would remove the new domain, or forget it. */
static void
daemon_refuses_a_uuid_that_is_being_removed(void **state)
{
	int first;
	int fd;

	(void)state;
	start_daemon(FAULT_KILL, "domain_create");
	hang_at("domain_destroy");
	first = caller_open();
	fd = caller_open();
	send_build(first, "one", 1);
	wait_for_call("domain_destroy");
	send_build(fd, "two", 1);
	assert_reply(fd, "DOMAIN_EXISTS");
	go_on();
	assert_reply(first, "BUILD_CRASHED");
	assert_nothing_left();
	close(first);
	close(fd);
}

static void
daemon_refuses_a_uuid_that_is_being_destroyed(void **state)
{
	int first;
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	first = caller_open();
	fd = caller_open();
	send_build(first, "one", 1);
	assert_reply(first, "receipt");
	hang_at("store_remove");
	xen_fake_forget_calls(fake);
	caller_send(first, "{\"method\":\"org.assay.Builder.DestroyDomain\","
			   "\"parameters\":{\"domid\":7}}");
	/* Xen does not list it any more; its nodes are still there. */
	wait_for_call("store_remove");
	send_build(fd, "two", 1);
	assert_reply(fd, "DOMAIN_EXISTS");
	go_on();
	assert_reply(first, "{\"parameters\":{}}");
	send_build(fd, "two", 1);
	assert_reply(fd, "receipt");
	close(first);
	close(fd);
}

static void
daemon_builds_eight_at_once_and_refuses_a_ninth(void **state)
{
	int fds[LIMIT_BUILDS];
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	hang_at("domain_load");
	for (unsigned int i = 0; i < LIMIT_BUILDS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "guest-%u", i);
		fds[i] = caller_open();
		send_build(fds[i], name, i + 1);
	}
	fd = caller_open();
	for (int i = 0; i < 400; i++) {
		CLEANUP(freep) char *reply = NULL;

		caller_send(fd, CALL("GetStatus"));
		reply = caller_receive(fd);
		if (strstr(reply, "\"builds_running\":8,") != NULL)
			break;
		usleep(5000);
	}
	send_build(fd, "ninth", 99);
	assert_reply(fd, "RPC_BUSY");
	/* Listings still have room. */
	assert_call(fd, CALL("ListImages"), "\"name\":\"web\"");
	go_on();
	for (unsigned int i = 0; i < LIMIT_BUILDS; i++) {
		assert_reply(fds[i], "receipt");
		close(fds[i]);
	}
	assert_int_equal(xen_fake_domain_count(fake), LIMIT_BUILDS);
	assert_string_equal(fake->violation, "");
	close(fd);
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
	    "domain_prepare", "domain_load", "grants_read", "store_write",
	    "store_introduce", "domain_unpause"};

	(void)state;
	for (size_t i = 0; i < countof(operations); i++) {
		int fd;

		start_daemon(FAULT_NONE, "");
		xen_fake_forget_calls(fake);
		hang_at(operations[i]);
		fd = caller_open();
		caller_send(fd, BUILD_CALL);
		wait_for_call(operations[i]);
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

/* Development: no identity and no boot policy, but a TPM and a log. */
static void
give_tpm(void)
{
	tpm = tpm_fake_new();
	config.measure = (struct measure_config){
	    .is_set = true,
	    .tpm = "device:/dev/tpm",
	    .identity = "tpm.json",
	    .boot_policy = "boot-policy.dsse",
	    .log = "measure.log",
	    .pcr = 13,
	};
}

/* How often this is in the log, once the tpm role has ended or not. */
static int
logged(const char *part)
{
	CLEANUP(buffer_done) struct buffer log = read_file("measure.log");
	int count = 0;

	for (size_t i = 0; i + strlen(part) <= log.len; i++)
		count += memcmp(log.ptr + i, part, strlen(part)) == 0;
	return count;
}

/* Else it would be started and never ended, as far as the log says. */
static void
daemon_puts_on_record_what_it_recovers(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	start_daemon(FAULT_NONE, "");
	xen_fake_forget_calls(fake);
	hang_at("store_introduce");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	wait_for_call("store_introduce");
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
	role = child_of_daemon(TPM_CHILD);
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
	hang_at("store_introduce");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	wait_for_call("store_introduce");
	go_on();
	hang_at("store_introduce");
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
	start_daemon(FAULT_KILL, "store_introduce");
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

static void
daemon_ends_when_its_front_dies(void **state)
{
	int status;
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("GetStatus"), "builds_done");
	assert_int_equal(kill(child_of_daemon(FRONT_CHILD), SIGKILL), 0);
	assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
	daemon_pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	close(fd);
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
	assert_int_equal(kill(child_of_daemon(TPM_CHILD), SIGKILL), 0);
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
	role = child_of_daemon(TPM_CHILD);
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
	role = child_of_daemon(TPM_CHILD);
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
		waiting = child_of_daemon(WAITING_CHILD);
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

#define daemon_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(daemon_builds_lists_and_destroys_a_domain),
	    daemon_test(daemon_serves_a_second_build_from_its_cache),
	    daemon_test(daemon_refuses_what_was_revoked_a_moment_ago),
	    daemon_test(daemon_never_goes_back_to_an_older_policy),
	    daemon_test(daemon_lists_images_good_and_bad),
	    daemon_test(daemon_forgets_a_domain_that_others_destroyed),
	    daemon_test(daemon_destroys_no_domain_that_it_did_not_build),
	    daemon_test(daemon_remembers_its_domains_over_a_restart),
	    daemon_test(daemon_refuses_and_says_why),
	    daemon_test(daemon_survives_a_store_that_is_gone),
	    daemon_test(daemon_leaves_nothing_when_any_operation_fails),
	    daemon_test(
		daemon_leaves_nothing_when_a_build_is_killed_after_any_operation),
	    daemon_test(daemon_cleans_up_after_a_build_that_could_not),
	    daemon_test(daemon_undoes_the_build_of_a_caller_that_leaves),
	    daemon_test(daemon_destroys_a_domain_whose_receipt_reached_nobody),
	    daemon_test(daemon_refuses_a_name_or_uuid_that_is_being_built),
	    daemon_test(daemon_refuses_a_uuid_that_is_being_removed),
	    daemon_test(daemon_refuses_a_uuid_that_is_being_destroyed),
	    daemon_test(daemon_builds_eight_at_once_and_refuses_a_ninth),
	    daemon_test(
		daemon_that_is_told_to_stop_undoes_builds_and_leaves_guests),
	    daemon_test(daemon_recovers_from_being_killed_in_a_build),
	    daemon_test(daemon_puts_on_record_what_it_recovers),
	    daemon_test(daemon_puts_on_record_what_a_failing_tpm_did_not_take),
	    daemon_test(daemon_ends_in_bounded_time_if_its_tpm_role_does_not),
	    daemon_test(daemon_puts_on_record_the_builds_that_its_end_undoes),
	    daemon_test(daemon_does_not_call_gone_what_it_left_behind),
	    daemon_test(daemon_ends_when_its_front_dies),
	    daemon_test(daemon_on_a_host_that_is_not_trusted_builds_nothing),
	    daemon_test(daemon_without_its_tpm_role_builds_nothing),
	    daemon_test(daemon_answers_who_asked_a_tpm_role_that_died),
	    daemon_test(daemon_bounds_the_calls_for_evidence),
	    daemon_test(daemon_builds_although_the_child_that_waited_died),
	};

	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
