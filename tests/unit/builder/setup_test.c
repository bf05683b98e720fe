/*
 * assayd as people start it, with its own programs but for the one that needs
 * Xen: from its options to the supervisor, and how a start ends that cannot be.
 */
#include "builder/setup/daemon_config_load.h"
#include "builder_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/daemon_config.h"
#include "builder/role.h"
#include "builder/supervisor/receipt_file.h"

enum { PATIENCE_SECONDS = 60 };

static const char *const programs[] = {"", "-supervisor", "-front", "-stage",
    "-verify", "-tpm"};
static struct trust_policy *policy;
static char *configured_updates; /* of the next configuration, or NULL */
static pid_t assayd;             /* the one that runs, or 0 */

/* --- a host ------------------------------------------------------------ */

static void
copy_program(const char *from, const char *to)
{
	CLEANUP(buffer_done) struct buffer program = read_file(from);

	write_file(to, buffer_bytes(&program));
	assert_int_equal(chmod(to, 0755), 0);
}

static void
write_configuration(void)
{
	char here[64];
	FILE *file = fopen("conf", "we");

	assert_non_null(file);
	assert_non_null(getcwd(here, sizeof(here)));
	fprintf(file,
	    "{\"schema\":\"assay.config/1\",\"store\":\"%s/store\","
	    "\"trust\":\"%s/trust.json\",\"socket\":\"%s/socket\","
	    "\"state\":\"%s/state\",\"allow_uids\":[0],",
	    here, here, here, here);
	if (configured_updates != NULL)
		fprintf(file, "\"trust_updates\":\"%s/updates\",", here);
	fprintf(file, "\"xenstored_domid\":0,\"xenconsoled_domid\":0}");
	fclose(file);
	if (configured_updates != NULL)
		write_file("updates", bytes_of_str(configured_updates));
}

static int
setup(void **state)
{
	if (enter_directory(state) != 0)
		return -1;
	alarm(PATIENCE_SECONDS);
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(mkdir("programs", 0755), 0);
	assert_int_equal(mkdir("store", 0755), 0);
	for (size_t i = 0; i < countof(programs); i++) {
		char from[PATH_MAX];
		char to[64];

		snprintf(from, sizeof(from), "%s%s", ASSAYD_PROGRAM,
		    programs[i]);
		snprintf(to, sizeof(to), "programs/assayd%s", programs[i]);
		copy_program(from, to);
	}
	copy_program(BUILD_STUB_PROGRAM, "programs/assayd-build");
	copy_program(NODES_STUB_PROGRAM, "programs/assayd-nodes");
	copy_program(LOOK_STUB_PROGRAM, "programs/assayd-look");
	copy_program(CHANNEL_STUB_PROGRAM, "programs/assayd-channel");
	copy_program(WATCH_STUB_PROGRAM, "programs/assayd-watch");
	policy = make_policy_with_trust(1); /* version 4 */
	write_file("trust.json", bytes_of_str(policy_text(policy)));
	configured_updates = NULL;
	return 0;
}

static int
teardown(void **state)
{
	if (assayd != 0) {
		kill(assayd, SIGKILL);
		waitpid(assayd, NULL, 0);
		assayd = 0;
	}
	alarm(0);
	trust_freep(&policy);
	signers_done();
	return leave_directory(state);
}

/* What it says is in "said"; `inherited` is what its starter left open. */
static pid_t
start_with(int inherited)
{
	pid_t pid;

	write_configuration();
	write_file("said", bytes_of_str(""));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int said = open("said", O_WRONLY | O_APPEND | O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(said, STDERR_FILENO);
		if (inherited >= 0)
			(void)fcntl(inherited, F_SETFD, 0);
		setenv("SECRET", "of the starter", 1);
		execl("programs/assayd", "assayd", "--config", "conf",
		    "--development", NULL);
		_exit(99);
	}
	return pid;
}

static void
assert_said(const char *part)
{
	CLEANUP(buffer_done) struct buffer said = read_file("said");

	buffer_add(&said, "", 1);
	assert_has((char *)said.ptr, part);
}

static bool
has_said(const char *part)
{
	CLEANUP(buffer_done) struct buffer said = read_file("said");

	buffer_add(&said, "", 1);
	return strstr((char *)said.ptr, part) != NULL;
}

static void
wait_for(const char *part)
{
	for (int i = 0; i < 2000 && !has_said(part); i++)
		usleep(5000);
	assert_said(part);
}

static int
status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
start_well(void)
{
	assayd = start_with(-1);
	wait_for("assayd: started ");
}

