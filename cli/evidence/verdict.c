#include "cli/evidence/verdict.h"

#include <stdio.h>

#include "base/err.h"
#include "base/utc.h"
#include "cli/evidence/verdict_caller.h"
#include "cli/evidence/verdict_warnings.h"

static void print_host(const struct enrolment *enrolment);
static json_t *encode_enrolled(const struct enrolment *enrolment);
static bool is_bound(const struct verdict_context *context);
static void print_platform(const struct verdict_context *context);
static void print_since(const struct evidence_verdict *verdict);
static json_t *encode_since(const struct evidence_verdict *verdict);
static void print_assayd(const struct evidence_verdict *verdict);
static void print_others(uint32_t others);
static json_t *encode_others(uint32_t others);
static void print_rules(const struct boot_history *history);
static void print_these(const struct event_rules *rules, const char *from);
static void print_domains(const struct boot_history *history);
static void print_strays(const struct boot_history *history);
static size_t strays_told(const struct boot_history *history);
static void print_warnings(const struct verdict_context *context);
static json_t *encode_registers(const struct prediction *release);
static json_t *encode_all_rules(const struct boot_history *history);
static json_t *encode_rules(const struct event_rules *rules);
static json_t *encode_domains(const struct boot_history *history);
static json_t *encode_strays(const struct boot_history *history);
static json_t *encode_warnings(const struct verdict_context *context);

static const char *const fates[] = {
    [EVIDENCE_STARTED] = "started",
    [EVIDENCE_ABANDONED] = "abandoned",
    [EVIDENCE_DESTROYED] = "destroyed",
    [EVIDENCE_UNMEASURED] = "never ran",
};

void
verdict_print(const struct verdict_context *context)
{
	char ak[TPM_NAME_HEX_SIZE], bound_to[DIGEST_TEXT_SIZE];

	tpm_name_hex(&context->enrolment->ak_name, ak);
	digest_text(context->bound_to, bound_to);
	puts("VERIFIED\n");
	printf("key        %s\n", ak);
	print_host(context->enrolment);
	if (is_bound(context))
		printf("bound to   %s\n", bound_to);
	print_platform(context);
	print_since(context->verdict);
	print_assayd(context->verdict);
	print_others(verdict_others(context));
	print_rules(&context->verdict->history);
	print_domains(&context->verdict->history);
	print_strays(&context->verdict->history);
	print_warnings(context);
	printf("\nThis proves%s: the TPM with this key made the quote for "
	       "this nonce; the host booted\nwhat the reference describes; "
	       "and the events above are all that its register\nreceived "
	       "since then.\n",
	    context->enrolment->is_record ? "" : ", if the key is in a TPM");
	puts(
	    "It does not prove: that no domain was started past assayd, that "
	    "nothing else ran in\nthe initial domain after boot, that a domain "
	    "still runs, or what a guest does.\nassay-evidence(5) has all of "
	    "it.");
}

json_t *
verdict_encode(const struct verdict_context *context)
{
	const struct evidence_verdict *verdict = context->verdict;
	char ak[TPM_NAME_HEX_SIZE], bound_to[DIGEST_TEXT_SIZE];

	tpm_name_hex(&context->enrolment->ak_name, ak);
	digest_text(context->bound_to, bound_to);
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:o, s:b, s:b, s:s, s:o, "
			 "s:{s:I, s:I, s:I, s:b}, "
			 "s:{s:s, s:I, s:I, s:I, s:b, s:b, s:b}, s:b, "
			 "s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}",
	    "schema", VERDICT_SCHEMA, "verdict", "verified", "ak_name", ak,
	    "context", is_bound(context) ? bound_to : NULL, "label",
	    context->enrolment->label[0] != '\0' ? context->enrolment->label
						 : NULL,
	    "enrolled_at", encode_enrolled(context->enrolment), "enrolled",
	    context->enrolment->is_record, "ek_certified",
	    context->is_ek_certified, "reference", context->release_path,
	    "registers", encode_registers(context->release), "tpm",
	    "clock_msec", (json_int_t)verdict->clock_msec, "reset_count",
	    (json_int_t)verdict->reset_count, "restart_count",
	    (json_int_t)verdict->restart_count, "clock_safe",
	    verdict->is_clock_safe, "assayd", "version",
	    verdict->history.start.version, "events",
	    (json_int_t)verdict->history.event_count, "starts",
	    (json_int_t)verdict->history.start_count, "crashes",
	    (json_int_t)verdict->history.crash_count, "stopped",
	    verdict->history.is_stopped, "development",
	    verdict->history.was_development, "nv_index", verdict->has_nv,
	    "firmware_log", verdict->has_firmware_log, "mark",
	    evidence_mark_encode(&verdict->mark), "since",
	    encode_since(verdict), "others",
	    encode_others(verdict_others(context)), "rules",
	    encode_all_rules(&verdict->history), "domains",
	    encode_domains(&verdict->history), "strays",
	    encode_strays(&verdict->history), "strays_left_out",
	    (json_int_t)(verdict->history.stray_count -
			 strays_told(&verdict->history)),
	    "warnings", encode_warnings(context));
}

