#include "link_trials.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "builder_fixture.h"

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"

static int (*begin_role)(pid_t *ret_pid);
static uint32_t role_state;

const struct link_rule *
trial_rule(const struct trial *trial)
{
	static const struct link_rule none;

	return trial->kind < trial->table->count
	           ? &trial->table->rules[trial->kind]
	           : &none;
}

struct link_place
trial_place(const struct trial *trial)
{
	const struct link_rule *rule = trial_rule(trial);
	struct link_place place = {0};

	if (trial->past >= WHAT_IT_FOLLOWS)
		place.seen = rule->after;
	if (trial->past >= ITSELF && trial->kind < LINK_KINDS)
		place.seen |= LINK_BIT(trial->kind);
	place.is_over = trial->past == THE_LAST;
	return place;
}

bool
trial_is_allowed(const struct trial *trial)
{
	const struct link_rule *rule = trial_rule(trial);

	if (rule->states == 0 || trial->size != rule->bytes ||
	    trial->fds < rule->min_fds || trial->fds > rule->max_fds)
		return false;
	if ((rule->states >> trial->state & 1) == 0)
		return false;
	switch (trial->past) {
	case NOTHING:
		return rule->after == 0;
	case WHAT_IT_FOLLOWS:
		return true;
	case ITSELF:
		return rule->times == LINK_OFTEN;
	case THE_LAST:
	case PASTS:
		break;
	}
	return false;
}

/* Each size that is near one that may be right. */
static size_t
sizes_of(const struct link_rule *rule, size_t ret_sizes[8])
{
	size_t count = 0;

	ret_sizes[count++] = 1;
	ret_sizes[count++] = LINK_KIND_BYTES;
	if (rule->bytes > LINK_KIND_BYTES) {
		ret_sizes[count++] = rule->bytes - 1;
		ret_sizes[count++] = rule->bytes;
	}
	if (rule->bytes > 0)
		ret_sizes[count++] = rule->bytes + 1;
	ret_sizes[count++] = 4096;
	ret_sizes[count++] = LINK_RECORD_BYTES;
	return count;
}

/* 0 is a kind, and so is one beyond, and the last number of all. */
static uint32_t
kind_at(const struct link_table *table, size_t index)
{
	return index > table->count ? UINT32_MAX : (uint32_t)index;
}

void
trial_send(const struct trial *trial, int fd)
{
	static unsigned char record[LINK_RECORD_BYTES];
	CLEANUP(sealed_freep) struct sealed *memory = NULL;
	int fds[MOST_FDS];
	bool is_full = false;
	struct err err;
	size_t count;

	memset(record, 0, sizeof(record));
	memcpy(record, &trial->kind, sizeof(trial->kind));
	assert_code(
	    sealed_from_bytes("any", bytes_of(record, 0), &memory, &err), 0);
	for (size_t i = 0; i < MOST_FDS; i++)
		fds[i] = sealed_fds(memory, &count)[0];
	if (trial->table->pipe != NULL)
		assert_code(
		    ipc_pipe_send(fd, record, trial->size, &is_full, &err), 0);
	else
		assert_code(ipc_send_fds_now(fd, record, trial->size, fds,
				trial->fds, &is_full, &err),
		    0);
	assert_false(is_full);
}

void
trials_each(const struct link_table *table, uint32_t states,
    void (*try)(const struct trial *trial))
{
	struct trial trial = {.table = table};

	/* Thousands, each with a process: the limit of ctest is long enough. */
	alarm(0);
	for (size_t i = 0; i <= table->count + 1; i++) {
		size_t sizes[8];
		size_t count;

		trial.kind = kind_at(table, i);
		count = sizes_of(trial_rule(&trial), sizes);
		for (size_t at = 0;
		     at < count * states * PASTS * (MOST_FDS + 1); at++) {
			size_t rest = at;

			trial.size = sizes[rest % count];
			rest /= count;
			trial.state = (uint32_t)(rest % states);
			rest /= states;
			trial.past = (enum past)(rest % PASTS);
			trial.fds = rest / PASTS;
			if (table->pipe != NULL &&
			    (trial.fds > 0 || trial.size > IPC_PIPE_BYTES))
				continue;
			try(&trial);
		}
	}
}

void
trial_fail(const struct trial *trial, const char *what)
{
	fail_msg("%s: %s %u of %zu bytes with %zu descriptors in state %u, "
		 "past %d",
	    what, trial->table->name, trial->kind, trial->size, trial->fds,
	    trial->state, (int)trial->past);
}

/* It ends by itself, and soon: nobody closes its link. */
static void
assert_role_ends(const struct trial *trial, pid_t pid)
{
	siginfo_t info = {0};

	for (int i = 0; i < 2000 && info.si_pid == 0; i++) {
		assert_int_equal(waitid(P_PID, (id_t)pid, &info,
				     WEXITED | WNOWAIT | WNOHANG),
		    0);
		if (info.si_pid == 0)
			usleep(2000);
	}
	if (info.si_pid == 0)
		trial_fail(trial, "the role goes on");
	/* It was not a crash, and no call that its sandbox forbids. */
	if (info.si_code != CLD_EXITED)
		trial_fail(trial, "the role crashed");
}

static void
try_at_role(const struct trial *trial)
{
	pid_t pid;
	int fd;

	if (trial->past != NOTHING || trial->state != role_state ||
	    trial_is_allowed(trial))
		return;
	fd = begin_role(&pid);
	trial_send(trial, fd);
	assert_role_ends(trial, pid);
	close(fd);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

void
trials_at_role(const struct link_table *table, uint32_t state,
    int (*begin)(pid_t *ret_pid))
{
	begin_role = begin;
	role_state = state;
	trials_each(table, state + 1, try_at_role);
}
