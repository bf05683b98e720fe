/*
 * Boot policies: whatever decodes is the same after encoding and decoding,
 * trusts a host that has its first values, and none that measured nothing.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "measure/tpm/setup/boot_policy_write.h"
#include "tests/fuzz/fuzz.h"

static void
check(const struct boot_policy *policy)
{
	struct pcr_values values = {.known = {0xffffff, 0xffffff}};
	struct boot_verdict verdict;
	struct err err;

	bug_unless(boot_policy_check(policy, &values, &verdict, &err) ==
		   PLATFORM_NOT_MEASURED);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		for (int pcr = 0; pcr < PCR_COUNT; pcr++)
			values.value[bank][pcr] =
			    policy->releases[0].registers[bank][pcr].values[0];
	bug_unless(boot_policy_check(policy, &values, &verdict, &err) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(freep) struct boot_policy *one = NULL;
	CLEANUP(freep) struct boot_policy *two = NULL;
	CLEANUP(freep) char *text = NULL;
	struct err err;

	if (boot_policy_decode(bytes_of(data, len), &one, &err) != 0)
		return 0;
	check(one);
	bug_unless(boot_policy_encode(one, &text, &err) == 0);
	if (strlen(text) > LIMIT_ENVELOPE_BYTES)
		return 0;
	bug_unless(boot_policy_decode(bytes_of_str(text), &two, &err) == 0);
	bug_unless(memcmp(one, two, sizeof(*one)) == 0);
	return 0;
}
