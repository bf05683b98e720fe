/*
 * A verify role that was taken over by the store that it parsed: it decides as
 * always, in its own sandbox, and then says and does what a test likes.
 */
#include "builder/verify/verify_report.h"
#include "daemon_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/build/stage_pieces.h"
#include "builder/verify/stage_client.h"
#include "builder/stage_link.h"
#include "builder/verify/verify_sandbox.h"
#include "builder/supervisor/supervisor_state.h"
#include "builder/verify_link.h"

enum { CALLS_UNANSWERED = 120 };

/* What it does instead of sending this order, or before. */
static void (*twist)(int link, struct order *order);
static int stage_fd = -1; /* of the verify role itself */

void __real_stage_give_store(struct stage *stage, int store_fd);
void __wrap_stage_give_store(struct stage *stage, int store_fd);
int __real_verify_report_order(int link, const struct order *order,
    struct err *err);
int __wrap_verify_report_order(int link, const struct order *order,
    struct err *err);

int __real_verify_report_images(int link, const struct sealed *rows,
    struct err *err);
int __wrap_verify_report_images(int link, const struct sealed *rows,
    struct err *err);

void
__wrap_stage_give_store(struct stage *stage, int store_fd)
{
	stage_fd = stage->fd;
	__real_stage_give_store(stage, store_fd);
}

int
__wrap_verify_report_order(int link, const struct order *order, struct err *err)
{
	struct order twisted = *order;

	twist(link, &twisted);
	return __real_verify_report_order(link, &twisted, err);
}

/* Rows without an end of any text. */
static bool lists_nonsense;

int
__wrap_verify_report_images(int link, const struct sealed *rows,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *nonsense = NULL;
	struct image_row row[3];

	if (!lists_nonsense)
		return __real_verify_report_images(link, rows, err);
	memset(row, 'a', sizeof(row));
	for (size_t i = 0; i < countof(row); i++) {
		row[i].outcome.code = 0;
		row[i].is_debug = false;
	}
	TRY(sealed_from_bytes("images", bytes_of(row, sizeof(row)), &nonsense,
	    err));
	return __real_verify_report_images(link, nonsense, err);
}

/* A verify role that reads the policy is taken over by it. */
static bool is_policy_hostile;
static bool verifies;

int __real_sandbox_enter(const struct sandbox *sandbox, uint32_t uid,
    struct err *err);
int __wrap_sandbox_enter(const struct sandbox *sandbox, uint32_t uid,
    struct err *err);
int __real_trust_decode(struct bytes text, struct trust_policy **ret_policy,
    struct err *err);
int __wrap_trust_decode(struct bytes text, struct trust_policy **ret_policy,
    struct err *err);

int
__wrap_sandbox_enter(const struct sandbox *sandbox, uint32_t uid,
    struct err *err)
{
	verifies = sandbox == &verify_sandbox;
	return __real_sandbox_enter(sandbox, uid, err);
}

/* It opens a file, which its sandbox does not allow. */
int
__wrap_trust_decode(struct bytes text, struct trust_policy **ret_policy,
    struct err *err)
{
	if (is_policy_hostile && verifies)
		(void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
	return __real_trust_decode(text, ret_policy, err);
}

static void
start_hostile(void (*how)(int link, struct order *order))
{
	twist = how;
	start_daemon(FAULT_NONE, "");
}

/* Is it the same assayd, does it serve, and can the next one start? */
static void
assert_it_goes_on(void)
{
	pid_t before = daemon_pid;
	int fd = caller_open();

	assert_call(fd, CALL("GetStatus"), "builds_done");
	closep(&fd);
	assert_int_equal(daemon_pid, before);
	assert_int_equal(end_daemon(SIGTERM), 0);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("GetStatus"), "builds_done");
	closep(&fd);
}

static void
assert_build_refused(void (*how)(int link, struct order *order),
    const char *code)
{
	int fd;

	start_hostile(how);
	fd = caller_open();
	assert_call(fd, BUILD_CALL, code);
	closep(&fd);
	assert_nothing_left();
	assert_it_goes_on();
	assert_int_equal(end_daemon(SIGTERM), 0);
}

