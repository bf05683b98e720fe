/*
 * What a caller may, by its rule: whose domains it sees and destroys, how many
 * it has, and that it is still there.
 */
#include "supervisor_stand.h"

#include <string.h>

#include "base/scope.h"
#include "base/sealing.h"
#include "builder/ipc.h"

enum { CLIENT = 20, OTHERS = 21, OWN = 22, GONE = 23 };
enum { USER = 5000 };

static struct caller client;
static struct caller user;

static void
fill_uuid(uint8_t uuid[UUID_BYTES], uint32_t domid)
{
	memset(uuid, (int)domid, UUID_BYTES);
}

/* One that lives and is in the table. */
static void
add_domain(uint32_t domid, const struct caller *owner)
{
	struct receipt receipt = good_receipt();
	struct err err;

	receipt.domid = domid;
	receipt.caller = *owner;
	fill_uuid(receipt.guest.uuid, domid);
	receipt.guest.name[0] = (char)('a' + domid - CLIENT);
	assert_code(domain_table_add(&stand.sup->domains,
			&(struct built){.receipt = receipt,
			    .lineage = {.first_domid = domid}},
			&err),
	    0);
	xen_fake_add(fake, domid, (uint8_t)domid, NULL)->is_running = true;
}

static struct caller
client_of(uint32_t domid)
{
	struct caller caller = {
	    .kind = CALLER_DOMAIN,
	    .domain = {.domid = domid, .image = "tool", .role = "infra"},
	};

	fill_uuid(caller.domain.uuid, domid);
	return caller;
}

static int
policy_setup(void **state)
{
	struct caller root;

	if (stand_setup(state) != 0)
		return -1;
	root = user_caller(config.allow_uids[0]);
	client = client_of(CLIENT);
	user = user_caller(USER);
	config.callers[0] = (struct caller_rule){
	    .kind = CALLER_RULE_IMAGE,
	    .image = "tool",
	    .role = "infra",
	    .builds = {"web"},
	    .pattern_count = 1,
	};
	config.callers[1] = (struct caller_rule){
	    .kind = CALLER_RULE_UID,
	    .id = USER,
	    .builds = {"web"},
	    .pattern_count = 1,
	    .sees_all = true,
	};
	config.caller_count = 2;
	add_domain(CLIENT, &root);
	add_domain(OTHERS, &root);
	add_domain(OWN, &client);
	return 0;
}

#define policy_test(test) \
	cmocka_unit_test_setup_teardown(test, policy_setup, stand_teardown)

static struct front_call
call_of(enum front_call_kind kind, const struct caller *caller)
{
	struct front_call call = {
	    .kind = kind,
	    .connection = OTHER,
	    .caller = *caller,
	};

	if (kind == FRONT_BUILD) {
		call.build = good_build_request();
		call.build.guest.uuid[0] ^= 1;
		strcpy(call.build.guest.name, "other");
	}
	return call;
}

static void
assert_answer(const struct front_call *call, int code)
{
	stand_call(call);
	assert_code(next_answer().outcome.code, code);
}

/* Receives the rows of a listing and returns how many of them there are. */
static size_t
count_rows(const struct caller *caller, uint32_t ret_domids[8])
{
	const struct front_call call = call_of(FRONT_LIST_DOMAINS, caller);
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	CLEANUP(sealed_freep) struct sealed *rows = NULL;
	const struct domain_row *row;
	struct front_answer answer;
	struct err err;
	size_t size;
	size_t count;
	bool is_end;

	stand_call(&call);
	assert_true(has_answer(stand.front));
	assert_code(ipc_receive_some(stand.front, &answer, sizeof(answer),
			&size, &fds, &is_end, &err),
	    0);
	assert_int_equal(answer.kind, ANSWER_MEMORY);
	assert_code(
	    ipc_take_sealed(&fds, FRONT_ATTACHED_BYTES, "rows", &rows, &err),
	    0);
	row = (const struct domain_row *)(const void *)sealed_bytes(rows).ptr;
	count = sealed_bytes(rows).len / sizeof(*row);
	for (size_t i = 0; i < count; i++)
		ret_domids[i] = row[i].receipt.domid;
	return count;
}

