/*
 * Trust policies: whatever decodes has roles with names.
 */
#include "base/log.h"
#include "base/scope.h"
#include "keys/trust.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	struct err err;

	if (trust_decode(bytes_of(data, len), &policy, &err) != 0)
		return 0;
	bug_unless(trust_version(policy) > 0);
	bug_unless(trust_role_count(policy) > 0);
	for (size_t i = 0; i < trust_role_count(policy); i++)
		bug_unless(trust_role_name(policy, i)[0] != '\0');
	return 0;
}