/* --- where it reads the policy ---------------------------------------- */

/* The one that waits has died of it already; so does the next one. */
static void
hostile_verify_reads_the_policy_in_its_sandbox(void **state)
{
	int fd;

	(void)state;
	is_policy_hostile = true;
	start_hostile(NULL);
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "killed by signal 31");
	closep(&fd);
	is_policy_hostile = false;
	assert_nothing_left();
	assert_it_goes_on();
}

/* --- what an event cannot hold --------------------------------------- */

static void
claim_a_role_with_a_space(int link, struct order *order)
{
	(void)link;
	strcpy(order->image.role, "prod or so");
}

static void
claim_a_role_with_a_quote(int link, struct order *order)
{
	(void)link;
	strcpy(order->image.role, "prod\",\"debug\":false,\"x\":\"");
}

static void
hostile_verify_puts_nothing_on_record_that_is_no_event(void **state)
{
	(void)state;
	give_tpm();
	assert_build_refused(claim_a_role_with_a_space, "ORDER_BROKEN");
	assert_build_refused(claim_a_role_with_a_quote, "ORDER_BROKEN");
}

/* --- what a receipt cannot hold -------------------------------------- */

static void
claim_an_index_below_zero(int link, struct order *order)
{
	(void)link;
	order->image.rollback_index = -1;
}

static void
claim_to_have_passed_over_all(int link, struct order *order)
{
	(void)link;
	order->passed_over.count = UINT32_MAX;
}

static void
claim_to_have_passed_over_for_nothing(int link, struct order *order)
{
	(void)link;
	order->passed_over.count = 1;
}

/* The next assayd reads what this one wrote about the domains there are. */
static void
hostile_verify_leaves_no_receipt_that_cannot_be_read(void **state)
{
	(void)state;
	assert_build_refused(claim_an_index_below_zero, "ORDER_BROKEN");
	assert_build_refused(claim_to_have_passed_over_all, "ORDER_BROKEN");
	assert_build_refused(claim_to_have_passed_over_for_nothing,
	    "ORDER_BROKEN");
}

/* --- who is waited for ----------------------------------------------- */

/* Behind more calls than whose answers fit, so that it stays in a queue: the
 * stage waits for somebody to take the answers. */
static void
give_the_stage_this_link(int link)
{
	const struct stage_call list = {.kind = STAGE_LIST};
	const struct stage_call call = {.kind = STAGE_OPEN};
	struct err err;

	for (int i = 0; i < CALLS_UNANSWERED; i++)
		(void)ipc_send(stage_fd, &list, sizeof(list), -1, &err);
	(void)ipc_send(stage_fd, &call, sizeof(call), link, &err);
}

static void
hand_the_link_on_and_end(int link, struct order *order)
{
	(void)order;
	give_the_stage_this_link(link);
	_exit(0);
}

static void
hand_the_link_on_and_stay(int link, struct order *order)
{
	char byte;

	(void)order;
	give_the_stage_this_link(link);
	for (;;) /* nothing is ever sent to it */
		(void)!read(link, &byte, 0);
}

static void
hostile_verify_whose_link_outlives_it_is_not_waited_for(void **state)
{
	(void)state;
	config.build_seconds = 1;
	assert_build_refused(hand_the_link_on_and_end, "BUILD_TIMEOUT");
	assert_build_refused(hand_the_link_on_and_stay, "BUILD_TIMEOUT");
}

/* --- whom it may harm ------------------------------------------------ */

static volatile pid_t *victim; /* all roles of one user are within reach */

static void
kill_it_by_its_thread(int link, struct order *order)
{
	(void)link;
	(void)order;
	syscall(SYS_tgkill, *victim, *victim, SIGKILL);
}

/* The kernel sends the signal that was asked for when there is an answer. */
static void
have_it_killed_by_a_socket(int link, struct order *order)
{
	struct stage stage = {.fd = stage_fd};
	int flags = fcntl(stage_fd, F_GETFL);

	(void)link;
	fcntl(stage_fd, F_SETOWN, *victim);
	fcntl(stage_fd, F_SETSIG, SIGKILL);
	fcntl(stage_fd, F_SETFL, flags | O_ASYNC);
	stage_ask_blob(&stage, &order->kernel.digest, order->kernel.size_bytes,
	    "kernel");
}

