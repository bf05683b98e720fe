#include "cli/evidence/verdict_warnings.h"

#include "base/scope.h"
#include "measure/boot_policy.h"

static bool is_not_enrolled(const struct verdict_context *context);
static bool is_not_certified(const struct verdict_context *context);
static bool was_development(const struct verdict_context *context);
static bool has_debug_image(const struct verdict_context *context);
static bool has_crashed(const struct verdict_context *context);
static bool is_stopped(const struct verdict_context *context);
static bool has_unmeasured(const struct verdict_context *context);
static bool has_strays(const struct verdict_context *context);
static bool has_unknown_callers(const struct verdict_context *context);
static bool lacks_sha384(const struct verdict_context *context);
static bool leaves_options_open(const struct verdict_context *context);
static bool is_without_secure_boot(const struct verdict_context *context);
static bool is_half_a_launch(const struct verdict_context *context);
static bool has_others(const struct verdict_context *context);
static bool is_of_any_policy(const struct verdict_context *context);
static bool is_of_a_later_policy(const struct verdict_context *context);
static bool has_older_domains(const struct verdict_context *context);
static bool has_other_configurations(const struct verdict_context *context);
static bool has_clock_fallen(const struct verdict_context *context);
static uint32_t named_registers(const struct verdict_context *context);

static const struct {
	bool (*applies)(const struct verdict_context *context);
	const char *text;
} warnings[] = {
    {is_not_enrolled,
	"the key was not enrolled by a challenge: nothing shows that it is in "
	"a TPM"},
    {is_not_certified, "no authority vouches for the TPM: give --ek-ca"},
    {was_development, "assayd ran in its development mode"},
    {has_debug_image, "a debug image was started"},
    {has_crashed, "assayd ended without a stop event and was started again"},
    {is_stopped, "assayd was stopped: what was started since is not on record"},
    {has_unmeasured,
	"an event was logged just before a crash and not measured"},
    {has_strays,
	"the log has events about domains that do not fit: see strays"},
    {has_unknown_callers,
	"a domain was asked for by one that the log does not have"},
    {lacks_sha384, "the sha384 bank is not quoted: only sha256 was compared"},
    {leaves_options_open,
	"the reference names register 4 and neither 7 nor 1: options that a "
	"boot entry adds without Secure Boot are not covered"},
    {is_without_secure_boot,
	"the reference says that Secure Boot is off: options that a boot entry "
	"adds are not covered"},
    {is_half_a_launch,
	"the reference names register 17 and not 18: after a launch by TXT "
	"most of what was launched is in 18"},
    {has_others,
	"registers that the reference does not name were extended after "
	"firmware, by another program or another assayd: see others"},
    {is_of_any_policy,
	"nothing shows that the trust policy in force is yours: give --trust"},
    {is_of_a_later_policy,
	"the host has a later trust policy than the one given, which nobody "
	"compared: give its chain with --updates"},
    {has_older_domains,
	"an image was started under an earlier trust policy or store index "
	"than the demanded one, and no end of it is known"},
    {has_other_configurations,
	"a domain that ended had a configuration that is not listed"},
    {has_clock_fallen,
	"the TPM's clock went back, as it may after a loss of power"},
};

const char *
verdict_warning(const struct verdict_context *context, size_t *at)
{
	while (*at < countof(warnings)) {
		size_t i = (*at)++;

		if (warnings[i].applies(context))
			return warnings[i].text;
	}
	return NULL;
}

static bool
is_not_enrolled(const struct verdict_context *context)
{
	return !context->enrolment->is_record;
}

static bool
is_not_certified(const struct verdict_context *context)
{
	return !context->is_ek_certified;
}

static bool
was_development(const struct verdict_context *context)
{
	return context->verdict->history.was_development;
}

static bool
has_debug_image(const struct verdict_context *context)
{
	const struct boot_history *history = &context->verdict->history;

	for (size_t i = 0; i < history->domain_count; i++)
		if (history->domains[i].build.is_debug)
			return true;
	return false;
}

static bool
has_crashed(const struct verdict_context *context)
{
	return context->verdict->history.crash_count > 0;
}

static bool
is_stopped(const struct verdict_context *context)
{
	return context->verdict->history.is_stopped;
}

static bool
has_unmeasured(const struct verdict_context *context)
{
	return context->verdict->history.unmeasured_count > 0;
}

static bool
has_strays(const struct verdict_context *context)
{
	return context->verdict->history.stray_count > 0;
}

static bool
has_unknown_callers(const struct verdict_context *context)
{
	const struct boot_history *history = &context->verdict->history;

	for (size_t i = 0; i < history->domain_count; i++)
		if (history->domains[i].is_caller_unknown)
			return true;
	return false;
}

static bool
lacks_sha384(const struct verdict_context *context)
{
	return context->verdict->quoted[PCR_SHA384] == 0;
}

static bool
leaves_options_open(const struct verdict_context *context)
{
	return boot_registers_leave_options_open(named_registers(context));
}

static bool
is_without_secure_boot(const struct verdict_context *context)
{
	return prediction_says_secure_boot_is_off(context->release);
}

static bool
is_half_a_launch(const struct verdict_context *context)
{
	const uint32_t launch = 1u << 17 | 1u << 18;

	return (named_registers(context) & (1u << 4 | launch)) == 1u << 17;
}

static bool
has_others(const struct verdict_context *context)
{
	return verdict_others(context) != 0;
}

static bool
is_of_any_policy(const struct verdict_context *context)
{
	return context->demand->trust == NULL;
}

static bool
is_of_a_later_policy(const struct verdict_context *context)
{
	const struct trust_policy *trust = context->demand->trust;

	return trust != NULL &&
	       boot_history_rules(&context->verdict->history)->trust_version >
	           trust_version(trust);
}

static bool
has_older_domains(const struct verdict_context *context)
{
	return evidence_rules_has_older(&context->verdict->history,
	    context->demand);
}

/* One that did not end would have been refused. */
static bool
has_other_configurations(const struct verdict_context *context)
{
	const struct boot_history *history = &context->verdict->history;

	for (size_t i = 0; i < history->domain_count; i++) {
		const struct evidence_domain *domain = &history->domains[i];

		if (context->has_configurations &&
		    domain->configuration == NULL &&
		    domain->fate != EVIDENCE_UNMEASURED)
			return true;
	}
	return false;
}

static bool
has_clock_fallen(const struct verdict_context *context)
{
	return context->verdict->since.has_clock_fallen;
}

/* In any bank. */
static uint32_t
named_registers(const struct verdict_context *context)
{
	const uint32_t *known = context->release->values.known;

	return known[PCR_SHA256] | known[PCR_SHA384];
}
