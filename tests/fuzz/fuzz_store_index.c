/*
 * Signed store indexes, their payload: whatever decodes lists what it says.
 */
#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"
#include "image-store/store_index.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct err err;

	if (store_index_decode(bytes_of(data, len), &index, &err) != 0)
		return 0;
	bug_unless(index->epoch > 0 && index->count <= LIMIT_INDEX_IMAGES);
	bug_unless(store_index_check_epoch(index, index->epoch, &err) == 0);
	for (size_t i = 0; i < index->count; i++)
		bug_unless(
		    store_index_lists(index, &index->images[i].envelope));
	return 0;
}
