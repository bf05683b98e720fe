/*
 * The signed store index in a build: what is fetched from a real stage is
 * verified, compared with what this host has seen, and put on record.
 */
#include "builder_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/utc.h"
#include "builder/build_link.h"
#include "builder/verify/index_fetch.h"
#include "builder/verify_link.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "image-store/pack/store_index_write.h"
#include "keys/dsse.h"

enum { EPOCH = 7, LONG_AGO = 1000000000 };

static void put_index_with(enum signer signer, int64_t epoch, int64_t expires,
    const char *behind);

/* Sign an index of what the store holds now, and put it there. */
static void
put_index(enum signer signer, int64_t epoch, int64_t expires)
{
	put_index_with(signer, epoch, expires, "");
}

static void
put_index_with(enum signer signer, int64_t epoch, int64_t expires,
    const char *behind)
{
	CLEANUP(closep) int dir_fd = open("store", O_RDONLY | O_DIRECTORY);
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(freep) char *signed_text = NULL;
	CLEANUP(freep) char *envelope = NULL;
	struct err err;

	assert_code(store_index_encode(dir_fd, epoch, expires, &payload, &err),
	    0);
	signed_text =
	    sign_payload(signer, DSSE_STORE_INDEX_PAYLOAD_TYPE, payload);
	assert_true(asprintf(&envelope, "%s%s", signed_text, behind) > 0);
	assert_code(store_index_put("store", bytes_of_str(envelope), &err), 0);
}

static int
setup(void **state)
{
	struct fixture *fixture;

	if (fixture_setup(state) != 0)
		return -1;
	fixture = *state;
	fixture_take_policy(fixture, make_policy_with_index(1));
	return 0;
}

static int fetch_after(struct fixture *fixture,
    const struct store_epoch *in_force, enum err_code answer,
    struct store_index **ret_index, struct verify_report *ret_report);

/* What came over the link, if the tpm role would say this. With what the
 * fixture has left of its budget. */
static int
fetch(struct fixture *fixture, int64_t floor, enum err_code answer,
    struct store_index **ret_index, struct verify_report *ret_report)
{
	const struct store_epoch in_force = {.epoch = floor};

	return fetch_after(fixture, &in_force, answer, ret_index, ret_report);
}

static int
fetch_after(struct fixture *fixture, const struct store_epoch *in_force,
    enum err_code answer, struct store_index **ret_index,
    struct verify_report *ret_report)
{
	struct rules_answer answered = {.kind = RULES_RECORDED};
	struct image_source source;
	struct err err = {0};
	int link[2];
	int code;

	assert_code(ipc_pair(link, &err), 0);
	if (answer != ERR_NONE)
		err_wire_from(&answered.recorded.outcome,
		    err_set(&err, answer, "as the test says"), &err);
	assert_code(ipc_send(link[0], &answered, sizeof(answered), -1, &err),
	    0);
	source = fixture_source(fixture);
	source.link = link[1];
	code = index_fetch(&source, in_force, ret_index, &err);
	*ret_report = (struct verify_report){0};
	(void)!recv(link[0], ret_report, sizeof(*ret_report), MSG_DONTWAIT);
	close(link[0]);
	close(link[1]);
	return code;
}

static void
assert_fetch_refused(struct fixture *fixture, int64_t floor,
    enum err_code answer, enum err_code expected)
{
	struct store_index *index = NULL;
	struct verify_report report;

	assert_code(fetch(fixture, floor, answer, &index, &report),
	    (int)expected);
	assert_null(index);
	if (answer == ERR_NONE)
		assert_int_equal(report.kind, 0); /* nothing was adopted */
}

static void
an_index_is_charged_to_the_budget_of_the_request(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct verify_report report;

	put_index(SIGNER_STRANGER, EPOCH, UTC_NONE);
	fixture->budget.max_verifications = 0;
	assert_fetch_refused(fixture, EPOCH, ERR_NONE, VERIFY_BUDGET_SPENT);
	fixture->budget.max_verifications = 1;
	fixture->budget.envelope_bytes = 0;
	fixture->budget.max_envelope_bytes = LIMIT_INDEX_ENVELOPE_BYTES - 1;
	assert_fetch_refused(fixture, EPOCH, ERR_NONE, VERIFY_BUDGET_SPENT);
	fixture->budget.max_envelope_bytes++;
	assert_code(fetch(fixture, EPOCH, ERR_NONE, &index, &report), 0);
	assert_int_equal(fixture->budget.verifications, 1);
	assert_int_equal(fixture->budget.envelope_bytes, 4096);
}