static void
client_sees_what_it_had_built_and_no_more(void **state)
{
	uint32_t domids[8];

	(void)state;
	assert_int_equal(count_rows(&client, domids), 1);
	assert_int_equal(domids[0], OWN);
	assert_int_equal(count_rows(&user, domids), 3);
}

/* By id, by name and by uuid: for it there is no such domain. */
static void
client_destroys_no_domain_of_another(void **state)
{
	struct front_call call = call_of(FRONT_DESTROY, &client);

	(void)state;
	call.selector.domid = OTHERS;
	assert_answer(&call, DOMAIN_UNKNOWN);
	call.selector.domid = CLIENT; /* nor itself, which another had built */
	assert_answer(&call, DOMAIN_UNKNOWN);
	call.selector = (struct domain_selector){.has_uuid = true};
	fill_uuid(call.selector.uuid, OTHERS);
	assert_answer(&call, DOMAIN_UNKNOWN);
	assert_int_equal(supervisor_count_removals(stand.sup), 0);
	fill_uuid(call.selector.uuid, OWN);
	stand_call(&call);
	assert_int_equal(supervisor_count_removals(stand.sup), 1);
}

/* Nor does it hear of one, or stop it. */
static void
client_asks_nothing_of_a_domain_of_another(void **state)
{
	static const enum front_call_kind kinds[] = {FRONT_DESCRIBE,
	    FRONT_PAUSE, FRONT_UNPAUSE, FRONT_SHUTDOWN};
	struct front_call wait = call_of(FRONT_WAIT, &client);

	(void)state;
	for (size_t i = 0; i < countof(kinds); i++) {
		struct front_call call = call_of(kinds[i], &client);

		call.selector.domid = OTHERS;
		assert_answer(&call, DOMAIN_UNKNOWN);
		call.caller = user;
		if (kinds[i] != FRONT_DESCRIBE)
			assert_answer(&call, RPC_NOT_PERMITTED);
	}
	wait.wait.selector.domid = OTHERS;
	assert_answer(&wait, DOMAIN_UNKNOWN);
}

static void
caller_that_sees_all_destroys_its_own(void **state)
{
	struct front_call call = call_of(FRONT_DESTROY, &user);

	(void)state;
	call.selector.domid = OTHERS;
	assert_answer(&call, RPC_NOT_PERMITTED);
	assert_int_equal(supervisor_count_removals(stand.sup), 0);
	stand.sup->domains.rows[1].receipt.caller = user;
	stand_call(&call);
	assert_int_equal(supervisor_count_removals(stand.sup), 1);
}

/* What its front says of receipts that reached nobody is about its own. */
static void
front_gives_back_no_domain_of_another_ones_callers(void **state)
{
	struct front_call call = call_of(FRONT_UNDELIVERED, &client);

	(void)state;
	call.selector = (struct domain_selector){OTHERS, true, {0}, ""};
	fill_uuid(call.selector.uuid, OTHERS);
	stand_call(&call);
	assert_int_equal(supervisor_count_removals(stand.sup), 0);
	/* The front of the socket, of a domain that a client had built. */
	call.caller = (struct caller){.kind = CALLER_UNKNOWN};
	call.selector.domid = OWN;
	fill_uuid(call.selector.uuid, OWN);
	stand_call(&call);
	assert_int_equal(supervisor_count_removals(stand.sup), 0);
	call.caller = client;
	stand_call(&call);
	assert_int_equal(supervisor_count_removals(stand.sup), 1);
}

/* Another domain may have its id by now, or another one its image. */
static void
client_that_is_gone_gets_nothing(void **state)
{
	struct caller gone = client_of(GONE);
	struct front_call call = call_of(FRONT_STATUS, &gone);

	(void)state;
	assert_answer(&call, RPC_NOT_PERMITTED);
	call.caller = client;
	call.caller.domain.uuid[3] ^= 1;
	assert_answer(&call, RPC_NOT_PERMITTED);
}

