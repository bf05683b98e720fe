#include "builder_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "builder/build/domain_spec.h"

static const struct grant_daemons daemons = {XENSTORED, XENCONSOLED};

struct written {
	char text[DOMAIN_SPEC_BYTES + 1];
	struct digest digest;
};

static struct written
written(const struct build_request *request, const struct grant_daemons *where)
{
	struct written written;
	struct err err;

	assert_code(domain_spec_encode(request, where, written.text,
			&written.digest, &err),
	    0);
	return written;
}

/* The page shows this form: a verifier writes it down too. */
static void
configuration_has_exactly_this_text(void **state)
{
	struct build_request request = good_build_request();
	struct written good = written(&request, &daemons);
	struct digest digest;
	struct err err;

	(void)state;
	assert_string_equal(good.text,
	    "{\"schema\":\"assay.configuration/1\",\"name\":\"guest\","
	    "\"type\":\"pv\",\"memory_mib\":256,\"memory_slack_kib\":1024,"
	    "\"vcpus\":2,\"paused\":false,\"xenstored_domid\":1,"
	    "\"xenconsoled_domid\":2,\"flags\":0,\"max_event_port\":1023,"
	    "\"grant_version\":1,\"max_grant_frames\":-1,"
	    "\"max_maptrack_frames\":-1,\"tsc_mode\":0}");
	assert_code(digest_of(bytes_of_str(good.text), &digest, &err), 0);
	assert_true(digest_equal(&good.digest, &digest));
}

/* What is not in the text could be decided otherwise and nobody would know. */
static void
configuration_of_another_decision_has_another_digest(void **state)
{
	struct build_request requests[7]; /* the last as it was */
	struct grant_daemons places[countof(requests)];
	struct written texts[countof(requests)];

	(void)state;
	for (size_t i = 0; i < countof(requests); i++) {
		requests[i] = good_build_request();
		places[i] = daemons;
	}
	requests[0].guest.name[0] = 'G';
	requests[1].guest.memory_mib++;
	requests[2].guest.vcpus++;
	requests[3].is_paused = true;
	places[4].xenstored_domid++;
	places[5].xenconsoled_domid++;
	for (size_t i = 0; i < countof(requests); i++) {
		texts[i] = written(&requests[i], &places[i]);
		for (size_t j = 0; j < i; j++)
			assert_false(
			    digest_equal(&texts[i].digest, &texts[j].digest));
	}
}

/* The image, who asks, and what is in the event besides are not in it. */
static void
configuration_is_not_of_the_image_or_the_caller(void **state)
{
	struct build_request request = good_build_request();
	struct written before = written(&request, &daemons);
	struct written after;

	(void)state;
	request.image[0] = 'W';
	request.has_manifest = true;
	request.guest.uuid[0] ^= 1;
	after = written(&request, &daemons);
	assert_string_equal(after.text, before.text);
}

static void
configuration_of_the_largest_values_fits(void **state)
{
	struct build_request request = {.is_paused = false};
	struct grant_daemons places = {UINT16_MAX, UINT16_MAX};

	(void)state;
	memset(request.guest.name, 'n', LIMIT_NAME_BYTES);
	request.guest.memory_mib = UINT32_MAX;
	request.guest.vcpus = UINT32_MAX;
	assert_true(
	    strlen(written(&request, &places).text) < DOMAIN_SPEC_BYTES - 64);
}

/* One source for both: the text says what Xen is given. */
static void
configuration_says_what_xen_creates(void **state)
{
	struct build_request request = good_build_request();
	struct xen_domain_spec spec = domain_spec_of(&request.guest);
	struct written good = written(&request, &daemons);
	CLEANUP(json_freep) json_t *document = json_loads(good.text, 0, NULL);
	const struct {
		const char *member;
		int64_t value;
	} expected[] = {
	    {"memory_mib", spec.memory_mib},
	    {"memory_slack_kib", spec.memory_slack_kib},
	    {"vcpus", spec.vcpus},
	    {"flags", spec.flags},
	    {"max_event_port", spec.max_event_port},
	    {"grant_version", spec.grant_version},
	    {"max_grant_frames", spec.max_grant_frames},
	    {"max_maptrack_frames", spec.max_maptrack_frames},
	    {"tsc_mode", spec.tsc_mode},
	};

	(void)state;
	/* Whoever creates it draws the handle: no caller chooses that. */
	assert_memory_not_equal(spec.handle, request.guest.uuid, UUID_BYTES);
	for (size_t i = 0; i < countof(expected); i++) {
		json_t *value = json_object_get(document, expected[i].member);

		assert_true(json_is_integer(value));
		assert_int_equal(json_integer_value(value), expected[i].value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(configuration_has_exactly_this_text),
	    cmocka_unit_test(
		configuration_of_another_decision_has_another_digest),
	    cmocka_unit_test(configuration_is_not_of_the_image_or_the_caller),
	    cmocka_unit_test(configuration_of_the_largest_values_fits),
	    cmocka_unit_test(configuration_says_what_xen_creates),
	};

	return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
