/*
 * The life of a domain, from one end of the daemon to the other; and what the
 * daemon refuses.
 */
#include "daemon_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "image-store/pack/layout_write.h"
#include "image-store/pack/store_index_write.h"
#include "keys/dsse.h"

/* --- the life of a domain -------------------------------------------- */

static void
daemon_builds_lists_and_destroys_a_domain(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "\"domid\":7,\"uuid\":\"" GOOD_UUID "\"");
	assert_true(xen_fake_domain(fake, 7)->is_running);
	assert_string_equal(fake->violation, "");
	assert_int_equal(count_files("state/domains"), 1);
	assert_int_equal(count_pending(), 0);
	assert_call(fd, CALL("ListDomains"),
	    "{\"parameters\":{\"domains\":[{\"receipt\":{\"schema\":");
	assert_call(fd, CALL("GetStatus"),
	    "\"domains\":1,\"builds_running\":0,"
	    "\"builds_done\":1,"
	    "\"builds_refused\":0,");
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.DestroyDomain\","
	    "\"parameters\":{\"name\":\"guest\"}}",
	    "{\"parameters\":{}}");
	assert_nothing_left();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
}

static void
daemon_serves_a_second_build_from_its_cache(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	send_build(fd, "one", 1);
	assert_reply(fd, "\"cached\":false");
	send_build(fd, "two", 2);
	assert_reply(fd, "\"cached\":true");
	send_build(fd, "three", 3);
	assert_reply(fd, "\"sequence\":4"); /* 1 is the start */
	assert_int_equal(xen_fake_domain_count(fake), 3);
	close(fd);
}

/* The chain becomes these steps, at once. Takes the texts. */
static void
put_updates(char *one, char *two)
{
	CLEANUP(buffer_done) struct buffer chain = {0};

	buffer_add(&chain, one, strlen(one));
	buffer_add(&chain, two, strlen(two));
	free(one);
	free(two);
	write_file("updates.new", buffer_bytes(&chain));
	assert_int_equal(rename("updates.new", "updates"), 0);
}

static void
start_daemon_with_updates(void)
{
	trust_freep(&policy);
	policy = make_policy_with_trust(1); /* version 4 */
	strcpy(config.trust_updates, "updates");
	put_updates(strdup(""), strdup(""));
	start_daemon(FAULT_NONE, "");
}

static void
daemon_refuses_what_was_revoked_a_moment_ago(void **state)
{
	char *harmless;
	int fd;

	(void)state;
	start_daemon_with_updates();
	fd = caller_open();
	send_build(fd, "one", 1);
	assert_reply(fd, "\"cached\":false");
	assert_call(fd, CALL("GetStatus"), "\"trust_version\":4,");
	harmless = make_trust_step(5, 1, SIGNERS);
	put_updates(strdup(harmless), strdup(""));
	send_build(fd, "two", 2);
	assert_reply(fd, "\"cached\":true");
	assert_call(fd, CALL("GetStatus"), "\"trust_version\":5,");
	send_build(fd, "three", 3);
	assert_reply(fd, "\"cached\":true");

	put_updates(harmless, make_trust_step(6, 1, SIGNER_PROD));
	send_build(fd, "four", 4);
	assert_reply(fd, "KEY_REVOKED");
	assert_call(fd, CALL("ListImages"), "\"refused\":\"KEY_REVOKED\"");
	assert_call(fd, CALL("GetStatus"), "\"trust_version\":6,");
	assert_int_equal(xen_fake_domain_count(fake), 3);
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
}

