/*
 * The daemon's real children, seen from outside while one of them builds: each
 * is in its sandbox, as the user and with the descriptors that it should have;
 * and they die with the process that started them.
 */
#include "daemon_fixture.h"

#include <dirent.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"

enum role {
	ROLE_TPM,
	ROLE_FRONT,
	ROLE_BUILD,
	ROLE_NODES,
	ROLE_STAGE,
	ROLE_VERIFY,
	ROLES
};

static const char *const role_names[ROLES] = {"tpm", "front", "build", "nodes",
    "stage", "verify"};

#define NO_CAPABILITIES "0000000000000000"

static const unsigned int users[ROLES] = {
    [ROLE_FRONT] = 65520,
    [ROLE_STAGE] = 65521,
    [ROLE_VERIFY] = 65522,
    [ROLE_BUILD] = 65523,
    [ROLE_NODES] = 65523, /* the same */
    [ROLE_TPM] = 65524,
};

/* What each may hold besides its standard streams. */
static const struct {
	size_t sockets;
	const char *file; /* "" for none */
	bool has_memory;
	size_t pipes;
} holdings[ROLES] = {
    [ROLE_TPM] = {1, "measure.log", false, 0}, /* its link */
    /* Answers, listening, one caller; calls. */
    [ROLE_FRONT] = {3, "", false, 1},
    /* Links to supervisor, stage and its nodes role. */
    [ROLE_BUILD] = {3, "", true, 0},
    [ROLE_NODES] = {1, "", false, 0},     /* its link */
    [ROLE_STAGE] = {1, "store", true, 0}, /* its link */
    [ROLE_VERIFY] = {2, "", true, 0},     /* links to supervisor and stage */
};

static pid_t pid_of[ROLES];

/* --- a daemon with a build under way --------------------------------- */

static int caller_fd = -1;

/* A line of its status, without the key; "" for a process that is gone. */
static void
read_status(pid_t pid, const char *key, char ret_value[256])
{
	char path[64];
	size_t len = strlen(key);
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	ret_value[0] = '\0';
	while (file != NULL && fgets(ret_value, 256, file) != NULL) {
		if (strncmp(ret_value, key, len) == 0 && ret_value[len] == ':')
			break;
		ret_value[0] = '\0';
	}
	if (file != NULL)
		fclose(file);
	ret_value[strcspn(ret_value, "\n")] = '\0';
	if (strlen(ret_value) > len + 2)
		memmove(ret_value, ret_value + len + 2,
		    strlen(ret_value + len + 2) + 1);
}

/* Its filter is the last thing that a role gives up before it works. */
static bool
are_all_there(void)
{
	char filters[256];

	for (int role = 0; role < ROLES; role++) {
		pid_of[role] = role_of_daemon(role_names[role]);
		read_status(pid_of[role], "Seccomp", filters);
		if (pid_of[role] == 0 || strcmp(filters, "2") != 0)
			return false;
	}
	return true;
}

/* One of each role, at work or waiting for it. */
static void
start_roles(void)
{
	start_daemon(FAULT_NONE, "");
	caller_fd = caller_open();
	assert_call(caller_fd, CALL("GetStatus"), "builds_done");
	wait_until(are_all_there, "all roles are there");
}

/* By the first call to Xen the verify role has decided and is gone. */
static void
start_a_build(void)
{
	hang_at("domain_create");
	caller_send(caller_fd, BUILD_CALL);
	wait_for_call("domain_create");
	pid_of[ROLE_BUILD] = role_of_daemon("build");
	pid_of[ROLE_STAGE] = role_of_daemon("stage");
}

static void
finish_the_build(void)
{
	go_on();
	assert_reply(caller_fd, "receipt");
	closep(&caller_fd);
}

static void
need_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("skipped: needs root\n");
	skip();
}

/* --- what is seen ---------------------------------------------------- */

static void
assert_status(int role, const char *key, const char *value)
{
	char found[256];

	read_status(pid_of[role], key, found);
	if (strcmp(found, value) != 0)
		fail_msg("%s: %s: \"%s\", not \"%s\"", role_names[role], key,
		    found, value);
}

/* Of each role one that is there: who verifies while it waits, the others at
 * work. */
