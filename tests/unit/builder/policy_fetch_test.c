/*
 * The chain of trust updates in a build: what lies there now is compared with
 * what this process holds and with what is in force, and put on record.
 */
#include "builder_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/verify/policy_fetch.h"
#include "builder/verify_link.h"

enum { ROOT_VERSION = 4, FLOOR = 1 };

static struct trust_policy *root;
static struct trust_in_force held; /* the root, and an empty chain */

static int
setup(void **state)
{
	struct err err;

	if (enter_directory(state) != 0)
		return -1;
	root = make_policy_with_trust(FLOOR);
	return trust_in_force_follow(root, "", bytes_of(NULL, 0), &held, &err);
}

static int
teardown(void **state)
{
	trust_in_force_done(&held);
	trust_freep(&root);
	signers_done();
	return leave_directory(state);
}

/* The chain becomes one step, to this version. */
static void
put_step(int64_t version)
{
	CLEANUP(freep) char *line = make_trust_step(version, FLOOR, SIGNERS);

	write_file("updates", bytes_of_str(line));
}

/* What is in force where the chain of now has been taken already. */
static struct trust_id
mark_of_chain(void)
{
	return mark_of(root, "updates");
}

/* What came over the link, if the supervisor would say this. */
static int
fetch(const struct trust_id *in_force, enum err_code answer,
    struct trust_in_force *ret_trust, struct verify_report *ret_report)
{
	struct rules_answer answered = {.kind = RULES_RECORDED};
	struct err err = {0};
	CLEANUP(closep) int chain = -1;
	int link[2];
	int code;

	assert_code(ipc_pair(link, &err), 0);
	if (answer != ERR_NONE)
		err_wire_from(&answered.recorded.outcome,
		    err_set(&err, answer, "as the test says"), &err);
	assert_code(ipc_send(link[0], &answered, sizeof(answered), -1, &err),
	    0);
	*ret_trust = (struct trust_in_force){0};
	code = file_open_regular("updates", &chain, &err);
	if (code == 0)
		code = policy_fetch("updates", chain, &held, in_force, link[1],
		    ret_trust, &err);
	*ret_report = (struct verify_report){0};
	(void)!recv(link[0], ret_report, sizeof(*ret_report), MSG_DONTWAIT);
	close(link[0]);
	close(link[1]);
	return code;
}

static void
assert_fetch_refused(const struct trust_id *in_force, enum err_code answer,
    enum err_code expected)
{
	struct trust_in_force trust;
	struct verify_report report;

	assert_code(fetch(in_force, answer, &trust, &report), expected);
	assert_null(trust.newest);
	if (answer == ERR_NONE)
		assert_int_equal(report.kind, 0); /* nothing was adopted */
}

static void
without_a_chain_the_root_holds(void **state)
{
	const struct trust_id in_force = trust_in_force_id(&held);
	struct trust_in_force trust;
	struct err err;

	(void)state;
	assert_code(policy_fetch("", -1, &held, &in_force, -1, &trust, &err),
	    0);
	assert_null(trust.root);
	assert_int_equal(in_force.version, ROOT_VERSION);
}

static void
the_same_chain_is_not_followed_again(void **state)
{
	const struct trust_id in_force = trust_in_force_id(&held);
	struct trust_in_force trust;
	struct verify_report report;

	(void)state;
	write_file("updates", bytes_of_str(""));
	assert_code(fetch(&in_force, ERR_NONE, &trust, &report), 0);
	assert_null(trust.root);
	assert_int_equal(report.kind, 0);
}

static void
a_newer_policy_is_put_on_record_before_it_is_used(void **state)
{
	const struct trust_id in_force = trust_in_force_id(&held);
	CLEANUP(trust_in_force_done) struct trust_in_force trust = {0};
	struct verify_report report;

	(void)state;
	put_step(5);
	assert_code(fetch(&in_force, ERR_NONE, &trust, &report), 0);
	assert_int_equal(trust_version(trust_in_force_policy(&trust)), 5);
	assert_int_equal(report.kind, VERIFY_TRUST);
}

static void
a_policy_that_cannot_be_put_on_record_is_not_used(void **state)
{
	const struct trust_id in_force = trust_in_force_id(&held);

	(void)state;
	put_step(5);
	assert_fetch_refused(&in_force, TPM_FAILED, TPM_FAILED);
}

