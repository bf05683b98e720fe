#include "builder/tpm/platform_check.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "measure/boot_policy.h"
#include "measure/epoch.h"

static int read_registers(const struct platform_source *source,
    struct event_start *start, struct platform *platform,
    struct pcr_values *ret_values, struct err *err);
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
	TRY(epoch_floor(source->recorder->tpm, source->counter_base,
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
	struct recorder *recorder = source->recorder;
	const struct tpm_port *tpm = recorder->tpm;
	int code;

	TRY(tpm->ops->pcr_read(tpm->tpm, ret_values, err));
	platform->has_tpm = true;
	code = recorder_resume(recorder, ret_values, err);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		start->found[bank] = ret_values->value[bank][recorder->pcr];
	return code;
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
