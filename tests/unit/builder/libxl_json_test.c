#include "builder_fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "base/scope.h"
#include "builder/libxl_json.h"

#define RECORD "./userdata-d.7." GOOD_UUID ".libxl-json"

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
	assert_code(libxl_json_remove(".", 8, request.uuid, &err), 0);
	assert_int_equal(count_files("."), 1);
	assert_code(libxl_json_remove(".", 7, request.uuid, &err), 0);
	assert_int_equal(count_files("."), 0);
	assert_code(libxl_json_remove(".", 7, request.uuid, &err), 0);
}

static void
libxl_json_reports_a_directory_that_is_not_there(void **state)
{
	struct build_request request = good_build_request();
	struct err err;

	(void)state;
	assert_code(libxl_json_write("missing", 7, &request, &err), STORE_IO);
	assert_code(libxl_json_remove("missing", 7, request.uuid, &err), 0);
	assert_int_equal(mkdir(RECORD, 0700), 0);
	assert_code(libxl_json_remove(".", 7, request.uuid, &err), STORE_IO);
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
	    directory_test(libxl_json_reports_a_directory_that_is_not_there),
	};

	return cmocka_run_group_tests_name("libxl_json", tests, NULL, NULL);
}