uint32_t
verdict_others(const struct verdict_context *context)
{
	const uint32_t after_firmware = 0x80ff00 | 1u << 16;
	const struct pcr_values *values = context->values;
	uint32_t explained = 1u << context->verdict->history.start.pcr;
	uint32_t others = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			if ((context->verdict->quoted[bank] & 1u << pcr) != 0 &&
			    !pcr_digest_is_blank(bank,
				&values->value[bank][pcr]))
				others |= 1u << pcr;
		}
		explained |= context->release->values.known[bank];
	}
	return others & ~explained & after_firmware;
}

static void
print_host(const struct enrolment *enrolment)
{
	char enrolled[UTC_TEXT_SIZE];

	if (enrolment->label[0] != '\0')
		printf("host       %s\n", enrolment->label);
	if (enrolment->enrolled != UTC_NONE) {
		utc_text(enrolment->enrolled, enrolled);
		printf("enrolled   %s\n", enrolled);
	}
}

static json_t *
encode_enrolled(const struct enrolment *enrolment)
{
	char enrolled[UTC_TEXT_SIZE];

	if (enrolment->enrolled == UTC_NONE)
		return json_null();
	utc_text(enrolment->enrolled, enrolled);
	return json_string(enrolled);
}

static bool
is_bound(const struct verdict_context *context)
{
	return !digest_equal(context->bound_to, &evidence_no_context);
}

static void
print_platform(const struct verdict_context *context)
{
	const struct prediction *release = context->release;

	printf("boot       as in %s:\n",
	    err_quote_str(context->release_path).text);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			if ((release->values.known[bank] & 1u << pcr) != 0)
				printf("           register %u of %s: %s\n",
				    pcr, pcr_bank_name(bank),
				    release->covers[bank][pcr]);
		}
	}
	/* Disguised by a number of the TPM's own for keys that are not of its
	 * endorsement or platform hierarchy: measure/verify/evidence_earlier.h.
	 */
	printf("tpm        clock %llu ms, reset count %u, restart count %u\n",
	    (unsigned long long)context->verdict->clock_msec,
	    context->verdict->reset_count, context->verdict->restart_count);
}

static void
print_since(const struct evidence_verdict *verdict)
{
	const struct evidence_since *since = &verdict->since;

	if (!verdict->has_earlier)
		return;
	if (since->resets > 0)
		printf("since      another boot than at the earlier verdict: "
		       "%u reset%s of the TPM in between\n",
		    since->resets, since->resets == 1 ? "" : "s");
	else if (since->restarts > 0)
		printf("since      %u restart%s of the TPM after the earlier "
		       "verdict: the host slept, or booted\n",
		    since->restarts, since->restarts == 1 ? "" : "s");
	else
		printf("since      the same boot as at the earlier verdict, "
		       "with %zu new events\n",
		    since->event_count);
}

