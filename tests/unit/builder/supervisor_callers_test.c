/*
 * Several fronts: what one says is its own callers', and what it is told is
 * meant for them.
 */
#include "supervisor_stand.h"

#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"

enum { PLACE = FRONT_OF_CLIENTS + 2, NUMBER = 7 };

/* A front's far ends. */
struct far {
	struct front_child *front;
	int calls;
	int answers;
};

static struct far
begin_front(uint32_t place)
{
	struct far far = {.front = &stand.sup->fronts[place]};
	int calls[2];
	int answers[2];
	struct err err;

	assert_code(ipc_pipe(calls, &err), 0);
	assert_code(ipc_pair(answers, &err), 0);
	if (far.front->pid == 0)
		far.front->pid = start_process();
	closep(&far.front->calls_fd);
	closep(&far.front->answers.fd);
	far.front->calls_fd = calls[0];
	/* Whose front it is: somebody who may call, and need not be there. */
	if (place >= FRONT_OF_CLIENTS)
		stand.sup->clients[place - FRONT_OF_CLIENTS].caller =
		    user_caller(0);
	outbox_attach(&far.front->answers, answers[0]);
	far.front->heard_usec = timing_now_usec();
	far.calls = calls[1];
	far.answers = answers[1];
	return far;
}

static void
end_front(struct far *far)
{
	closep(&far->calls);
	closep(&far->answers);
	if (far->front == socket_front())
		closep(&far->front->calls_fd);
	else
		far->front->is_lost = far->front->pid != 0;
	supervisor_keep_fronts(stand.sup);
}

static void
say(const struct far *far, struct front_call *call)
{
	struct err err;
	bool is_full;

	assert_code(ipc_pipe_send(far->calls, call,
			front_call_bytes(call->kind), &is_full, &err),
	    0);
	supervisor_serve_front(stand.sup, far->front);
}

static struct front_answer
hear(const struct far *far)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct front_answer answer;
	struct err err;
	size_t size;
	bool is_end;

	assert_true(has_answer(far->answers));
	assert_code(ipc_receive_some(far->answers, &answer, sizeof(answer),
			&size, &fds, &is_end, &err),
	    0);
	return answer;
}

static struct front_call
bad_build(uint32_t connection)
{
	struct front_call call = {
	    .kind = FRONT_BUILD,
	    .connection = connection,
	    .caller = user_caller(config.allow_uids[0]),
	    .build = good_build_request(),
	};

	call.build.guest.vcpus = 0;
	return call;
}

/* By the number that the front gave it, whatever other fronts call theirs. */
static void
caller_is_answered_by_its_own_front(void **state)
{
	struct far one = begin_front(FRONT_OF_CLIENTS);
	struct far other = begin_front(PLACE);
	struct front_call call = bad_build(NUMBER);
	struct front_answer answer;

	(void)state;
	say(&other, &call);
	assert_false(has_answer(one.answers));
	assert_false(has_answer(stand.front));
	answer = hear(&other);
	assert_int_equal(answer.connection, NUMBER);
	assert_int_equal(answer.outcome.code, RPC_PARAMETER_BAD);
	end_front(&one);
	end_front(&other);
}

/* The build that runs is that of a caller at the socket. */
static void
front_cancels_nothing_of_another_front(void **state)
{
	struct far far = begin_front(PLACE);
	struct front_call cancel = {
	    .kind = FRONT_CANCEL,
	    .connection = CONNECTION,
	};

	(void)state;
	say(&far, &cancel);
	assert_int_equal(stand.job->killed, ERR_NONE);
	assert_int_equal(stand.job->connection, CONNECTION);
	end_front(&far);
}

/* Such a number would be that of a caller of another front. */
static void
front_with_a_number_of_another_is_lost(void **state)
{
	struct far far = begin_front(PLACE);
	struct front_call call = bad_build(FRONT_CONNECTION_MAX + 1);

	(void)state;
	say(&far, &call);
	assert_true(far.front->is_lost);
	assert_false(has_answer(far.answers));
	end_front(&far);
}

/* Its own callers are nobody from then on, and no others. */
static void
front_that_is_lost_takes_its_own_callers_with_it(void **state)
{
	struct far far = begin_front(PLACE);
	struct callers callers =
	    supervisor_callers_of(stand.sup, &stand.sup->fronts[PLACE]);
	struct supervisor *sup = stand.sup;

	(void)state;
	sup->removals[3].step = REMOVAL_ERASE;
	sup->removals[3].due_usec = UINT64_MAX;
	sup->removals[3].connection = callers.first;
	sup->evidence[2] = (struct evidence_call){true, 77, callers.last, {0}};
	sup->evidence[3] = (struct evidence_call){true, 78, OTHER, {0}};
	socket_front()->heard_usec = timing_now_usec();
	end_front(&far);
	assert_int_equal(far.front->pid, 0);
	assert_int_equal(stand.job->connection, CONNECTION);
	assert_int_equal(sup->removals[3].connection, NO_CONNECTION);
	assert_int_equal(sup->evidence[2].connection, NO_CONNECTION);
	assert_int_equal(sup->evidence[3].connection, OTHER);
}

/* One that has all that it may have under way is not read; others are. */
static void
front_that_asks_much_keeps_no_other_waiting(void **state)
{
	struct far far = begin_front(PLACE);
	struct front_call status = {
	    .kind = FRONT_STATUS,
	    .connection = NUMBER,
	    .caller = user_caller(config.allow_uids[0]),
	};

	(void)state;
	assert_true(supervisor_can_take_call(stand.sup, far.front));
	say(&far, &status);
	assert_false(supervisor_can_take_call(stand.sup, far.front));
	assert_true(supervisor_can_take_call(stand.sup, socket_front()));
	stand.sup->looks.count = 0;
	end_front(&far);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stand_test(caller_is_answered_by_its_own_front),
	    stand_test(front_cancels_nothing_of_another_front),
	    stand_test(front_with_a_number_of_another_is_lost),
	    stand_test(front_that_is_lost_takes_its_own_callers_with_it),
	    stand_test(front_that_asks_much_keeps_no_other_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