static void
an_index_is_put_on_record_before_it_is_used(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct verify_report report;

	put_index(SIGNER_STRANGER, EPOCH, UTC_NONE);
	assert_code(fetch(fixture, EPOCH, ERR_NONE, &index, &report), 0);
	assert_int_equal(index->epoch, EPOCH);
	assert_int_equal(report.kind, VERIFY_EPOCH);
	assert_int_equal(report.epoch.store.epoch, EPOCH);
	assert_true(digest_equal(&report.epoch.decided_by.policy,
	    trust_digest(fixture->policy)));
	assert_true(digest_equal(&report.epoch.store.index, &index->digest));
}

/* Whoever can write the store could have one more event with each call. */
static void
an_index_in_other_bytes_is_not_put_on_record_again(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct store_epoch in_force = {.epoch = EPOCH};
	struct verify_report report;

	put_index(SIGNER_STRANGER, EPOCH, UTC_NONE);
	assert_code(fetch(fixture, EPOCH, ERR_NONE, &index, &report), 0);
	in_force.index = index->digest;
	store_index_freep(&index);
	put_index_with(SIGNER_STRANGER, EPOCH, UTC_NONE, " ");
	assert_code(fetch_after(fixture, &in_force, ERR_NONE, &index, &report),
	    0);
	assert_int_equal(report.kind, 0);
}

static void
an_index_that_cannot_be_put_on_record_is_not_used(void **state)
{
	put_index(SIGNER_STRANGER, EPOCH, UTC_NONE);
	assert_fetch_refused(*state, 0, TPM_FAILED, TPM_FAILED);
}

static void
an_older_index_is_refused(void **state)
{
	put_index(SIGNER_STRANGER, EPOCH, UTC_NONE);
	assert_fetch_refused(*state, EPOCH + 1, ERR_NONE, STORE_ROLLBACK);
}

static void
an_expired_index_is_refused(void **state)
{
	put_index(SIGNER_STRANGER, EPOCH, LONG_AGO);
	assert_fetch_refused(*state, 0, ERR_NONE, STORE_INDEX_EXPIRED);
}

static void
an_index_that_its_role_did_not_sign_is_refused(void **state)
{
	put_index(SIGNER_PROD, EPOCH, UTC_NONE);
	assert_fetch_refused(*state, 0, ERR_NONE, THRESHOLD_NOT_MET);
}

static void
an_index_that_is_missing_is_refused(void **state)
{
	assert_fetch_refused(*state, 0, ERR_NONE, STORE_INDEX_MISSING);
}

static void
no_index_is_asked_for_without_a_role_for_it(void **state)
{
	struct fixture *fixture = *state;
	struct store_index *index = NULL;
	struct verify_report report;

	fixture_take_policy(fixture, make_policy(1));
	assert_code(fetch(fixture, EPOCH, ERR_NONE, &index, &report), 0);
	assert_null(index);
	assert_int_equal(report.kind, 0);
}

static void
an_image_that_the_index_does_not_list_is_not_built(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct receipt receipt;
	struct verify_report report;
	struct build_report built;
	struct err err;

	put_index(SIGNER_STRANGER, EPOCH, UTC_NONE);
	assert_code(fetch(fixture, 0, ERR_NONE, &index, &report), 0);
	add_image(SIGNER_PROD, "web-new", "1", 17);
	fixture->decide.store = (struct store_epoch){index->digest, EPOCH};
	assert_code(fixture_build(fixture, &receipt, &err), 0);
	assert_int_equal(recv(fixture->supervisor_fd, &built, sizeof(built), 0),
	    LINK_BYTES(build_report, record));
	assert_true(built.record.decided_by.has_store);
	assert_int_equal(built.record.decided_by.epoch, EPOCH);
	strcpy(fixture->request.image, "web-new");
	strcpy(fixture->request.guest.name, "other");
	fixture->request.guest.uuid[0]++;
	assert_code(fixture_build(fixture, &receipt, &err), IMAGE_NOT_INDEXED);
	assert_int_equal(xen_fake_domain_count(fixture->fake), 1);
}

