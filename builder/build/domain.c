#include "builder/build/domain.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "builder/build/build_report.h"
#include "builder/build_link.h"
#include "builder/build/domain_spec.h"
#include "builder/build/domain_erase.h"
#include "builder/xen/domain_list.h"
#include "grant-preload/grant_preload.h"

struct domain {
	const struct domain_context *place;
	const struct guest *guest;
	uint8_t handle[UUID_BYTES];
	bool may_have_uuid;
	uint32_t domid;
	uint32_t console_port;
	uint32_t xenstore_port;
	struct xen_rings rings;
};

static int prepare(struct domain *domain, const struct xen_domain_spec *spec,
    struct err *err);
static struct domain_claim claim_of(const struct domain *domain);
static int refuse_taken_uuid(const struct domain_list *list,
    const uint8_t uuid[UUID_BYTES], uint32_t except, struct err *err);
static int refuse_taken_name(struct nodes *nodes,
    const struct domain_list *list, const char *name, struct err *err);
static struct nodes_rings rings_of(const struct domain *domain);

int
domain_check_free(const struct domain_context *place, const struct guest *guest,
    struct err *err)
{
	CLEANUP(domain_list_done) struct domain_list list = {0};

	TRY(domain_list_read(place->xen, &list, err));
	TRY(refuse_taken_uuid(&list, guest->uuid, 0, err));
	return refuse_taken_name(place->nodes, &list, guest->name, err);
}

int
domain_create(const struct domain_context *place, const struct guest *guest,
    const uint8_t handle[UUID_BYTES], struct domain **ret_domain,
    struct err *err)
{
	CLEANUP(domain_abortp) struct domain *domain = NULL;
	struct domain *made = calloc(1, sizeof(*made));
	struct xen_domain_spec spec = domain_spec_of(guest);

	if (made == NULL)
		return err_set(err, NO_MEMORY, "domain");
	made->place = place;
	made->guest = guest;
	memcpy(made->handle, handle, UUID_BYTES);
	memcpy(spec.handle, handle, UUID_BYTES);
	if (place->xen->ops->domain_create(place->xen->xen, &spec, &made->domid,
		err) != 0) {
		free(made);
		return (int)err->code;
	}
	domain = made; /* from here on it is undone */
	TRY(prepare(domain, &spec, err));
	*ret_domain = take_ptr(&domain);
	return 0;
}

int
domain_announce(struct domain *domain, const struct order *order,
    struct err *err)
{
	const struct domain_context *place = domain->place;
	struct nodes_facts facts = {
	    .domid = domain->domid,
	    .guest = *domain->guest,
	    .kernel_elf = order->shape.elf.digest,
	    .has_ramdisk = order->shape.has_ramdisk,
	    .ramdisk = order->shape.ramdisk.digest,
	    .console_port = domain->console_port,
	    .xenstore_port = domain->xenstore_port,
	};

	memcpy(facts.cmdline, order->cmdline, sizeof(facts.cmdline));
	TRY(nodes_send(place->nodes, &facts, err));
	timing_mark(place->timing, TIMING_CREATE);
	return 0;
}

int
domain_load(struct domain *domain, const struct order *order,
    const struct image_pieces *pieces, struct err *err)
{
	const struct xen_port *xen = domain->place->xen;
	struct xen_load load = {
	    .elf = image_pieces_elf(pieces),
	    .ramdisk = image_pieces_ramdisk(pieces),
	    .cmdline = order->cmdline,
	    .memory_mib = domain->guest->memory_mib,
	    .vcpus = domain->guest->vcpus,
	    .console_port = domain->console_port,
	    .xenstore_port = domain->xenstore_port,
	    .console_domid = domain->place->daemons->xenconsoled_domid,
	    .xenstore_domid = domain->place->daemons->xenstored_domid,
	};

	TRY(xen->ops->domain_load(xen->xen, domain->domid, &load,
	    &domain->rings, err));
	timing_mark(domain->place->timing, TIMING_LOAD);
	return 0;
}

int
domain_preload(struct domain *domain, struct grant_plan *ret_found,
    struct err *err)
{
	const struct domain_context *place = domain->place;
	struct grant_plan plan;

