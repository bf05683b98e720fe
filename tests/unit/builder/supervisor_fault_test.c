/*
 * Builds that fail, are killed or are given up by their callers, several at
 * once.
 */
#include "daemon_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"

/* --- each step fails, each step is the last -------------------------- */

static void
build_with_each_fault(enum fault_kind kind, const char *code)
{
	/* The nodes role dies, and nothing was made yet. */
	const char *first = kind == FAULT_KILL ? "XENSTORE_FAILED" : code;

	for (const char *const *op = fault_operations(); *op != NULL; op++) {
		int fd;

		start_daemon(kind, *op);
		fd = caller_open();
		assert_call(fd, BUILD_CALL,
		    strcmp(*op, "xenstore_find") == 0 ? first : code);
		wait_until(is_nothing_left, *op);
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

/* --- libxl's record is written, but does not get its name ------------- */

static enum { RENAMES, FAILS, DIES } record_end;

int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned int flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned int flags);

int
__wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned int flags)
{
	bool is_record = strstr(to, ".libxl-json") != NULL;

	if (is_record && record_end == DIES)
		__builtin_trap();
	if (is_record && record_end == FAILS) {
		errno = ENOSPC;
		return -1;
	}
	return __real_renameat2(from_dir, from, to_dir, to, flags);
}

static void
build_while_the_record_ends(int end, const char *code)
{
	int fd;

	record_end = end;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, code);
	assert_nothing_left();
	close(fd);
	record_end = RENAMES;
}

static void
daemon_leaves_no_record_when_the_disk_is_full(void **state)
{
	(void)state;
	build_while_the_record_ends(FAILS, "No space left");
}

static void
daemon_refuses_a_build_without_a_place_for_the_record(void **state)
{
	int fd;

	(void)state;
	strcpy(config.libxl_dir, "no/such/place");
	give_tpm();
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "STORE_IO");
	assert_nothing_left();
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_int_equal(logged("\"ev\":\"build\""), 0);
}

static void
daemon_without_a_place_for_records_writes_none(void **state)
{
	int fd;

	(void)state;
	config.libxl_dir[0] = '\0';
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	assert_int_equal(count_files("libxl"), 0);
	close(fd);
}

static void
daemon_writes_the_record_before_the_guest_runs(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	hang_at("xenstore_write");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	wait_for_call("xenstore_write");
	assert_int_equal(count_files("libxl"), 1);
	go_on();
	assert_reply(fd, "receipt");
	assert_int_equal(count_files("libxl"), 1);
	close(fd);
}

static void
daemon_that_died_in_the_record_is_followed_by_one_that_removes_it(void **state)
{
	int fd;

	(void)state;
	record_end = DIES;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	assert_null(caller_receive(fd)); /* assayd died */
	assert_true(WIFSIGNALED(end_daemon(SIGKILL)));
	close(fd);
	assert_int_equal(count_files("libxl"), 1); /* without its name */
	assert_int_equal(count_pending(), 1);
	record_end = RENAMES;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_nothing_left();
}

/* A directory is nothing that it removes. */
#define TAKEN "libxl/userdata-d.7." GOOD_UUID ".taken"
#define DESTROY_7                                                          \
	"{\"method\":\"org.assay.Builder.DestroyDomain\",\"parameters\":{" \
	"\"domid\":7}}"

static void
daemon_tries_again_to_remove_what_libxl_keeps(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkdir(TAKEN, 0700), 0);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	assert_call(fd, DESTROY_7, "STORE_IO");
	assert_int_equal(xen_fake_domain_count(fake), 0);
	assert_int_equal(count_pending(), 1);
	assert_int_equal(rmdir(TAKEN), 0);
	wait_until(is_nothing_left, "all is removed");
	close(fd);
}

/* Its child has undone all else. */
static void
daemon_tries_again_to_remove_the_record_of_a_build_that_failed(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkdir(TAKEN, 0700), 0);
	strcpy(fake->fail_operation, "xenstore_introduce");
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "XENSTORE_FAILED");
	assert_int_equal(xen_fake_domain_count(fake), 0);
	assert_int_equal(count_pending(), 1);
	assert_int_equal(rmdir(TAKEN), 0);
	wait_until(is_nothing_left, "all is removed");
	close(fd);
}