/* It was added, and nobody signed a new index yet: the fleet goes on. */
static void
a_release_that_the_index_does_not_list_yet_is_passed_over(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct receipt receipt;
	struct verify_report report;
	struct err err;

	put_index(SIGNER_STRANGER, EPOCH, UTC_NONE);
	assert_code(fetch(fixture, 0, ERR_NONE, &index, &report), 0);
	add_image(SIGNER_PROD, "web", "2", 18);
	fixture->decide.store = (struct store_epoch){index->digest, EPOCH};
	assert_code(fixture_build(fixture, &receipt, &err), 0);
	assert_string_equal(receipt.image.version, "1");
	assert_int_equal(receipt.passed_over.count, 1);
	assert_int_equal(receipt.passed_over.images[0].code, IMAGE_NOT_INDEXED);
}

/* The newest of two, in another envelope than the one that is listed. */
static void
a_listed_release_that_was_changed_is_not_passed_over(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(buffer_done) struct buffer envelope = {0};
	struct receipt receipt;
	struct verify_report report;
	struct err err;

	add_image(SIGNER_PROD, "web", "2", 18);
	put_index(SIGNER_STRANGER, EPOCH, UTC_NONE);
	assert_code(fetch(fixture, 0, ERR_NONE, &index, &report), 0);
	envelope = read_file("dir-web-2/manifest.dsse");
	buffer_add(&envelope, "\n", 1);
	write_file("dir-web-2/manifest.dsse", buffer_bytes(&envelope));
	assert_code(layout_add("store", "dir-web-2", true, &err), 0);
	fixture->decide.store = (struct store_epoch){index->digest, EPOCH};
	assert_code(fixture_build(fixture, &receipt, &err),
	    IMAGE_INDEXED_OTHERWISE);
}

/* Its signatures were taken away: an older release is not built for that. */
static void
a_listed_release_without_its_signatures_is_not_passed_over(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(buffer_done) struct buffer manifest = {0};
	CLEANUP(freep) char *envelope = NULL;
	struct receipt receipt;
	struct verify_report report;
	struct err err;

	add_image(SIGNER_PROD, "web", "2", 18);
	put_index(SIGNER_STRANGER, EPOCH, UTC_NONE);
	assert_code(fetch(fixture, 0, ERR_NONE, &index, &report), 0);
	manifest = read_file("dir-web-2/manifest.json");
	buffer_add(&manifest, "", 1);
	envelope = sign_payload(SIGNER_STRANGER, DSSE_IMAGE_PAYLOAD_TYPE,
	    (const char *)manifest.ptr);
	write_file("dir-web-2/manifest.dsse", bytes_of_str(envelope));
	assert_code(layout_add("store", "dir-web-2", true, &err), 0);
	fixture->decide.store = (struct store_epoch){index->digest, EPOCH};
	assert_code(fixture_build(fixture, &receipt, &err),
	    IMAGE_INDEXED_OTHERWISE);
	/* Without an index it is one that nobody of the role signed. */
	fixture_take_policy(fixture, make_policy_with_boot(1));
	assert_code(fixture_build(fixture, &receipt, &err), 0);
}

#define index_test(test) \
	cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    index_test(an_index_is_charged_to_the_budget_of_the_request),
	    index_test(an_index_is_put_on_record_before_it_is_used),
	    index_test(an_index_in_other_bytes_is_not_put_on_record_again),
	    index_test(an_index_that_cannot_be_put_on_record_is_not_used),
	    index_test(an_older_index_is_refused),
	    index_test(an_expired_index_is_refused),
	    index_test(an_index_that_its_role_did_not_sign_is_refused),
	    index_test(an_index_that_is_missing_is_refused),
	    index_test(no_index_is_asked_for_without_a_role_for_it),
	    index_test(an_image_that_the_index_does_not_list_is_not_built),
	    index_test(
		a_release_that_the_index_does_not_list_yet_is_passed_over),
	    index_test(a_listed_release_that_was_changed_is_not_passed_over),
	    index_test(
		a_listed_release_without_its_signatures_is_not_passed_over),
	};

	return cmocka_run_group_tests_name("index_fetch", tests, NULL, NULL);
}
