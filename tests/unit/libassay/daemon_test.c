/* libassay and the whole assayd, on the fake Xen: each takes the other's word.
 */
#include "daemon_fixture.h"

#include <poll.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/libassay/assay.h"

static const char build[] =
    "{\"image\":\"web\",\"name\":\"guest\",\"uuid\":\"" GOOD_UUID "\","
    "\"memory_mib\":256,\"vcpus\":2}";

static struct assay *
connect_to_daemon(void)
{
	struct assay *assay = assay_new();

	assert_non_null(assay);
	assert_int_equal(
	    assay_open(assay, config.socket, PATIENCE_SECONDS * 1000),
	    ASSAY_DONE);
	return assay;
}

static void
assert_replied(struct assay *assay, const char *method, const char *parameters,
    const char *part)
{
	const char *reply = "";
	int result = assay_call(assay, method, parameters,
	    PATIENCE_SECONDS * 1000, &reply);

	assert_string_equal(assay_error_detail(assay), "");
	assert_int_equal(result, ASSAY_DONE);
	assert_has(reply, part);
}

static void
a_toolstack_lists_builds_and_destroys(void **state)
{
	struct assay *assay;

	(void)state;
	start_daemon(FAULT_NONE, "");
	assay = connect_to_daemon();
	assert_replied(assay, "ListImages", NULL, "\"name\":\"web\"");
	assert_replied(assay, "BuildDomain", build,
	    "\"schema\":\"assay.receipt/1\"");
	assert_replied(assay, "ListDomains", "{}", "\"name\":\"guest\"");
	assert_replied(assay, "DestroyDomain", "{\"name\":\"guest\"}", "{}");
	assert_replied(assay, "org.varlink.service.GetInfo", NULL,
	    "\"product\"");
	assay_free(assay);
}

static void
a_refusal_has_its_name_and_leaves_the_connection(void **state)
{
	struct assay *assay;
	const char *reply;

	(void)state;
	start_daemon(FAULT_NONE, "");
	assay = connect_to_daemon();
	assert_int_equal(assay_call(assay, "BuildDomain",
			     "{\"image\":\"web\",\"name\":\"guest\","
			     "\"memory_mib\":1048576,\"vcpus\":1}",
			     PATIENCE_SECONDS * 1000, &reply),
	    ASSAY_FAILED);
	assert_string_equal(assay_error_name(assay), "LIMIT_EXCEEDED");
	assert_string_equal(assay_error_field(assay), "memory_mib");
	assert_true(assay_error_is_refusal(assay));
	assert_replied(assay, "GetStatus", NULL, "\"version\"");
	assay_free(assay);
}

/* assayd undoes what nobody took. */
static void
a_connection_that_is_freed_in_a_build_leaves_no_domain(void **state)
{
	struct assay *assay;
	const char *reply;

	(void)state;
	start_daemon(FAULT_NONE, "");
	hang_at("domain_create");
	assay = connect_to_daemon();
	assert_int_equal(assay_begin(assay, "BuildDomain", build, 0,
			     PATIENCE_SECONDS * 1000),
	    ASSAY_DONE);
	assert_int_equal(assay_process(assay, &reply), ASSAY_WAITING);
	wait_for_call("domain_create");
	assay_free(assay);
	go_on();
	wait_until(is_nothing_left, "something is left");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(a_toolstack_lists_builds_and_destroys),
	    daemon_test(a_refusal_has_its_name_and_leaves_the_connection),
	    daemon_test(a_connection_that_is_freed_in_a_build_leaves_no_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