static void
daemon_never_goes_back_to_an_older_policy(void **state)
{
	char *good = NULL;
	int fd;

	(void)state;
	start_daemon_with_updates();
	fd = caller_open();
	good = make_trust_step(5, 1, SIGNERS);
	put_updates(strdup(good), strdup(""));
	send_build(fd, "one", 1);
	assert_reply(fd, "\"cached\":false");

	put_updates(strdup(""), strdup("")); /* its line was taken away */
	send_build(fd, "two", 2);
	assert_reply(fd, "TRUST_DOWNGRADE");
	put_updates(make_trust_step(5, 2, SIGNERS), strdup(""));
	send_build(fd, "two", 2);
	assert_reply(fd, "TRUST_REPLAYED");
	put_updates(strdup(good), strdup("{"));
	send_build(fd, "two", 2);
	assert_reply(fd, "TRUST_CHAIN_MALFORMED");
	assert_int_equal(unlink("updates"), 0);
	send_build(fd, "two", 2);
	assert_reply(fd, "STORE_IO");
	assert_int_equal(xen_fake_domain_count(fake), 1);
	put_updates(good, strdup(""));
	send_build(fd, "two", 2);
	assert_reply(fd, "\"cached\":true");
	close(fd);
}

/* Another list of the same images, if it ends at another time. In a store that
 * had none: whoever keeps it may put any other one there. */
static void
put_index(int64_t epoch, int64_t expires)
{
	int status = system("{ [ -d plain ] || cp -a store plain; } && "
			    "rm -rf store && cp -a plain store");
	CLEANUP(closep) int dir_fd = open("store", O_RDONLY | O_DIRECTORY);
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(freep) char *envelope = NULL;
	struct err err;

	assert_int_equal(status, 0);
	assert_code(store_index_encode(dir_fd, epoch, expires, &payload, &err),
	    0);
	envelope = sign_payload(SIGNER_STRANGER, DSSE_STORE_INDEX_PAYLOAD_TYPE,
	    payload);
	assert_code(store_index_put("store", bytes_of_str(envelope), &err), 0);
}

/* What the next run answers to a build. */
static void
assert_next_run_says(const char *name, unsigned number, const char *part)
{
	int fd;

	assert_int_equal(end_daemon(SIGTERM), 0);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	send_build(fd, name, number);
	assert_reply(fd, part);
	close(fd);
}

static void
daemon_takes_one_store_index_of_an_epoch_in_a_boot(void **state)
{
	enum { LATE = 4000000000 };
	int fd;

	(void)state;
	give_tpm();
	trust_freep(&policy);
	policy = make_policy_with_index(1);
	put_index(7, LATE);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	send_build(fd, "one", 1);
	assert_reply(fd, "\"cached\":false");
	put_index(7, LATE + 1);
	send_build(fd, "two", 2);
	assert_reply(fd, "STORE_ROLLBACK");
	close(fd);
	assert_next_run_says("two", 2, "another list of epoch 7");
	put_index(6, LATE);
	assert_next_run_says("two", 2, "STORE_ROLLBACK");
	put_index(7, LATE);
	assert_next_run_says("two", 2, "receipt");
	put_index(8, LATE);
	assert_next_run_says("three", 3, "receipt");
	assert_int_equal(logged("\"ev\":\"build\""), 3);
}

/* The tpm role has the log: what it has in force decides, not the file. */
static void
daemon_goes_back_to_no_older_policy_after_a_restart(void **state)
{
	char *good = NULL;
	int fd;

	(void)state;
	give_tpm();
	start_daemon_with_updates();
	fd = caller_open();
	good = make_trust_step(5, 1, SIGNERS);
	put_updates(strdup(good), strdup(""));
	send_build(fd, "one", 1);
	assert_reply(fd, "\"cached\":false");
	close(fd);
	put_updates(strdup(""), strdup(""));
	assert_next_run_says("two", 2, "TRUST_DOWNGRADE");
	put_updates(make_trust_step(5, 2, SIGNERS), strdup(""));
	assert_next_run_says("two", 2, "TRUST_DOWNGRADE");
	put_updates(good, strdup(""));
	assert_next_run_says("two", 2, "receipt");
	assert_int_equal(logged("\"ev\":\"build\""), 2);
}

static bool
is_policy_logged(void)
{
	return logged("\"ev\":\"policy\"") == 1;
}

