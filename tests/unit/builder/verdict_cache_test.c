#include "base_fixture.h"

#include <string.h>

#include "builder/supervisor/verdict_keep.h"
#include "builder/verdict_cache.h"

static struct verdict_cache cache;
static const struct digest policy = {{0x77}};

static int
empty_cache(void **state)
{
	(void)state;
	cache = (struct verdict_cache){.added = 0};
	return 0;
}

static struct digest
digest_number(uint32_t number)
{
	struct digest digest = {{0}};

	memcpy(digest.bytes, &number, sizeof(number));
	return digest;
}

static struct trust_verdict
verdict_number(uint32_t number)
{
	return (struct trust_verdict){.roles = number,
	    .envelope = digest_number(number)};
}

static const struct trust_verdict *
find_verdict(uint32_t number)
{
	struct digest digest = digest_number(number);

	return verdict_cache_find(&cache, &policy, &digest);
}

static void
cache_finds_a_verdict_by_its_envelope(void **state)
{
	struct trust_verdict first = verdict_number(1);
	struct trust_verdict second = verdict_number(2);
	struct digest none = {{0}};

	(void)state;
	assert_null(verdict_cache_find(&cache, &policy, &none));
	verdict_keep(&cache, &policy, &first);
	verdict_keep(&cache, &policy, &second);
	assert_int_equal(find_verdict(1)->roles, 1);
	assert_int_equal(find_verdict(2)->roles, 2);
	assert_null(find_verdict(3));
	assert_null(verdict_cache_find(&cache, &policy, &none));
}

static void
cache_finds_no_verdict_of_another_policy(void **state)
{
	const struct digest other = {{0x78}};
	struct trust_verdict verdict = verdict_number(1);

	(void)state;
	verdict_keep(&cache, &policy, &verdict);
	assert_null(verdict_cache_find(&cache, &other, &verdict.envelope));
	verdict.roles = 2;
	verdict_keep(&cache, &other, &verdict);
	assert_int_equal(
	    verdict_cache_find(&cache, &other, &verdict.envelope)->roles, 2);
	assert_int_equal(find_verdict(1)->roles, 1);
}

static void
cache_lets_the_oldest_verdict_go(void **state)
{
	struct trust_verdict verdict;

	(void)state;
	for (uint32_t i = 1; i <= VERDICT_CACHE_SIZE; i++) {
		verdict = verdict_number(i);
		verdict_keep(&cache, &policy, &verdict);
		/* The one that is there takes no second place. */
		verdict_keep(&cache, &policy, &verdict);
	}
	assert_int_equal(find_verdict(1)->roles, 1);
	verdict = verdict_number(1000);
	verdict_keep(&cache, &policy, &verdict);
	assert_null(find_verdict(1));
	assert_int_equal(find_verdict(2)->roles, 2);
	assert_int_equal(find_verdict(1000)->roles, 1000);
	/* However long it goes on. */
	for (uint32_t i = 2000; i < 2000 + 5 * VERDICT_CACHE_SIZE; i++) {
		verdict = verdict_number(i);
		verdict_keep(&cache, &policy, &verdict);
		assert_int_equal(find_verdict(i)->roles, i);
		assert_int_equal(find_verdict(i - 1) != NULL, i > 2000);
	}
}

#define cache_test(test) cmocka_unit_test_setup(test, empty_cache)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cache_test(cache_finds_a_verdict_by_its_envelope),
	    cache_test(cache_finds_no_verdict_of_another_policy),
	    cache_test(cache_lets_the_oldest_verdict_go),
	};

	return cmocka_run_group_tests_name("verdict_cache", tests, NULL, NULL);
}
