/*
 * What the supervisor does with a call, whatever front sent it. Each build here
 * is refused: it would start a child.
 */
#include "supervisor_stand.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_output.h"
#include "base/scope.h"

enum { FOREIGN = 3, FOREIGN_BYTE = 0x33 };

static struct front_call
call_of(enum front_call_kind kind)
{
	struct front_call call = {
	    .kind = kind,
	    .connection = OTHER,
	    .caller = user_caller(config.allow_uids[0]),
	};

	if (kind != FRONT_BUILD)
		return call;
	call.build = good_build_request();
	call.build.guest.uuid[0] ^= 1; /* not that of the build that runs */
	strcpy(call.build.guest.name, "another");
	return call;
}

static void
assert_call_refused(const struct front_call *call, int code, const char *text)
{
	struct front_answer answer;
	size_t pending = count_pending();

	stand_call(call);
	answer = next_answer();
	assert_int_equal(answer.connection, call->connection);
	assert_code(answer.outcome.code, code);
	assert_has(answer.outcome.text, text);
	assert_false(has_answer(stand.front));
	assert_int_equal(count_pending(), pending);
}

/* The places from the second on. */
static void
fill_jobs(enum task_kind kind, uint32_t count, uint32_t uid)
{
	for (uint32_t i = 1; i <= count; i++) {
		stand.sup->jobs[i].state = JOB_RUNNING;
		stand.sup->jobs[i].task.kind = kind;
		stand.sup->jobs[i].caller = user_caller(uid);
	}
}

/* One that the supervisor knows, as domain 3. */
static void
know_a_domain(void)
{
	struct receipt receipt = good_receipt();
	struct err err;

	xen_fake_add(fake, FOREIGN, FOREIGN_BYTE, "known");
	receipt.domid = FOREIGN;
	memset(receipt.guest.uuid, FOREIGN_BYTE, UUID_BYTES);
	assert_code(domain_table_add(&stand.sup->domains,
			&(struct built){.receipt = receipt}, &err),
	    0);
}

/* --- builds ---------------------------------------------------------- */

/* The front was taken over: no child is started for it, nothing journalled. */
static void
request_that_no_caller_could_make_starts_nothing(void **state)
{
	struct front_call call = call_of(FRONT_BUILD);

	(void)state;
	strcpy(call.build.guest.name, "../x");
	assert_call_refused(&call, RPC_PARAMETER_BAD, "");
	assert_int_equal(supervisor_count_tasks(stand.sup, TASK_BUILD), 1);
}

static void
host_that_is_not_trusted_begins_nothing(void **state)
{
	struct front_call build = call_of(FRONT_BUILD);
	struct front_call list = call_of(FRONT_LIST_IMAGES);

	(void)state;
	err_wire_from(&stand.sup->platform.why, PLATFORM_NOT_TRUSTED,
	    &(struct err){.code = PLATFORM_NOT_TRUSTED});
	assert_call_refused(&build, PLATFORM_NOT_TRUSTED, "");
	assert_call_refused(&list, PLATFORM_NOT_TRUSTED, "");
}

static void
builds_and_listings_at_once_are_limited(void **state)
{
	struct front_call build = call_of(FRONT_BUILD);
	struct front_call list = call_of(FRONT_LIST_IMAGES);

	(void)state;
	fill_jobs(TASK_BUILD, LIMIT_BUILDS - 1, 0);
	assert_call_refused(&build, RPC_BUSY, "builds are under way");
	fill_jobs(TASK_LIST_IMAGES, SUPERVISOR_LISTINGS, 0);
	assert_call_refused(&list, RPC_BUSY, "listings are under way");
}

static void
one_of_two_users_leaves_places_to_the_other(void **state)
{
	struct front_call call = call_of(FRONT_BUILD);

	(void)state;
	config.allow_uid_count = 2;
	config.allow_uids[1] = config.allow_uids[0] + 1;
	stand.job->caller = user_caller(config.allow_uids[0]);
	fill_jobs(TASK_BUILD, LIMIT_BUILDS * 3 / 4 - 1, config.allow_uids[0]);
	assert_call_refused(&call, RPC_BUSY, "of this caller");
	/* The other comes as far as what is wrong with his request. */
	call.caller.user.uid = config.allow_uids[1];
	memcpy(call.build.guest.uuid, stand.job->task.build.guest.uuid,
	    UUID_BYTES);
	assert_call_refused(&call, DOMAIN_EXISTS, "is being built");
}

