#include "builder/verify/decide_build.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "builder/verify/index_fetch.h"
#include "builder/verify/policy_fetch.h"
#include "image-store/image_shape.h"

/* By which rules is decided. */
struct rules {
	struct trust_in_force newest; /* zeros: what was held still holds */
	const struct trust_policy *policy;
	struct store_index *index; /* NULL: the policy asks for none */
};

static void rules_done(struct rules *rules);
static int find_rules(const struct decision_env *env, struct rules *rules,
    struct err *err);
static struct image_source source_of(const struct decision_env *env,
    const struct rules *rules);
static int allow_caller(const struct daemon_config *config,
    const struct caller *caller, const char *image, struct err *err);
static int fit_limits(const struct manifest *manifest,
    const struct build_request *request, struct err *err);
static int fit_range(const char *field, uint32_t value,
    const struct range *range, struct err *err);
static void write_order(const struct rules *rules,
    const struct verified_manifest *chosen, const struct passed_over *passed,
    const struct timing *timing, struct order *ret_order);
static void write_identity(const struct verified_manifest *chosen,
    struct image_identity *ret_image);

/* Order is the argument: allow, find the rules, choose, prove, fit, order. */
int
decide_build(const struct decision_env *env,
    const struct build_request *request, struct order *ret_order,
    struct err *err)
{
	CLEANUP(rules_done) struct rules rules = {.policy = NULL};
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *chosen = NULL;
	struct image_source source;
	struct passed_over passed;
	struct order order;

	/* May this caller ask, and for these values? */
	TRY(request_check(request, err));
	TRY(allow_caller(env->config, env->caller, request->image, err));

	/* By which rules? The newest policy, and the index that it demands. */
	TRY(find_rules(env, &rules, err));

	/* Which image is meant, and do these rules let it run? */
	source = source_of(env, &rules);
	TRY(image_choose(&source, request, &chosen, &passed, err));

	/* Refuse whatever can be refused before anything exists. */
	TRY(fit_limits(verified_manifest_get(chosen), request, err));

	/* Say which bytes are to run. */
	write_order(&rules, chosen, &passed, env->timing, &order);
	TRY(order_check(&order, request, err));
	*ret_order = order;
	return 0;
}

int
decide_listing(const struct decision_env *env, struct sealed **ret_rows,
    struct err *err)
{
	CLEANUP(rules_done) struct rules rules = {.policy = NULL};
	struct image_source source;

	TRY(find_rules(env, &rules, err));
	source = source_of(env, &rules);
	return image_choose_rows(&source, ret_rows, err);
}

static void
rules_done(struct rules *rules)
{
	trust_in_force_done(&rules->newest);
	store_index_freep(&rules->index);
}

static int
find_rules(const struct decision_env *env, struct rules *rules, struct err *err)
{
	struct image_source source;

	TRY(policy_fetch(env->config->trust_updates, env->chain_fd, env->held,
	    &env->trust, env->link, &rules->newest, err));
	rules->policy = trust_in_force_policy(
	    rules->newest.root != NULL ? &rules->newest : env->held);
	source = source_of(env, rules);
	return index_fetch(&source, &env->store, &rules->index, err);
}

static struct image_source
source_of(const struct decision_env *env, const struct rules *rules)
{
	return (struct image_source){
	    .policy = rules->policy,
	    .known = env->known,
	    .stage = env->stage,
	    .link = env->link,
	    .index = rules->index,
	    .budget = env->budget,
	    .timing = env->timing,
	};
}

/* Who calls the kernel said, or our own table; what it may ask is checked here,
 * where all is decided. */
static int
allow_caller(const struct daemon_config *config, const struct caller *caller,
    const char *image, struct err *err)
{
	const struct caller_rule *rule = caller_rule_find(config, caller, NULL);
	char text[CALLER_TEXT_SIZE];

	if (rule == NULL)
		return err_set(err, RPC_NOT_PERMITTED, "%s may not call",
		    caller_text(caller, text));
	if (!caller_rule_may_build(rule, image))
		return err_set_field(err, RPC_NOT_PERMITTED, "image",
		    "image %s: %s may not have it built",
		    err_quote_str(image).text, caller_text(caller, text));
	return 0;
}

static int
fit_limits(const struct manifest *manifest, const struct build_request *request,
    struct err *err)
{
	TRY(fit_range("memory_mib", request->guest.memory_mib,
	    &manifest->memory_mib, err));
	return fit_range("vcpus", request->guest.vcpus, &manifest->vcpus, err);
}

static int
fit_range(const char *field, uint32_t value, const struct range *range,
    struct err *err)
{
	if (value < range->min || value > range->max)
		return err_set_field(err, LIMIT_EXCEEDED, field,
		    "%s: %u is outside the signed %u to %u", field, value,
		    range->min, range->max);
	return 0;
}

static void
write_order(const struct rules *rules, const struct verified_manifest *chosen,
    const struct passed_over *passed, const struct timing *timing,
    struct order *ret_order)
{
	const struct manifest *manifest = verified_manifest_get(chosen);

	*ret_order = (struct order){
	    .shape = image_shape_of(manifest),
	    .kernel = manifest->kernel,
	    .is_packed = manifest->kernel_format != KERNEL_ELF,
	    .must_unpack = verified_manifest_needs_unpacking(chosen),
	    .decided_by =
		{
		    .policy = *trust_digest(rules->policy),
		    .has_store = rules->index != NULL,
		    .epoch = rules->index != NULL ? rules->index->epoch : 0,
		},
	    .passed_over = *passed,
	    .timing = *timing,
	};
	snprintf(ret_order->cmdline, sizeof(ret_order->cmdline), "%s",
	    manifest->cmdline);
	write_identity(chosen, &ret_order->image);
}

static void
write_identity(const struct verified_manifest *chosen,
    struct image_identity *ret_image)
{
	const struct manifest *manifest = verified_manifest_get(chosen);
	size_t count;
	const struct digest *signers =
	    verified_manifest_signers(chosen, &count);

	snprintf(ret_image->name, sizeof(ret_image->name), "%s",
	    manifest->name);
	snprintf(ret_image->version, sizeof(ret_image->version), "%s",
	    manifest->version);
	snprintf(ret_image->role, sizeof(ret_image->role), "%s",
	    verified_manifest_role(chosen));
	ret_image->is_debug = manifest->is_debug;
	ret_image->envelope = *verified_manifest_envelope(chosen);
	ret_image->payload = *verified_manifest_payload(chosen);
	memcpy(ret_image->signers, signers, count * sizeof(*signers));
	ret_image->signer_count = (uint32_t)count;
	snprintf(ret_image->rollback_location,
	    sizeof(ret_image->rollback_location), "%s",
	    manifest->rollback_location);
	ret_image->rollback_index = manifest->rollback_index;
}