/* The child that could not clean up is followed by one that can. */
static void
daemon_cleans_up_after_a_build_that_could_not(void **state)
{
	int fd;

	(void)state;
	strcpy(fake->fail_operation, "domain_unpause");
	/* domain_list at start and for the call, then the build; its first
	 * destroy fails: list, name of d0, create ... introduce, list, uuid,
	 * unpause, list, destroy. */
	fake->fail_at = 2 + 17 + 2;
	fake->is_deaf = true; /* and no look besides */
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
	front = role_of_daemon("front");
	assert_int_equal(kill(front, SIGSTOP), 0);
	go_on();
	wait_until(is_running, "the domain runs");
	close(fd);
	assert_int_equal(kill(front, SIGCONT), 0);
	wait_until(is_nothing_left, "the domain is destroyed");
	assert_string_equal(fake->violation, "");
}

/* --- a store that does not answer ------------------------------------ */

static int fuse_fd = -1;

/* Else whoever cleans up would wait, too. */
static int
silence_teardown(void **state)
{
	if (fuse_fd >= 0)
		(void)umount2("store", MNT_DETACH);
	closep(&fuse_fd);
	return daemon_teardown(state);
}

/* Whoever looks at it waits: a filesystem whose server answers nothing. */
static void
mount_silence(const char *path)
{
	char options[80];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		print_message("skipped: no /dev/fuse\n");
		skip();
	}
	snprintf(options, sizeof(options),
	    "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
	if (mount("silence", path, "fuse", MS_NOSUID | MS_NODEV, options) !=
	    0) {
		close(fd);
		print_message("skipped: cannot mount: %s\n", strerror(errno));
		skip();
	}
	fuse_fd = fd;
}

/* What is built of it fails in its time; all else goes on. */
static void
daemon_does_not_wait_for_a_store_that_does_not_answer(void **state)
{
	int builder;
	int fd;

	(void)state;
	config.build_seconds = 3;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	builder = caller_open();
	send_build(builder, "one", 1);
	assert_reply(builder, "receipt");
	mount_silence("store");
	send_build(builder, "two", 2);
	usleep(100000);
	assert_call(fd, CALL("GetStatus"), "\"builds_running\":1");
	caller_send(fd, "{\"method\":\"org.assay.Builder.DestroyDomain\","
			"\"parameters\":{\"domid\":7}}");
	assert_reply(fd, "{\"parameters\":{}}");
	assert_reply(builder, "BUILD_TIMEOUT");
	assert_int_equal(umount2("store", MNT_DETACH), 0);
	closep(&fuse_fd);
	send_build(builder, "three", 3);
	assert_reply(builder, "receipt");
	close(builder);
	close(fd);
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
	hang_at("xenstore_remove");
	xen_fake_forget_calls(fake);
	caller_send(first, "{\"method\":\"org.assay.Builder.DestroyDomain\","
			   "\"parameters\":{\"domid\":7}}");
	/* Xen does not list it any more; its nodes are still there. */
	wait_for_call("xenstore_remove");
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(daemon_leaves_nothing_when_any_operation_fails),
	    daemon_test(
		daemon_leaves_nothing_when_a_build_is_killed_after_any_operation),
	    daemon_test(daemon_leaves_no_record_when_the_disk_is_full),
	    daemon_test(daemon_refuses_a_build_without_a_place_for_the_record),
	    daemon_test(daemon_without_a_place_for_records_writes_none),
	    daemon_test(daemon_writes_the_record_before_the_guest_runs),
	    daemon_test(
		daemon_that_died_in_the_record_is_followed_by_one_that_removes_it),
	    daemon_test(daemon_tries_again_to_remove_what_libxl_keeps),
	    daemon_test(
		daemon_tries_again_to_remove_the_record_of_a_build_that_failed),
	    daemon_test(daemon_cleans_up_after_a_build_that_could_not),
	    daemon_test(daemon_undoes_the_build_of_a_caller_that_leaves),
	    daemon_test(daemon_destroys_a_domain_whose_receipt_reached_nobody),
	    cmocka_unit_test_setup_teardown(
		daemon_does_not_wait_for_a_store_that_does_not_answer,
		daemon_setup, silence_teardown),
	    daemon_test(daemon_refuses_a_name_or_uuid_that_is_being_built),
	    daemon_test(daemon_refuses_a_uuid_that_is_being_removed),
	    daemon_test(daemon_refuses_a_uuid_that_is_being_destroyed),
	    daemon_test(daemon_builds_eight_at_once_and_refuses_a_ninth),
	};

	return cmocka_run_group_tests_name("supervisor_fault", tests, NULL,
	    NULL);
}