/* A build that fails needs one; without any no more are begun. */
static void
build_needs_a_place_for_its_removal(void **state)
{
	struct front_call call = call_of(FRONT_BUILD);

	(void)state;
	memcpy(call.build.guest.uuid, stand.job->task.build.guest.uuid,
	    UUID_BYTES);
	for (uint32_t i = 0; i < SUPERVISOR_REMOVALS_OF_BUILDS - 2; i++)
		stand.sup->removals[i].step = REMOVAL_ERASE;
	assert_call_refused(&call, DOMAIN_EXISTS, "is being built");
	stand.sup->removals[SUPERVISOR_REMOVALS_OF_BUILDS - 2].step =
	    REMOVAL_RECORD;
	assert_call_refused(&call, RPC_BUSY, "wait to be removed");
}

static void
builds_of_an_hour_are_counted(void **state)
{
	struct front_call call = call_of(FRONT_BUILD);

	(void)state;
	config.builds_per_hour = 1;
	stand.sup->quota.places[0].busy_until_usec =
	    timing_now_usec() + 3600000000;
	assert_call_refused(&call, CALLER_QUOTA_SPENT, "in an hour");
}

static void
uuid_of_a_domain_that_is_known_is_refused(void **state)
{
	struct front_call call = call_of(FRONT_BUILD);

	(void)state;
	know_a_domain();
	memset(call.build.guest.uuid, FOREIGN_BYTE, UUID_BYTES);
	assert_call_refused(&call, DOMAIN_EXISTS, "a domain has it");
}

/* --- the log --------------------------------------------------------- */