static bool
is_build_cancelled(void)
{
	CLEANUP(buffer_done) struct buffer log = read_file("daemon.log");

	buffer_add(&log, "", 1);
	return strstr((const char *)log.ptr, "BUILD_CANCELLED") != NULL;
}

/* What is on record decides, whatever became of the build that brought it. */
static void
daemon_keeps_a_policy_whose_build_was_cancelled(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	start_daemon_with_updates();
	fd = caller_open();
	assert_call(fd, CALL("GetStatus"), "\"trust_version\":4,");
	put_updates(make_trust_step(5, 1, SIGNERS), strdup(""));
	strcpy(tpm->hang_operation, "pcr_extend");
	send_build(fd, "one", 1);
	wait_until(is_policy_logged, "the policy is in the log");
	close(fd);
	wait_until(is_build_cancelled, "the build is cancelled");
	tpm->hang_operation[0] = '\0';

	put_updates(strdup(""), strdup("")); /* its line was taken away */
	fd = caller_open();
	send_build(fd, "two", 2);
	assert_reply(fd, "TRUST_DOWNGRADE");
	assert_int_equal(xen_fake_domain_count(fake), 0);
	put_updates(make_trust_step(5, 1, SIGNERS), strdup(""));
	send_build(fd, "two", 2);
	assert_reply(fd, "receipt");
	assert_call(fd, CALL("GetStatus"), "\"trust_version\":5,");
	assert_int_equal(logged("\"ev\":\"policy\""), 1);
	assert_int_equal(logged("\"ev\":\"build\""), 1);
	close(fd);
}

/* What is on record with a build is what decided about it. */
static void
daemon_starts_no_build_that_an_older_policy_allowed(void **state)
{
	int other;
	int fd;

	(void)state;
	give_tpm();
	start_daemon_with_updates();
	fd = caller_open();
	other = caller_open();
	hang_at("domain_load");
	send_build(fd, "one", 1);
	wait_for_call("domain_load");
	put_updates(make_trust_step(5, 1, SIGNERS),
	    make_trust_step(6, 1, SIGNER_PROD));
	send_build(other, "two", 2);
	assert_reply(other, "KEY_REVOKED");
	go_on();
	assert_reply(fd, "TRUST_DOWNGRADE");
	wait_until(is_nothing_left, "the domain is gone");
	assert_int_equal(logged("\"ev\":\"build\""), 0);
	assert_int_equal(logged("\"ev\":\"abandon\""), 0);
	assert_call(other, CALL("GetStatus"), "\"trust_version\":6,");
	close(other);
	close(fd);
}

/* In the reply, and in the log for those who only read that. */
static void
daemon_tells_what_it_passed_over(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	int fd;

	(void)state;
	add_image(SIGNER_PROD, "web", "0", 0);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	send_build(fd, "guest", 1);
	assert_reply(fd,
	    "\"passed_over\":{\"count\":1,\"images\":[{\"version\":\"0\","
	    "\"code\":\"IMAGE_ROLLBACK\"}]}");
	close(fd);
	log = read_file("daemon.log");
	buffer_add(&log, "", 1);
	assert_non_null(strstr((char *)log.ptr, "built image=web version=1 "));
	assert_non_null(strstr((char *)log.ptr,
	    " passed_over=1 reasons=0:IMAGE_ROLLBACK\n"));
}

static void
daemon_lists_images_good_and_bad(void **state)
{
	CLEANUP(freep) char *reply = NULL;
	int fd;

	(void)state;
	add_image(SIGNER_STRANGER, "web-bad", "2", 9);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	caller_send(fd, CALL("ListImages"));
	reply = caller_receive(fd);
	assert_has(reply, "{\"name\":\"web\",\"version\":\"1\",");
	assert_has(reply, "\"refused\":\"KEY_UNKNOWN\"");
	close(fd);
}

