/*
 * Roles as programs: what assayd executes, and what it hands over. Where only
 * that matters, this test is the program.
 */
#include "builder_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/supervisor/role_launch.h"

static const enum role all_roles[] = {ROLE_FRONT, ROLE_STAGE, ROLE_VERIFY,
    ROLE_BUILD, ROLE_NODES, ROLE_LOOK, ROLE_WATCH, ROLE_CHANNEL, ROLE_TPM};

static int
open_program(enum role role)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s-%s", ASSAYD_PROGRAM, role_name(role));
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s is not there", path);
	return fd;
}

static struct role_start
start_of(enum role role)
{
	return (struct role_start){
	    .role = role,
	    .parent_pid = getpid(),
	    .config = good_config(),
	};
}

/* They say what they say where this test does. */
static struct role_fds
fds_of(const int *fds, size_t count)
{
	struct role_fds given = {.log = STDERR_FILENO, .count = count};

	memcpy(given.fds, fds, count * sizeof(*fds));
	return given;
}

static int
end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* --- programs that are called by hand -------------------------------- */

static void
program_that_somebody_calls_by_hand_says_who_starts_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all_roles); i++) {
		char path[PATH_MAX];
		pid_t pid;

		snprintf(path, sizeof(path), "%s-%s", ASSAYD_PROGRAM,
		    role_name(all_roles[i]));
		pid = fork();
		if (pid == 0) {
			close_range(3, ~0u, 0);
			if (freopen("said", "w", stderr) == NULL)
				_exit(98);
			execl(path, path, NULL);
			_exit(99);
		}
		assert_int_equal(end_of(pid), 2);
		{
			CLEANUP(buffer_done)
			struct buffer said = read_file("said");

			buffer_add(&said, "", 1);
			assert_has((char *)said.ptr,
			    "assayd starts this program");
		}
	}
}

static void
program_of_one_role_does_not_begin_as_another(void **state)
{
	struct role_programs programs = {{0}};
	struct role_start start = start_of(ROLE_FRONT);
	struct role_fds fds;
	struct err err;
	int link[2];
	pid_t pid;

	(void)state;
	assert_code(ipc_pair(link, &err), 0);
	fds = fds_of(link, 1);
	programs.fds[ROLE_FRONT] = open_program(ROLE_STAGE);
	assert_code(role_programs_launch(&programs, &start, &fds, &pid, &err),
	    0);
	assert_int_equal(end_of(pid), 2);
	role_programs_close(&programs);
	close(link[0]);
	close(link[1]);
}

/* --- a real one ------------------------------------------------------- */

static size_t
environment_bytes(pid_t pid)
{
	CLEANUP(buffer_done) struct buffer file = {0};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	file = read_file(path);
	return file.len;
}

/* A line of its status: a mask of signals. */
static uint64_t
signals_of(pid_t pid, const char *key)
{
	char path[64];
	char line[256];
	FILE *file;
	uint64_t mask = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0)
			mask = strtoull(line + strlen(key), NULL, 16);
	}
	fclose(file);
	return mask;
}

/* A signal to the whole group of assayd's processes does not end it: it would
 * leave half of a build, or no last event. */
static void
program_serves_without_an_environment_and_whatever_is_signalled(void **state)
{
	struct fixture *fixture = *state;
	struct role_programs programs = {{0}};
	struct role_start start = start_of(ROLE_STAGE);
	CLEANUP(layout_list_done) struct layout_list list = {0};
	struct stage stage;
	sigset_t blocked;
	sigset_t before;
	struct role_fds fds;
	struct err err;
	int link[2];
	pid_t pid;

	(void)fixture;
	/* As the supervisor has them. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	assert_int_equal(setenv("OPENSSL_CONF", "/nonsense", 1), 0);
	assert_code(ipc_pair(link, &err), 0);
	fds = fds_of(&link[1], 1);
	programs.fds[ROLE_STAGE] = open_program(ROLE_STAGE);
	assert_code(role_programs_launch(&programs, &start, &fds, &pid, &err),
	    0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	unsetenv("OPENSSL_CONF");
	close(link[1]);
	stage = (struct stage){.fd = link[0]};
	give_store(&stage, "store"); /* it has begun */
	assert_int_equal(environment_bytes(pid), 0);
	assert_int_equal(signals_of(pid, "SigBlk:"), 0);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_code(stage_list(&stage, "web", &list, &err), 0);
	assert_int_equal(list.count, 1);
	closep(&stage.fd);
	assert_int_equal(end_of(pid), 0);
	role_programs_close(&programs);
}

/* --- what is handed over ---------------------------------------------- */

