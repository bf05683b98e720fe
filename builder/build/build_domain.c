#include "builder/build/build_domain.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "builder/build_link.h"
#include "builder/configuration.h"
#include "grant-preload/grant_preload.h"

static int allow_caller(const struct config *config,
    const struct build_request *request, struct err *err);
static int fit_limits(const struct verified_image *image,
    const struct build_request *request, struct err *err);
static int fit_range(const char *field, uint32_t value,
    const struct range *range, struct err *err);
static int preload_grants(const struct build_env *env, const struct domain *dom,
    struct grant_plan *ret_found, struct err *err);
static int measure(const struct build_env *env,
    const struct build_request *request, const struct verified_image *image,
    const struct domain *dom, struct receipt *receipt, struct err *err);
static struct basis basis_of(const struct image_source *images);
static void write_receipt(const struct build_request *request,
    const struct verified_image *image, struct receipt *ret_receipt);
static void write_origin(const struct verified_manifest *verified,
    struct receipt *ret_receipt);

/*
 * Order is the argument: allow, freeze, verify, fit, make, preload, record,
 * run.
 */
int
build_domain(const struct build_env *env, const struct build_request *request,
    struct timing *timing, struct receipt *ret_receipt, struct err *err)
{
	CLEANUP(verified_image_freep) struct verified_image *image = NULL;
	CLEANUP(domain_abortp) struct domain *dom = NULL;
	struct fetched fetched = {.was_cached = false};
	struct receipt receipt = {0};

	/* May this caller ask, and for these values? */
	TRY(request_check(request, err));
	TRY(allow_caller(env->config, request, err));

	/* Prove origin, integrity and freshness of bytes that can no longer
	 * change. */
	TRY(image_fetch(&env->images, request, timing, &image, &fetched, err));
	receipt.was_cached = fetched.was_cached;
	receipt.passed_over = fetched.passed;

	/* Refuse whatever can be refused before anything exists. */
	TRY(fit_limits(image, request, err));
	TRY(domain_check_free(&env->place, request, err));

	/* Make it. It stays paused, and dies with this scope unless
	 * committed. */
	TRY(domain_create(&env->place, request, env->handle, &dom, err));
	TRY(domain_announce(dom, image, err));
	timing_mark(timing, TIMING_CREATE);
	TRY(domain_load(dom, image, err));
	timing_mark(timing, TIMING_LOAD);
	TRY(preload_grants(env, dom, &receipt.grants, err));
	timing_mark(timing, TIMING_GRANTS);

	/* Put it on record before it can run. */
	TRY(measure(env, request, image, dom, &receipt, err));
	timing_mark(timing, TIMING_RECORD);

	/* Let it go. */
	TRY(domain_publish(dom, err));
	timing_mark(timing, TIMING_PUBLISH);
	TRY(domain_introduce(dom, err));
	TRY(domain_name(dom, err));
	if (!request->is_paused)
		TRY(domain_unpause(dom, err));
	timing_mark(timing, TIMING_RUN);

	receipt.domid = domain_id(dom);
	receipt.timing = *timing;
	write_receipt(request, image, &receipt);
	domain_commit(&dom);
	*ret_receipt = receipt;
	return 0;
}

/* The front asked the kernel who calls; the list is checked here again. */
static int
allow_caller(const struct config *config, const struct build_request *request,
    struct err *err)
{
	if (!config_allows_uid(config, request->peer.uid))
		return err_set(err, RPC_NOT_PERMITTED,
		    "user %u is not in allow_uids", request->peer.uid);
	return 0;
}