/* Which events are new is known only within one boot. */
static json_t *
encode_since(const struct evidence_verdict *verdict)
{
	const struct evidence_since *since = &verdict->since;
	bool is_same_boot = since->resets == 0 && since->restarts == 0;

	if (!verdict->has_earlier)
		return json_null();
	return json_pack("{s:I, s:I, s:o}", "resets", (json_int_t)since->resets,
	    "restarts", (json_int_t)since->restarts, "events",
	    is_same_boot ? json_integer((json_int_t)since->event_count)
			 : json_null());
}

static void
print_assayd(const struct evidence_verdict *verdict)
{
	const struct boot_history *history = &verdict->history;
	printf("assayd     %s, %zu events, all in register %u%s\n",
	    history->start.version, history->event_count, history->start.pcr,
	    verdict->has_nv ? " and in the launch's NV index" : "");
}

static void
print_others(uint32_t others)
{
	if (others == 0)
		return;
	printf("others     extended too:");
	for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
		if ((others & 1u << pcr) != 0)
			printf(" %u", pcr);
	}
	putchar('\n');
}

static json_t *
encode_others(uint32_t others)
{
	json_t *array = json_array();

	for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
		if ((others & 1u << pcr) != 0)
			json_array_append_new(array, json_integer(pcr));
	}
	return array;
}

/* Those that hold now, and the earlier ones by which something was built. */
static void
print_rules(const struct boot_history *history)
{
	for (size_t i = history->rules_count; i > 0; i--) {
		const struct evidence_rules *rules = &history->rules[i - 1];
		char from[64];

		if (i < history->rules_count && rules->domain_count == 0)
			continue;
		snprintf(from, sizeof(from), " (from event %zu on, %zu built)",
		    rules->event, rules->domain_count);
		print_these(&rules->as, i < history->rules_count ? from : "");
	}
}

static void
print_these(const struct event_rules *rules, const char *from)
{
	char trust[DIGEST_TEXT_SIZE], store[DIGEST_TEXT_SIZE],
	    boot_policy[DIGEST_TEXT_SIZE];

	digest_text(&rules->trust, trust);
	printf("trust      version %lld, %s%s\n",
	    (long long)rules->trust_version, trust, from);
	digest_text(&rules->store, store);
	if (rules->has_store)
		printf("store      epoch %llu, %s%s\n",
		    (unsigned long long)rules->epoch, store, from);
	digest_text(&rules->boot_policy, boot_policy);
	if (rules->has_boot_policy)
		printf("platform   boot policy %s%s\n", boot_policy, from);
}

static void
print_domains(const struct boot_history *history)
{
	if (history->domain_count == 0)
		puts("images     none was started");
	for (size_t i = 0; i < history->domain_count; i++) {
		const struct evidence_domain *domain = &history->domains[i];
		char uuid[UUID_TEXT_SIZE], by[VERDICT_CALLER_SIZE],
		    after[VERDICT_AFTER_SIZE];

		uuid_text(domain->build.uuid, uuid);
		printf("%-10s %-9s %s%s, domain %u, %s, role %s, %u MiB"
		       "%s%s%s%s\n",
		    i == 0 ? "images" : "", fates[domain->fate],
		    domain->image->name,
		    domain->build.is_debug ? " (debug image)" : "",
		    domain->build.domid, uuid, domain->build.role,
		    domain->build.memory_mib,
		    domain->configuration != NULL ? ", configuration " : "",
		    domain->configuration != NULL ? domain->configuration->name
						  : "",
		    verdict_caller_text(domain, by),
		    verdict_after_text(&domain->build.after, after));
	}
}

static void
print_strays(const struct boot_history *history)
{
	const size_t told = strays_told(history);

	for (size_t i = 0; i < told; i++) {
		const struct evidence_stray *stray = &history->strays[i];
		char uuid[UUID_TEXT_SIZE];

		uuid_text(stray->uuid, uuid);
		printf("%-10s event %zu: %s, of domain %u, %s\n",
		    i == 0 ? "strays" : "", stray->event,
		    event_kind_name(stray->kind), stray->domid, uuid);
	}
	if (told < history->stray_count)
		printf("%-10s and %zu more\n", "", history->stray_count - told);
}

