/*
 * Every allocation and mapping of a whole build fails once, by index.
 * Each time nothing may be left: no domain, no node, no record, no descriptor
 * and no memory (run with ASan).
 */
#include "builder_fixture.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/build/domain_erase.h"

enum { max_calls = 2000 };

static int left = INT_MAX; /* wrapped calls until one fails */
static pid_t counted;      /* in this process, or in another one */
static bool in_another;

static bool
is_hit(void)
{
	if ((getpid() != counted) != in_another || left-- != 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **ret_text, const char *fmt, va_list args);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_memfd_create(const char *name, unsigned int flags);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_vasprintf(char **ret_text, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __wrap_memfd_create(const char *name, unsigned int flags);

void *
__wrap_malloc(size_t size)
{
	return is_hit() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return is_hit() ? NULL : __real_calloc(count, size);
}

char *
__wrap_strdup(const char *text)
{
	return is_hit() ? NULL : __real_strdup(text);
}

int
__wrap_vasprintf(char **ret_text, const char *fmt, va_list args)
{
	return is_hit() ? -1 : __real_vasprintf(ret_text, fmt, args);
}

void *
__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return is_hit() ? MAP_FAILED
	                : __real_mmap(at, len, prot, flags, fd, off);
}

int
__wrap_memfd_create(const char *name, unsigned int flags)
{
	return is_hit() ? -1 : __real_memfd_create(name, flags);
}

/* A stage whose build failed between two pieces is of no use to the next one.
 * How many descriptors are open then. */
static size_t
renew_stage(struct fixture *fixture)
{
	end_stage(&fixture->stage, fixture->stage_pid);
	fixture->stage = start_stage(&fixture->stage_pid);
	give_store(&fixture->stage, fixture->config.store);
	return count_descriptors();
}

static void
build_survives_any_failed_allocation(void **state)
{
	struct fixture *fixture = *state;
	int failed = 0;

	counted = getpid();
	for (int i = 0; i < max_calls; i++) {
		size_t descriptors = renew_stage(fixture);
		struct receipt receipt;
		struct receipt before;
		struct err err = {0};
		int rest;
		int code;

		memset(&receipt, 0x5a, sizeof(receipt));
		before = receipt;
		xen_fake_forget_calls(fixture->fake);
		left = i;
		code = fixture_build(fixture, &receipt, &err);
		rest = left;
		left = INT_MAX;
		if (rest >= 0) {
			assert_code(code, 0);
			assert_true(failed > 20);
			assert_true(
			    xen_fake_domain(fixture->fake, receipt.domid)
				->is_running);
			assert_string_equal(fixture->fake->violation, "");
			return;
		}
		if (code == 0)
			fail_msg("call %d: its failure went unseen", i);
		assert_int_equal(err.code, code);
		assert_true(err_is_known(code));
		assert_true(err.text[0] != '\0');
		assert_memory_equal(&receipt, &before, sizeof(receipt));
		assert_int_equal(count_descriptors(), descriptors);
		if (!fixture->left_behind) {
			assert_int_equal(xen_fake_domain_count(fixture->fake),
			    0);
			assert_int_equal(xen_fake_node_count(fixture->fake), 0);
		}
		assert_false(fixture->left_behind);
		failed++;
	}
	fail_msg("no end of calls");
}

/* The same in the nodes role, of whose calls nobody here sees the number: it is
 * over when a build succeeds. A role that ended cannot clean up, and it is said
 * that something may be left: another one removes it. */
static void
build_survives_any_failed_allocation_of_its_nodes_role(void **state)
{
	struct fixture *fixture = *state;
	struct receipt receipt;
	struct err err = {0};
	int failed = 0;

	in_another = true;
	for (; failed < max_calls; failed++) {
		struct domain_claim claim = {0};
		uint32_t domid;
		int code;

		(void)renew_stage(fixture);
		fixture->left_behind = false;
		left = failed;
		code = fixture_build(fixture, &receipt, &err);
		left = INT_MAX;
		if (code == 0)
			break;
		assert_true(err_is_known(code));
		if (fixture->left_behind) {
			fixture_renew_nodes(fixture);
			memcpy(claim.handle, fixture->env.handle, UUID_BYTES);
			assert_code(domain_erase(&fixture->env.place, &claim,
					&domid, &err),
			    0);
		}
		assert_int_equal(xen_fake_domain_count(fixture->fake), 0);
		assert_int_equal(xen_fake_node_count(fixture->fake), 0);
	}
	in_another = false;
	assert_true(failed > 60 && failed < max_calls);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    fixture_test(build_survives_any_failed_allocation),
	    fixture_test(
		build_survives_any_failed_allocation_of_its_nodes_role),
	};

	return cmocka_run_group_tests_name("build_fault", tests, NULL, NULL);
}
