/*
 * An assayd that dies between two steps that belong together, or is told to end
 * before it has begun.
 */
#include "daemon_fixture.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/look/look_role.h"
#include "builder/supervisor/journal.h"

/* --- the daemon's journal ---------------------------------------------- */

static volatile bool *dies_at_record; /* shared with the daemon */

int __real_journal_update(const struct journal *journal,
    const struct journal_pending *pending, struct err *err);
int __wrap_journal_update(const struct journal *journal,
    const struct journal_pending *pending, struct err *err);

/* The tpm role has all the time it needs for what it was told before. */
int
__wrap_journal_update(const struct journal *journal,
    const struct journal_pending *pending, struct err *err)
{
	if (dies_at_record != NULL && *dies_at_record &&
	    pending->state == JOURNAL_RECORDED) {
		*dies_at_record = false;
		for (int i = 0; i < 100 && logged("\"ev\":\"build\"") == 0; i++)
			usleep(5000);
		raise(SIGKILL);
	}
	return __real_journal_update(journal, pending, err);
}

static int
attack_setup(void **state)
{
	dies_at_record = mmap(NULL, sizeof(*dies_at_record),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal((void *)(uintptr_t)dies_at_record, MAP_FAILED);
	return daemon_setup(state);
}

static int
attack_teardown(void **state)
{
	munmap((void *)(uintptr_t)dies_at_record, sizeof(*dies_at_record));
	dies_at_record = NULL;
	return daemon_teardown(state);
}

#define attack_test(test) \
	cmocka_unit_test_setup_teardown(test, attack_setup, attack_teardown)

/* --- a build on record, and a journal that does not know ---------------- */

static void
build_on_record_is_abandoned_on_record_whenever_assayd_dies(void **state)
{
	int fd;

	(void)state;
	give_tpm();
	*dies_at_record = true;
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	caller_send(fd, BUILD_CALL);
	assert_null(caller_receive(fd)); /* assayd is killed */
	close(fd);
	end_daemon(SIGKILL);
	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	assert_call(fd, CALL("ListDomains"), "{\"domains\":[]}");
	close(fd);
	assert_nothing_left();
	assert_int_equal(logged("\"ev\":\"abandon\""),
	    logged("\"ev\":\"build\""));
}

/* --- told to end before it has begun ----------------------------------- */

static bool
is_tpm_asked(void)
{
	return tpm->call_count > 0;
}

static void
sigterm_ends_an_assayd_whose_tpm_is_not_ready(void **state)
{
	(void)state;
	give_tpm();
	strcpy(tpm->hang_operation, "pcr_read");
	start_daemon(FAULT_NONE, "");
	wait_until(is_tpm_asked, "the start");
	assert_int_equal(end_daemon(SIGTERM), 0);
	/* It did not go on. */
	assert_int_equal(xen_fake_call_of(fake, "domain_list"), -1);
}

/* Xen does not answer the role that looks at it. */
static volatile bool *is_look_begun; /* shared with that role; NULL: it does */

void __real_look_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));
void __wrap_look_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));

void
__wrap_look_role_run(const struct role_start *start, int link)
{
	while (is_look_begun != NULL && getppid() == start->parent_pid) {
		*is_look_begun = true;
		usleep(5000);
	}
	__real_look_role_run(start, link);
}

static bool
is_xen_asked(void)
{
	return *is_look_begun;
}

static void
sigterm_ends_an_assayd_that_waits_for_xen(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};

	(void)state;
	is_look_begun = dies_at_record; /* which no build needs here */
	start_daemon(FAULT_NONE, "");
	wait_until(is_xen_asked, "the first look");
	assert_int_equal(end_daemon(SIGTERM), 0);
	is_look_begun = NULL;
	log = read_file("daemon.log");
	buffer_add(&log, "", 1);
	assert_has((char *)log.ptr, ": stopped ");
	assert_null(strstr((char *)log.ptr, ": started "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    attack_test(
		build_on_record_is_abandoned_on_record_whenever_assayd_dies),
	    attack_test(sigterm_ends_an_assayd_whose_tpm_is_not_ready),
	    attack_test(sigterm_ends_an_assayd_that_waits_for_xen),
	};

	return cmocka_run_group_tests_name("supervisor_start", tests, NULL,
	    NULL);
}