static int
fit_limits(const struct verified_image *image,
    const struct build_request *request, struct err *err)
{
	const struct manifest *manifest =
	    verified_manifest_get(verified_image_manifest(image));
	size_t needed_bytes =
	    verified_image_elf(image).len + verified_image_ramdisk(image).len;
	size_t needed_mib = needed_bytes >> 20;

	TRY(fit_range("memory_mib", request->memory_mib, &manifest->memory_mib,
	    err));
	TRY(fit_range("vcpus", request->vcpus, &manifest->vcpus, err));
	/* libxenguest would find out too, but only inside a domain. */
	if (needed_mib >= request->memory_mib)
		return err_set_field(err, LIMIT_EXCEEDED, "memory_mib",
		    "memory_mib: %u is too little, kernel and ramdisk alone "
		    "take %zu",
		    request->memory_mib, needed_mib);
	return 0;
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

static int
preload_grants(const struct build_env *env, const struct domain *dom,
    struct grant_plan *ret_found, struct err *err)
{
	struct grant_plan plan;

	TRY(grant_plan_make(&env->config->daemons, domain_id(dom),
	    domain_rings(dom), &plan, err));
	TRY(grant_preload(env->place.xen, domain_id(dom), &plan, ret_found,
	    err));
	return 0;
}

static int
measure(const struct build_env *env, const struct build_request *request,
    const struct verified_image *image, const struct domain *dom,
    struct receipt *receipt, struct err *err)
{
	const struct verified_manifest *verified =
	    verified_image_manifest(image);
	const struct manifest *manifest = verified_manifest_get(verified);
	struct event_build build = {
	    .envelope = *verified_manifest_envelope(verified),
	    .payload = *verified_manifest_payload(verified),
	    .kernel_elf = manifest->elf.digest,
	    .has_ramdisk = manifest->has_ramdisk,
	    .ramdisk = manifest->ramdisk.digest,
	    .is_debug = manifest->is_debug,
	    .domid = domain_id(dom),
	    .memory_mib = request->memory_mib,
	    .vcpus = request->vcpus,
	};
	struct basis basis;

	memcpy(build.uuid, request->uuid, sizeof(build.uuid));
	snprintf(build.role, sizeof(build.role), "%s",
	    verified_manifest_role(verified));
	TRY(digest_of(bytes_of_str(manifest->cmdline), &build.cmdline, err));
	TRY(configuration_write(request, &env->config->daemons,
	    receipt->configuration, &receipt->config, err));
	build.config = receipt->config;
	basis = basis_of(&env->images);
	return build_link_record(env->record_link, &basis, &build,
	    &receipt->sequence, &receipt->measurement, err);
}

static struct basis
basis_of(const struct image_source *images)
{
	return (struct basis){
	    .policy = *trust_digest(images->policy),
	    .has_store = images->index != NULL,
	    .epoch = images->index != NULL ? images->index->epoch : 0,
	};
}

static void
write_receipt(const struct build_request *request,
    const struct verified_image *image, struct receipt *ret_receipt)
{
	const struct verified_manifest *verified =
	    verified_image_manifest(image);
	const struct manifest *manifest = verified_manifest_get(verified);

	memcpy(ret_receipt->uuid, request->uuid, sizeof(ret_receipt->uuid));
	snprintf(ret_receipt->name, sizeof(ret_receipt->name), "%s",
	    request->name);
	snprintf(ret_receipt->image, sizeof(ret_receipt->image), "%s",
	    manifest->name);
	snprintf(ret_receipt->version, sizeof(ret_receipt->version), "%s",
	    manifest->version);
	snprintf(ret_receipt->role, sizeof(ret_receipt->role), "%s",
	    verified_manifest_role(verified));
	ret_receipt->is_debug = manifest->is_debug;
	ret_receipt->envelope = *verified_manifest_envelope(verified);
	ret_receipt->payload = *verified_manifest_payload(verified);
	write_origin(verified, ret_receipt);
	ret_receipt->memory_mib = request->memory_mib;
	ret_receipt->vcpus = request->vcpus;
}

/* What `assay ps --affected` asks about later. */
static void
write_origin(const struct verified_manifest *verified,
    struct receipt *ret_receipt)
{
	const struct manifest *manifest = verified_manifest_get(verified);
	size_t count;
	const struct digest *signers =
	    verified_manifest_signers(verified, &count);

	memcpy(ret_receipt->signers, signers, count * sizeof(*signers));
	ret_receipt->signer_count = (uint32_t)count;
	snprintf(ret_receipt->rollback_location,
	    sizeof(ret_receipt->rollback_location), "%s",
	    manifest->rollback_location);
	ret_receipt->rollback_index = manifest->rollback_index;
}
