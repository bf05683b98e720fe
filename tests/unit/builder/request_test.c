#include "builder_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/scope.h"

static void
assert_bad(const struct build_request *request, const char *field)
{
	struct err err = {0};

	assert_code(request_check(request, &err), RPC_PARAMETER_BAD);
	assert_string_equal(err.field, field);
}

static void
request_takes_the_good_one(void **state)
{
	struct build_request request = good_build_request();
	struct err err;

	(void)state;
	assert_code(request_check(&request, &err), 0);
	request.guest.memory_mib = LIMIT_MEMORY_MIB;
	request.guest.vcpus = LIMIT_VCPUS;
	assert_code(request_check(&request, &err), 0);
	request.guest.memory_mib = 1;
	request.guest.vcpus = 1;
	assert_code(request_check(&request, &err), 0);
}

/* A front that was taken over may send any bytes. */
static void
request_refuses_strings_without_an_end(void **state)
{
	struct build_request request = good_build_request();

	(void)state;
	memset(request.image, 'a', sizeof(request.image));
	assert_bad(&request, "image");
	request = good_build_request();
	memset(request.guest.name, 'a', sizeof(request.guest.name));
	assert_bad(&request, "name");
}

/* The end of memory follows: nobody may look for an end there. */
static void
request_looks_for_no_end_outside_of_it(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct build_request *request;

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
	request = (void *)(pages + page - sizeof(*request));
	memset(request, 'a', sizeof(*request));
	assert_bad(request, "image");
	strcpy(request->image, "web");
	assert_bad(request, "name");
	munmap(pages, 2 * page);
}

static void
request_refuses_illegal_image_names(void **state)
{
	static const char *const names[] = {"", "-a", ".a", "_a", "Web", "a/b",
	    "../a", "a b", "a\n", "a:b", "a\xc3\xa4"};

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		struct build_request request = good_build_request();

		snprintf(request.image, sizeof(request.image), "%s", names[i]);
		assert_bad(&request, "image");
	}
}

static void
request_refuses_illegal_domain_names(void **state)
{
	static const char *const names[] = {"", "-a", ".", "..", "_a", "a/b",
	    "a b", "a\"b", "a\n", "a:b", "\xc3\xa4", "Domain-0\x1b[31m"};

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		struct build_request request = good_build_request();

		snprintf(request.guest.name, sizeof(request.guest.name), "%s",
		    names[i]);
		assert_bad(&request, "name");
	}
}

static void
request_takes_legal_domain_names(void **state)
{
	char longest[LIMIT_NAME_BYTES + 1];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[LIMIT_NAME_BYTES] = '\0';
	assert_true(request_domain_name_is_valid(longest));
	assert_true(request_domain_name_is_valid("0"));
	assert_true(request_domain_name_is_valid("Web-1.prod_b"));
	assert_false(
	    request_domain_name_is_valid("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
					 "xxxxxxxxxxxxxxxxxxxxxxxxxxx"));
}

static void
request_refuses_the_zero_uuid(void **state)
{
	struct build_request request = good_build_request();

	(void)state;
	memset(request.guest.uuid, 0, sizeof(request.guest.uuid));
	assert_bad(&request, "uuid");
}

static void
request_refuses_numbers_out_of_their_bounds(void **state)
{
	static const uint32_t memory[] = {0, LIMIT_MEMORY_MIB + 1, UINT32_MAX};
	static const uint32_t vcpus[] = {0, LIMIT_VCPUS + 1, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < countof(memory); i++) {
		struct build_request request = good_build_request();

		request.guest.memory_mib = memory[i];
		assert_bad(&request, "memory_mib");
		request = good_build_request();
		request.guest.vcpus = vcpus[i];
		assert_bad(&request, "vcpus");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(request_takes_the_good_one),
	    cmocka_unit_test(request_refuses_strings_without_an_end),
	    cmocka_unit_test(request_looks_for_no_end_outside_of_it),
	    cmocka_unit_test(request_refuses_illegal_image_names),
	    cmocka_unit_test(request_refuses_illegal_domain_names),
	    cmocka_unit_test(request_takes_legal_domain_names),
	    cmocka_unit_test(request_refuses_the_zero_uuid),
	    cmocka_unit_test(request_refuses_numbers_out_of_their_bounds),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
