/*
 * Domains that may call: this test is the channel role, and Xen. Which program
 * is begun with what the launcher writes down.
 */
#include "supervisor_stand.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/build_link.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"
#include "builder/supervisor/channel_devices.h"
#include "builder/supervisor/role_launch.h"

enum { CLIENT = 20, GUEST = 21, PLACE = FRONT_OF_CLIENTS };

static int role = -1; /* the channel role's end */
static pid_t role_pid;
static struct role_start started; /* the last one that was begun */
static unsigned int starts;
static unsigned int opened; /* devices, in pairs */

/* Pipes, so that one sees how many are open. */
int
channel_devices_open(int ret_fds[static CHANNEL_FDS], struct err *err)
{
	int fds[CHANNEL_FDS];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_set_errno(err, XEN_FAILED, "pipe");
	memcpy(ret_fds, fds, sizeof(fds));
	opened++;
	return 0;
}

/* A process that ends when it is told so; that of the channel role has the test
 * at its link. */
static int
launch(void *context, const struct role_start *start,
    const struct role_fds *fds, pid_t *ret_pid, struct err *err)
{
	(void)context;
	(void)err;
	started = *start;
	starts++;
	if (start->role == ROLE_CHANNEL) {
		closep(&role);
		role = fcntl(fds->fds[0], F_DUPFD_CLOEXEC, 0);
	}
	*ret_pid = start_process();
	if (start->role == ROLE_CHANNEL)
		role_pid = *ret_pid;
	return 0;
}

static const struct role_launcher launcher = {launch, NULL};

static struct receipt
receipt_of(uint32_t domid, uint8_t uuid, const char *image)
{
	struct receipt receipt = good_receipt();

	receipt.domid = domid;
	memset(receipt.guest.uuid, uuid, UUID_BYTES);
	snprintf(receipt.image.name, sizeof(receipt.image.name), "%s", image);
	snprintf(receipt.image.role, sizeof(receipt.image.role), "infra");
	return receipt;
}

static void
add_domain(uint32_t domid, uint8_t uuid, const char *image)
{
	const struct built built = {
	    .receipt = receipt_of(domid, uuid, image),
	};
	struct err err;

	assert_code(domain_table_add(&stand.sup->domains, &built, &err), 0);
	xen_fake_add(fake, domid, uuid, NULL)->is_running = true;
	supervisor_note_change(stand.sup);
}

static int
setup(void **state)
{
	if (stand_setup(state) != 0)
		return -1;
	config.callers[0] = (struct caller_rule){
	    .kind = CALLER_RULE_IMAGE,
	    .image = "tool",
	    .role = "infra",
	    .builds = {"web"},
	    .pattern_count = 1,
	};
	config.caller_count = 1;
	stand.sup->env.launcher = &launcher;
	role = -1;
	role_pid = 0;
	starts = 0;
	opened = 0;
	return 0;
}

static int
teardown(void **state)
{
	supervisor_stop_fronts(stand.sup);
	if (role_pid != 0)
		kill(role_pid, SIGKILL); /* nobody waits for its end */
	supervisor_drop_clients(stand.sup);
	closep(&role);
	return stand_teardown(state);
}

/* As the supervisor's loop does it. */
static void
turn(void)
{
	supervisor_heed_change(stand.sup);
	for (size_t i = PLACE; i < SUPERVISOR_FRONTS; i++) {
		struct front_child *front = &stand.sup->fronts[i];

		if (front->is_lost)
			supervisor_end_front(stand.sup, front);
	}
	supervisor_keep_clients(stand.sup);
}

/* --- the role -------------------------------------------------------- */

static struct channel_call
next_channel_call(void)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct channel_call call = {0};
	struct err err;
	bool is_end;

	if (role < 0 || !has_answer(role))
		return call;
	assert_code(
	    ipc_receive_fds(role, &call, sizeof(call), &fds, &is_end, &err), 0);
	assert_int_equal(fds.count,
	    call.kind == CHANNEL_OFFER ? CHANNEL_FDS : 0);
	return call;
}

static void
expect_call(enum channel_call_kind kind, uint32_t domid)
{
	const struct channel_call call = next_channel_call();

	assert_int_equal(call.kind, kind);
	assert_int_equal(call.domid, domid);
}

static void
answer_done(uint32_t domid)
{
	const struct channel_answer answer = {
	    .kind = CHANNEL_DONE,
	    .domid = domid,
	};
	struct err err;

	assert_code(ipc_send(role, &answer, LINK_BYTES(channel_answer, domid),
			-1, &err),
	    0);
	supervisor_serve_channels(stand.sup);
}