static void
look_at_all(void (*look)(int role))
{
	give_tpm();
	start_roles();
	look(ROLE_VERIFY);
	start_a_build();
	for (int role = 0; role < ROLES; role++) {
		if (role != ROLE_VERIFY)
			look(role);
	}
	finish_the_build();
}

static void
assert_in_its_sandbox(int role)
{
	char name[32];

	snprintf(name, sizeof(name), "assayd[%s]", role_names[role]);
	assert_status(role, "Name", name);
	assert_status(role, "Seccomp", "2");
	assert_status(role, "Seccomp_filters", "1");
	assert_status(role, "NoNewPrivs", "1");
}

static void
children_are_in_their_sandboxes(void **state)
{
	(void)state;
	look_at_all(assert_in_its_sandbox);
}

/* One of its own for each, with nothing that others have not. */
static void
assert_its_user(int role)
{
	char user[64];

	snprintf(user, sizeof(user), "%u\t%u\t%u\t%u", users[role], users[role],
	    users[role], users[role]);
	assert_status(role, "Uid", user);
	assert_status(role, "Gid", user);
	assert_status(role, "Groups", " ");
	assert_status(role, "CapPrm", NO_CAPABILITIES);
	assert_status(role, "CapEff", NO_CAPABILITIES);
	assert_status(role, "CapInh", NO_CAPABILITIES);
	assert_status(role, "CapBnd", NO_CAPABILITIES);
	assert_status(role, "CapAmb", NO_CAPABILITIES);
}

static void
children_are_the_users_that_they_should_be(void **state)
{
	const gid_t groups[] = {4711, 4712};

	(void)state;
	need_root();
	assert_int_equal(setgroups(countof(groups), groups), 0);
	look_at_all(assert_its_user);
	assert_int_equal(setgroups(0, NULL), 0);
}

static void
assert_its_root(int role)
{
	char name[64];
	char root[PATH_MAX] = "";

	snprintf(name, sizeof(name), "/proc/%d/root", (int)pid_of[role]);
	assert_true(readlink(name, root, sizeof(root) - 1) > 0);
	if (count_files(name) != 0)
		fail_msg("%s: there are files in %s", role_names[role], root);
}

static void
children_see_no_files(void **state)
{
	(void)state;
	need_root();
	look_at_all(assert_its_root);
}

/* It has the build role's program and user, and no directory. */
static void
look_role_is_in_its_sandbox(void **state)
{
	static const char *const kept[][2] = {
	    {"Seccomp", "2"},
	    {"Uid", "65523\t65523\t65523\t65523"},
	    {"CapPrm", NO_CAPABILITIES},
	    {"CapEff", NO_CAPABILITIES},
	};
	char root[64];
	pid_t pid;

	(void)state;
	need_root();
	start_roles();
	assert_call(caller_fd, CALL("ListDomains"), "domains");
	pid = role_of_daemon("look");
	assert_int_not_equal(pid, 0);
	for (size_t i = 0; i < countof(kept); i++) {
		char found[256];

		read_status(pid, kept[i][0], found);
		assert_string_equal(found, kept[i][1]);
	}
	snprintf(root, sizeof(root), "/proc/%d/root", (int)pid);
	assert_int_equal(count_files(root), 0);
	closep(&caller_fd);
}

/* Its filter is the last thing that it sets up. */
static bool
is_watching(void)
{
	pid_t pid = role_of_daemon("watch");
	char found[256] = "";

	if (pid != 0)
		read_status(pid, "Seccomp", found);
	return strcmp(found, "2") == 0;
}

/* It has a connection to xenstored, and no directory. */
static void
watch_role_is_in_its_sandbox(void **state)
{
	static const char *const kept[][2] = {
	    {"Seccomp", "2"},
	    {"Uid", "65523\t65523\t65523\t65523"},
	    {"CapPrm", NO_CAPABILITIES},
	    {"CapEff", NO_CAPABILITIES},
	};
	char root[64];
	pid_t pid;

	(void)state;
	need_root();
	start_roles();
	wait_until(is_watching, "the watch role is there");
	pid = role_of_daemon("watch");
	for (size_t i = 0; i < countof(kept); i++) {
		char found[256];

		read_status(pid, kept[i][0], found);
		assert_string_equal(found, kept[i][1]);
	}
	snprintf(root, sizeof(root), "/proc/%d/root", (int)pid);
	assert_int_equal(count_files(root), 0);
	closep(&caller_fd);
}

