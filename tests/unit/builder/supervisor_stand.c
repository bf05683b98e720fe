#include "supervisor_stand.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/look_link.h"
#include "builder/xen/domain_list.h"

struct stand stand;

/* A child that is begun here does nothing, and keeps its links. */
static int
launch_nothing(void *context, const struct role_start *start,
    const struct role_fds *fds, pid_t *ret_pid, struct err *err)
{
	(void)context;
	(void)start;
	(void)fds;
	(void)err;
	*ret_pid = fork();
	if (*ret_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return 0;
}

static const struct role_launcher launcher = {launch_nothing, NULL};

static void
end_well(int signal_number)
{
	(void)signal_number;
	_exit(0);
}

pid_t
start_process(void)
{
	sigset_t term;
	pid_t pid;

	/* No signal is lost before the handler is there. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGTERM, end_well);
		close_range(STDERR_FILENO + 1, ~0u, 0); /* the test's */
	}
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void
start_child(struct job *job)
{
	int link[2];
	const struct job_terms terms = {CONNECTION, user_caller(0), 120, NULL};
	struct task task = {
	    .kind = TASK_BUILD,
	    .build = good_build_request(),
	};
	struct child child = CHILD_NONE;
	struct err err;

	assert_code(ipc_pair(link, &err), 0);
	memset(task.handle, BENCH_HANDLE, UUID_BYTES);
	job_begin(job, &task, &terms);
	assert_code(child_adopt(start_process(), &link[0], &child, &err), 0);
	job_attach(job, JOB_BUILDING, &child);
	job->deadline_usec = UINT64_MAX;
	stand.child = link[1];
}

int
stand_setup(void **state)
{
	struct supervisor *sup = calloc(1, sizeof(*sup));
	struct journal_pending entry = {.state = JOURNAL_MADE};
	struct err err;
	int front[2];
	int recorder[2];
	int looker[2];
	int watcher[2];

	assert_int_equal(clocked_setup(state), 0);
	assert_code(journal_open(config.state, &stand.journal, &err), 0);
	sup->config = &config;
	sup->journal = &stand.journal;
	assert_code(
	    sealed_from_bytes("policy", bytes_of_str("{}"), &stand.trust, &err),
	    0);
	sup->env = (struct role_env){
	    .config = &config,
	    .trust = stand.trust,
	    .cache = &sup->cache,
	    .logs = &sup->logs,
	    .launcher = &launcher,
	};
	sup->ready = DECIDER_NONE;
	sup->ready_build = BUILDER_NONE;
	sup->is_development = true;
	sup->refusals = (struct log_limit){.burst = 100, .usec = 1};
	sup->left_behind = sup->refusals;
	sup->lost_looks = sup->refusals;
	supervisor_clients_init(sup);
	assert_code(domain_table_load(&stand.journal, &sup->domains, &err), 0);
	assert_code(ipc_pair(looker, &err), 0);
	sup->looks.child = (struct child){1, -1, looker[0]}; /* never killed */
	stand.looker = looker[1];
	assert_code(ipc_pair(watcher, &err), 0);
	sup->watch.child = (struct child){1, -1, watcher[0]};
	sup->watch.is_watching = true;
	stand.watcher = watcher[1];
	assert_code(supervisor_fronts_init(sup, &err), 0);
	assert_code(outbox_init(&sup->records, sizeof(struct tpm_request), 128,
			false, &err),
	    0);
	assert_code(ipc_pair(front, &err), 0);
	assert_code(ipc_pair(recorder, &err), 0);
	sup->fronts[FRONT_OF_SOCKET].pid = 1; /* never signalled here */
	outbox_attach(&sup->fronts[FRONT_OF_SOCKET].answers, front[0]);
	stand.front = front[1];
	sup->tpm_fd = recorder[0];
	sup->tpm_link_place.seen = LINK_BIT(TPM_REQUEST_START);
	outbox_attach(&sup->records, recorder[0]);
	stand.recorder = recorder[1];
	stand.sup = sup;
	stand.job = &sup->jobs[0];
	start_child(stand.job);
	memset(entry.handle, BENCH_HANDLE, UUID_BYTES);
	memcpy(entry.uuid, stand.job->task.build.guest.uuid, UUID_BYTES);
	assert_code(journal_begin(&stand.journal, &entry, &err), 0);
	return 0;
}

int
stand_teardown(void **state)
{
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct job *job = &stand.sup->jobs[i];

		if (job->state == JOB_FREE || job->child.pid == 0)
			continue;
		kill(job->child.pid, SIGKILL);
		waitpid(job->child.pid, NULL, 0);
	}
	role_logs_done(&stand.sup->logs);
	supervisor_fronts_done(stand.sup);
	outbox_done(&stand.sup->records);
	domain_table_done(&stand.sup->domains);
	image_cache_done(&stand.sup->cache);
	journal_close(&stand.journal);
	sealed_freep(&stand.trust);
	free(stand.sup);
	closep(&stand.child);
	closep(&stand.front);
	closep(&stand.recorder);
	closep(&stand.looker);
	closep(&stand.watcher);
	return daemon_teardown(state);
}

