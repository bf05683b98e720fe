/*
 * For each role: what it must not do kills it, what it needs works.
 */
#include "builder/setup/landlock.h"
#include "builder_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/file.h"
#include "base/scope.h"
#include "builder/build/build_sandbox.h"
#include "builder/channel/channel_sandbox.h"
#include "builder/front/front_ring_sandbox.h"
#include "builder/front/front_sandbox.h"
#include "builder/look/look_sandbox.h"
#include "builder/nodes/nodes_sandbox.h"
#include "builder/sandbox.h"
#include "builder/stage/stage_sandbox.h"
#include "builder/tpm/tpm_sandbox.h"
#include "builder/verify/verify_sandbox.h"
#include "builder/watch/watch_sandbox.h"
#include "image-store/layout_file.h"

enum { PIECE_BYTES = 8 << 20, FILES_MAX = 1200 };
enum {
	SANDBOX_UID = 65521,
	ROLES = SANDBOX_ROLES + 5,
	IOCTL_HYPERCALL = 0x305000
};
/* Those without a user of their own; a front for one domain is another one. */
enum {
	SANDBOX_LOOK = SANDBOX_ROLES,
	SANDBOX_WATCH,
	SANDBOX_NODES,
	SANDBOX_CHANNEL,
	SANDBOX_RING,
};
enum {
	FRONT = 1 << SANDBOX_FRONT,
	STAGE = 1 << SANDBOX_STAGE,
	VERIFY = 1 << SANDBOX_VERIFY,
	BUILD = 1 << SANDBOX_BUILD,
	TPM = 1 << SANDBOX_TPM,
	LOOK = 1 << SANDBOX_LOOK,
	WATCH = 1 << SANDBOX_WATCH,
	NODES = 1 << SANDBOX_NODES,
	CHANNEL = 1 << SANDBOX_CHANNEL,
	RING = 1 << SANDBOX_RING,
	ALL = FRONT | STAGE | VERIFY | BUILD | TPM | LOOK | WATCH | NODES |
	      CHANNEL | RING
};

static const char *const role_names[ROLES] = {"front", "stage", "verify",
    "build", "tpm", "look", "watch", "nodes", "channel", "front of a domain"};

static const struct sandbox *const sandboxes[ROLES] = {
    [SANDBOX_FRONT] = &front_sandbox,
    [SANDBOX_STAGE] = &stage_sandbox,
    [SANDBOX_VERIFY] = &verify_sandbox,
    [SANDBOX_BUILD] = &build_sandbox,
    [SANDBOX_TPM] = &tpm_sandbox,
    [SANDBOX_LOOK] = &look_sandbox,
    [SANDBOX_WATCH] = &watch_sandbox,
    [SANDBOX_NODES] = &nodes_sandbox,
    [SANDBOX_CHANNEL] = &channel_sandbox,
    [SANDBOX_RING] = &front_ring_sandbox,
};

static pid_t start_waiting(enum sandbox_role role, int *ret_hold);

