/*
 * The look role on the fake Xen: what it lists, and which domain it pauses.
 */
#include "daemon_fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/look/look_role.h"
#include "builder/look_link.h"

enum { DOMID = 3, BYTE = 0x33 };

static pid_t role_pid;
static int role_link = -1;

static int
setup(void **state)
{
	struct err err;
	int link[2];

	assert_int_equal(daemon_setup(state), 0);
	xen_fake_add(fake, DOMID, BYTE, "guest");
	assert_code(ipc_pair(link, &err), 0);
	role_pid = fork();
	if (role_pid == 0) {
		const struct role_start start = {
		    .role = ROLE_LOOK,
		    .parent_pid = getppid(),
		    .config = config,
		};

		look_role_run(&start, link[1]);
	}
	close(link[1]);
	role_link = link[0];
	return 0;
}

static int
teardown(void **state)
{
	int status;

	closep(&role_link);
	assert_int_equal(waitpid(role_pid, &status, 0), role_pid);
	assert_int_equal(status, 0);
	return daemon_teardown(state);
}

#define look_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* What the act ended with; the look that follows it has to work. */
static int
ask(uint32_t act, uint32_t domid, uint8_t byte)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct look_call call = {.number = 4, .act = act, .domid = domid};
	struct look_answer answer;
	struct err err;
	bool is_end;

	memset(call.uuid, byte, UUID_BYTES);
	assert_code(ipc_send(role_link, &call, sizeof(call), -1, &err), 0);
	assert_code(ipc_receive_fds(role_link, &answer, sizeof(answer), &fds,
			&is_end, &err),
	    0);
	assert_int_equal(answer.kind, LOOK_LISTED);
	assert_int_equal(answer.number, 4);
	assert_int_equal(fds.count, 1);
	return answer.acted.code;
}

static bool
is_running(void)
{
	return xen_fake_domain(fake, DOMID)->is_running;
}

static void
domain_is_paused_and_unpaused(void **state)
{
	struct fake_domain *domain = xen_fake_domain(fake, DOMID);

	(void)state;
	domain->is_running = true;
	assert_code(ask(LOOK_PAUSE, DOMID, BYTE), 0);
	assert_false(is_running());
	assert_code(ask(LOOK_UNPAUSE, DOMID, BYTE), 0);
	assert_true(is_running());
}

/* Xen counts them. */
static void
domain_is_not_paused_twice(void **state)
{
	(void)state;
	xen_fake_domain(fake, DOMID)->is_running = true;
	assert_code(ask(LOOK_UNPAUSE, DOMID, BYTE), 0);
	assert_int_equal(xen_fake_call_of(fake, "domain_unpause"), -1);
	assert_code(ask(LOOK_PAUSE, DOMID, BYTE), 0);
	xen_fake_forget_calls(fake);
	assert_code(ask(LOOK_PAUSE, DOMID, BYTE), 0);
	assert_int_equal(xen_fake_call_of(fake, "domain_pause"), -1);
}

static void
domain_of_another_uuid_is_not_paused(void **state)
{
	(void)state;
	xen_fake_domain(fake, DOMID)->is_running = true;
	assert_code(ask(LOOK_PAUSE, DOMID, BYTE + 1), DOMAIN_UNKNOWN);
	assert_true(is_running());
}

static void
domain_of_another_id_is_not_paused(void **state)
{
	(void)state;
	xen_fake_domain(fake, DOMID)->is_running = true;
	assert_code(ask(LOOK_PAUSE, DOMID + 1, BYTE), DOMAIN_UNKNOWN);
	assert_true(is_running());
}

static void
role_that_only_looks_does_nothing(void **state)
{
	(void)state;
	xen_fake_domain(fake, DOMID)->is_running = true;
	assert_code(ask(LOOK_ONLY, DOMID, BYTE), 0);
	assert_true(is_running());
}

static void
why_it_could_not_be_paused_is_said(void **state)
{
	(void)state;
	xen_fake_domain(fake, DOMID)->is_running = true;
	strcpy(fake->fail_operation, "domain_pause");
	assert_code(ask(LOOK_PAUSE, DOMID, BYTE), XEN_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    look_test(domain_is_paused_and_unpaused),
	    look_test(domain_is_not_paused_twice),
	    look_test(domain_of_another_uuid_is_not_paused),
	    look_test(domain_of_another_id_is_not_paused),
	    look_test(role_that_only_looks_does_nothing),
	    look_test(why_it_could_not_be_paused_is_said),
	};

	return cmocka_run_group_tests_name("look_role", tests, NULL, NULL);
}
