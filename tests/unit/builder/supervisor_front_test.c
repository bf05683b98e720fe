/*
 * The front's life, as the supervisor sees it: the clock and the links are the
 * test's.
 */
#include "supervisor_stand.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_pipe.h"

enum { SECOND = 1000000, LONGEST_PAUSE = 30 * SECOND };

/* A front that runs, and after which none is begun at once. */
static pid_t
run_front(void)
{
	struct front_child *front = socket_front();

	front->pid = start_process();
	front->started_usec = timing_now_usec();
	front->heard_usec = front->started_usec;
	front->pause_usec = SECOND;
	return front->pid;
}

static void
assert_ended(pid_t pid)
{
	assert_int_equal(socket_front()->pid, 0);
	assert_false(socket_front()->is_lost);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
front_that_is_silent_is_ended(void **state)
{
	pid_t pid = run_front();

	(void)state;
	*ahead_usec += 29 * SECOND;
	supervisor_keep_fronts(stand.sup);
	assert_int_equal(socket_front()->pid, pid);
	*ahead_usec += SECOND;
	supervisor_keep_fronts(stand.sup);
	assert_ended(pid);
}

static void
front_that_reads_no_answers_is_ended(void **state)
{
	struct front_answer answer = {
	    .kind = ANSWER_RECEIPT,
	    .connection = OTHER,
	};
	pid_t pid = run_front();

	(void)state;
	for (uint32_t i = 0;
	     i < 10000 && socket_front()->answers.full_usec == 0; i++)
		supervisor_send(stand.sup, &answer, NULL);
	*ahead_usec += 9 * SECOND;
	supervisor_keep_fronts(stand.sup);
	assert_int_equal(socket_front()->pid, pid);
	*ahead_usec += SECOND;
	supervisor_keep_fronts(stand.sup);
	assert_ended(pid);
}

static void
front_that_closed_its_link_is_lost(void **state)
{
	struct front_child *front = socket_front();
	pid_t pid = run_front();
	int calls[2];
	struct err err;

	(void)state;
	assert_code(ipc_pipe(calls, &err), 0);
	front->calls_fd = calls[0];
	close(calls[1]);
	supervisor_serve_front(stand.sup, socket_front());
	assert_true(front->is_lost);
	supervisor_keep_fronts(stand.sup);
	assert_ended(pid);
}

static void
front_is_not_begun_before_its_pause_is_over(void **state)
{
	struct front_child *front = socket_front();

	(void)state;
	front->pid = 0;
	front->next_usec = timing_now_usec() + 60ull * SECOND;
	supervisor_keep_fronts(stand.sup);
	assert_int_equal(front->pid, 0);
	assert_int_equal(supervisor_front_deadline(stand.sup),
	    front->next_usec);
}

static void
fronts_that_die_at_once_wait_longer_and_longer(void **state)
{
	struct front_child *front = socket_front();
	uint64_t last = 0;

	(void)state;
	stand.sup->listen_fd = -1;
	for (int i = 0; i < 20; i++) {
		uint64_t pause;

		front->pid = start_process();
		front->started_usec = timing_now_usec();
		supervisor_stop_fronts(stand.sup); /* as any end of it */
		pause = front->pause_usec;
		assert_true(pause > last || pause == LONGEST_PAUSE);
		assert_true(pause <= LONGEST_PAUSE);
		assert_true(
		    front->next_usec <= timing_now_usec() + LONGEST_PAUSE);
		last = pause;
	}
	assert_int_equal(last, LONGEST_PAUSE);
}

/* The next front gives their numbers to others. */
static void
callers_of_a_front_that_is_lost_are_nobody(void **state)
{
	struct supervisor *sup = stand.sup;
	pid_t pid = run_front();

	(void)state;
	sup->removals[3].step = REMOVAL_ERASE;
	sup->removals[3].connection = OTHER;
	sup->evidence[2] = (struct evidence_call){true, 77, OTHER, {0}};
	supervisor_lose_front(socket_front(), "this test says so");
	supervisor_keep_fronts(sup);
	assert_ended(pid);
	assert_int_equal(stand.job->connection, NO_CONNECTION);
	assert_int_equal(stand.job->killed, ERR_NONE); /* it goes on */
	assert_int_equal(sup->removals[3].connection, NO_CONNECTION);
	assert_int_equal(sup->evidence[2].connection, NO_CONNECTION);
	assert_true(sup->evidence[2].is_used);
}

/* Is it taken? */
static bool
takes(enum front_call_kind kind, uint32_t connection)
{
	struct front_child *front = socket_front();
	const struct front_call call = {
	    .kind = kind,
	    .connection = connection,
	    .caller = user_caller(geteuid()),
	};
	bool is_full = false;
	bool is_lost;
	int calls[2];
	struct err err;

	assert_code(ipc_pipe(calls, &err), 0);
	front->calls_fd = calls[0];
	assert_code(ipc_pipe_send(calls[1], &call, front_call_bytes(kind),
			&is_full, &err),
	    0);
	supervisor_serve_front(stand.sup, front);
	is_lost = front->is_lost;
	front->is_lost = false;
	front->calls_fd = -1;
	close(calls[0]);
	close(calls[1]);
	return !is_lost;
}

/* A front's end forgets its callers: what nobody asked for would stay, and
 * nobody's cancel would end what other fronts' callers wait for. */
static void
front_speaks_for_nobody_only_where_no_caller_asks(void **state)
{
	uint32_t kinds = 0;

	(void)state;
	run_front();
	stand.job->connection = NO_CONNECTION; /* its front died */
	for (uint32_t kind = 1; kind < supervisor_front_calls.count; kind++) {
		const bool is_news =
		    kind == FRONT_UNDELIVERED || kind == FRONT_ALIVE;

		assert_int_equal(takes(kind, NO_CONNECTION), is_news);
		assert_int_equal(takes(kind, OTHER), !is_news);
		kinds++;
	}
	assert_true(kinds > FRONT_WAIT - 1);
	assert_int_equal(stand.job->killed, ERR_NONE);
}

/* A receipt for nobody would be a domain that reached nobody. */
static void
nobody_is_not_answered(void **state)
{
	struct front_answer answer = {
	    .kind = ANSWER_RECEIPT,
	    .connection = NO_CONNECTION,
	    .receipt = good_receipt(),
	};

	(void)state;
	supervisor_send(stand.sup, &answer, NULL);
	assert_false(has_answer(stand.front));
}

static void
call_is_taken_only_while_there_is_room_for_all_answers(void **state)
{
	struct front_answer answer = {
	    .kind = ANSWER_RECEIPT,
	    .connection = OTHER,
	};

	(void)state;
	assert_true(supervisor_can_take_call(stand.sup, socket_front()));
	/* Until the socket is full, and then the queue. */
	for (uint32_t i = 0;
	     i < 10000 && supervisor_can_take_call(stand.sup, socket_front());
	     i++)
		supervisor_send(stand.sup, &answer, NULL);
	assert_false(supervisor_can_take_call(stand.sup, socket_front()));
	assert_true(outbox_room(&socket_front()->answers) >=
		    SUPERVISOR_JOBS + SUPERVISOR_EVIDENCE);
	assert_false(socket_front()->is_lost);
	(void)next_answer();
	(void)next_answer();
	supervisor_flush_front(socket_front());
	assert_true(supervisor_can_take_call(stand.sup, socket_front()));
}

/* The rest of them would be memory that nobody counted. */
static void
call_is_not_taken_while_listings_wait(void **state)
{
	struct front_answer answer = {
	    .kind = ANSWER_MEMORY,
	    .connection = OTHER,
	};
	struct err err;

	(void)state;
	for (uint32_t i = 0;
	     i < 10000 && supervisor_can_take_call(stand.sup, socket_front());
	     i++) {
		struct sealed *rows = NULL;

		assert_code(sealed_from_bytes("rows", bytes_of_str("rows"),
				&rows, &err),
		    0);
		supervisor_send(stand.sup, &answer, rows);
	}
	assert_false(supervisor_can_take_call(stand.sup, socket_front()));
	assert_int_equal(socket_front()->answers.attached, FRONT_LISTINGS);
	assert_true(outbox_room(&socket_front()->answers) >= FRONT_CALLS);
	assert_false(socket_front()->is_lost);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stand_test(front_that_is_silent_is_ended),
	    stand_test(front_that_reads_no_answers_is_ended),
	    stand_test(front_that_closed_its_link_is_lost),
	    stand_test(front_is_not_begun_before_its_pause_is_over),
	    stand_test(fronts_that_die_at_once_wait_longer_and_longer),
	    stand_test(callers_of_a_front_that_is_lost_are_nobody),
	    stand_test(front_speaks_for_nobody_only_where_no_caller_asks),
	    stand_test(nobody_is_not_answered),
	    stand_test(call_is_taken_only_while_there_is_room_for_all_answers),
	    stand_test(call_is_not_taken_while_listings_wait),
	};

	return cmocka_run_group_tests_name("supervisor_front", tests, NULL,
	    NULL);
}
