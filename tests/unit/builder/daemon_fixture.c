#include "daemon_fixture.h"

#include "forked_roles.h"

#include <dirent.h>
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

#include "base/sealing.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/front/front.h"
#include "builder/supervisor/listener.h"
#include "builder/supervisor/journal.h"
#include "builder/supervisor/log_queue.h"
#include "builder/supervisor/supervisor.h"
#include "builder/xen/xen_look.h"
#include "builder/xen/xen_port_libxc.h"
#include "builder/xen/xenstore_shutdown.h"
#include "builder/xen/xenstore_watch.h"
#include "image-store/pack/layout_write.h"
#include "measure/tpm/tpm_port_esys.h"
#include "base/uuid_make.h"

struct xen_fake *fake;
struct tpm_fake *tpm;
struct trust_policy *policy;
struct daemon_config config;
pid_t daemon_pid;
bool is_development;

int __wrap_xen_port_libxc_open(struct xen_port *ret_port, struct err *err);
int __wrap_xen_look_open(struct xen_port *ret_port, struct err *err);

int
__wrap_xen_port_libxc_open(struct xen_port *ret_port, struct err *err)
{
	(void)err;
	*ret_port = xen_fake_port(fake);
	return 0;
}

/* With what only looks, and nothing else. */
int
__wrap_xen_look_open(struct xen_port *ret_port, struct err *err)
{
	static struct xen_ops looks;
	struct xen_port all = xen_fake_port(fake);

	(void)err;
	looks = (struct xen_ops){
	    .domain_list = all.ops->domain_list,
	    .host_info = all.ops->host_info,
	    .domain_pause = all.ops->domain_pause,
	    .domain_unpause = all.ops->domain_unpause,
	    .close = all.ops->close,
	};
	*ret_port = (struct xen_port){.ops = &looks, .xen = all.xen};
	return 0;
}

int __wrap_xenstore_watch_open(int *ret_fd, struct err *err);
int __wrap_xenstore_link_open(struct xenstore_link *ret_link, struct err *err);
int __wrap_xenstore_shutdown_ask(struct xenstore_link *link, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err);

/* By name: the role has closed what it had. Whoever reads gets the event. */
static const char events[] = "xenstored.events";

int
__wrap_xenstore_watch_open(int *ret_fd, struct err *err)
{
	while (fake->is_deaf)
		usleep(1000);
	*ret_fd = open(events, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_set_errno(err, XENSTORE_FAILED, "%s", events);
	return 0;
}

int
__wrap_xenstore_link_open(struct xenstore_link *ret_link, struct err *err)
{
	(void)err;
	*ret_link = XENSTORE_LINK_NONE;
	return 0;
}

int
__wrap_xenstore_shutdown_ask(struct xenstore_link *link, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err)
{
	struct fake_domain *domain;
	char path[64];

	(void)link;
	while (strcmp(fake->hang_operation, "ask_shutdown") == 0)
		usleep(1000);
	domain = xen_fake_domain(fake, domid);
	if (domain == NULL || memcmp(domain->uuid, uuid, UUID_BYTES) != 0)
		return err_set(err, DOMAIN_UNKNOWN, "no such domain");
	snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown",
	    domid);
	xen_fake_put(fake, path, "poweroff");
	return 0;
}

void
fire_watch(void)
{
	CLEANUP(closep) int fd = open(events, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	assert_int_equal(write(fd, "x", 1), 1);
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

#if !ASSAY_FAULTS
/* One, with which start_daemon() skips the test. */
const char *const *
fault_operations(void)
{
	static const char *const none[] = {"none", NULL};

	return none;
}
#endif

/* Children of a daemon that was killed may have its lock for a moment more. */
static int
open_journal(struct journal *journal, struct err *err)
{
	for (int i = 0; i < 12000; i++) {
		if (journal_open(config.state, journal, err) == 0)
			return 0;
		usleep(5000);
	}
	return (int)err->code;
}

void
start_daemon(enum fault_kind kind, const char *operation)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	struct journal journal = {.lock_fd = -1};
	struct supervisor_start start = {
	    .config = &config,
	    .journal = &journal,
	    .launcher = &forked_roles,
	    .fault = {.kind = kind},
	    .is_development = is_development,
	};
	int listen_fd = -1;
	struct err err = {0};

	if (kind != FAULT_NONE && !ASSAY_FAULTS) {
		print_message("skipped: built without ASSAY_FAULTS\n");
		skip();
	}
	snprintf(start.fault.operation, sizeof(start.fault.operation), "%s",
	    operation);
	if (sealed_from_bytes("policy", bytes_of_str(policy_text(policy)),
		&text, &err) != 0 ||
	    open_journal(&journal, &err) != 0 ||
	    listener_open(&config, &listen_fd, &err) != 0)
		fail_msg("%s", err.text);
	start.trust = text;
	start.in_force = mark_of(policy, config.trust_updates);
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
		log_queue_open();
		if (supervisor_run(&start, &listen_fd, &err) == 0) {
			log_queue_close();
			_exit(0);
		}
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    err.text); /* as assayd does */
		log_queue_close();
		_exit(1);
	}
	journal_close(&journal);
	close(listen_fd);
}