	TRY(grant_plan_make(place->daemons, domain->domid, &domain->rings,
	    &plan, err));
	TRY(grant_preload(place->xen, domain->domid, &plan, ret_found, err));
	timing_mark(place->timing, TIMING_GRANTS);
	return 0;
}

uint32_t
domain_id(const struct domain *domain)
{
	return domain->domid;
}

int
domain_publish(struct domain *domain, struct err *err)
{
	const struct nodes_rings rings = rings_of(domain);

	TRY(nodes_publish(domain->place->nodes, &rings, err));
	timing_mark(domain->place->timing, TIMING_PUBLISH);
	return 0;
}

int
domain_introduce(struct domain *domain, struct err *err)
{
	const struct nodes_rings rings = rings_of(domain);

	return nodes_introduce(domain->place->nodes, &rings, err);
}

int
domain_name(struct domain *domain, struct err *err)
{
	CLEANUP(domain_list_done) struct domain_list list = {0};
	const struct xen_port *xen = domain->place->xen;

	/* A toolstack may have made one meanwhile: Xen would take it twice. */
	TRY(domain_list_read(xen, &list, err));
	TRY(refuse_taken_uuid(&list, domain->guest->uuid, domain->domid, err));
	domain->may_have_uuid = true;
	TRY(xen->ops->domain_set_uuid(xen->xen, domain->domid,
	    domain->guest->uuid, err));
	timing_mark(domain->place->timing, TIMING_RUN);
	return 0;
}

int
domain_unpause(struct domain *domain, struct err *err)
{
	const struct xen_port *xen = domain->place->xen;

	TRY(xen->ops->domain_unpause(xen->xen, domain->domid, err));
	timing_mark(domain->place->timing, TIMING_RUN);
	return 0;
}

void
domain_commit(struct domain **domain)
{
	free(*domain);
	*domain = NULL;
}

void
domain_abortp(struct domain **domain)
{
	struct domain_claim claim;
	struct err err = {0};
	uint32_t domid;

	if (*domain == NULL)
		return;
	claim = claim_of(*domain);
	if (domain_erase((*domain)->place, &claim, &domid, &err) != 0 &&
	    (*domain)->place->left_behind != NULL)
		*(*domain)->place->left_behind = true;
	free(*domain);
	*domain = NULL;
}

static int
prepare(struct domain *domain, const struct xen_domain_spec *spec,
    struct err *err)
{
	const struct domain_context *place = domain->place;
	const struct xen_ops *ops = place->xen->ops;
	void *xen = place->xen->xen;

	if (place->link >= 0)
		TRY(build_report_made(place->link, domain->domid, err));
	TRY(ops->domain_prepare(xen, domain->domid, spec, err));
	TRY(ops->evtchn_alloc(xen, domain->domid,
	    place->daemons->xenstored_domid, &domain->xenstore_port, err));
	TRY(ops->evtchn_alloc(xen, domain->domid,
	    place->daemons->xenconsoled_domid, &domain->console_port, err));
	return 0;
}

static struct domain_claim
claim_of(const struct domain *domain)
{
	struct domain_claim claim = {
	    .domid = domain->domid,
	    .may_have_uuid = domain->may_have_uuid,
	};

	memcpy(claim.handle, domain->handle, UUID_BYTES);
	memcpy(claim.uuid, domain->guest->uuid, UUID_BYTES);
	return claim;
}

static int
refuse_taken_uuid(const struct domain_list *list,
    const uint8_t uuid[UUID_BYTES], uint32_t except, struct err *err)
{
	const struct xen_domain_info *owner =
	    domain_list_uuid_owner(list, uuid, except);

	if (owner != NULL)
		return err_set_field(err, DOMAIN_EXISTS, "uuid",
		    "uuid: d%u has it", owner->domid);
	return 0;
}

static int
refuse_taken_name(struct nodes *nodes, const struct domain_list *list,
    const char *name, struct err *err)
{
	uint32_t owner = UINT32_MAX;

	TRY(nodes_find(nodes, list, name, &owner, err));
	if (owner != UINT32_MAX)
		return err_set_field(err, DOMAIN_EXISTS, "name",
		    "name %s: d%u has it", name, owner);
	return 0;
}

static struct nodes_rings
rings_of(const struct domain *domain)
{
	return (struct nodes_rings){
	    .domid = domain->domid,
	    .xenstore_port = domain->xenstore_port,
	    .rings = domain->rings,
	};
}
