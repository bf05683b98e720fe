#include "builder/setup/daemon_config_load.h"
#include "builder_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "builder/daemon_config.h"

static json_t *
good_users(void)
{
	json_t *users = json_pack("{s:i, s:i, s:i, s:i, s:i}", "front", 990,
	    "stage", 991, "verify", 992, "build", 993, "tpm", 994);

	assert_non_null(users);
	return users;
}

static json_t *
good_tree(void)
{
	json_t *tree = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[i,i], s:i,"
				 " s:i, s:o}",
	    "schema", "assay.config/1", "store", "/assay/store", "trust",
	    "/assay/trust.json", "socket", "/run/assay/builder.sock", "state",
	    "/run/assay/state", "libxl_dir", "/var/lib/xl", "allow_uids", 0,
	    1000, "xenstored_domid", 1, "xenconsoled_domid", 2, "users",
	    good_users());

	assert_non_null(tree);
	return tree;
}

static json_t *
good_measure(void)
{
	json_t *measure = json_pack("{s:s, s:s, s:s, s:s, s:i, s:b}", "tpm",
	    "device:/dev/tpmrm0", "identity", "/boot/tpm.json", "boot_policy",
	    "/boot/policy.dsse", "log", "/run/assay/measure.log", "pcr", 15,
	    "dynamic_launch", 1);

	assert_non_null(measure);
	return measure;
}

/* Takes the tree. */
static int
load(json_t *tree, struct daemon_config *ret_config, struct err *err)
{
	CLEANUP(freep) char *text = tree_text(tree);

	json_decref(tree);
	write_file("assayd.conf", bytes_of_str(text));
	return daemon_config_load("assayd.conf", ret_config, err);
}

/* Takes the value; NULL removes the member. */
static void
assert_bad(const char *member, json_t *value)
{
	json_t *tree = good_tree();
	struct daemon_config config;
	struct daemon_config before;
	struct err err = {0};

	memset(&config, 0x5a, sizeof(config));
	before = config;
	if (value == NULL)
		json_object_del(tree, member);
	else
		json_object_set_new(tree, member, value);
	if (load(tree, &config, &err) == 0)
		fail_msg("%s: taken", member);
	assert_code((int)err.code, CONFIG_BAD);
	assert_has(err.field, member);
	assert_memory_equal(&config, &before, sizeof(config));
}

static void
config_takes_every_member(void **state)
{
	struct daemon_config config;
	struct err err;

	(void)state;
	assert_code(load(good_tree(), &config, &err), 0);
	assert_string_equal(config.store, "/assay/store");
	assert_string_equal(config.trust, "/assay/trust.json");
	assert_string_equal(config.socket, "/run/assay/builder.sock");
	assert_string_equal(config.state, "/run/assay/state");
	assert_string_equal(config.libxl_dir, "/var/lib/xl");
	assert_int_equal(config.allow_uid_count, 2);
	assert_int_equal(config.daemons.xenstored_domid, 1);
	assert_int_equal(config.daemons.xenconsoled_domid, 2);
	for (uint32_t role = 0; role < SANDBOX_ROLES; role++)
		assert_int_equal(config.users.of[role], 990 + role);
}

static void
config_has_defaults_for_libxl_dir_and_users(void **state)
{
	json_t *tree = good_tree();
	struct daemon_config config;
	struct err err;

	(void)state;
	json_object_del(tree, "libxl_dir");
	json_object_del(tree, "users");
	assert_code(load(tree, &config, &err), 0);
	assert_string_equal(config.libxl_dir, "/var/lib/xen");
	assert_int_equal(config.sandbox_uid, 0);
	for (uint32_t role = 0; role < SANDBOX_ROLES; role++)
		assert_int_equal(config.users.of[role], 65520 + role);

	tree = good_tree();
	json_object_set_new(tree, "libxl_dir", json_null());
	assert_code(load(tree, &config, &err), 0);
	assert_string_equal(config.libxl_dir, "");
}

/* Who builds was root then, and is nobody's user now. */
static void
config_takes_one_user_as_it_was_before(void **state)
{
	json_t *tree = good_tree();
	struct daemon_config config;
	struct err err;

	(void)state;
	json_object_del(tree, "users");
	json_object_set_new(tree, "sandbox_uid", json_integer(65534));
	assert_code(load(tree, &config, &err), 0);
	assert_int_equal(config.sandbox_uid, 65534);
	for (int role = 0; role < SANDBOX_ROLES; role++)
		assert_int_equal(config.users.of[role],
		    role == SANDBOX_BUILD ? 65523 : 65534);
}