static size_t
strays_told(const struct boot_history *history)
{
	return history->stray_count < EVIDENCE_STRAYS ? history->stray_count
	                                              : EVIDENCE_STRAYS;
}

static void
print_warnings(const struct verdict_context *context)
{
	const char *text;
	size_t at = 0;

	while ((text = verdict_warning(context, &at)) != NULL)
		printf("warning    %s\n", text);
}

static json_t *
encode_registers(const struct prediction *release)
{
	json_t *document = prediction_encode(release);
	json_t *registers = json_incref(json_object_get(document, "registers"));

	json_decref(document);
	return registers;
}

/* Of each start, and of each change. */
static json_t *
encode_all_rules(const struct boot_history *history)
{
	json_t *array = json_array();

	for (size_t i = 0; i < history->rules_count; i++) {
		const struct evidence_rules *rules = &history->rules[i];
		json_t *object = json_pack("{s:I, s:b, s:I}", "event",
		    (json_int_t)rules->event, "start", rules->is_start,
		    "domains", (json_int_t)rules->domain_count);

		json_object_update_new(object, encode_rules(&rules->as));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *
encode_rules(const struct event_rules *rules)
{
	char trust[DIGEST_TEXT_SIZE], store[DIGEST_TEXT_SIZE],
	    boot_policy[DIGEST_TEXT_SIZE];

	digest_text(&rules->trust, trust);
	digest_text(&rules->store, store);
	digest_text(&rules->boot_policy, boot_policy);
	return json_pack("{s:s, s:I, s:s?, s:o, s:s?}", "trust", trust,
	    "trust_version", (json_int_t)rules->trust_version, "store",
	    rules->has_store ? store : NULL, "epoch",
	    rules->has_store ? json_integer((json_int_t)rules->epoch)
			     : json_null(),
	    "boot_policy", rules->has_boot_policy ? boot_policy : NULL);
}

static json_t *
encode_domains(const struct boot_history *history)
{
	json_t *array = json_array();

	for (size_t i = 0; i < history->domain_count; i++) {
		const struct evidence_domain *domain = &history->domains[i];
		char uuid[UUID_TEXT_SIZE], envelope[DIGEST_TEXT_SIZE],
		    payload[DIGEST_TEXT_SIZE], config[DIGEST_TEXT_SIZE];
		json_t *object;

		uuid_text(domain->build.uuid, uuid);
		digest_text(&domain->build.envelope, envelope);
		digest_text(&domain->build.payload, payload);
		digest_text(&domain->build.config, config);
		object = json_pack(
		    "{s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:b, s:I, "
		    "s:o, s:o}",
		    "image", domain->image->name, "fate", fates[domain->fate],
		    "envelope_digest", envelope, "payload_digest", payload,
		    "config_digest", config, "configuration",
		    domain->configuration != NULL ? domain->configuration->name
						  : NULL,
		    "uuid", uuid, "role", domain->build.role, "debug",
		    domain->build.is_debug, "domid",
		    (json_int_t)domain->build.domid, "caller",
		    verdict_caller_encode(domain), "after",
		    verdict_after_encode(&domain->build.after));
		json_object_update_new(object,
		    encode_rules(&history->rules[domain->rules].as));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *
encode_strays(const struct boot_history *history)
{
	json_t *array = json_array();

	for (size_t i = 0; i < strays_told(history); i++) {
		const struct evidence_stray *stray = &history->strays[i];
		char uuid[UUID_TEXT_SIZE];

		uuid_text(stray->uuid, uuid);
		json_array_append_new(array,
		    json_pack("{s:I, s:s, s:s, s:I}", "event",
			(json_int_t)stray->event, "ev",
			event_kind_name(stray->kind), "uuid", uuid, "domid",
			(json_int_t)stray->domid));
	}
	return array;
}

static json_t *
encode_warnings(const struct verdict_context *context)
{
	json_t *array = json_array();
	const char *text;
	size_t at = 0;

	while ((text = verdict_warning(context, &at)) != NULL)
		json_array_append_new(array, json_string(text));
	return array;
}