int
end_daemon(int signal_number)
{
	int status;

	assert_int_equal(kill(daemon_pid, signal_number), 0);
	assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
	daemon_pid = 0;
	return status;
}

int
daemon_setup(void **state)
{
	struct err err;

	if (enter_directory(state) != 0)
		return -1;
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(mkdir("libxl", 0700), 0);
	assert_int_equal(mkfifo(events, 0600), 0);
	assert_code(layout_init("store", &err), 0);
	add_image(SIGNER_PROD, "web", "1", 17);
	fake = store_fake = xen_fake_new();
	policy = make_policy(1);
	config = good_config();
	is_development = true;
	alarm(PATIENCE_SECONDS);
	return 0;
}

int
daemon_teardown(void **state)
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

void
wait_until(bool (*is_so)(void), const char *what)
{
	for (int i = 0; i < 12000; i++) {
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
size_t
count_pending(void)
{
	DIR *dir = opendir("state/pending");
	struct dirent *entry;
	size_t count = 0;

	/* By name: one that is there now may be gone when it is opened. */
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		uint8_t handle[UUID_BYTES];

		count += uuid_from_text(entry->d_name, handle);
	}
	closedir(dir);
	return count;
}

bool
is_nothing_left(void)
{
	return xen_fake_domain_count(fake) == 0 &&
	       xen_fake_node_count(fake) == 0 && count_files("libxl") == 0 &&
	       count_pending() == 0 && count_files("state/domains") == 0;
}

bool
is_domain_gone(void)
{
	return xen_fake_domain_count(fake) == 0 &&
	       xen_fake_node_count(fake) == 0 && count_files("libxl") == 0;
}

void
assert_nothing_left(void)
{
	/* That a domain is gone is put on record after its caller heard. */
	wait_until(is_nothing_left, "nothing is left");
	assert_int_equal(xen_fake_domain_count(fake), 0);
	assert_int_equal(xen_fake_node_count(fake), 0);
	assert_int_equal(count_files("libxl"), 0);
	assert_int_equal(count_pending(), 0);
	assert_int_equal(count_files("state/domains"), 0);
	assert_string_equal(fake->violation, "");
}

/* A build as domain NAME whose uuid ends in NN. */
void
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

void
assert_reply(int fd, const char *part)
{
	CLEANUP(freep) char *reply = caller_receive(fd);

	assert_non_null(reply);
	assert_has(reply, part);
}

void
hang_at(const char *operation)
{
	strcpy(fake->hang_operation, operation);
}

void
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

void
wait_for_call(const char *operation)
{
	awaited_call = operation;
	wait_until(was_called, operation);
}

pid_t
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

/* A process that is gone has no role. */
static bool
has_role(pid_t pid, const char *role)
{
	char expected[32];
	char path[64];
	char name[32] = "";
	FILE *file;

	snprintf(expected, sizeof(expected), "assayd[%s]\n", role);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	(void)!fgets(name, sizeof(name), file);
	fclose(file);
	return strcmp(name, expected) == 0;
}

pid_t
role_of_daemon(const char *role)
{
	for (int n = 0;; n++) {
		pid_t pid = child_of_daemon(n);

		if (pid == 0 || has_role(pid, role))
			return pid;
	}
}

/* Development: no identity and no boot policy, but a TPM and a log. */
void
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
int
logged(const char *part)
{
	CLEANUP(buffer_done) struct buffer log = read_file("measure.log");
	int count = 0;

	for (size_t i = 0; i + strlen(part) <= log.len; i++)
		count += memcmp(log.ptr + i, part, strlen(part)) == 0;
	return count;
}