/* What a descriptor is: counted as a socket, or the role's one file, or a
 * memory that it may have. */
static bool
is_expected(int role, const char *target, size_t *sockets, size_t *pipes)
{
	char path[PATH_MAX];

	if (strncmp(target, "pipe:", 5) == 0) {
		(*pipes)++;
		return true;
	}
	if (strncmp(target, "socket:", 7) == 0) {
		(*sockets)++;
		return true;
	}
	if (strncmp(target, "/memfd:", 7) == 0)
		return holdings[role].has_memory;
	return holdings[role].file[0] != '\0' &&
	       realpath(holdings[role].file, path) != NULL &&
	       strcmp(target, path) == 0;
}

static void
assert_holdings(int role)
{
	char name[300];
	size_t sockets = 0;
	size_t pipes = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(name, sizeof(name), "/proc/%d/fd", (int)pid_of[role]);
	dir = opendir(name);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char target[PATH_MAX] = "";

		if (entry->d_name[0] == '.' || atoi(entry->d_name) <= 2)
			continue;
		snprintf(name, sizeof(name), "/proc/%d/fd/%s",
		    (int)pid_of[role], entry->d_name);
		(void)!readlink(name, target, sizeof(target) - 1);
		if (!is_expected(role, target, &sockets, &pipes))
			fail_msg("%s holds %s", role_names[role], target);
	}
	closedir(dir);
	if (sockets != holdings[role].sockets || pipes != holdings[role].pipes)
		fail_msg("%s holds %zu sockets and %zu pipes, not %zu and %zu",
		    role_names[role], sockets, pipes, holdings[role].sockets,
		    holdings[role].pipes);
}

static void
children_hold_only_what_they_should(void **state)
{
	(void)state;
	need_root(); /* to look at what belongs to root */
	look_at_all(assert_holdings);
}

/* --- how they end ---------------------------------------------------- */

enum { HELD = 128 };

static int held[HELD];
static size_t held_count;

/* Keep every descriptor of this process open, so that no end of a link tells
 * its other end that the process is gone. */
static void
hold_all_of(pid_t pid)
{
	CLEANUP(closep) int pidfd = pidfd_open(pid, 0);

	assert_true(pidfd >= 0);
	for (int fd = 3; fd < 100 && held_count < HELD; fd++) {
		int copy = pidfd_getfd(pidfd, fd, 0);

		if (copy >= 0)
			held[held_count++] = copy;
	}
	assert_in_range(held_count, 1, HELD - 1);
}

static void
let_go(void)
{
	while (held_count > 0)
		close(held[--held_count]);
}

static void
assert_ends(int role, int pidfd)
{
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};

	if (poll(&wait, 1, 10000) != 1)
		fail_msg("%s lives on", role_names[role]);
	close(pidfd);
}

/* But the tpm role, which writes its last event when the link ends. */
static void
children_die_with_their_parent_although_links_are_held(void **state)
{
	int pidfds[ROLES];

	(void)state;
	need_root();
	start_roles();
	hold_all_of(daemon_pid);
	hold_all_of(pid_of[ROLE_VERIFY]);
	hold_all_of(pid_of[ROLE_BUILD]);
	for (int role = 0; role < ROLES; role++) {
		pidfds[role] = pidfd_open(pid_of[role], 0);
		assert_true(pidfds[role] >= 0);
	}
	assert_int_equal(end_daemon(SIGKILL), SIGKILL);
	assert_ends(ROLE_FRONT, pidfds[ROLE_FRONT]);
	assert_ends(ROLE_BUILD, pidfds[ROLE_BUILD]);
	assert_ends(ROLE_STAGE, pidfds[ROLE_STAGE]);
	assert_ends(ROLE_VERIFY, pidfds[ROLE_VERIFY]);
	let_go();
	assert_ends(ROLE_TPM, pidfds[ROLE_TPM]);
	closep(&caller_fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(children_are_in_their_sandboxes),
	    daemon_test(children_are_the_users_that_they_should_be),
	    daemon_test(children_see_no_files),
	    daemon_test(look_role_is_in_its_sandbox),
	    daemon_test(watch_role_is_in_its_sandbox),
	    daemon_test(children_hold_only_what_they_should),
	    daemon_test(children_die_with_their_parent_although_links_are_held),
	};

	return cmocka_run_group_tests_name("roles", tests, NULL, NULL);
}
