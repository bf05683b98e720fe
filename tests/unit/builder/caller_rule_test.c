/* Who may call, and what: the member "callers" of the configuration. */
#include "builder_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "builder/setup/daemon_config_load.h"

static struct daemon_config rules;

static int
load(const char *callers, struct err *err)
{
	char text[4096];

	snprintf(text, sizeof(text),
	    "{\"schema\":\"assay.config/1\",\"store\":\"/s\",\"trust\":\"/t\","
	    "\"socket\":\"/b\",\"state\":\"/r\",\"allow_uids\":[0,7],"
	    "\"xenstored_domid\":0,\"xenconsoled_domid\":0,\"callers\":%s}",
	    callers);
	write_file("assayd.conf", bytes_of_str(text));
	return daemon_config_load("assayd.conf", &rules, err);
}

static void
load_good(const char *callers)
{
	struct err err = {0};

	if (load(callers, &err) != 0)
		fail_msg("%s", err.text);
}

static void
assert_bad(const char *callers, const char *why)
{
	struct err err = {0};

	if (load(callers, &err) == 0)
		fail_msg("taken: %s", callers);
	assert_code((int)err.code, CONFIG_BAD);
	assert_has(err.text, why);
}

static struct caller
client(const char *image, const char *role)
{
	struct caller caller = {
	    .kind = CALLER_DOMAIN,
	    .domain = {.domid = 5, .uuid = {1}},
	};

	strcpy(caller.domain.image, image);
	strcpy(caller.domain.role, role);
	return caller;
}

static const struct caller_rule *
rule_of(struct caller caller, uint32_t *ret_place)
{
	return caller_rule_find(&rules, &caller, ret_place);
}

/* They have what they always had. */
static void
users_of_the_list_may_have_everything(void **state)
{
	const struct caller_rule *rule;
	uint32_t place = 99;

	(void)state;
	load_good("[]");
	rule = rule_of(user_caller(7), &place);
	assert_non_null(rule);
	assert_int_equal(place, 1);
	assert_true(rule->sees_all && rule->destroys_all);
	assert_true(caller_rule_may_build(rule, "anything"));
	assert_int_equal(rule->max_domains + rule->max_memory_mib +
			     rule->max_builds + rule->builds_per_hour,
	    0);
	assert_null(rule_of(user_caller(8), &place));
	assert_int_equal(caller_rule_count(&rules), 2);
}

static void
rule_has_what_the_configuration_says(void **state)
{
	const struct caller_rule *rule;
	uint32_t place = 99;

	(void)state;
	load_good("[{\"uid\":8,\"builds\":[\"web-*\",\"db\"],\"max_domains\":3,"
		  "\"max_memory_mib\":4096,\"max_builds\":2,"
		  "\"builds_per_hour\":10,\"sees\":\"all\","
		  "\"destroys\":\"own\"},{\"gid\":50,\"builds\":[]}]");
	rule = rule_of(user_caller(8), &place);
	assert_non_null(rule);
	assert_int_equal(place, LIMIT_ALLOWED_UIDS);
	assert_int_equal(rule->max_domains, 3);
	assert_int_equal(rule->max_memory_mib, 4096);
	assert_int_equal(rule->max_builds, 2);
	assert_int_equal(rule->builds_per_hour, 10);
	assert_true(rule->sees_all);
	assert_false(rule->destroys_all);
	assert_true(caller_rule_may_build(rule, "web-front"));
	assert_true(caller_rule_may_build(rule, "web-"));
	assert_true(caller_rule_may_build(rule, "db"));
	assert_false(caller_rule_may_build(rule, "db2"));
	assert_false(caller_rule_may_build(rule, "web"));
	assert_int_equal(caller_rule_count(&rules), 4);
}

/* What is not said is the least. */
static void
rule_that_says_little_allows_little(void **state)
{
	struct caller member = user_caller(900);
	const struct caller_rule *rule;

	(void)state;
	load_good("[{\"gid\":50,\"builds\":[]}]");
	assert_null(rule_of(member, NULL));
	member.user.gid = 50;
	rule = rule_of(member, NULL);
	assert_non_null(rule);
	assert_false(rule->sees_all || rule->destroys_all);
	assert_false(caller_rule_may_build(rule, "web"));
	/* An id of a user is none of a group. */
	assert_null(rule_of(user_caller(50), NULL));
}

static void
user_is_known_by_his_id_before_his_group(void **state)
{
	struct caller member = user_caller(8);
	uint32_t place = 99;

	(void)state;
	member.user.gid = 50;
	load_good("[{\"gid\":50,\"builds\":[]},{\"uid\":8,\"builds\":[]}]");
	assert_non_null(rule_of(member, &place));
	assert_int_equal(place, LIMIT_ALLOWED_UIDS + 1);
	member.user.uid = 7; /* in allow_uids */
	assert_non_null(rule_of(member, &place));
	assert_int_equal(place, 1);
}

