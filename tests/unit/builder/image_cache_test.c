#include "builder_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "builder/build/kept_blobs.h"
#include "builder/supervisor/image_cache.h"

/*
 * Sizes are lies here, or the limit of bytes would need a gigabyte: what is
 * in the memfd is how many MiB it claims to have.
 */
struct bytes __real_sealed_bytes(const struct sealed *sealed);
struct bytes __wrap_sealed_bytes(const struct sealed *sealed);

struct bytes
__wrap_sealed_bytes(const struct sealed *sealed)
{
	struct bytes bytes = __real_sealed_bytes(sealed);

	if (bytes.len == sizeof(uint32_t)) {
		uint32_t mib;

		memcpy(&mib, bytes.ptr, sizeof(mib));
		bytes.len = LIMIT_MIB(mib);
	}
	return bytes;
}

static struct image_cache cache;

static struct digest
digest_number(uint32_t number)
{
	struct digest digest = {{0}};

	memcpy(digest.bytes, &number, sizeof(number));
	return digest;
}

static void
forget(struct kept_blobs *blobs)
{
	for (size_t i = 0; i < blobs->count; i++)
		sealed_freep(&blobs->sealed[i]);
	blobs->count = 0;
}

static void
add(uint32_t number, uint32_t mib)
{
	struct digest digest = digest_number(number);

	image_cache_add(&cache, &digest,
	    sealed_of(bytes_of(&mib, sizeof(mib))));
}

static const struct sealed *
find(uint32_t number)
{
	struct digest digest = digest_number(number);

	return image_cache_find(&cache, &digest);
}

static int
empty_cache(void **state)
{
	(void)state;
	image_cache_done(&cache);
	memset(&cache, 0, sizeof(cache));
	return 0;
}

static void
cache_finds_what_was_added(void **state)
{
	(void)state;
	assert_null(find(1));
	add(1, 1);
	add(2, 1);
	assert_non_null(find(1));
	assert_non_null(find(2));
	assert_ptr_not_equal(find(1), find(2));
	assert_null(find(3));
	assert_int_equal(cache.bytes, LIMIT_MIB(2));
}

static void
cache_keeps_the_first_of_one_digest(void **state)
{
	const struct sealed *first;
	size_t descriptors;

	(void)state;
	add(1, 1);
	first = find(1);
	descriptors = count_descriptors();
	add(1, 1);
	assert_ptr_equal(find(1), first);
	assert_int_equal(cache.bytes, LIMIT_MIB(1));
	assert_int_equal(count_descriptors(), descriptors);
}

static void
cache_lets_the_least_recently_used_go_when_places_run_out(void **state)
{
	size_t descriptors;

	(void)state;
	for (uint32_t i = 0; i < IMAGE_CACHE_BLOBS; i++)
		add(i, 1);
	descriptors = count_descriptors();
	assert_non_null(find(0)); /* used just now: 1 is the oldest */
	add(100, 1);
	assert_null(find(1));
	assert_non_null(find(0));
	assert_non_null(find(2));
	assert_non_null(find(100));
	assert_int_equal(cache.bytes, LIMIT_MIB(IMAGE_CACHE_BLOBS));
	assert_int_equal(count_descriptors(), descriptors);
}

static void
cache_lets_as_many_go_as_a_large_one_needs(void **state)
{
	(void)state;
	add(1, 400);
	add(2, 300);
	add(3, 300);
	assert_non_null(find(1));
	add(4, 600); /* 2 and 3 are older than 1 */
	assert_null(find(2));
	assert_null(find(3));
	assert_non_null(find(1));
	assert_non_null(find(4));
	assert_int_equal(cache.bytes, LIMIT_MIB(1000));
}

static void
cache_takes_exactly_its_bytes_and_no_more(void **state)
{
	size_t descriptors = count_descriptors();

	(void)state;
	add(1, 1025);
	assert_null(find(1));
	assert_int_equal(cache.bytes, 0);
	assert_int_equal(count_descriptors(), descriptors);
	add(2, 1024);
	assert_non_null(find(2));
	add(3, 1025);
	assert_non_null(find(2));
	add(4, 1);
	assert_null(find(2));
	assert_non_null(find(4));
	assert_int_equal(cache.bytes, LIMIT_MIB(1));
}

static void
cache_done_lets_everything_go(void **state)
{
	size_t descriptors = count_descriptors();

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		add(i, 1);
	assert_int_equal(count_descriptors(), descriptors + 10);
	image_cache_done(&cache);
	assert_int_equal(count_descriptors(), descriptors);
	assert_null(find(1));
	assert_int_equal(cache.bytes, 0);
}

#define cache_test(test) cmocka_unit_test_teardown(test, empty_cache)

static void
cache_takes_a_quarter_of_a_small_host(void **state)
{
	(void)state;
	image_cache_limit(&cache, 16 * (uint64_t)IMAGE_CACHE_BYTES);
	add(1, 1024);
	assert_non_null(find(1));
	image_cache_done(&cache);
	image_cache_limit(&cache, LIMIT_MIB(400));
	add(2, 101);
	assert_null(find(2));
	add(3, 100);
	assert_non_null(find(3));
	add(4, 1);
	assert_null(find(3));
	assert_non_null(find(4));
}

/* --- what a build child is given of it -------------------------------- */

static struct kept_blobs kept;

static struct sealed *
take(uint32_t number)
{
	struct digest digest = digest_number(number);

	return kept_blobs_take(&kept, &digest);
}

static void
keep(uint32_t number)
{
	struct digest digest = digest_number(number);

	kept_blobs_add(&kept, &digest, sealed_of(bytes_of_str("blob")));
}

static void
kept_blob_is_taken_once(void **state)
{
	size_t descriptors = count_descriptors();

	(void)state;
	keep(1);
	keep(2);
	{
		CLEANUP(sealed_freep) struct sealed *taken = take(2);

		assert_non_null(taken);
	}
	assert_null(take(2));
	assert_null(take(3));
	assert_int_equal(count_descriptors(), descriptors + 1);
	forget(&kept);
	assert_int_equal(count_descriptors(), descriptors);
}

static void
kept_blobs_are_bounded(void **state)
{
	size_t descriptors = count_descriptors();

	(void)state;
	for (uint32_t i = 0; i <= IMAGE_CACHE_BLOBS; i++)
		keep(i);
	assert_int_equal(count_descriptors(), descriptors + IMAGE_CACHE_BLOBS);
	assert_null(take(IMAGE_CACHE_BLOBS));
	forget(&kept);
	assert_int_equal(count_descriptors(), descriptors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cache_test(cache_finds_what_was_added),
	    cache_test(cache_keeps_the_first_of_one_digest),
	    cache_test(
		cache_lets_the_least_recently_used_go_when_places_run_out),
	    cache_test(cache_lets_as_many_go_as_a_large_one_needs),
	    cache_test(cache_takes_exactly_its_bytes_and_no_more),
	    cache_test(cache_takes_a_quarter_of_a_small_host),
	    cache_test(cache_done_lets_everything_go),
	    cmocka_unit_test(kept_blob_is_taken_once),
	    cmocka_unit_test(kept_blobs_are_bounded),
	};

	return cmocka_run_group_tests_name("image_cache", tests, NULL, NULL);
}