static void
daemon_forgets_a_domain_that_others_destroyed(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	xen_fake_domain(fake, 7)->exists = false;
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	assert_int_equal(count_files("state/domains"), 0);
	/* Its uuid is free again. */
	assert_call(fd, BUILD_CALL, "\"domid\":8");
	close(fd);
}

static void
daemon_destroys_no_domain_that_it_did_not_build(void **state)
{
	static const char *const selectors[] = {"\"domid\":3", "\"domid\":9",
	    "\"name\":\"other\"", "\"uuid\":\"" GOOD_UUID "\""};
	int fd;

	(void)state;
	xen_fake_add(fake, 3, 0x33, "other");
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	for (size_t i = 0; i < countof(selectors); i++) {
		char text[200];

		snprintf(text, sizeof(text),
		    "{\"method\":\"org.assay.Builder.DestroyDomain\","
		    "\"parameters\":{%s}}",
		    selectors[i]);
		assert_call(fd, text, "DOMAIN_UNKNOWN");
	}
	assert_non_null(xen_fake_domain(fake, 3));
	close(fd);
}

static void
daemon_remembers_its_domains_over_a_restart(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_true(xen_fake_domain(fake, 7)->is_running);

	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "\"uuid\":\"" GOOD_UUID "\"");
	assert_call(fd, BUILD_CALL, "DOMAIN_EXISTS");
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.DestroyDomain\","
	    "\"parameters\":{\"domid\":7}}",
	    "{\"parameters\":{}}");
	assert_nothing_left();
	close(fd);
}

/* --- refusals -------------------------------------------------------- */

static void
daemon_refuses_and_says_why(void **state)
{
	int fd;

	(void)state;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.BuildDomain\",\"parameters\":{"
	    "\"image\":\"nothing\",\"name\":\"x\",\"memory_mib\":256,"
	    "\"vcpus\":1}}",
	    "IMAGE_UNKNOWN");
	assert_call(fd,
	    "{\"method\":\"org.assay.Builder.BuildDomain\",\"parameters\":{"
	    "\"image\":\"web\",\"name\":\"x\",\"memory_mib\":64,"
	    "\"vcpus\":1}}",
	    "{\"error\":\"org.assay.Builder.Refused\",\"parameters\":{\"code\":"
	    "\"LIMIT_EXCEEDED\",\"field\":\"memory_mib\"");
	assert_call(fd, CALL("GetStatus"), "\"builds_refused\":2,");
	assert_nothing_left();
	close(fd);
}

static void
daemon_survives_a_store_that_is_gone(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rename("store", "away"), 0);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "\"STORE_IO\"");
	assert_int_equal(mkdir("store", 0755), 0);
	assert_call(fd, BUILD_CALL, "\"STORE_MALFORMED\"");
	assert_int_equal(rmdir("store"), 0);
	assert_int_equal(rename("away", "store"), 0);
	assert_call(fd, BUILD_CALL, "receipt");
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(daemon_builds_lists_and_destroys_a_domain),
	    daemon_test(daemon_serves_a_second_build_from_its_cache),
	    daemon_test(daemon_refuses_what_was_revoked_a_moment_ago),
	    daemon_test(daemon_never_goes_back_to_an_older_policy),
	    daemon_test(daemon_takes_one_store_index_of_an_epoch_in_a_boot),
	    daemon_test(daemon_goes_back_to_no_older_policy_after_a_restart),
	    daemon_test(daemon_keeps_a_policy_whose_build_was_cancelled),
	    daemon_test(daemon_starts_no_build_that_an_older_policy_allowed),
	    daemon_test(daemon_tells_what_it_passed_over),
	    daemon_test(daemon_lists_images_good_and_bad),
	    daemon_test(daemon_forgets_a_domain_that_others_destroyed),
	    daemon_test(daemon_destroys_no_domain_that_it_did_not_build),
	    daemon_test(daemon_remembers_its_domains_over_a_restart),
	    daemon_test(daemon_refuses_and_says_why),
	    daemon_test(daemon_survives_a_store_that_is_gone),
	};

	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