/* As a role's program: tell which descriptors there are. */
static int
tell_descriptors(void)
{
	struct stat seen[5] = {{0}};

	for (int i = 0; i < 5; i++)
		(void)!fstat(ROLE_FD_FIRST + i, &seen[i]);
	return write(FRONT_FD_CALLS, seen, sizeof(seen)) == sizeof(seen) ? 0
	                                                                 : 1;
}

/* Whatever numbers they have here, among them those that they get there. */
static void
program_gets_its_descriptors_and_no_other(void **state)
{
	struct role_programs programs = {{0}};
	struct role_start start = start_of(ROLE_FRONT);
	struct stat seen[5];
	struct stat expected[3];
	struct role_fds given;
	struct err err;
	int calls[2];
	int fds[3];
	pid_t pid;

	(void)state;
	programs.fds[ROLE_FRONT] = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	assert_true(programs.fds[ROLE_FRONT] >= 0);
	assert_int_equal(pipe2(calls, O_CLOEXEC), 0);
	fds[0] = calls[1];
	fds[1] = open("store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[2] = open("store/index.json", O_RDONLY | O_CLOEXEC);
	/* The other way round than they will be. */
	fds[0] = fcntl(fds[0], F_DUPFD_CLOEXEC, FRONT_FD_LISTEN);
	for (size_t i = 0; i < countof(fds); i++)
		assert_int_equal(fstat(fds[i], &expected[i]), 0);
	given = fds_of(fds, 3);
	assert_code(role_programs_launch(&programs, &start, &given, &pid, &err),
	    0);
	assert_int_equal(end_of(pid), 0);
	assert_int_equal(read(calls[0], seen, sizeof(seen)), sizeof(seen));
	for (size_t i = 0; i < countof(fds); i++)
		assert_int_equal(seen[i].st_ino, expected[i].st_ino);
	assert_int_equal(seen[3].st_ino, 0);
	assert_int_equal(seen[4].st_ino, 0);
	for (size_t i = 0; i < countof(fds); i++)
		close(fds[i]);
	close(calls[0]);
	close(calls[1]);
	role_programs_close(&programs);
}

/* As a role's program: which are its standard streams? */
static int
tell_streams(void)
{
	struct stat seen[3] = {{0}};

	for (int i = 0; i < 3; i++)
		(void)!fstat(i, &seen[i]);
	return write(STAGE_FD_LINK, seen, sizeof(seen)) == sizeof(seen) ? 0 : 1;
}

/* A terminal, or the journal, is the supervisor's alone. */
static void
program_has_none_of_the_standard_streams_of_assayd(void **state)
{
	struct role_programs programs = {{0}};
	struct role_start start = start_of(ROLE_STAGE);
	struct stat seen[3];
	struct stat log;
	struct stat null;
	struct role_fds fds;
	struct err err;
	int said[2];
	int ends[2];
	pid_t pid;

	(void)state;
	programs.fds[ROLE_STAGE] = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	assert_true(programs.fds[ROLE_STAGE] >= 0);
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fds = fds_of(&ends[1], 1);
	fds.log = said[1];
	assert_code(role_programs_launch(&programs, &start, &fds, &pid, &err),
	    0);
	assert_int_equal(end_of(pid), 0);
	assert_int_equal(read(ends[0], seen, sizeof(seen)), sizeof(seen));
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_int_equal(fstat(said[0], &log), 0);
	assert_int_equal(seen[0].st_rdev, null.st_rdev);
	assert_int_equal(seen[0].st_ino, null.st_ino);
	assert_int_equal(seen[1].st_ino, log.st_ino);
	assert_int_equal(seen[2].st_ino, log.st_ino);
	for (int i = 0; i < 2; i++) {
		close(said[i]);
		close(ends[i]);
	}
	role_programs_close(&programs);
}

static void
programs_are_looked_for_beside_assayd(void **state)
{
	struct role_programs programs = {{0}};
	struct err err;

	(void)state;
	/* Beside this test there are none. */
	assert_code(role_programs_open(&programs, &err), STORE_IO);
	assert_has(err.text, "/assayd-front");
	role_programs_close(&programs);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    directory_test(
		program_that_somebody_calls_by_hand_says_who_starts_it),
	    directory_test(program_of_one_role_does_not_begin_as_another),
	    fixture_test(
		program_serves_without_an_environment_and_whatever_is_signalled),
	    fixture_test(program_gets_its_descriptors_and_no_other),
	    fixture_test(program_has_none_of_the_standard_streams_of_assayd),
	    directory_test(programs_are_looked_for_beside_assayd),
	};

	if (argc == 1 && strcmp(argv[0], "assayd-front") == 0)
		return tell_descriptors();
	if (argc == 1 && strcmp(argv[0], "assayd-stage") == 0)
		return tell_streams();
	return cmocka_run_group_tests_name("role_launch", tests, NULL, NULL);
}
