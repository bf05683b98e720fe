#include "builder/xen/domain_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"

int
domain_list_read(const struct xen_port *xen, struct domain_list *ret_list,
    struct err *err)
{
	CLEANUP(freep)
	struct xen_domain_info *infos = malloc(LIMIT_DOMAINS * sizeof(*infos));
	uint32_t count = 0;

	if (infos == NULL)
		return err_set(err, NO_MEMORY, "domain list");
	TRY(xen->ops->domain_list(xen->xen, infos, LIMIT_DOMAINS, &count, err));
	*ret_list = (struct domain_list){take_ptr(&infos), count};
	return 0;
}

void
domain_list_done(struct domain_list *list)
{
	free(list->infos);
	*list = (struct domain_list){0};
}

const struct xen_domain_info *
domain_list_find(const struct domain_list *list, uint32_t domid)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->infos[i].domid == domid)
			return &list->infos[i];
	}
	return NULL;
}

const struct xen_domain_info *
domain_list_uuid_owner(const struct domain_list *list,
    const uint8_t uuid[UUID_BYTES], uint32_t except)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->infos[i].domid != except &&
		    memcmp(list->infos[i].uuid, uuid, UUID_BYTES) == 0)
			return &list->infos[i];
	}
	return NULL;
}
