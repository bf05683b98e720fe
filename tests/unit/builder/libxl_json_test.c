#include "builder_fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/supervisor/libxl_json.h"

#define OTHER_UUID "11111111-2222-3333-4444-555555555555"
#define RECORD     "./userdata-d.7." GOOD_UUID ".libxl-json"

/* What libxl_domain_config_to_json() of Xen 4.17 needs, and its NUL. */
static const char expected[] =
    "{\"c_info\":{\"type\":\"pv\",\"name\":\"guest\","
    "\"uuid\":\"" GOOD_UUID "\"},"
    "\"b_info\":{\"max_vcpus\":2,\"max_memkb\":262144,"
    "\"target_memkb\":262144,\"sched_params\":{},\"type.pv\":{},"
    "\"arch_arm\":{},\"arch_x86\":{}}}";

static void
libxl_json_is_exactly_this_text_with_its_nul(void **state)
{
	struct build_request request = good_build_request();
	CLEANUP(buffer_done) struct buffer file = {0};
	struct err err;

	(void)state;
	assert_code(libxl_json_write(".", 7, &request, &err), 0);
	file = read_file(RECORD);
	assert_int_equal(file.len, sizeof(expected));
	assert_memory_equal(file.ptr, expected, sizeof(expected));
}

static void
libxl_json_is_for_root_alone_and_leaves_no_other_file(void **state)
{
	struct build_request request = good_build_request();
	struct stat st;
	struct err err;

	(void)state;
	assert_code(libxl_json_write(".", 7, &request, &err), 0);
	assert_int_equal(stat(RECORD, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(count_files("."), 1);
}

static void
libxl_json_replaces_an_old_record(void **state)
{
	struct build_request request = good_build_request();
	CLEANUP(buffer_done) struct buffer file = {0};
	struct err err;

	(void)state;
	write_file(RECORD, bytes_of_str("of an earlier domain"));
	assert_code(libxl_json_write(".", 7, &request, &err), 0);
	file = read_file(RECORD);
	assert_int_equal(file.len, sizeof(expected));
}

static void
libxl_json_remove_removes_it_and_is_content_if_there_is_none(void **state)
{
	struct build_request request = good_build_request();
	struct err err;

	(void)state;
	assert_code(libxl_json_write(".", 7, &request, &err), 0);
	assert_code(libxl_json_remove(".", 8, request.guest.uuid, &err), 0);
	assert_int_equal(count_files("."), 1);
	assert_code(libxl_json_remove(".", 7, request.guest.uuid, &err), 0);
	assert_int_equal(count_files("."), 0);
	assert_code(libxl_json_remove(".", 7, request.guest.uuid, &err), 0);
}

/* libxl does so too: libxl_dom.c libxl__userdata_destroyall. */
static void
libxl_json_remove_removes_all_else_of_that_domain(void **state)
{
	static const char *const of_it[] = {
	    RECORD ".0123456789abcdef.new", /* its writer was killed */
	    "userdata-d.7." GOOD_UUID ".libxl-json.1234.new",
	    "userdata-n.7." GOOD_UUID ".xl",
	};
	static const char *const of_others[] = {
	    "userdata-d.17." GOOD_UUID ".libxl-json",
	    "userdata-d.70." GOOD_UUID ".libxl-json",
	    "userdata-d.7." OTHER_UUID ".libxl-json",
	    "userdata-.7." GOOD_UUID ".libxl-json",
	    "userdata-d.7." GOOD_UUID,
	    "userdata",
	    "xuserdata-d.7." GOOD_UUID ".libxl-json",
	    "userdata-d.7." GOOD_UUID ".domain-userdata-lock",
	};
	struct build_request request = good_build_request();
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(of_it); i++)
		write_file(of_it[i], bytes_of_str("x"));
	for (size_t i = 0; i < countof(of_others); i++)
		write_file(of_others[i], bytes_of_str("x"));
	assert_code(libxl_json_write(".", 7, &request, &err), 0);
	assert_code(libxl_json_remove(".", 7, request.guest.uuid, &err), 0);
	for (size_t i = 0; i < countof(of_others); i++)
		assert_int_equal(access(of_others[i], F_OK), 0);
	assert_int_equal(count_files("."), countof(of_others));
}

static void
libxl_json_reports_a_directory_that_is_not_there(void **state)
{
	struct build_request request = good_build_request();
	struct err err;

	(void)state;
	assert_code(libxl_json_write("missing", 7, &request, &err), STORE_IO);
	assert_code(libxl_json_remove("missing", 7, request.guest.uuid, &err),
	    0);
	assert_int_equal(mkdir(RECORD, 0700), 0);
	assert_code(libxl_json_remove(".", 7, request.guest.uuid, &err),
	    STORE_IO);
	assert_has(err.text, "unlink");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    directory_test(libxl_json_is_exactly_this_text_with_its_nul),
	    directory_test(
		libxl_json_is_for_root_alone_and_leaves_no_other_file),
	    directory_test(libxl_json_replaces_an_old_record),
	    directory_test(
		libxl_json_remove_removes_it_and_is_content_if_there_is_none),
	    directory_test(libxl_json_remove_removes_all_else_of_that_domain),
	    directory_test(libxl_json_reports_a_directory_that_is_not_there),
	};

	return cmocka_run_group_tests_name("libxl_json", tests, NULL, NULL);
}