static void
config_refuses_users_that_are_no_one_s_own(void **state)
{
	static const char *const roles[] = {"front", "stage", "verify", "build",
	    "tpm"};

	(void)state;
	for (size_t i = 0; i < countof(roles); i++) {
		json_t *users = good_users();

		json_object_set_new(users, roles[i], json_integer(65534));
		assert_bad("users", json_deep_copy(users));
		json_object_set_new(users, roles[i], json_integer(0));
		assert_bad("users", json_deep_copy(users));
		json_object_set_new(users, roles[i], json_integer(UINT32_MAX));
		assert_bad("users", json_deep_copy(users));
		/* Of the role before, or after. */
		json_object_set_new(users, roles[i],
		    json_integer(990 + ((int)i + 1) % SANDBOX_ROLES));
		assert_bad("users", json_deep_copy(users));
		json_object_del(users, roles[i]);
		assert_bad("users", users);
		users = good_users();
		json_object_set_new(users, "root", json_integer(995));
		assert_bad("users", users);
	}
	assert_bad("users", json_object());
	/* Both. */
	assert_bad("sandbox_uid", json_integer(990));
}

static void
config_takes_what_says_how_to_measure(void **state)
{
	json_t *tree = good_tree();
	json_t *measure = good_measure();
	struct daemon_config config;
	struct err err;

	(void)state;
	assert_code(load(good_tree(), &config, &err), 0);
	assert_false(config.measure.is_set);
	assert_string_equal(config.trust_updates, "");

	json_object_set_new(tree, "measure", measure);
	assert_code(load(json_incref(tree), &config, &err), 0);
	assert_true(config.measure.is_set);
	assert_string_equal(config.measure.tpm, "device:/dev/tpmrm0");
	assert_string_equal(config.measure.identity, "/boot/tpm.json");
	assert_string_equal(config.measure.boot_policy, "/boot/policy.dsse");
	assert_string_equal(config.measure.log, "/run/assay/measure.log");
	assert_int_equal(config.measure.pcr, 15);
	assert_true(config.measure.has_dynamic_launch);

	json_object_del(measure, "pcr");
	json_object_del(measure, "dynamic_launch");
	assert_code(load(tree, &config, &err), 0);
	assert_int_equal(config.measure.pcr, 13);
	assert_false(config.measure.has_dynamic_launch);
}

static void
assert_bad_measure(const char *member, json_t *value)
{
	json_t *tree = good_tree();
	json_t *measure = good_measure();
	struct daemon_config config;
	struct err err = {0};

	if (value == NULL)
		json_object_del(measure, member);
	else
		json_object_set_new(measure, member, value);
	json_object_set_new(tree, "measure", measure);
	if (load(tree, &config, &err) == 0)
		fail_msg("measure.%s: taken", member);
	assert_code((int)err.code, CONFIG_BAD);
	assert_has(err.field, member);
}

static void
config_refuses_what_does_not_say_how_to_measure(void **state)
{
	static const char *const members[] = {"tpm", "identity", "boot_policy",
	    "log"};

	(void)state;
	for (size_t i = 0; i < countof(members); i++) {
		assert_bad_measure(members[i], NULL);
		assert_bad_measure(members[i], json_true());
		assert_bad_measure(members[i], json_string(""));
	}
	assert_bad_measure("log", json_string("relative"));
	assert_bad_measure("tpm", json_string("device:tpmrm0"));
	/* The sandbox would kill the role at its first command. */
	assert_bad_measure("tpm", json_string("swtpm:path=/run/tpm"));
	assert_bad_measure("pcr", json_integer(10));
	assert_bad_measure("pcr", json_integer(16));
	assert_bad_measure("pcr", json_real(13.0));
	assert_bad_measure("dynamic_launch", json_integer(1));
	assert_bad_measure("unheard-of", json_true());
	assert_bad("measure", json_true());
}

static void
config_takes_a_chain_of_trust_updates(void **state)
{
	json_t *tree = good_tree();
	struct daemon_config config;
	struct err err;

	(void)state;
	json_object_set_new(tree, "trust_updates",
	    json_string("/boot/efi/trust.dsse"));
	assert_code(load(tree, &config, &err), 0);
	assert_string_equal(config.trust_updates, "/boot/efi/trust.dsse");
	assert_bad("trust_updates", json_string("relative"));
	assert_bad("trust_updates", json_true());
}

static void
config_refuses_a_missing_member(void **state)
{
	static const char *const members[] = {"schema", "store", "trust",
	    "socket", "state", "allow_uids", "xenstored_domid",
	    "xenconsoled_domid"};

	(void)state;
	for (size_t i = 0; i < countof(members); i++)
		assert_bad(members[i], NULL);
}

static void
config_refuses_a_member_of_the_wrong_type(void **state)
{
	static const char *const members[] = {"schema", "store", "trust",
	    "socket", "state", "libxl_dir", "allow_uids", "xenstored_domid",
	    "xenconsoled_domid", "sandbox_uid", "users"};

	(void)state;
	for (size_t i = 0; i < countof(members); i++) {
		assert_bad(members[i], json_true());
		assert_bad(members[i], json_object());
		assert_bad(members[i], json_real(1.0));
		if (strcmp(members[i], "libxl_dir") != 0 &&
		    strcmp(members[i], "sandbox_uid") != 0 &&
		    strcmp(members[i], "users") != 0)
			assert_bad(members[i], json_null());
	}
	assert_bad("unknown", json_integer(1));
	assert_bad("Store", json_string("/x"));
}

