/*
 * The fake behaves as the TPM does, as far as other tests count on it.
 */
#include "base_fixture.h"
#include "tpm_port_fake.h"

#include <string.h>

static void
the_fake_extends_counts_and_keeps_a_journal(void **state)
{
	struct tpm_fake *fake = tpm_fake_new();
	struct tpm_port port = tpm_fake_port(fake);
	struct pcr_digests digests = {0};
	struct pcr_values values;
	struct pcr_digest wanted = {{0}};
	uint64_t count;
	struct err err = {0};

	(void)state;
	assert_refused(port.ops->pcr_extend(port.tpm, 13, &digests, &err), 0);
	assert_refused(port.ops->pcr_read(port.tpm, &values, &err), 0);
	assert_refused(
	    pcr_extend(PCR_SHA256, &digests.bank[PCR_SHA256], &wanted, &err),
	    0);
	assert_memory_equal(&values.value[PCR_SHA256][13], &wanted,
	    sizeof(wanted));
	assert_refused(port.ops->counter_increment(port.tpm, &err), 0);
	assert_refused(port.ops->counter_read(port.tpm, &count, &err), 0);
	assert_int_equal(count, 1);
	tpm_port_close(&port);
	assert_true(fake->is_closed);
	assert_int_equal(fake->call_count, 5);
	assert_has(fake->calls[0], "pcr_extend 13 0000");
	assert_has(fake->calls[4], "close");
	tpm_fake_free(fake);
}

static void
the_fake_fails_before_or_after_its_effect(void **state)
{
	struct tpm_fake *fake = tpm_fake_new();
	struct tpm_port port = tpm_fake_port(fake);
	struct digest data = {{1}};
	struct err err = {0};

	(void)state;
	fake->fail_at = 2;
	assert_refused(port.ops->counter_increment(port.tpm, &err), 0);
	assert_refused(port.ops->counter_increment(port.tpm, &err), TPM_FAILED);
	assert_refused(port.ops->counter_increment(port.tpm, &err), 0);
	assert_int_equal(fake->counter, 2);
	strcpy(fake->fail_operation, "counter_increment");
	fake->fails_after = true;
	fake->fail_code = TPM_UNREACHABLE;
	assert_refused(port.ops->counter_increment(port.tpm, &err),
	    TPM_UNREACHABLE);
	assert_int_equal(fake->counter, 3);
	assert_refused(port.ops->log_extend(port.tpm, &data, &err),
	    TPM_NOT_PROVISIONED);
	fake->has_log = true;
	assert_refused(port.ops->log_extend(port.tpm, &data, &err),
	    TPM_POLICY_UNMET);
	fake->is_launched = true;
	assert_refused(port.ops->log_extend(port.tpm, &data, &err), 0);
	tpm_fake_free(fake);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_fake_extends_counts_and_keeps_a_journal),
	    cmocka_unit_test(the_fake_fails_before_or_after_its_effect),
	};

	return cmocka_run_group_tests_name("tpm_port_fake", tests, NULL, NULL);
}