static void
answer_offered(uint32_t domid)
{
	const struct channel_answer answer = {
	    .kind = CHANNEL_OFFERED,
	    .domid = domid,
	    .offer = {.offset = 4096, .port = 42, .domid = domid},
	};
	struct err err;

	assert_code(ipc_send(role, &answer, LINK_BYTES(channel_answer, offer),
			-1, &err),
	    0);
	supervisor_serve_channels(stand.sup);
}

static void
answer_refused(uint32_t domid)
{
	struct channel_answer answer = {
	    .kind = CHANNEL_REFUSED,
	    .domid = domid,
	};
	struct err err;

	err_wire_from(&answer.outcome,
	    err_set(&err, CHANNEL_RINGS_HELD, "eight"), &err);
	assert_code(ipc_send(role, &answer, LINK_BYTES(channel_answer, outcome),
			-1, &err),
	    0);
	supervisor_serve_channels(stand.sup);
}

/* A client with a front. */
static struct client *
serve_client(void)
{
	add_domain(CLIENT, CLIENT, "tool");
	turn();
	expect_call(CHANNEL_CLEAR, 0);
	expect_call(CHANNEL_OFFER, CLIENT);
	answer_done(0);
	answer_offered(CLIENT);
	assert_int_equal(stand.sup->clients[0].step, CLIENT_SERVED);
	return &stand.sup->clients[0];
}

static bool
lives(pid_t pid)
{
	return kill(pid, 0) == 0;
}

/* --- tests ----------------------------------------------------------- */

static void
client_gets_a_front_on_its_ring(void **state)
{
	size_t before = count_descriptors();
	const struct front_child *front = &stand.sup->fronts[PLACE];

	(void)state;
	serve_client();
	assert_int_equal(started.role, ROLE_FRONT);
	assert_int_equal(started.offer.domid, CLIENT);
	assert_int_equal(started.offer.port, 42);
	assert_int_equal(started.offer.offset, 4096);
	assert_true(front->pid != 0);
	/* The role: link, pidfd, our end, its log; the front: calls, answers,
	 * its log. No device. */
	assert_in_range(count_descriptors(), before, before + 8);
	for (int i = 0; i < CHANNEL_FDS; i++)
		assert_int_equal(stand.sup->clients[0].devices[i], -1);
}

static void
domain_without_a_rule_has_no_channel(void **state)
{
	(void)state;
	add_domain(GUEST, GUEST, "web");
	turn();
	assert_int_equal(starts, 0);
	assert_int_equal(opened, 0);
	assert_int_equal(supervisor_client_deadline(stand.sup), UINT64_MAX);
}

/* What its front says of the caller counts for nothing. */
static void
caller_is_who_the_ring_was_made_for(void **state)
{
	const struct front_call claimed = {
	    .kind = FRONT_STATUS,
	    .connection = 1,
	    .caller = user_caller(config.allow_uids[0]),
	};
	struct front_child *front = &stand.sup->fronts[PLACE];
	const struct caller *caller;
	struct err err;
	bool is_full;
	int calls[2];

	(void)state;
	serve_client();
	assert_code(ipc_pipe(calls, &err), 0);
	closep(&front->calls_fd);
	front->calls_fd = calls[0];
	assert_code(ipc_pipe_send(calls[1], &claimed,
			front_call_bytes(claimed.kind), &is_full, &err),
	    0);
	supervisor_serve_front(stand.sup, front);
	close(calls[1]);
	/* It waits for a look. */
	assert_int_equal(stand.sup->looks.count, 1);
	caller = &stand.sup->looks.waiting[0].call.caller;
	assert_int_equal(caller->kind, CALLER_DOMAIN);
	assert_int_equal(caller->domain.domid, CLIENT);
	assert_string_equal(caller->domain.image, "tool");
	assert_string_equal(caller->domain.role, "infra");
	assert_int_equal(caller->domain.uuid[0], CLIENT);
}

/* What comes behind all that was under way to it. */
static void
front_is_answered_before_it_ends(void **state)
{
	const struct front_call last = {.kind = FRONT_ALIVE, .connection = 2};
	struct front_child *front = &stand.sup->fronts[PLACE];
	struct front_answer answer;
	int answers[2];
	int calls[2];
	bool is_full;
	bool is_end;
	struct err err;

	(void)state;
	serve_client();
	assert_code(ipc_pipe(calls, &err), 0);
	assert_code(ipc_pair(answers, &err), 0);
	closep(&front->calls_fd);
	closep(&front->answers.fd);
	front->calls_fd = calls[0];
	outbox_attach(&front->answers, answers[0]);
	assert_code(ipc_pipe_send(calls[1], &last, front_call_bytes(last.kind),
			&is_full, &err),
	    0);
	supervisor_serve_front(stand.sup, front);
	assert_false(front->is_lost);
	assert_code(ipc_receive(answers[1], &answer,
			front_answer_bytes(ANSWER_OUTCOME), NULL, &is_end,
			&err),
	    0);
	assert_int_equal(answer.kind, ANSWER_OUTCOME);
	assert_int_equal(answer.connection, 2);
	close(calls[1]);
	close(answers[1]);
}