/* Not by a user's rule, nor the other way round: a domain has no user. */
static void
domain_is_known_by_its_image_and_who_signed_it(void **state)
{
	(void)state;
	load_good("[{\"image\":\"tool-*\",\"role\":\"infra\",\"builds\":"
		  "[\"web\"]},{\"uid\":8,\"builds\":[]},"
		  "{\"gid\":0,\"builds\":[]}]");
	assert_non_null(rule_of(client("tool-stack", "infra"), NULL));
	assert_null(rule_of(client("tool-stack", "prod"), NULL));
	assert_null(rule_of(client("toolstack", "infra"), NULL));
	assert_null(rule_of(client("web", "infra"), NULL));
	assert_non_null(rule_of(user_caller(8), NULL));
	assert_null(rule_of((struct caller){.kind = CALLER_UNKNOWN}, NULL));
}

static void
rules_that_say_too_much_or_too_little_are_refused(void **state)
{
	(void)state;
	assert_bad("[{\"builds\":[]}]", "there has to be one");
	assert_bad("[{\"uid\":8,\"gid\":8,\"builds\":[]}]",
	    "there has to be one");
	assert_bad("[{\"image\":\"tool\",\"builds\":[]}]", "come together");
	assert_bad("[{\"uid\":8,\"role\":\"infra\",\"builds\":[]}]",
	    "come together");
	assert_bad("[{\"uid\":8}]", "builds");
	assert_bad("[{\"uid\":8,\"builds\":[\"a*b\"]}]", "item 0");
	assert_bad("[{\"uid\":8,\"builds\":[\"\"]}]", "item 0");
	assert_bad("[{\"uid\":8,\"builds\":[7]}]", "item 0");
	assert_bad("[{\"image\":\"A\",\"role\":\"r\",\"builds\":[]}]", "image");
	assert_bad("[{\"uid\":8,\"builds\":[],\"sees\":\"some\"}]",
	    "callers[0].sees: none of \"own\", \"all\"");
	assert_bad("[{\"uid\":8,\"builds\":[],\"destroys\":\"none\"}]",
	    "callers[0].destroys: none of \"own\", \"all\"");
	assert_bad("[{\"uid\":8,\"builds\":[],\"max_domains\":0}]",
	    "max_domains");
	assert_bad("[{\"uid\":8,\"builds\":[],\"more\":1}]", "more");
	assert_bad("[{\"uid\":-1,\"builds\":[]}]", "uid");
}

static void
nobody_is_meant_twice(void **state)
{
	(void)state;
	assert_bad("[{\"uid\":7,\"builds\":[]}]", "in allow_uids too");
	assert_bad("[{\"uid\":8,\"builds\":[]},{\"uid\":8,\"builds\":[]}]",
	    "mean the same caller");
	assert_bad("[{\"gid\":8,\"builds\":[]},{\"gid\":8,\"builds\":[]}]",
	    "mean the same caller");
	assert_bad("[{\"image\":\"t\",\"role\":\"r\",\"builds\":[]},"
		   "{\"image\":\"t\",\"role\":\"r\",\"builds\":[]}]",
	    "mean the same caller");
	assert_bad("[{\"image\":\"t*\",\"role\":\"r\",\"builds\":[]},"
		   "{\"image\":\"tool\",\"role\":\"r\",\"builds\":[]}]",
	    "items 0 and 1 mean the same caller");
	assert_bad("[{\"image\":\"tool*\",\"role\":\"r\",\"builds\":[]},"
		   "{\"image\":\"t*\",\"role\":\"r\",\"builds\":[]}]",
	    "mean the same caller");
	load_good("[{\"image\":\"t*\",\"role\":\"r\",\"builds\":[]},"
		  "{\"image\":\"t*\",\"role\":\"s\",\"builds\":[]},"
		  "{\"image\":\"u*\",\"role\":\"r\",\"builds\":[]}]");
	load_good("[{\"uid\":8,\"builds\":[]},{\"gid\":8,\"builds\":[]},"
		  "{\"image\":\"t\",\"role\":\"r\",\"builds\":[]},"
		  "{\"image\":\"t\",\"role\":\"s\",\"builds\":[]}]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    directory_test(users_of_the_list_may_have_everything),
	    directory_test(rule_has_what_the_configuration_says),
	    directory_test(rule_that_says_little_allows_little),
	    directory_test(user_is_known_by_his_id_before_his_group),
	    directory_test(domain_is_known_by_its_image_and_who_signed_it),
	    directory_test(rules_that_say_too_much_or_too_little_are_refused),
	    directory_test(nobody_is_meant_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