static void
end_well(void)
{
	assert_int_equal(kill(assayd, SIGTERM), 0);
	assert_int_equal(status_of(assayd), 0);
	assayd = 0;
	assert_said("assayd: stopped ");
}

/* --- it becomes the supervisor ------------------------------------------ */

static void
read_proc(const char *what, char ret_text[256])
{
	CLEANUP(buffer_done) struct buffer file = {0};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)assayd, what);
	file = read_file(path);
	assert_true(file.len < 256);
	memset(ret_text, 0, 256);
	memcpy(ret_text, file.ptr, file.len);
}

static void
assayd_becomes_the_supervisor_in_the_same_process(void **state)
{
	char text[256];
	char path[64];
	ssize_t len;

	(void)state;
	start_well();
	read_proc("comm", text);
	assert_string_equal(text, "assayd\n");
	read_proc("cmdline", text);
	assert_string_equal(text, "assayd");
	assert_string_equal(text + 7, "--config");
	read_proc("environ", text);
	assert_string_equal(text, "");
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)assayd);
	len = readlink(path, text, sizeof(text) - 1);
	assert_true(len > 0);
	text[len] = '\0';
	assert_has(text, "/programs/assayd-supervisor");
	end_well();
}

/* Each descriptor that it has, but for what the supervisor made. */
static void
assert_nothing_left_open(void)
{
	char path[64];
	char target[256];
	CLEANUP(closedirp) DIR *dir = NULL;
	struct dirent *entry;
	size_t seen = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)assayd);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target,
		    sizeof(target) - 1);

		if (len < 0)
			continue; /* "." and ".." */
		target[len] = '\0';
		seen++;
		if (strstr(target, "/secret") != NULL ||
		    strstr(target, "/conf") != NULL ||
		    strstr(target, "trust.json") != NULL ||
		    strstr(target, "memfd:assayd-supervisor") != NULL ||
		    strstr(target, "/programs/assayd-supervisor") != NULL)
			fail_msg("%s is open as %s", target, entry->d_name);
	}
	assert_true(seen > 3);
}

/* Neither what it read, nor what its starter had open. */
static void
assayd_leaves_the_supervisor_nothing_open(void **state)
{
	int secret;

	(void)state;
	write_file("secret", bytes_of_str("of the starter"));
	secret = open("secret", O_RDONLY | O_CLOEXEC);
	assert_true(secret >= 0);
	assert_true(fcntl(secret, F_DUPFD_CLOEXEC, 200) >= 200);
	assayd = start_with(fcntl(secret, F_DUPFD_CLOEXEC, 100));
	wait_for("assayd: started ");
	assert_nothing_left_open();
	end_well();
	close_range(100, 200, 0);
	close(secret);
}

static void
assayd_follows_the_chain_at_its_start(void **state)
{
	(void)state;
	configured_updates = make_trust_step(5, 1, SIGNERS);
	start_well();
	assert_said("trust_version=5 ");
	end_well();
	free(configured_updates);
}

/* --- how a start ends that cannot be ------------------------------------- */

static void
assert_start_ends(int status, const char *code, const char *part)
{
	char said[64];

	assert_int_equal(status_of(start_with(-1)), status);
	snprintf(said, sizeof(said), "assayd: failed code=%s detail=\"", code);
	assert_said(said);
	assert_said(part);
	assert_said("\" remedy=\"");
}

/* Before the lock, and before the socket of one that may run is replaced. */
static void
assert_nothing_begun(void)
{
	assert_int_equal(access("state", F_OK), -1);
	assert_int_equal(access("socket", F_OK), -1);
}

static void
start_ends_by_the_name_of_what_is_wrong_with_the_policy(void **state)
{
	char *large = calloc(1, LIMIT_TRUST_BYTES + 2);

	(void)state;
	write_file("trust.json", bytes_of_str("{\"schema\":"));
	assert_start_ends(1, "TRUST_MALFORMED", "/trust.json: ");
	assert_non_null(large);
	memset(large, ' ', LIMIT_TRUST_BYTES + 1);
	write_file("trust.json", bytes_of_str(large));
	free(large);
	assert_start_ends(1, "TRUST_TOO_LARGE", "/trust.json: ");
	assert_int_equal(unlink("trust.json"), 0);
	assert_start_ends(3, "STORE_IO", "/trust.json: ");
	assert_nothing_begun();
}

