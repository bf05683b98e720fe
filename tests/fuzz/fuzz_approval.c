/*
 * Approvals: whatever decodes is written again and decodes.
 */
#include "base/log.h"
#include "base/scope.h"
#include "measure/tpm/setup/approval.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(approvals_freep) struct approvals *one = NULL;
	CLEANUP(approvals_freep) struct approvals *two = NULL;
	CLEANUP(freep) char *text = NULL;
	struct err err;

	if (approvals_decode(bytes_of(data, len), &one, &err) != 0)
		return 0;
	bug_unless(approvals_encode(one, &text, &err) == 0);
	bug_unless(approvals_decode(bytes_of_str(text), &two, &err) == 0);
	bug_unless(one->count == two->count);
	bug_unless(one->until_epoch == two->until_epoch);
	return 0;
}
