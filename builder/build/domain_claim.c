#include "builder/build/domain_claim.h"

#include <string.h>

#include "base/scope.h"

static bool is_own(const struct xen_domain_info *info,
    const struct domain_claim *claim);
static bool has_handle(const struct domain_claim *claim);

int
domain_claim_find(const struct domain_list *list,
    const struct domain_claim *claim, uint32_t *ret_domid, struct err *err)
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

int
domain_claim_may_remove(const struct domain_claim *claim,
    const struct xen_port *xen, enum nodes_of of, bool *ret_may,
    struct err *err)
{
	CLEANUP(domain_list_done) struct domain_list list = {0};
	bool may = true;

	TRY(domain_list_read(xen, &list, err));
	for (uint32_t i = 0; i < list.count; i++) {
		const struct xen_domain_info *info = &list.infos[i];
		bool has_it =
		    of == NODES_OF_ID
			? info->domid == claim->domid
			: memcmp(info->uuid, claim->uuid, UUID_BYTES) == 0;

		if (has_it && !is_own(info, claim))
			may = false;
	}
	*ret_may = may;
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