static void
start_ends_by_the_name_of_what_is_wrong_with_the_chain(void **state)
{
	CLEANUP(freep) char *gap = make_trust_step(6, 1, SIGNERS);
	static char nonsense[] = "{\"payload\":\n";
	static char cut[] = "{}";

	(void)state;
	configured_updates = gap;
	assert_start_ends(1, "TRUST_GAP", "/updates: line 1: ");
	configured_updates = cut;
	assert_start_ends(1, "TRUST_CHAIN_MALFORMED", "/updates: line 1 ");
	configured_updates = nonsense;
	assert_start_ends(1, "ENVELOPE_MALFORMED", "/updates: line 1: ");
	assert_nothing_begun();
}

static void
start_ends_without_a_verify_role(void **state)
{
	(void)state;
	copy_program(BUILD_STUB_PROGRAM, "programs/assayd-verify");
	assert_start_ends(3, "SYSTEM_FAILED",
	    "the verify role, at the start: ended with status 2");
	assert_nothing_begun();
}

static void
start_ends_without_its_programs(void **state)
{
	(void)state;
	assert_int_equal(unlink("programs/assayd-tpm"), 0);
	assert_start_ends(3, "STORE_IO", "/programs/assayd-tpm: ");
	assert_int_equal(unlink("programs/assayd-supervisor"), 0);
	assert_start_ends(3, "STORE_IO", "/programs/assayd-supervisor: ");
	assert_nothing_begun();
}

/* It keeps its socket. */
static void
start_of_a_second_one_ends_at_the_lock(void **state)
{
	struct stat before;
	struct stat after;

	(void)state;
	start_well();
	assert_int_equal(stat("socket", &before), 0);
	assert_start_ends(3, "SYSTEM_FAILED", "another assayd uses ");
	assert_int_equal(stat("socket", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	write_file("said", bytes_of_str(""));
	end_well();
}

static void
start_ends_at_a_receipt_that_is_none(void **state)
{
	static const char path[] = "state/domains/" GOOD_UUID;
	struct built built = {.receipt = good_receipt()};
	struct err err;

	(void)state;
	start_well();
	end_well();
	assert_code(receipt_file_write(path, &built, &err), 0);
	start_well(); /* a good one, of a domain that Xen does not list */
	end_well();
	assert_int_equal(access(path, F_OK), -1);
	write_file(path, bytes_of_str("{\"schema\":\"assay.receipt/1\"}"));
	assert_start_ends(3, "CONFIG_BAD",
	    "state/domains/" GOOD_UUID ": a receipt in JSON");
	built.receipt.domid = 0;
	assert_code(receipt_file_write(path, &built, &err), 0);
	assert_start_ends(3, "CONFIG_BAD",
	    "state/domains/" GOOD_UUID ": domid: out of range");
	assert_int_equal(access(path, F_OK), 0);
}

/* --- the start record ---------------------------------------------------- */

static struct role_start
good_start(void)
{
	return (struct role_start){
	    .role = ROLE_SUPERVISOR,
	    .is_development = true,
	    .config = good_config(),
	};
}

/* The supervisor with these descriptors, from ROLE_FD_START on; -1: none. What
 * it says goes to `log`. */
static pid_t
start_supervisor(int log, int start_fd, int trust_fd)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(log, STDERR_FILENO);
		start_fd = start_fd < 0 ? -1 : fcntl(start_fd, F_DUPFD, 64);
		trust_fd = trust_fd < 0 ? -1 : fcntl(trust_fd, F_DUPFD, 64);
		close_range(ROLE_FD_START, 63, 0);
		if (start_fd >= 0)
			dup2(start_fd, ROLE_FD_START);
		if (trust_fd >= 0)
			dup2(trust_fd, SUPERVISOR_FD_TRUST);
		close_range(64, ~0u, 0);
		execl("programs/assayd-supervisor", "assayd", NULL);
		_exit(99);
	}
	return pid;
}

static int
end_of_supervisor(int start_fd, int trust_fd)
{
	CLEANUP(closep) int said = -1;

	write_file("said", bytes_of_str(""));
	said = open("said", O_WRONLY | O_APPEND | O_CLOEXEC);
	return status_of(start_supervisor(said, start_fd, trust_fd));
}

static int
end_with_record(const void *record, size_t size, int trust_fd)
{
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	struct err err;
	size_t count;

	assert_code(
	    sealed_from_bytes("start", bytes_of(record, size), &sealed, &err),
	    0);
	return end_of_supervisor(sealed_fds(sealed, &count)[0], trust_fd);
}

