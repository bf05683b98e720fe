#include "builder/build/build_domain.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "builder/build_link.h"
#include "builder/configuration.h"
#include "grant-preload/grant_preload.h"

static int preload_grants(const struct build_env *env, const struct domain *dom,
    struct grant_plan *ret_found, struct err *err);
static int measure(const struct build_env *env,
    const struct build_request *request, const struct order *order,
    const struct domain *dom, struct receipt *receipt, struct err *err);
static struct event_build event_of(const struct build_request *request,
    const struct order *order, const struct domain *dom);
static void write_receipt(const struct build_request *request,
    const struct order *order, struct receipt *ret_receipt);
static void write_image(const struct image_identity *image,
    struct receipt *ret_receipt);

/* Order is the argument: freeze, check, make, load, preload, record, run. */
int
build_domain(const struct build_env *env, const struct build_request *request,
    const struct order *order, struct receipt *ret_receipt, struct err *err)
{
	CLEANUP(image_pieces_freep) struct image_pieces *pieces = NULL;
	CLEANUP(domain_abortp) struct domain *dom = NULL;
	struct timing timing = order->timing;
	struct receipt receipt = {0};

	/* Is it an order for what was asked? */
	TRY(request_check(request, err));
	TRY(order_check(order, request, err));

	/* Take bytes that can no longer change, and that have its digests. */
	TRY(piece_fetch(&env->pieces, order, &timing, &pieces,
	    &receipt.was_cached, err));

	/* Refuse whatever can be refused before anything exists. */
	TRY(domain_check_free(&env->place, request, err));

	/* Make it. It stays paused, and dies with this scope unless
	 * committed. */
	TRY(domain_create(&env->place, request, env->handle, &dom, err));
	TRY(domain_announce(dom, order, err));
	timing_mark(&timing, TIMING_CREATE);
	TRY(domain_load(dom, order, pieces, err));
	timing_mark(&timing, TIMING_LOAD);
	TRY(preload_grants(env, dom, &receipt.grants, err));
	timing_mark(&timing, TIMING_GRANTS);

	/* Put it on record before it can run. */
	TRY(measure(env, request, order, dom, &receipt, err));
	timing_mark(&timing, TIMING_RECORD);

	/* Let it go. */
	TRY(domain_publish(dom, err));
	timing_mark(&timing, TIMING_PUBLISH);
	TRY(domain_introduce(dom, err));
	TRY(domain_name(dom, err));
	if (!request->is_paused)
		TRY(domain_unpause(dom, err));
	timing_mark(&timing, TIMING_RUN);

	receipt.domid = domain_id(dom);
	receipt.timing = timing;
	write_receipt(request, order, &receipt);
	domain_commit(&dom);
	*ret_receipt = receipt;
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
    const struct order *order, const struct domain *dom,
    struct receipt *receipt, struct err *err)
{
	struct event_build build = event_of(request, order, dom);

	TRY(digest_of(bytes_of_str(order->cmdline), &build.cmdline, err));
	TRY(configuration_write(request, &env->config->daemons,
	    receipt->configuration, &receipt->config, err));
	build.config = receipt->config;
	return build_link_record(env->record_link, &order->basis, &build,
	    &receipt->sequence, &receipt->measurement, err);
}

static struct event_build
event_of(const struct build_request *request, const struct order *order,
    const struct domain *dom)
{
	struct event_build build = {
	    .envelope = order->image.envelope,
	    .payload = order->image.payload,
	    .kernel_elf = order->shape.elf.digest,
	    .has_ramdisk = order->shape.has_ramdisk,
	    .ramdisk = order->shape.ramdisk.digest,
	    .is_debug = order->image.is_debug,
	    .domid = domain_id(dom),
	    .memory_mib = request->memory_mib,
	    .vcpus = request->vcpus,
	};

	memcpy(build.uuid, request->uuid, sizeof(build.uuid));
	snprintf(build.role, sizeof(build.role), "%s", order->image.role);
	return build;
}

static void
write_receipt(const struct build_request *request, const struct order *order,
    struct receipt *ret_receipt)
{
	memcpy(ret_receipt->uuid, request->uuid, sizeof(ret_receipt->uuid));
	snprintf(ret_receipt->name, sizeof(ret_receipt->name), "%s",
	    request->name);
	ret_receipt->memory_mib = request->memory_mib;
	ret_receipt->vcpus = request->vcpus;
	ret_receipt->passed_over = order->passed_over;
	write_image(&order->image, ret_receipt);
}

/* Also what `assay ps --affected` asks about later. */
static void
write_image(const struct image_identity *image, struct receipt *ret_receipt)
{
	snprintf(ret_receipt->image, sizeof(ret_receipt->image), "%s",
	    image->name);
	snprintf(ret_receipt->version, sizeof(ret_receipt->version), "%s",
	    image->version);
	snprintf(ret_receipt->role, sizeof(ret_receipt->role), "%s",
	    image->role);
	ret_receipt->is_debug = image->is_debug;
	ret_receipt->envelope = image->envelope;
	ret_receipt->payload = image->payload;
	memcpy(ret_receipt->signers, image->signers,
	    sizeof(ret_receipt->signers));
	ret_receipt->signer_count = image->signer_count;
	snprintf(ret_receipt->rollback_location,
	    sizeof(ret_receipt->rollback_location), "%s",
	    image->rollback_location);
	ret_receipt->rollback_index = image->rollback_index;
}