static bool
has_text(const char *path, const char *text)
{
	CLEANUP(buffer_done) struct buffer file = read_file(path);

	buffer_add(&file, "", 1);
	return strstr((const char *)file.ptr, text) != NULL;
}

/* Says what others say, and much of it, and what a terminal obeys. */
static void
speak_for_others(int link, struct order *order)
{
	static const char lines[] = "assayd: built image=forged\n"
				    "x\033[2J\rassayd[tpm]: forged\n";

	(void)link;
	(void)order;
	(void)!write(STDERR_FILENO, lines, sizeof(lines) - 1);
	for (int i = 0; i < 100000; i++)
		(void)!write(STDERR_FILENO, "flood\n", 6);
}

static void
hostile_verify_writes_no_line_of_another_role(void **state)
{
	struct stat log;
	int fd;

	(void)state;
	start_hostile(speak_for_others);
	fd = caller_open();
	assert_call(fd, BUILD_CALL, "receipt");
	assert_call(fd, CALL("GetStatus"), "builds_done");
	closep(&fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
	assert_true(has_text("daemon.log",
	    "\nassayd[verify]: assayd: built image=forged\n"));
	assert_true(has_text("daemon.log",
	    "\nassayd[verify]: x\\x1b[2J\\x0dassayd[tpm]: forged\n"));
	assert_false(has_text("daemon.log", "\nassayd: built image=forged"));
	assert_true(has_text("daemon.log", "\nassay: built image=web "));
	assert_int_equal(stat("daemon.log", &log), 0);
	assert_true(log.st_size < 20000);
}

static void
assert_tpm_role_lives(void (*how)(int link, struct order *order))
{
	CLEANUP(freep) char *reply = NULL;
	int fd;

	start_hostile(how);
	fd = caller_open();
	assert_call(fd, CALL("GetStatus"), "builds_done");
	*victim = role_of_daemon("tpm");
	assert_int_not_equal(*victim, 0);
	caller_send(fd, BUILD_CALL);
	reply = caller_receive(fd); /* whatever it is */
	assert_non_null(reply);
	closep(&fd);
	usleep(100000);
	assert_false(has_text("daemon.log", "code=TPM_FAILED"));
	assert_it_goes_on();
	assert_int_equal(end_daemon(SIGTERM), 0);
}

static void
hostile_verify_kills_no_other_role(void **state)
{
	(void)state;
	give_tpm();
	victim = mmap(NULL, sizeof(*victim), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal((void *)(uintptr_t)victim, MAP_FAILED);
	assert_tpm_role_lives(kill_it_by_its_thread);
	assert_tpm_role_lives(have_it_killed_by_a_socket);
}

static void
steal_pieces_of_the_stage(int link, struct order *order)
{
	struct stage stage = {.fd = stage_fd};

	(void)link;
	/* Answers to this come before those that the build role waits for. */
	stage_ask_blob(&stage, &order->kernel.digest, order->kernel.size_bytes,
	    "kernel");
	stage_ask_blob(&stage, &order->image.envelope, 1 << 20, "other");
}

static void
hostile_verify_lists_nothing_that_is_no_image(void **state)
{
	int fd;

	(void)state;
	lists_nonsense = true;
	start_hostile(NULL);
	fd = caller_open();
	assert_call(fd, CALL("ListImages"), "org.assay.Builder.Failed");
	assert_call(fd, CALL("GetStatus"), "builds_done");
	closep(&fd);
	lists_nonsense = false;
}

/* The bytes that come are not those that were ordered: they do not run. */
static void
hostile_verify_that_asks_the_stage_for_other_bytes_ends_its_build(void **state)
{
	(void)state;
	assert_build_refused(steal_pieces_of_the_stage, "\"error\"");
}

/* --- anything at all -------------------------------------------------- */

static volatile uint32_t *seed; /* another one in each verify role */

static uint32_t
next_random(void)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Reports of every kind, in any order, with any content, some with descriptors,
 * and some of another size. The first that is wrong is the last that is read.
 */
static size_t
bytes_of_kind(uint32_t kind)
{
	const struct link_table *table = &supervisor_verify_reports;
	bool is_known = kind < table->count && table->rules[kind].bytes > 0;

	return is_known ? table->rules[kind].bytes
	                : sizeof(struct verify_report);
}

static void
say_anything(int link, struct order *order)
{
	uint32_t count = next_random() % 4;

	for (uint32_t n = 0; n <= count; n++) {
		struct verify_report report;
		uint8_t *bytes = (uint8_t *)&report;
		size_t size;
		struct err err;

		for (size_t i = 0; i < sizeof(report); i++)
			bytes[i] = (uint8_t)next_random();
		report.kind = next_random() % 8;
		if (next_random() % 4 == 0)
			report.order = *order;
		size = bytes_of_kind(report.kind);
		if (next_random() % 8 == 0)
			size--;
		if (ipc_send(link, &report, size,
			next_random() % 8 == 0 ? stage_fd : -1, &err) != 0)
			break;
	}
}

/* One thing of the order is another one. */
static void
change_anything(int link, struct order *order)
{
	uint8_t *bytes = (uint8_t *)order;
	/* Names are at the beginning, and the numbers behind long texts. */
	size_t at = next_random() % sizeof(*order);

	(void)link;
	if (next_random() % 3 == 0)
		bytes[at] = (uint8_t)next_random();
	else
		bytes[at] = (uint8_t)(bytes[at] ^ 1u << next_random() % 8);
}

static void
remove_what_was_built(int fd)
{
	CLEANUP(freep) char *reply = NULL;

	caller_send(fd,
	    "{\"method\":\"org.assay.Builder.DestroyDomain\",\"parameters\":"
	    "{\"uuid\":\"" GOOD_UUID "\"}}");
	reply = caller_receive(fd);
	assert_non_null(reply);
}

/* Some of the orders are legal, and their domains are known afterwards. */
static void
assert_it_survives(void (*how)(int link, struct order *order), int rounds)
{
	int fd;

	start_hostile(how);
	fd = caller_open();
	for (int i = 0; i < rounds; i++) {
		CLEANUP(freep) char *reply = NULL;

		alarm(PATIENCE_SECONDS);
		xen_fake_forget_calls(fake);
		caller_send(fd, BUILD_CALL);
		reply = caller_receive(fd);
		assert_non_null(reply);
		if (strstr(reply, "receipt") != NULL && i % 8 == 0) {
			close(fd);
			assert_it_goes_on();
			fd = caller_open();
		}
		remove_what_was_built(fd);
		assert_nothing_left();
	}
	close(fd);
	assert_it_goes_on();
	assert_int_equal(end_daemon(SIGTERM), 0);
}

static void
hostile_verify_that_says_anything_ends_nobody_else(void **state)
{
	(void)state;
	seed = mmap(NULL, sizeof(*seed), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal((void *)(uintptr_t)seed, MAP_FAILED);
	*seed = 1;
	config.build_seconds = 5;
	give_tpm();
	assert_it_survives(change_anything, 120);
	assert_it_survives(say_anything, 60); /* a policy, too */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    daemon_test(hostile_verify_reads_the_policy_in_its_sandbox),
	    daemon_test(hostile_verify_puts_nothing_on_record_that_is_no_event),
	    daemon_test(hostile_verify_leaves_no_receipt_that_cannot_be_read),
	    daemon_test(
		hostile_verify_whose_link_outlives_it_is_not_waited_for),
	    daemon_test(hostile_verify_lists_nothing_that_is_no_image),
	    daemon_test(hostile_verify_writes_no_line_of_another_role),
	    daemon_test(hostile_verify_kills_no_other_role),
	    daemon_test(hostile_verify_that_says_anything_ends_nobody_else),
	    daemon_test(
		hostile_verify_that_asks_the_stage_for_other_bytes_ends_its_build),
	};

	return cmocka_run_group_tests_name("hostile_verify", tests, NULL, NULL);
}
