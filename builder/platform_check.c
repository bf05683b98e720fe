#include "builder/platform_check.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "measure/boot_policy.h"
#include "measure/epoch.h"

static int read_registers(const struct platform_source *source,
    struct event_start *start, struct platform *platform,
    struct pcr_values *ret_values, struct err *err);
static int check_register(const struct platform_source *source,
    const struct pcr_values *values, struct event_start *start,
    struct err *err);
static int check_boot_policy(const struct platform_source *source,
    const struct pcr_values *values, struct event_start *start,
    struct platform *platform, struct err *err);

int
platform_check(const struct platform_source *source, struct event_start *start,
    struct platform *platform, struct err *err)
{
	struct pcr_values values;

	TRY(read_registers(source, start, platform, &values, err));
	TRY(check_boot_policy(source, &values, start, platform, err));
	TRY(epoch_floor(source->tpm, source->counter_base,
	    &platform->epoch_floor, err));
	platform->has_epoch_floor = true;
	return 0;
}

int
platform_check_register(const struct platform_source *source,
    struct event_start *start, struct platform *platform, struct err *err)
{
	struct pcr_values values;

	return read_registers(source, start, platform, &values, err);
}

static int
read_registers(const struct platform_source *source, struct event_start *start,
    struct platform *platform, struct pcr_values *ret_values, struct err *err)
{
	const struct tpm_port *tpm = source->tpm;

	TRY(tpm->ops->pcr_read(tpm->tpm, ret_values, err));
	platform->has_tpm = true;
	return check_register(source, ret_values, start, err);
}

/* What was extended by somebody else would be taken for ours. */
static int
check_register(const struct platform_source *source,
    const struct pcr_values *values, struct event_start *start, struct err *err)
{
	struct pcr_digests expected;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		start->found[bank] = values->value[bank][source->pcr];
	TRY(event_log_replay(source->log, source->pcr, &expected, err));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if ((values->known[bank] >> source->pcr & 1) == 0 ||
		    pcr_digest_equal(bank, &expected.bank[bank],
			&start->found[bank]))
			continue;
		return err_set(err, LOG_REGISTER_CHANGED,
		    "register %u, %s: it does not hold what the log says: "
		    "somebody else extended it, or the TPM failed in an event",
		    source->pcr, pcr_bank_name(bank));
	}
	return 0;
}

static int
check_boot_policy(const struct platform_source *source,
    const struct pcr_values *values, struct event_start *start,
    struct platform *platform, struct err *err)
{
	CLEANUP(freep) struct boot_policy *policy = NULL;
	struct boot_verdict verdict;

	if (source->raw_boot_policy.len == 0)
		return err_set(err, BOOT_POLICY_MISSING,
		    "no boot policy reached this host yet");
	TRY(boot_policy_verify(source->policy, source->raw_boot_policy, &policy,
	    err));
	start->rules.has_boot_policy = true;
	start->rules.boot_policy = policy->envelope;
	TRY(boot_policy_check(policy, values, &verdict, err));
	snprintf(platform->release, sizeof(platform->release), "%s",
	    verdict.release);
	return 0;
}