static int
count_log_lines(void)
{
	char text[8192];
	int fd = open("stand.log", O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, text, sizeof(text));
	int lines = 0;

	assert_true(len >= 0 && len < (ssize_t)sizeof(text));
	close(fd);
	for (ssize_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

/* So many times; returns the lines that are in the log then. */
static int
refuse_and_count(const struct front_call *call, int times)
{
	int kept = dup(STDERR_FILENO);
	int fd =
	    open("stand.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(kept >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	for (int i = 0; i < times; i++)
		stand_call(call);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(fd);
	return count_log_lines();
}

static void
refusals_do_not_fill_the_log(void **state)
{
	struct front_call call = call_of(FRONT_BUILD);

	(void)state;
	call.build.guest.vcpus = 0;
	stand.sup->refusals = (struct log_limit){
	    .burst = 3,
	    .usec = 3600000000,
	    .refill_usec = timing_now_usec(),
	};
	assert_int_equal(refuse_and_count(&call, 20), 3);
	assert_int_equal(stand.sup->builds_refused, 20);
}

static void
what_is_refused_makes_one_line_of_the_log(void **state)
{
	struct front_call call = call_of(FRONT_BUILD);

	(void)state;
	strcpy(call.build.image, "x\nassayd: built image=web\nx");
	memset(call.build.guest.name, '\n', sizeof(call.build.guest.name));
	assert_int_equal(refuse_and_count(&call, 1), 1);
}

static char logged_line[LOG_LINE_BYTES + 1];

static void
keep_line(const char *line, size_t len)
{
	assert_true(len < sizeof(logged_line));
	memcpy(logged_line, line, len);
	logged_line[len] = '\0';
}

/* It is a child's. */
static void
why_a_build_was_refused_is_one_value_of_its_line(void **state)
{
	const struct front_call call = call_of(FRONT_BUILD);
	struct err why;

	(void)state;
	err_set(&why, BUILD_CRASHED, "x\" code=0 uid=\"0");
	log_set_output(keep_line);
	supervisor_log_refusal(stand.sup, &call.build, &call.caller, &why);
	log_set_output(NULL);
	assert_has(logged_line, " detail=\"x\\\" code=0 uid=\\\"0\"\n");
}

/* --- destroys -------------------------------------------------------- */

static void
domain_that_is_being_removed_is_not_removed_again(void **state)
{
	struct front_call call = call_of(FRONT_DESTROY);
	struct removal *removal = &stand.sup->removals[5];

	(void)state;
	know_a_domain();
	removal->step = REMOVAL_ERASE;
	removal->is_under_way = true;
	memset(removal->entry.uuid, FOREIGN_BYTE, UUID_BYTES);
	call.selector.domid = FOREIGN;
	stand_call(&call);
	assert_false(has_answer(stand.front));
	assert_int_equal(supervisor_count_removals(stand.sup), 1);
	assert_int_equal(removal->connection, call.connection);
	call.connection++; /* one can wait for it */
	assert_call_refused(&call, RPC_BUSY, "is being removed");
}

/* It ended meanwhile; another front has no part in it. */
static void
domain_that_nobody_got_is_not_built_again(void **state)
{
	struct restart *restart = &stand.sup->restarts[2];
	struct front_call call = call_of(FRONT_UNDELIVERED);

	(void)state;
	restart->step = RESTART_WAITING;
	restart->built.receipt = good_receipt();
	restart->built.receipt.caller = user_caller(0);
	restart->built.lineage.first_domid = 77;
	call.selector = (struct domain_selector){76, true, {0}, ""};
	memcpy(call.selector.uuid, restart->built.receipt.guest.uuid,
	    UUID_BYTES);
	stand_call(&call);
	assert_int_equal(restart->step, RESTART_WAITING);
	call.selector.domid = 77;
	stand_call(&call);
	assert_int_equal(restart->step, RESTART_NONE);
}

/* --- callers that go ------------------------------------------------- */

static void
cancel(uint32_t connection)
{
	struct front_call call = {
	    .kind = FRONT_CANCEL,
	    .connection = connection,
	};

	stand_call(&call);
}

static void
caller_that_goes_takes_its_own_build_along(void **state)
{
	(void)state;
	cancel(OTHER);
	assert_int_equal(stand.job->killed, ERR_NONE);
	assert_int_equal(stand.job->connection, CONNECTION);
	cancel(CONNECTION);
	assert_int_equal(stand.job->killed, BUILD_CANCELLED);
	assert_int_equal(stand.job->connection, NO_CONNECTION);
	wait_for_end(stand.job);
}

/* Nobody waits for it: that is the number of nobody. */
static void
removal_is_cancelled_by_nobody(void **state)
{
	(void)state;
	stand.job->task.kind = TASK_ERASE;
	stand.job->connection = NO_CONNECTION;
	cancel(NO_CONNECTION);
	assert_int_equal(stand.job->killed, ERR_NONE);
}

/* The number will be somebody else's. */
static void
caller_that_goes_hears_of_no_removal(void **state)
{
	struct removal *removal = &stand.sup->removals[5];

	(void)state;
	removal->step = REMOVAL_ERASE;
	removal->connection = OTHER;
	cancel(CONNECTION);
	assert_int_equal(removal->connection, OTHER);
	cancel(OTHER);
	assert_int_equal(removal->connection, NO_CONNECTION);
	assert_int_equal(removal->step, REMOVAL_ERASE);
}

/* Its uuid is another domain's by now: that one was delivered. */
static void
receipt_that_reached_nobody_costs_no_later_domain(void **state)
{
	struct receipt receipt = good_receipt();
	struct front_call call = {
	    .kind = FRONT_UNDELIVERED,
	    .selector = {.domid = receipt.domid - 1, .has_uuid = true},
	};
	struct err err;

	(void)state;
	xen_fake_add(fake, receipt.domid, 0, NULL);
	memcpy(xen_fake_domain(fake, receipt.domid)->uuid, receipt.guest.uuid,
	    UUID_BYTES);
	assert_code(domain_table_add(&stand.sup->domains,
			&(struct built){.receipt = receipt,
			    .lineage = {.first_domid = receipt.domid}},
			&err),
	    0);
	memcpy(call.selector.uuid, receipt.guest.uuid, UUID_BYTES);
	stand_call(&call);
	assert_int_equal(supervisor_count_removals(stand.sup), 0);
	call.selector.domid = receipt.domid;
	stand_call(&call);
	assert_int_equal(supervisor_count_removals(stand.sup), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stand_test(receipt_that_reached_nobody_costs_no_later_domain),
	    stand_test(request_that_no_caller_could_make_starts_nothing),
	    stand_test(host_that_is_not_trusted_begins_nothing),
	    stand_test(builds_and_listings_at_once_are_limited),
	    stand_test(one_of_two_users_leaves_places_to_the_other),
	    stand_test(build_needs_a_place_for_its_removal),
	    stand_test(builds_of_an_hour_are_counted),
	    stand_test(uuid_of_a_domain_that_is_known_is_refused),
	    stand_test(refusals_do_not_fill_the_log),
	    stand_test(what_is_refused_makes_one_line_of_the_log),
	    stand_test(why_a_build_was_refused_is_one_value_of_its_line),
	    stand_test(domain_that_is_being_removed_is_not_removed_again),
	    stand_test(domain_that_nobody_got_is_not_built_again),
	    stand_test(caller_that_goes_takes_its_own_build_along),
	    stand_test(removal_is_cancelled_by_nobody),
	    stand_test(caller_that_goes_hears_of_no_removal),
	};

	return cmocka_run_group_tests_name("supervisor_calls", tests, NULL,
	    NULL);
}
