#include "builder/build/domain_erase.h"

#include "base/scope.h"
#include "builder/build/domain_claim.h"

static int remove_nodes(const struct domain_context *place,
    const struct domain_claim *claim, uint32_t *ret_domid, struct err *err);

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
	TRY(domain_claim_find(&list, claim, &own, err));
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

/* *ret_domid: the claim's id, unless another domain has it. */
static int
remove_nodes(const struct domain_context *place,
    const struct domain_claim *claim, uint32_t *ret_domid, struct err *err)
{
	bool is_id_free = false;

	TRY(nodes_remove(place->nodes, claim, err));
	TRY(domain_claim_may_remove(claim, place->xen, NODES_OF_ID, &is_id_free,
	    err));
	*ret_domid = is_id_free ? claim->domid : 0;
	return 0;
}