static void
config_refuses_values_that_cannot_be_meant(void **state)
{
	char long_path[CONFIG_PATH_SIZE + 1];

	(void)state;
	memset(long_path, '/', sizeof(long_path));
	long_path[CONFIG_PATH_SIZE] = '\0';
	assert_bad("schema", json_string("assay.config/2"));
	assert_bad("store", json_string("relative/path"));
	assert_bad("store", json_string(""));
	assert_bad("socket", json_string(long_path));
	assert_bad("libxl_dir", json_string(""));
	assert_bad("xenstored_domid", json_integer(-1));
	assert_bad("xenstored_domid", json_integer(0x7ff0));
	assert_bad("xenconsoled_domid", json_integer(0x7ff0));
	assert_bad("sandbox_uid", json_integer(0));
	assert_bad("sandbox_uid", json_integer(UINT32_MAX));
	assert_bad("allow_uids", json_pack("[s]", "root"));
	assert_bad("allow_uids", json_pack("[i]", -1));
	assert_bad("allow_uids", json_pack("[I]", (json_int_t)UINT32_MAX));
	assert_bad("allow_uids", json_pack("[f]", 0.0));
}

static void
config_bounds_the_number_of_callers(void **state)
{
	json_t *uids = json_array();
	json_t *tree = good_tree();
	struct daemon_config config;
	struct err err;

	(void)state;
	for (int i = 0; i < LIMIT_ALLOWED_UIDS; i++)
		json_array_append_new(uids, json_integer(i));
	json_object_set(tree, "allow_uids", uids);
	assert_code(load(tree, &config, &err), 0);
	assert_int_equal(config.allow_uid_count, LIMIT_ALLOWED_UIDS);
	json_array_append_new(uids, json_integer(99));
	assert_bad("allow_uids", uids);
}

static void
config_takes_a_path_of_exactly_the_most_bytes(void **state)
{
	char path[CONFIG_PATH_SIZE];
	json_t *tree = good_tree();
	struct daemon_config config;
	struct err err;

	(void)state;
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[CONFIG_PATH_SIZE - 1] = '\0';
	json_object_set_new(tree, "socket", json_string(path));
	assert_code(load(tree, &config, &err), 0);
	assert_string_equal(config.socket, path);
}

static bool
allows(const struct daemon_config *checked, uint32_t uid)
{
	const struct caller caller = user_caller(uid);

	return caller_rule_find(checked, &caller, NULL) != NULL;
}

static void
config_allows_exactly_the_listed_users(void **state)
{
	struct daemon_config config;
	struct err err;

	(void)state;
	assert_code(load(good_tree(), &config, &err), 0);
	assert_true(allows(&config, 0));
	assert_true(allows(&config, 1000));
	assert_false(allows(&config, 1));
	assert_false(allows(&config, UINT32_MAX));
	config.allow_uid_count = 0;
	assert_false(allows(&config, 0));
}

static void
config_reports_a_file_that_cannot_be_read(void **state)
{
	struct buffer large = {0};
	struct daemon_config config;
	struct err err;

	(void)state;
	assert_code(daemon_config_load("missing", &config, &err), STORE_IO);
	write_file("assayd.conf", bytes_of_str("{} and more"));
	assert_code(daemon_config_load("assayd.conf", &config, &err),
	    CONFIG_BAD);
	large.len = LIMIT_CONFIG_BYTES + 1;
	large.ptr = malloc(large.len);
	memset(large.ptr, ' ', large.len);
	write_file("assayd.conf", buffer_bytes(&large));
	assert_code(daemon_config_load("assayd.conf", &config, &err),
	    CONFIG_BAD);
	buffer_done(&large);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    directory_test(config_takes_every_member),
	    directory_test(config_has_defaults_for_libxl_dir_and_users),
	    directory_test(config_takes_one_user_as_it_was_before),
	    directory_test(config_refuses_users_that_are_no_one_s_own),
	    directory_test(config_takes_what_says_how_to_measure),
	    directory_test(config_takes_a_chain_of_trust_updates),
	    directory_test(config_refuses_what_does_not_say_how_to_measure),
	    directory_test(config_refuses_a_missing_member),
	    directory_test(config_refuses_a_member_of_the_wrong_type),
	    directory_test(config_refuses_values_that_cannot_be_meant),
	    directory_test(config_bounds_the_number_of_callers),
	    directory_test(config_takes_a_path_of_exactly_the_most_bytes),
	    directory_test(config_allows_exactly_the_listed_users),
	    directory_test(config_reports_a_file_that_cannot_be_read),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