/* This process was born before another build brought the policy. */
static void
a_policy_in_force_already_is_only_taken(void **state)
{
	CLEANUP(trust_in_force_done) struct trust_in_force trust = {0};
	struct trust_id in_force;
	struct verify_report report;

	(void)state;
	put_step(5);
	in_force = mark_of_chain();
	assert_code(fetch(&in_force, ERR_NONE, &trust, &report), 0);
	assert_int_equal(trust_version(trust_in_force_policy(&trust)), 5);
	assert_int_equal(report.kind, 0);
}

/* Whoever can write the file could keep the supervisor busy with the chain in
 * ever other bytes, and with signatures of nobody. */
static void
a_policy_in_force_already_is_not_adopted_from_other_bytes(void **state)
{
	CLEANUP(freep) char *line = make_trust_step(5, FLOOR, SIGNERS);
	CLEANUP(trust_in_force_done) struct trust_in_force trust = {0};
	CLEANUP(buffer_done) struct buffer other = {0};
	struct trust_id in_force;
	struct verify_report report;

	(void)state;
	write_file("updates", bytes_of_str(line));
	in_force = mark_of_chain();
	buffer_add(&other, " ", 1);
	buffer_add(&other, line, strlen(line));
	write_file("updates", buffer_bytes(&other));
	assert_code(fetch(&in_force, ERR_NONE, &trust, &report), 0);
	assert_int_equal(trust_version(trust_in_force_policy(&trust)), 5);
	assert_int_equal(report.kind, 0);
}

static void
a_chain_whose_lines_were_taken_away_is_refused(void **state)
{
	struct trust_id in_force;

	(void)state;
	put_step(5);
	in_force = mark_of_chain();
	write_file("updates", bytes_of_str(""));
	assert_fetch_refused(&in_force, ERR_NONE, TRUST_DOWNGRADE);
}

static void
another_policy_of_the_same_version_is_refused(void **state)
{
	CLEANUP(freep) char *other = make_trust_step(5, FLOOR + 1, SIGNERS);
	struct trust_id in_force;

	(void)state;
	put_step(5);
	in_force = mark_of_chain();
	write_file("updates", bytes_of_str(other));
	assert_fetch_refused(&in_force, ERR_NONE, TRUST_REPLAYED);
}

static void
what_is_no_chain_is_refused(void **state)
{
	const struct trust_id in_force = trust_in_force_id(&held);

	(void)state;
	assert_fetch_refused(&in_force, ERR_NONE, STORE_IO); /* missing */
	write_file("updates", bytes_of_str("{}"));
	assert_fetch_refused(&in_force, ERR_NONE, TRUST_CHAIN_MALFORMED);
	put_step(6);
	assert_fetch_refused(&in_force, ERR_NONE, TRUST_GAP);
	assert_int_equal(unlink("updates"), 0);
	assert_int_equal(mkfifo("updates", 0600), 0);
	assert_fetch_refused(&in_force, ERR_NONE, STORE_IO);
	assert_int_equal(unlink("updates"), 0);
	assert_int_equal(mkdir("updates", 0700), 0);
	assert_fetch_refused(&in_force, ERR_NONE, STORE_IO);
	assert_int_equal(rmdir("updates"), 0);
	/* A good chain, but whoever can write here may lead us elsewhere. */
	put_step(5);
	assert_int_equal(rename("updates", "elsewhere"), 0);
	assert_int_equal(symlink("elsewhere", "updates"), 0);
	assert_fetch_refused(&in_force, ERR_NONE, STORE_IO);
}

#define policy_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    policy_test(without_a_chain_the_root_holds),
	    policy_test(the_same_chain_is_not_followed_again),
	    policy_test(a_newer_policy_is_put_on_record_before_it_is_used),
	    policy_test(a_policy_that_cannot_be_put_on_record_is_not_used),
	    policy_test(a_policy_in_force_already_is_only_taken),
	    policy_test(
		a_policy_in_force_already_is_not_adopted_from_other_bytes),
	    policy_test(a_chain_whose_lines_were_taken_away_is_refused),
	    policy_test(another_policy_of_the_same_version_is_refused),
	    policy_test(what_is_no_chain_is_refused),
	};

	return cmocka_run_group_tests_name("policy_fetch", tests, NULL, NULL);
}