static void
supervisor_begins_with_its_own_start_record_only(void **state)
{
	static const char by_hand[] =
	    "assayd-supervisor: assayd starts this program";
	struct role_start start = good_start();
	struct role_start two[] = {good_start(), good_start()};
	int open_memory = memfd_create("start", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(end_of_supervisor(-1, -1), 2);
	assert_said(by_hand);
	assert_int_equal(end_with_record(&start, sizeof(start) - 1, -1), 2);
	assert_said(by_hand);
	assert_int_equal(end_with_record(two, sizeof(two), -1), 2);
	assert_said(by_hand);
	/* Whoever made this one could change it later. */
	assert_int_equal(write(open_memory, &start, sizeof(start)),
	    sizeof(start));
	assert_int_equal(end_of_supervisor(open_memory, -1), 2);
	assert_said(by_hand);
	close(open_memory);
	for (start.role = 0; start.role < ROLES; start.role++) {
		assert_int_equal(end_with_record(&start, sizeof(start), -1), 2);
		assert_said(by_hand);
	}
}

static void
supervisor_begins_with_a_sealed_policy_only(void **state)
{
	struct role_start start = good_start();
	int open_memory = memfd_create("policy", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(end_with_record(&start, sizeof(start), -1), 1);
	assert_said("assayd: failed code=STAGE_FAILED detail=\"trust policy");
	assert_int_equal(write(open_memory, "{}", 2), 2);
	assert_int_equal(end_with_record(&start, sizeof(start), open_memory),
	    1);
	assert_said("assayd: failed code=STAGE_FAILED detail=\"trust policy");
	close(open_memory);
	assert_nothing_begun();
}

/* --- a log that nobody reads ---------------------------------------------- */

/* A pipe, full to its last byte. */
static void
make_full_log(int ret_ends[2])
{
	char bytes[4096] = {0};

	assert_int_equal(pipe2(ret_ends, O_CLOEXEC | O_NONBLOCK), 0);
	for (size_t size = sizeof(bytes); size > 0; size /= 2)
		while (write(ret_ends[1], bytes, size) > 0)
			continue;
	assert_int_equal(fcntl(ret_ends[1], F_SETFL, 0), 0);
}

/* As assayd starts it, with this policy. */
static pid_t
start_with_full_log(int log, struct bytes policy_bytes)
{
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	CLEANUP(sealed_freep) struct sealed *trust = NULL;
	struct role_start start = good_start();
	struct err err;
	size_t count;

	write_configuration();
	assert_code(daemon_config_load("conf", &start.config, &err), 0);
	assert_code(sealed_from_bytes("start", bytes_of(&start, sizeof(start)),
			&sealed, &err),
	    0);
	assert_code(sealed_from_bytes("policy", policy_bytes, &trust, &err), 0);
	return start_supervisor(log, sealed_fds(sealed, &count)[0],
	    sealed_fds(trust, &count)[0]);
}

/* Neither for what a role says of the policy, nor to say why it ends. */
static void
start_that_cannot_be_ends_though_nobody_reads_the_log(void **state)
{
	int log[2];

	(void)state;
	make_full_log(log);
	assayd = start_with_full_log(log[1], bytes_of_str("{\"schema\":"));
	assert_int_equal(status_of(assayd), 1);
	assayd = 0;
	close(log[0]);
	close(log[1]);
}

/* The last second, in which its lines could be read, is no longer than people
 * want. */
static void
signal_ends_an_assayd_that_waits_for_its_log(void **state)
{
	int log[2];
	int status;

	(void)state;
	make_full_log(log);
	assayd = start_with_full_log(log[1], bytes_of_str(policy_text(policy)));
	for (int i = 0; i < 2000 && access("socket", F_OK) != 0; i++)
		usleep(5000);
	while (waitpid(assayd, &status, WNOHANG) == 0) {
		assert_int_equal(kill(assayd, SIGTERM), 0);
		usleep(20000);
	}
	assayd = 0;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	close(log[0]);
	close(log[1]);
}

#define setup_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    setup_test(assayd_becomes_the_supervisor_in_the_same_process),
	    setup_test(assayd_leaves_the_supervisor_nothing_open),
	    setup_test(assayd_follows_the_chain_at_its_start),
	    setup_test(start_ends_by_the_name_of_what_is_wrong_with_the_policy),
	    setup_test(start_ends_by_the_name_of_what_is_wrong_with_the_chain),
	    setup_test(start_ends_without_a_verify_role),
	    setup_test(start_ends_without_its_programs),
	    setup_test(start_of_a_second_one_ends_at_the_lock),
	    setup_test(start_ends_at_a_receipt_that_is_none),
	    setup_test(supervisor_begins_with_its_own_start_record_only),
	    setup_test(supervisor_begins_with_a_sealed_policy_only),
	    setup_test(start_that_cannot_be_ends_though_nobody_reads_the_log),
	    setup_test(signal_ends_an_assayd_that_waits_for_its_log),
	};

	return cmocka_run_group_tests_name("setup", tests, NULL, NULL);
}