/* It ended after its last call, and nobody has looked since. */
static void
client_is_looked_for_before_it_is_served(void **state)
{
	struct front_call call = call_of(FRONT_LOG, &client);

	(void)state;
	config.callers[0].sees_all = true;
	xen_fake_domain(fake, CLIENT)->exists = false;
	assert_answer(&call, RPC_NOT_PERMITTED);
}

static void
caller_without_a_rule_gets_nothing(void **state)
{
	static const enum front_call_kind kinds[] = {FRONT_BUILD,
	    FRONT_LIST_IMAGES, FRONT_LIST_DOMAINS, FRONT_DESTROY, FRONT_STATUS,
	    FRONT_ATTEST, FRONT_LOG};
	const struct caller stranger = user_caller(USER + 1);

	(void)state;
	for (size_t i = 0; i < countof(kinds); i++) {
		struct front_call call = call_of(kinds[i], &stranger);

		assert_answer(&call, RPC_NOT_PERMITTED);
		call.caller.kind = CALLER_UNKNOWN;
		assert_answer(&call, RPC_NOT_PERMITTED);
	}
}

/* It tells of everybody's builds. */
static void
log_is_for_who_sees_all(void **state)
{
	struct front_call call = call_of(FRONT_LOG, &client);

	(void)state;
	assert_answer(&call, RPC_NOT_PERMITTED);
	call.caller = user;
	stand_call(&call);
	assert_true(has_answer(stand.recorder));
}

static void
domains_of_a_rule_are_counted(void **state)
{
	struct front_call call = call_of(FRONT_BUILD, &client);

	(void)state;
	config.callers[0].max_domains = 1;
	assert_answer(&call, CALLER_QUOTA_SPENT);
	/* A build that runs is one too, of another domain of the image. */
	config.callers[0].max_domains = 2;
	stand.job->caller = client_of(OTHERS);
	assert_answer(&call, CALLER_QUOTA_SPENT);
	/* So is one that is built again, as soon as it can be. */
	stand.job->caller = user_caller(0);
	stand.sup->restarts[3].step = RESTART_WAITING;
	stand.sup->restarts[3].built.receipt = good_receipt();
	stand.sup->restarts[3].built.receipt.caller = client;
	assert_answer(&call, CALLER_QUOTA_SPENT);
	stand.sup->restarts[3].step = RESTART_NONE;
	stand.job->caller = client_of(OTHERS);
	/* What is gone counts no more, and nobody had looked. */
	xen_fake_domain(fake, OWN)->exists = false;
	config.callers[0].max_builds = 1;
	assert_answer(&call, RPC_BUSY); /* so it comes to the next rule */
}

static void
memory_of_a_rule_is_counted(void **state)
{
	struct front_call call = call_of(FRONT_BUILD, &client);
	uint32_t each = good_receipt().guest.memory_mib;

	(void)state;
	call.build.guest.memory_mib = 100;
	config.callers[0].max_memory_mib = each + 99;
	assert_answer(&call, CALLER_QUOTA_SPENT);
	config.callers[0].max_memory_mib = each + 100;
	stand.job->caller = client;
	config.callers[0].max_builds = 1;
	assert_answer(&call, RPC_BUSY);
}

static void
builds_of_a_rule_at_once_are_counted(void **state)
{
	struct front_call call = call_of(FRONT_BUILD, &client);

	(void)state;
	config.callers[0].max_builds = 1;
	stand.job->caller = client;
	assert_answer(&call, RPC_BUSY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    policy_test(client_sees_what_it_had_built_and_no_more),
	    policy_test(client_destroys_no_domain_of_another),
	    policy_test(client_asks_nothing_of_a_domain_of_another),
	    policy_test(caller_that_sees_all_destroys_its_own),
	    policy_test(front_gives_back_no_domain_of_another_ones_callers),
	    policy_test(client_that_is_gone_gets_nothing),
	    policy_test(client_is_looked_for_before_it_is_served),
	    policy_test(caller_without_a_rule_gets_nothing),
	    policy_test(log_is_for_who_sees_all),
	    policy_test(domains_of_a_rule_are_counted),
	    policy_test(memory_of_a_rule_is_counted),
	    policy_test(builds_of_a_rule_at_once_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