/* How a child ends that enters the role and then does this. */
static int
status_of(enum sandbox_role role, void (*act)(void))
{
	const struct rlimit no_core = {0, 0};
	struct rlimit files;
	struct err err;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		/* As a daemon may be started, with many files. */
		getrlimit(RLIMIT_NOFILE, &files);
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
		alarm(20);
		if (sandbox_enter(sandboxes[role], SANDBOX_UID, &err) != 0)
			_exit(99);
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* --- what kills ------------------------------------------------------ */

static void
open_a_socket(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void
open_a_network_socket(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void
connect_it(void)
{
	connect(0, NULL, 0);
}

static void
run_a_program(void)
{
	syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static void
run_a_program_by_descriptor(void)
{
	syscall(SYS_execveat, 0, "", NULL, NULL, AT_EMPTY_PATH);
}

static void
trace_somebody(void)
{
	syscall(SYS_ptrace, PTRACE_ATTACH, getpid(), NULL, NULL);
}

static void
read_others_memory(void)
{
	syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0);
}

static void
start_a_process(void)
{
	syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static void
start_a_process_the_old_way(void)
{
	syscall(SYS_fork);
}

static void
start_a_process_the_new_way(void)
{
	syscall(SYS_clone3, NULL, 0);
}

static void
become_root(void)
{
	syscall(SYS_setuid, 0);
}

static void
change_its_limits(void)
{
	syscall(SYS_prctl, 0, 0, 0, 0, 0);
}

static void
mount_something(void)
{
	syscall(SYS_mount, NULL, NULL, NULL, 0, NULL);
}

static void
load_bpf(void)
{
	syscall(SYS_bpf, 0, NULL, 0);
}

static void
use_io_uring(void)
{
	syscall(SYS_io_uring_setup, 1, NULL);
}

static void
make_a_directory(void)
{
	syscall(SYS_mkdirat, AT_FDCWD, "x", 0700);
}

static void
make_a_link(void)
{
	syscall(SYS_symlinkat, "x", AT_FDCWD, "y");
}

static void
open_a_file(void)
{
	syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
}

static void
open_a_file_the_old_way(void)
{
	syscall(SYS_open, "/dev/null", O_RDONLY);
}

static void
remove_a_file(void)
{
	syscall(SYS_unlinkat, AT_FDCWD, "/no/such/file", 0);
}

static void
remove_a_file_the_old_way(void)
{
	syscall(SYS_unlink, "/no/such/file");
}

static void
make_memory(void)
{
	syscall(SYS_memfd_create, "x", 0);
}

static void
talk_to_a_device(void)
{
	syscall(SYS_ioctl, 0, 0, 0);
}

/* Type into the terminal of whoever started assayd. */
static void
type_into_a_terminal(void)
{
	syscall(SYS_ioctl, 0, TIOCSTI, "x");
}

static void
kill_somebody(void)
{
	syscall(SYS_kill, 1, 0);
}

static void
kill_somebody_by_a_thread(void)
{
	syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static void
have_somebody_signalled(void)
{
	fcntl(STDERR_FILENO, F_SETOWN, getppid());
}

static void
map_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	    0);
}

static void
make_code_of_data(void)
{
	void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(data, 0xc3, 4096);
	mprotect(data, 4096, PROT_READ | PROT_EXEC);
}

static void
accept_a_caller(void)
{
	syscall(SYS_accept4, 0, NULL, NULL, 0);
}

/* 20 is getpid of the 32-bit table, and writev of ours. */
static void
call_the_32_bit_kernel(void)
{
	long result = 20;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
}

static void
call_by_the_x32_numbers(void)
{
	syscall(0x40000000 + SYS_getpid);
}

static const struct {
	const char *name;
	void (*act)(void);
	int roles;
} forbidden[] = {
    {"socket(AF_UNIX)", open_a_socket, ALL},
    {"socket(AF_INET)", open_a_network_socket, ALL},
    {"connect", connect_it, ALL},
    {"execve", run_a_program, ALL},
    {"execveat", run_a_program_by_descriptor, ALL},
    {"ptrace", trace_somebody, ALL},
    {"process_vm_readv", read_others_memory, ALL},
    {"clone", start_a_process, ALL},
    {"fork", start_a_process_the_old_way, ALL},
    {"clone3", start_a_process_the_new_way, ALL},
    {"setuid", become_root, ALL},
    {"prctl", change_its_limits, ALL},
    {"mount", mount_something, ALL},
    {"bpf", load_bpf, ALL},
    {"io_uring_setup", use_io_uring, ALL},
    {"mkdirat", make_a_directory, ALL},
    {"symlinkat", make_a_link, ALL},
    {"open", open_a_file_the_old_way, ALL},
    {"openat", open_a_file, ALL},
    {"unlink", remove_a_file_the_old_way, ALL},
    {"unlinkat", remove_a_file, ALL},
    {"memfd_create", make_memory,
	FRONT | BUILD | WATCH | NODES | CHANNEL | RING},
    {"ioctl", talk_to_a_device, ALL},
    {"ioctl(TIOCSTI)", type_into_a_terminal, ALL},
    {"kill", kill_somebody, ALL},
    {"tgkill", kill_somebody_by_a_thread, ALL},
    {"fcntl(F_SETOWN)", have_somebody_signalled, ALL},
    {"mmap(PROT_EXEC)", map_code, ALL},
    {"mprotect(PROT_EXEC)", make_code_of_data, ALL},
    {"accept4", accept_a_caller,
	STAGE | VERIFY | BUILD | TPM | LOOK | WATCH | NODES | CHANNEL | RING},
    {"x32 getpid", call_by_the_x32_numbers, ALL},
};

static void
roles_die_of_each_forbidden_call(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(forbidden); i++) {
		for (int role = 0; role < ROLES; role++) {
			int status;

			if ((forbidden[i].roles >> role & 1) == 0)
				continue;
			status = status_of((enum sandbox_role)role,
			    forbidden[i].act);
			if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
				fail_msg("%s: %s: status 0x%x, not SIGSYS",
				    role_names[role], forbidden[i].name,
				    (unsigned int)status);
		}
	}
}

/* A kernel without it raises SIGSEGV. */
static void
roles_die_of_a_32_bit_call(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++) {
		int status =
		    status_of((enum sandbox_role)role, call_the_32_bit_kernel);

		assert_true(WIFSIGNALED(status));
	}
}

/* --- what works ------------------------------------------------------ */

#define need(condition)                           \
	do {                                      \
		if (!(condition))                 \
			_exit(__LINE__ % 90 + 1); \
	} while (0)

static int listen_fd = -1;
static int client_fd = -1;

static void
do_what_every_role_does(void)
{
	uint8_t random[16];
	char *memory = malloc(1 << 20);

	need(memory != NULL);
	memory = realloc(memory, 8 << 20);
	need(memory != NULL);
	memset(memory, 1, 8 << 20);
	free(memory);
	need(getrandom(random, sizeof(random), 0) == sizeof(random));
	need(timing_now_usec() != 0);
}

static int log_fd = -1;
static int device_fd = -1;

/* As the log and a TPM device are used; what it makes is for the front. */
static void
act_as_tpm(void)
{
	struct pollfd wait = {.fd = device_fd, .events = POLLIN};
	struct sealed *sealed = NULL;
	struct err err;
	char bytes[4];

	do_what_every_role_does();
	need(pwrite(log_fd, "event", 5, 0) == 5);
	need(fdatasync(log_fd) == 0);
	need(ftruncate(log_fd, 4) == 0);
	need(pread(log_fd, bytes, 4, 0) == 4);
	need(write(device_fd, "\1\0\0\0\0\0\0\0", 8) == 8);
	need(poll(&wait, 1, 0) == 1);
	need(sealed_from_bytes("x", bytes_of("abc", 3), &sealed, &err) == 0);
	sealed_free(sealed);
}

static void
act_as_front(void)
{
	struct pollfd wait = {.fd = listen_fd, .events = POLLIN};
	struct ucred cred;
	socklen_t len = sizeof(cred);
	char byte;
	int fd;

	do_what_every_role_does();
	need(poll(&wait, 1, 5000) == 1);
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	need(fd >= 0);
	need(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0);
	need(recv(fd, &byte, 1, MSG_DONTWAIT) == 1);
	need(send(fd, "ok", 2, MSG_DONTWAIT | MSG_NOSIGNAL) == 2);
	need(shutdown(fd, SHUT_WR) == 0);
	close(fd);
}

static int store_fd = -1;

static void
act_as_stage(void)
{
	CLEANUP(sealed_freep) struct sealed *copy = NULL;
	struct err err;
	uint64_t size_bytes;
	int fd = -1;

	do_what_every_role_does();
	need(sandbox_read_beneath(store_fd, &err) == 0);
	need(layout_file_open(store_fd, "file", &fd, &size_bytes, &err) == 0);
	need(sealed_copy_max(fd, 100, "file", &copy, &err) == 0);
	need(sealed_bytes(copy).len == 5);
	close(fd);
}

/* It reads the chain of policies, and verifies signatures. */
static void
act_as_verify(void)
{
	CLEANUP(freep) char *text = NULL;
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	struct digest digest;
	struct err err;
	size_t len;

	do_what_every_role_does();
	need(file_read_open(store_fd, "file", 100, &text, &len, &err) == 0);
	need(digest_of(bytes_of(text, len), &digest, &err) == 0);
	need(sealed_from_bytes("x", bytes_of_str("x"), &sealed, &err) == 0);
}

static void
act_as_build(void)
{
	const struct timespec nap = {.tv_nsec = 1000};

	do_what_every_role_does();
	need(syscall(SYS_ioctl, device_fd, IOCTL_HYPERCALL, NULL) == -1 &&
	     errno == ENOTTY);
	need(nanosleep(&nap, NULL) == 0);
}

static void
roles_can_do_what_they_need(void **state)
{
	struct digest digest;
	int status;
	struct err err;

	(void)state;
	/* libcrypto sets itself up before a role begins. */
	assert_code(digest_of(bytes_of_str(""), &digest, &err), 0);
	write_file("file", bytes_of_str("12345"));
	assert_int_equal(chmod("file", 0644), 0);
	assert_int_equal(chmod(".", 0755), 0);
	store_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status = status_of(SANDBOX_STAGE, act_as_stage);
	assert_int_equal(status, 0);
	closep(&store_fd);
	store_fd = open("file", O_RDONLY | O_CLOEXEC);
	status = status_of(SANDBOX_VERIFY, act_as_verify);
	assert_int_equal(status, 0);
	closep(&store_fd);

	device_fd = eventfd(0, EFD_CLOEXEC);
	status = status_of(SANDBOX_BUILD, act_as_build);
	assert_int_equal(status, 0);

	log_fd = open("log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	status = status_of(SANDBOX_TPM, act_as_tpm);
	assert_int_equal(status, 0);
	closep(&log_fd);
	closep(&device_fd);

	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	{
		struct sockaddr_un address = {.sun_family = AF_UNIX,
		    .sun_path = "socket"};

		assert_int_equal(bind(listen_fd, (struct sockaddr *)&address,
				     sizeof(address)),
		    0);
		assert_int_equal(listen(listen_fd, 4), 0);
		client_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(client_fd, (struct sockaddr *)&address,
				     sizeof(address)),
		    0);
	}
	assert_int_equal(send(client_fd, "x", 1, 0), 1);
	status = status_of(SANDBOX_FRONT, act_as_front);
	assert_int_equal(status, 0);
	closep(&client_fd);
	closep(&listen_fd);
	(void)err;
}

/* --- which files ----------------------------------------------------- */

static int
open_as_stage(const char *path, uint64_t flags)
{
	const struct open_how how = {.flags = flags};

	return (int)syscall(SYS_openat2, store_fd, path, &how, sizeof(how));
}

static void
read_beside_the_store(void)
{
	struct err err;

	need(open_as_stage("../beside", O_RDONLY) >= 0);
	need(sandbox_read_beneath(store_fd, &err) == 0);
	need(open_as_stage("inside", O_RDONLY) >= 0);
	need(open_as_stage("../beside", O_RDONLY) == -1 && errno == EACCES);
	need(open_as_stage(".", O_RDONLY) == -1 && errno == EACCES);
	need(open_as_stage("inside", O_WRONLY) == -1 && errno == EACCES);
}

static void
need_landlock(void)
{
	if (landlock_is_there())
		return;
	print_message("skipped: the kernel has no Landlock\n");
	skip();
}

static void
make_store_and_beside(void)
{
	assert_int_equal(mkdir("store", 0755), 0);
	write_file("beside", bytes_of_str("12345"));
	write_file("store/inside", bytes_of_str("12345"));
	assert_int_equal(chmod("beside", 0666), 0);
	assert_int_equal(chmod("store/inside", 0666), 0);
	assert_int_equal(chmod(".", 0755), 0);
	store_fd = open("store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
stage_reads_beneath_its_store_only(void **state)
{
	(void)state;
	need_landlock();
	make_store_and_beside();
	assert_int_equal(status_of(SANDBOX_STAGE, read_beside_the_store), 0);
	closep(&store_fd);
}

/* --- how much it may have ------------------------------------------- */

/* In sealed memory, a byte more than the largest piece. */
static void
write_a_large_piece(void)
{
	int fd = memfd_create("x", MFD_ALLOW_SEALING);

	need(fd >= 0);
	need(pwrite(fd, "x", 1, PIECE_BYTES - 1) == 1);
	need(pwrite(fd, "x", 1, PIECE_BYTES) == -1 && errno == EFBIG);
}

/* Which makes none. */
static void
take_many_descriptors(void)
{
	for (int i = 0; i < FILES_MAX; i++) {
		if (dup(STDERR_FILENO) < 0) {
			need(errno == EMFILE);
			return;
		}
	}
	_exit(1);
}

static void
open_many_files(void)
{
	for (int i = 0; i < FILES_MAX; i++) {
		if (memfd_create("x", 0) < 0) {
			need(errno == EMFILE);
			return;
		}
	}
	_exit(1);
}

/* That of the address sanitizer is larger than any share. */
#ifdef __SANITIZE_ADDRESS__
enum { HAS_SHADOW = true };
#else
enum { HAS_SHADOW = false };
#endif

static void
take_much_memory(void)
{
	const size_t bytes = 256 << 20;

	for (int i = 0; i < 64; i++) {
		if (mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0) == MAP_FAILED) {
			need(errno == ENOMEM);
			return;
		}
	}
	_exit(1);
}

static void
no_role_takes_more_than_its_share(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++) {
		enum sandbox_role as = (enum sandbox_role)role;

		if (!HAS_SHADOW)
			assert_int_equal(status_of(as, take_much_memory), 0);
		if (as == SANDBOX_FRONT || role >= SANDBOX_WATCH)
			continue; /* it can make none */
		assert_int_equal(status_of(as, as == SANDBOX_BUILD
						   ? take_many_descriptors
						   : open_many_files),
		    0);
		if (as != SANDBOX_BUILD && as != SANDBOX_TPM)
			assert_int_equal(status_of(as, write_a_large_piece), 0);
	}
}

/* A file of /proc/PID. */
static void
read_proc(pid_t pid, const char *name, char ret_text[4096])
{
	char path[64];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	assert_non_null(file);
	len = fread(ret_text, 1, 4095, file);
	ret_text[len] = '\0';
	fclose(file);
}

static bool
has_limit(pid_t pid, const char *what, unsigned long long limit)
{
	char text[4096];
	unsigned long long soft;
	unsigned long long hard;
	const char *line;

	read_proc(pid, "limits", text);
	line = strstr(text, what);
	return line != NULL &&
	       sscanf(line + strlen(what), "%llu %llu", &soft, &hard) == 2 &&
	       soft == limit && hard == limit;
}

/* Not all that is called root may. */
static bool
may_be_killed_later(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open("/proc/self/oom_score_adj", O_WRONLY);

		_exit(fd >= 0 && write(fd, "-900", 4) == 4 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

/* Limits that no role could reach, and who goes first without memory. */
static void
roles_keep_no_process_no_core_and_their_place(void **state)
{
	static const int places[ROLES] = {500, 1000, 1000, 0, -900, 0};
	bool is_free = may_be_killed_later();
	char before[4096];

	(void)state;
	read_proc(getpid(), "oom_score_adj", before);
	if (!is_free)
		print_message("not all of it: needs CAP_SYS_RESOURCE\n");
	for (int role = 0; role < ROLES; role++) {
		char text[4096];
		int hold;
		pid_t pid = start_waiting((enum sandbox_role)role, &hold);

		assert_true(has_limit(pid, "Max processes", 0));
		assert_true(has_limit(pid, "Max core file size", 0));
		read_proc(pid, "oom_score_adj", text);
		if (is_free || places[role] > atoi(before))
			assert_int_equal(atoi(text), places[role]);
		close(hold);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

/* --- what the kernel does on its own --------------------------------- */

static void
wait_in_poll(void)
{
	need(poll(NULL, 0, 300) == 0);
}

/* A host that is suspended, or a debugger: the call is restarted by another
 * number than its own. */
static void
roles_survive_being_stopped_and_continued(void **state)
{
	static const int roles[] = {SANDBOX_FRONT, SANDBOX_NODES};

	(void)state;
	for (size_t i = 0; i < countof(roles); i++) {
		struct err err;
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(20);
			need(sandbox_enter(sandboxes[roles[i]], SANDBOX_UID,
				 &err) == 0);
			wait_in_poll();
			_exit(0);
		}
		usleep(100000);
		assert_int_equal(kill(pid, SIGSTOP), 0);
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		assert_true(WIFSTOPPED(status));
		assert_int_equal(kill(pid, SIGCONT), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* --- what is given up ------------------------------------------------ */

/* A line of /proc/PID/status, such as "Uid:". */
static void
status_line(pid_t pid, const char *key, char ret_value[128])
{
	char path[64];
	char line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	ret_value[0] = '\0';
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		snprintf(ret_value, 128, "%s", line + strlen(key) + 1);
		ret_value[strcspn(ret_value, "\n")] = '\0';
	}
	fclose(file);
}

/* As a daemon may be started: with groups, and with what it hands on. */
static bool
take_groups_and_capabilities(void)
{
	const gid_t groups[] = {4711, 4712};
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (setgroups(countof(groups), groups) != 0 ||
	    syscall(SYS_capget, &header, sets) != 0)
		return false;
	for (size_t i = 0; i < countof(sets); i++)
		sets[i].inheritable = sets[i].permitted;
	return syscall(SYS_capset, &header, sets) == 0 &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0) ==
	           0;
}

/* A child in the role that waits until `*ret_hold` is closed. */
static pid_t
start_waiting(enum sandbox_role role, int *ret_hold)
{
	int ready[2];
	int hold[2];
	struct err err;
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(hold[1]);
		alarm(20);
		if (geteuid() == 0 && !take_groups_and_capabilities())
			_exit(98);
		if (sandbox_enter(sandboxes[role], SANDBOX_UID, &err) != 0)
			_exit(99);
		(void)!write(ready[1], "x", 1);
		(void)!read(hold[0], &byte, 1);
		_exit(0);
	}
	close(hold[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*ret_hold = hold[1];
	return pid;
}

static const char *const capability_sets[] = {
    "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};

static void
roles_give_up_user_groups_and_privileges(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: needs root to give up root\n");
		skip();
	}
	for (int role = 0; role < ROLES; role++) {
		char value[128];
		int hold;
		pid_t pid = start_waiting((enum sandbox_role)role, &hold);

		status_line(pid, "NoNewPrivs:", value);
		assert_string_equal(value, "1");
		status_line(pid, "Seccomp:", value);
		assert_string_equal(value, "2");
		status_line(pid, "Uid:", value);
		assert_string_equal(value, "65521\t65521\t65521\t65521");
		status_line(pid, "Gid:", value);
		assert_string_equal(value, "65521\t65521\t65521\t65521");
		status_line(pid, "Groups:", value);
		assert_int_equal(strspn(value, " \t"), strlen(value));
		for (size_t i = 0; i < countof(capability_sets); i++) {
			status_line(pid, capability_sets[i], value);
			if (strcmp(value, "0000000000000000") != 0)
				fail_msg("%s: %s %s", role_names[role],
				    capability_sets[i], value);
		}
		close(hold);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

static void
keep_only_closes_all_other_descriptors(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		/* 12 is a gap of one. */
		static const int numbers[] = {10, 11, 12, 13, 20, 100, 200};
		const int keep[] = {100, -1, 11, 2, 20, 11, 13};
		struct err err;

		for (size_t i = 0; i < countof(numbers); i++)
			need(dup2(STDERR_FILENO, numbers[i]) == numbers[i]);
		need(sandbox_keep_only(keep, countof(keep), &err) == 0);
		need(is_open(0) && is_open(1) && is_open(2));
		for (int fd = 3; fd < 1000; fd++)
			need(is_open(fd) ==
			     (fd == 11 || fd == 13 || fd == 20 || fd == 100));
		need(sandbox_keep_only(NULL, 0, &err) == 0);
		for (int fd = 0; fd < 1000; fd++)
			need(is_open(fd) == (fd < 3));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* --- dying with the parent ------------------------------------------- */

/*
 * A grandchild enters the role and waits for ever; its parent dies. It must
 * close its end of the pipe soon, by dying.
 */
static void
assert_dies_with_parent(enum sandbox_role role)
{
	struct pollfd wait;
	int ends[2];
	int never[2];
	char byte;
	pid_t parent;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pipe2(never, O_CLOEXEC), 0);
	parent = fork();
	if (parent == 0) {
		int parent_pid = getpid();

		if (fork() == 0) {
			struct err err;

			close(never[1]);
			alarm(20);
			if (sandbox_die_with_parent(parent_pid, &err) != 0 ||
			    sandbox_enter(sandboxes[role], SANDBOX_UID, &err) !=
				0)
				_exit(99);
			(void)!write(ends[1], "x", 1);
			(void)!read(never[0], &byte, 1);
			_exit(0);
		}
		close(ends[1]);
		(void)!read(never[0], &byte, 1);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	wait = (struct pollfd){.fd = ends[0], .events = POLLIN};
	if (poll(&wait, 1, 3000) != 1)
		fail_msg("%s: lives on without its parent", role_names[role]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(never[1]);
	close(never[0]);
	close(ends[0]);
}

static void
roles_die_with_their_parent(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++)
		assert_dies_with_parent((enum sandbox_role)role);
}

static void
die_with_parent_sees_that_the_parent_is_gone(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		struct err err = {0};

		need(sandbox_die_with_parent(1, &err) == SYSTEM_FAILED);
		need(strcmp(err.text, "the parent is gone") == 0);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(roles_die_of_each_forbidden_call),
	    cmocka_unit_test(roles_die_of_a_32_bit_call),
	    directory_test(roles_can_do_what_they_need),
	    directory_test(stage_reads_beneath_its_store_only),
	    cmocka_unit_test(no_role_takes_more_than_its_share),
	    cmocka_unit_test(roles_keep_no_process_no_core_and_their_place),
	    cmocka_unit_test(roles_survive_being_stopped_and_continued),
	    cmocka_unit_test(roles_give_up_user_groups_and_privileges),
	    cmocka_unit_test(keep_only_closes_all_other_descriptors),
	    cmocka_unit_test(roles_die_with_their_parent),
	    cmocka_unit_test(die_with_parent_sees_that_the_parent_is_gone),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
