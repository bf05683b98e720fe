#include "builder/build/domain_erase.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "builder/xen/domain_list.h"
#include "builder/xen/xenstore_nodes.h"

/* Whose nodes may go: those of this claim's id, or of its uuid. */
struct node_guard {
	const struct xen_port *xen;
	const struct domain_claim *claim;
	bool is_id_free; /* of all others, when it was asked last */
};

static int find_own(const struct domain_list *list,
    const struct domain_claim *claim, uint32_t *ret_domid, struct err *err);
static bool is_own(const struct xen_domain_info *info,
    const struct domain_claim *claim);
static bool has_handle(const struct domain_claim *claim);
static int remove_nodes(const struct domain_context *place,
    const struct domain_claim *claim, uint32_t *ret_domid, struct err *err);
static int may_remove_of_id(void *context, bool *ret_may, struct err *err);
static int may_remove_of_uuid(void *context, bool *ret_may, struct err *err);

int
domain_erase(const struct domain_context *place,
    const struct domain_claim *claim, uint32_t *ret_domid, struct err *err)
{
	CLEANUP(domain_list_done) struct domain_list list = {0};
	const struct xen_port *xen = place->xen;
	struct domain_claim known = *claim;
	struct err later = {0};
	uint32_t own = 0;
	int first = 0;
	int code;

	*ret_domid = 0;
	TRY(domain_list_read(xen, &list, err));
	TRY(find_own(&list, claim, &own, err));
	if (own == 0 && claim->domid == 0)
		return 0; /* nothing was ever made */
	if (claim->domid == 0) {
		/* Nobody but the domain can tell its id: it goes last. */
		known.domid = own;
		TRY(remove_nodes(place, &known, ret_domid, err));
		return xen->ops->domain_destroy(xen->xen, own, err);
	}
	if (own != 0)
		first = xen->ops->domain_destroy(xen->xen, own, err);
	code =
	    remove_nodes(place, &known, ret_domid, first == 0 ? err : &later);
	return first == 0 ? code : first;
}

int
domain_erase_stale_nodes(const struct domain_context *place, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err)
{
	struct domain_claim claim = {.domid = domid};
	struct node_guard guard = {.xen = place->xen, .claim = &claim};
	const struct xen_guard of_uuid = {may_remove_of_uuid, &guard};

	memcpy(claim.uuid, uuid, UUID_BYTES);
	TRY(xenstore_nodes_remove(place->xen, domid,
	    place->daemons->xenconsoled_domid, NULL, err));
	return xenstore_nodes_remove_vm(place->xen, uuid, &of_uuid, err);
}

/* *ret_domid is 0 if there is none. */
static int
find_own(const struct domain_list *list, const struct domain_claim *claim,
    uint32_t *ret_domid, struct err *err)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		if (!is_own(&list->infos[i], claim))
			continue;
		if (found != 0)
			return err_set(err, DOMAIN_AMBIGUOUS,
			    "d%u and d%u have the handle of one build", found,
			    list->infos[i].domid);
		found = list->infos[i].domid;
	}
	*ret_domid = found;
	return 0;
}

static bool
is_own(const struct xen_domain_info *info, const struct domain_claim *claim)
{
	bool is_its_id = info->domid == claim->domid;

	if (has_handle(claim) &&
	    memcmp(info->uuid, claim->handle, UUID_BYTES) == 0)
		return is_its_id || claim->domid == 0;
	return claim->may_have_uuid && is_its_id &&
	       memcmp(info->uuid, claim->uuid, UUID_BYTES) == 0;
}

static bool
has_handle(const struct domain_claim *claim)
{
	static const uint8_t none[UUID_BYTES];

	return memcmp(claim->handle, none, UUID_BYTES) != 0;
}

/* *ret_domid: the claim's id, unless another domain has it. */
static int
remove_nodes(const struct domain_context *place,
    const struct domain_claim *claim, uint32_t *ret_domid, struct err *err)
{
	struct node_guard guard = {.xen = place->xen, .claim = claim};
	const struct xen_guard of_id = {may_remove_of_id, &guard};
	const struct xen_guard of_uuid = {may_remove_of_uuid, &guard};
	struct err later = {0};
	int first = xenstore_nodes_remove(place->xen, claim->domid,
	    place->daemons->xenconsoled_domid, &of_id, err);
	int code = xenstore_nodes_remove_vm(place->xen, claim->uuid, &of_uuid,
	    first == 0 ? err : &later);

	*ret_domid = guard.is_id_free ? claim->domid : 0;
	return first == 0 ? code : first;
}

/* No domain has the id, or it is the one that is removed. */
static int
may_remove_of_id(void *context, bool *ret_may, struct err *err)
{
	struct node_guard *guard = context;
	CLEANUP(domain_list_done) struct domain_list list = {0};
	const struct xen_domain_info *info;

	TRY(domain_list_read(guard->xen, &list, err));
	info = domain_list_find(&list, guard->claim->domid);
	guard->is_id_free = info == NULL || is_own(info, guard->claim);
	*ret_may = guard->is_id_free;
	return 0;
}

/* No other domain has the uuid. */
static int
may_remove_of_uuid(void *context, bool *ret_may, struct err *err)
{
	const struct node_guard *guard = context;
	CLEANUP(domain_list_done) struct domain_list list = {0};

	TRY(domain_list_read(guard->xen, &list, err));
	*ret_may = true;
	for (uint32_t i = 0; i < list.count; i++) {
		if (memcmp(list.infos[i].uuid, guard->claim->uuid,
			UUID_BYTES) == 0 &&
		    !is_own(&list.infos[i], guard->claim))
			*ret_may = false;
	}
	return 0;
}
