#include "base_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "measure/verify/ek_list.h"

#define HEX(four) four four four four four four four four
#define FIRST     "sha256:" HEX("11111111")
#define SECOND    "sha256:" HEX("22222222")
#define THIRD     "sha256:" HEX("33333333")

static struct enrolment
host(uint8_t key, const char *label)
{
	struct enrolment enrolment = {.is_record = true};

	memset(enrolment.ek.bytes, key, sizeof(enrolment.ek.bytes));
	snprintf(enrolment.label, sizeof(enrolment.label), "%s", label);
	return enrolment;
}

/* The code of asking this list for this host. */
static int
check(const char *text, struct enrolment *enrolment)
{
	CLEANUP(ek_list_done) struct ek_list list = {.count = 0};
	struct err err = {0};
	int code = ek_list_read(bytes_of_str(text), &list, &err);

	if (code == 0)
		code = ek_list_check(&list, enrolment, &err);
	if (code != 0)
		print_message("%s: %s\n", err_name(err.code), err.text);
	return code;
}

static const char three[] =
    "# of rack 7\n" THIRD " web-3\n\n" FIRST "\tweb-1\n" SECOND;

static void
a_key_that_is_listed_is_taken(void **state)
{
	struct enrolment first = host(0x11, "web-1"), second = host(0x22, ""),
			 third = host(0x33, "");

	(void)state;
	assert_refused(check(three, &first), 0);
	assert_refused(check(three, &second), 0);
	assert_string_equal(second.label, "");
	/* It is called what the list calls it. */
	assert_refused(check(three, &third), 0);
	assert_string_equal(third.label, "web-3");
}

static void
a_key_that_is_not_listed_is_refused(void **state)
{
	struct enrolment other = host(0x44, "web-1");

	(void)state;
	assert_refused(check(three, &other), EK_UNLISTED);
	assert_refused(check("", &other), EK_UNLISTED);
	assert_refused(check("# nothing yet\n\n", &other), EK_UNLISTED);
	other = host(0x11, "web-1");
	other.ek.bytes[31] ^= 1;
	assert_refused(check(three, &other), EK_UNLISTED);
}

static void
a_key_of_another_host_is_refused(void **state)
{
	struct enrolment moved = host(0x11, "web-3"),
			 longer = host(0x11, "web-12"),
			 unlabelled = host(0x22, "web-9");

	(void)state;
	assert_refused(check(three, &moved), LABEL_MISMATCH);
	assert_refused(check(three, &longer), LABEL_MISMATCH);
	/* The list says nothing of this one. */
	assert_refused(check(three, &unlabelled), 0);
	assert_string_equal(unlabelled.label, "web-9");
}

static void
one_label_may_have_several_keys_and_one_key_one_label(void **state)
{
	struct enrolment first = host(0x11, "web-1");

	(void)state;
	assert_refused(check(FIRST " web-1\n" SECOND " web-1", &first), 0);
	assert_refused(
	    check(FIRST " web-1\n" SECOND "\n" FIRST " web-1", &first),
	    REFERENCE_MALFORMED);
	assert_refused(check(FIRST " web-1\n" FIRST " web-2\n", &first),
	    REFERENCE_MALFORMED);
}

static void
what_is_no_list_is_refused(void **state)
{
	static const char *const bad[] = {"x", "sha256:", HEX("11111111"),
	    " " FIRST, FIRST "1", FIRST " a b", FIRST " -a", FIRST " a\r\n",
	    FIRST " web-1 ", "sha256:" HEX("AAAAAAAA"), FIRST ":web"};
	char line[512] = FIRST " ";
	struct enrolment first = host(0x11, "");
	CLEANUP(ek_list_done) struct ek_list list = {.count = 0};
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		assert_refused(check(bad[i], &first), REFERENCE_MALFORMED);
	memset(line + strlen(line), 'a', ENROLMENT_LABEL_BYTES);
	assert_refused(check(line, &first), 0);
	line[strlen(line)] = 'a';
	assert_refused(check(line, &first), REFERENCE_MALFORMED);
	memset(line, 'a', sizeof(line) - 1);
	assert_refused(check(line, &first), REFERENCE_MALFORMED);
	assert_refused(ek_list_read(bytes_of(FIRST " a\0b", sizeof(FIRST) + 4),
			   &list, &err),
	    REFERENCE_MALFORMED);
	assert_null(list.rows);
}

static void
a_list_has_a_limit(void **state)
{
	CLEANUP(freep) char *text = malloc(LIMIT_EK_LIST_LINES + 1);
	struct enrolment first = host(0x11, "");

	(void)state;
	assert_non_null(text);
	memset(text, '\n', LIMIT_EK_LIST_LINES);
	text[LIMIT_EK_LIST_LINES - 1] = '\0';
	assert_refused(check(text, &first), EK_UNLISTED);
	text[LIMIT_EK_LIST_LINES - 1] = '\n';
	text[LIMIT_EK_LIST_LINES] = '\0';
	assert_refused(check(text, &first), REFERENCE_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_that_is_listed_is_taken),
	    cmocka_unit_test(a_key_that_is_not_listed_is_refused),
	    cmocka_unit_test(a_key_of_another_host_is_refused),
	    cmocka_unit_test(
		one_label_may_have_several_keys_and_one_key_one_label),
	    cmocka_unit_test(what_is_no_list_is_refused),
	    cmocka_unit_test(a_list_has_a_limit),
	};

	return cmocka_run_group_tests_name("ek_list", tests, NULL, NULL);
}