static void
session_that_ends_is_followed_by_a_new_ring(void **state)
{
	struct client *client;
	unsigned int before;

	(void)state;
	client = serve_client();
	before = opened;
	stand.sup->fronts[PLACE].is_lost = true;
	turn();
	expect_call(CHANNEL_WITHDRAW, CLIENT);
	expect_call(CHANNEL_OFFER, CLIENT);
	assert_int_equal(opened, before + 1);
	answer_done(CLIENT);
	answer_offered(CLIENT);
	assert_int_equal(client->step, CLIENT_SERVED);
}

static void
sessions_are_slowed_down(void **state)
{
	unsigned int sessions = 0;

	(void)state;
	serve_client();
	while (stand.sup->clients[0].step == CLIENT_SERVED) {
		assert_true(++sessions < 100);
		stand.sup->fronts[PLACE].is_lost = true;
		turn();
		expect_call(CHANNEL_WITHDRAW, CLIENT);
		answer_done(CLIENT);
		if (next_channel_call().kind == CHANNEL_OFFER)
			answer_offered(CLIENT);
	}
	/* One more for each second that this took. */
	assert_in_range(sessions, 21, 90);
	*ahead_usec += 1000000;
	turn();
	expect_call(CHANNEL_OFFER, CLIENT);
}

static void
client_that_is_gone_has_nothing_left(void **state)
{
	pid_t front;

	(void)state;
	serve_client();
	front = stand.sup->fronts[PLACE].pid;
	domain_table_update(&stand.sup->domains, NULL, 0);
	domain_table_begin_look(&stand.sup->domains, 1);
	domain_table_update(&stand.sup->domains, NULL, 0);
	supervisor_note_change(stand.sup);
	turn();
	assert_false(lives(front));
	assert_int_equal(stand.sup->clients[0].step, CLIENT_NONE);
	expect_call(CHANNEL_FORGET, CLIENT);
	assert_int_equal(next_channel_call().kind, 0);
}

/* What it had begun is undone. */
static void
build_of_a_client_that_is_gone_is_cancelled(void **state)
{
	(void)state;
	serve_client();
	stand.job->connection = PLACE << PLACE_SHIFT | 1;
	stand.sup->domains.rows[0].is_dying = true;
	supervisor_note_change(stand.sup);
	turn();
	assert_int_equal(stand.job->killed, BUILD_CANCELLED);
	assert_int_equal(stand.job->connection, NO_CONNECTION);
}

/* The id was given away before anybody looked. */
static void
domain_that_gets_the_id_of_a_client_ends_it(void **state)
{
	const struct build_report made = {.kind = BUILD_MADE, .domid = CLIENT};
	pid_t front;
	struct err err;

	(void)state;
	serve_client();
	front = stand.sup->fronts[PLACE].pid;
	assert_code(ipc_send(stand.child, &made,
			LINK_BYTES(build_report, domid), -1, &err),
	    0);
	supervisor_serve_job(stand.sup, stand.job);
	assert_int_equal(stand.job->domid, CLIENT);
	assert_false(lives(front));
	/* Nor does it come back while the table still has the old one. */
	supervisor_note_change(stand.sup);
	turn();
	assert_int_equal(stand.sup->clients[0].step, CLIENT_NONE);
	expect_call(CHANNEL_FORGET, CLIENT);
	assert_int_equal(next_channel_call().kind, 0);
	assert_int_not_equal(next_look(), 0);
}

static void
two_domains_of_one_id_have_no_channel(void **state)
{
	(void)state;
	add_domain(CLIENT, 1, "tool");
	add_domain(CLIENT, 2, "tool");
	turn();
	assert_int_equal(starts, 0);
}

/* The ring goes before the id is free. */
static void
client_is_destroyed_after_its_channel(void **state)
{
	struct front_call call = {
	    .kind = FRONT_DESTROY,
	    .connection = CONNECTION,
	    .caller = user_caller(config.allow_uids[0]),
	    .selector = {.domid = CLIENT},
	};
	pid_t front;
	unsigned int before;

	(void)state;
	serve_client();
	front = stand.sup->fronts[PLACE].pid;
	before = starts;
	stand_call(&call);
	assert_false(lives(front));
	turn();
	supervisor_run_removals(stand.sup);
	assert_int_equal(starts, before); /* nobody erases */
	expect_call(CHANNEL_FORGET, CLIENT);
	answer_done(CLIENT);
	supervisor_run_removals(stand.sup);
	assert_int_equal(started.role, ROLE_BUILD);
	assert_int_equal(started.kind, CHILD_TO_ERASE);
}