struct front_child *
socket_front(void)
{
	return &stand.sup->fronts[FRONT_OF_SOCKET];
}

void
stand_call(const struct front_call *call)
{
	struct xen_port port = xen_fake_port(fake);
	CLEANUP(domain_list_done) struct domain_list list = {0};
	CLEANUP(sealed_freep) struct sealed *infos = NULL;
	struct look_answer answer = {
	    .kind = LOOK_LISTED,
	    .host = {.version_major = 4},
	};
	struct look_call asked;
	struct err err;
	bool is_end;

	supervisor_take_call(stand.sup, call);
	if (!has_answer(stand.looker))
		return;
	assert_code(ipc_receive(stand.looker, &asked, sizeof(asked), NULL,
			&is_end, &err),
	    0);
	assert_code(domain_list_read(&port, &list, &err), 0);
	assert_code(sealed_from_bytes("domains",
			bytes_of(list.infos, list.count * sizeof(*list.infos)),
			&infos, &err),
	    0);
	answer.number = asked.number;
	assert_code(
	    ipc_send_sealed(stand.looker, &answer, sizeof(answer), infos, &err),
	    0);
	supervisor_serve_look(stand.sup);
}

bool
has_answer(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	return poll(&wait, 1, 0) == 1;
}

struct front_answer
next_answer(void)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct front_answer answer;
	struct err err;
	size_t size;
	bool is_end;

	assert_true(has_answer(stand.front));
	assert_code(ipc_receive_some(stand.front, &answer, sizeof(answer),
			&size, &fds, &is_end, &err),
	    0);
	assert_int_equal(size, front_answer_bytes(answer.kind));
	return answer;
}

void
wait_for_end(const struct job *job)
{
	struct pollfd wait = {.fd = job->child.pidfd, .events = POLLIN};

	assert_int_equal(poll(&wait, 1, 20000), 1);
}

uint32_t
next_look(void)
{
	struct look_call call;
	struct err err;
	bool is_end;

	if (!has_answer(stand.looker))
		return 0;
	assert_code(
	    ipc_receive(stand.looker, &call, sizeof(call), NULL, &is_end, &err),
	    0);
	return call.number;
}

void
answer_look(uint32_t number, const struct xen_domain_info *infos, size_t count)
{
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	struct look_answer answer = {.kind = LOOK_LISTED, .number = number};
	struct err err;

	assert_code(sealed_from_bytes("domains",
			bytes_of(infos, count * sizeof(*infos)), &sealed, &err),
	    0);
	assert_code(ipc_send_sealed(stand.looker, &answer, sizeof(answer),
			sealed, &err),
	    0);
	supervisor_serve_look(stand.sup);
}