static void
refused_ring_is_asked_for_again_later(void **state)
{
	(void)state;
	add_domain(CLIENT, CLIENT, "tool");
	turn();
	expect_call(CHANNEL_CLEAR, 0);
	expect_call(CHANNEL_OFFER, CLIENT);
	answer_done(0);
	answer_refused(CLIENT);
	assert_int_equal(stand.sup->clients[0].step, CLIENT_WAITS);
	assert_int_equal(stand.sup->clients[0].devices[0], -1);
	turn();
	assert_int_equal(next_channel_call().kind, 0);
	*ahead_usec += 10000000;
	turn();
	expect_call(CHANNEL_OFFER, CLIENT);
}

static void
role_that_is_silent_is_begun_again(void **state)
{
	pid_t front;
	pid_t first;

	(void)state;
	serve_client();
	front = stand.sup->fronts[PLACE].pid;
	first = role_pid;
	add_domain(CLIENT + 10, CLIENT + 10, "tool");
	turn();
	*ahead_usec += 10000000;
	turn();
	while (lives(first))
		graves_collect(&stand.sup->graves);
	/* Nodes may be lost: all is offered again. */
	assert_false(lives(front));
	*ahead_usec += 10000000;
	turn();
	expect_call(CHANNEL_OFFER, CLIENT);
	expect_call(CHANNEL_OFFER, CLIENT + 10);
	assert_int_not_equal(role_pid, first);
}

static void
answer_to_nothing_ends_the_role(void **state)
{
	pid_t first;

	(void)state;
	serve_client();
	first = role_pid;
	answer_done(CLIENT);
	while (lives(first))
		graves_collect(&stand.sup->graves);
	assert_int_equal(stand.sup->channels.child.pid, 0);
}

static void
offer_for_another_domain_ends_the_role(void **state)
{
	struct channel_answer answer = {
	    .kind = CHANNEL_OFFERED,
	    .domid = CLIENT,
	    .offer = {.offset = 4096, .port = 42, .domid = GUEST},
	};
	unsigned int before;
	struct err err;

	(void)state;
	add_domain(CLIENT, CLIENT, "tool");
	turn();
	expect_call(CHANNEL_CLEAR, 0);
	expect_call(CHANNEL_OFFER, CLIENT);
	answer_done(0);
	before = starts;
	assert_code(ipc_send(role, &answer, LINK_BYTES(channel_answer, offer),
			-1, &err),
	    0);
	supervisor_serve_channels(stand.sup);
	assert_int_equal(stand.sup->channels.child.pid, 0);
	assert_int_equal(starts, before); /* no front */
}

static void
so_many_domains_have_channels(void **state)
{
	unsigned int clients = 0;

	(void)state;
	for (uint8_t i = 0; i < LIMIT_CLIENTS + 1; i++)
		add_domain(100u + i, (uint8_t)(100 + i), "tool");
	turn();
	for (size_t i = 0; i < LIMIT_CLIENTS; i++)
		clients += stand.sup->clients[i].step != CLIENT_NONE;
	assert_int_equal(clients, LIMIT_CLIENTS);
	/* One goes, and the last one has its place. */
	stand.sup->domains.rows[3].is_dying = true;
	supervisor_note_change(stand.sup);
	turn();
	assert_int_equal(stand.sup->clients[3].caller.domain.domid,
	    100 + LIMIT_CLIENTS);
}

int
main(void)
{
#define client_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    client_test(client_gets_a_front_on_its_ring),
	    client_test(domain_without_a_rule_has_no_channel),
	    client_test(caller_is_who_the_ring_was_made_for),
	    client_test(front_is_answered_before_it_ends),
	    client_test(session_that_ends_is_followed_by_a_new_ring),
	    client_test(sessions_are_slowed_down),
	    client_test(client_that_is_gone_has_nothing_left),
	    client_test(build_of_a_client_that_is_gone_is_cancelled),
	    client_test(domain_that_gets_the_id_of_a_client_ends_it),
	    client_test(two_domains_of_one_id_have_no_channel),
	    client_test(client_is_destroyed_after_its_channel),
	    client_test(refused_ring_is_asked_for_again_later),
	    client_test(role_that_is_silent_is_begun_again),
	    client_test(answer_to_nothing_ends_the_role),
	    client_test(offer_for_another_domain_ends_the_role),
	    client_test(so_many_domains_have_channels),
	};

	return cmocka_run_group_tests_name("supervisor_clients", tests, NULL,
	    NULL);
}
