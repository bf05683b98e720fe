#include "grant-preload/grant_preload.h"

#include "base/scope.h"

/* A guest that never ran has one frame; room for more shows a surprise. */
enum { MAX_ENTRIES = 8 * XEN_GRANTS_PER_FRAME };

static int compare(const struct grant_plan *plan,
    const struct xen_grant_entry *found, uint32_t count, struct err *err);
static int refuse_entry(uint32_t ref, const struct xen_grant_entry *planned,
    const struct xen_grant_entry *found, struct err *err);

int
grant_preload(const struct xen_port *xen, uint32_t domid,
    const struct grant_plan *plan, struct grant_plan *ret_found,
    struct err *err)
{
	CLEANUP(freep)
	struct xen_grant_entry *found = calloc(MAX_ENTRIES, sizeof(*found));
	uint32_t count = 0;

	if (found == NULL)
		return err_set(err, NO_MEMORY, "grant table");
	TRY(xen->ops->grants_seed(xen->xen, domid,
	    &plan->entries[GRANT_REF_CONSOLE],
	    &plan->entries[GRANT_REF_XENSTORE], err));
	TRY(xen->ops->grants_read(xen->xen, domid, found, MAX_ENTRIES, &count,
	    err));
	TRY(compare(plan, found, count, err));
	for (uint32_t ref = 0; ref < GRANT_PLAN_ENTRIES; ref++)
		ret_found->entries[ref] = found[ref];
	return 0;
}

static int
compare(const struct grant_plan *plan, const struct xen_grant_entry *found,
    uint32_t count, struct err *err)
{
	static const struct xen_grant_entry empty;

	if (count < GRANT_PLAN_ENTRIES)
		return err_set(err, GRANT_MISMATCH, "a table of %u entries",
		    count);
	for (uint32_t ref = 0; ref < count; ref++) {
		const struct xen_grant_entry *planned =
		    ref < GRANT_PLAN_ENTRIES ? &plan->entries[ref] : &empty;

		if (found[ref].flags != planned->flags ||
		    found[ref].domid != planned->domid ||
		    found[ref].frame != planned->frame)
			return refuse_entry(ref, planned, &found[ref], err);
	}
	return 0;
}

static int
refuse_entry(uint32_t ref, const struct xen_grant_entry *planned,
    const struct xen_grant_entry *found, struct err *err)
{
	return err_set(err, GRANT_MISMATCH,
	    "reference %u: planned flags 0x%x domid %u frame 0x%x, "
	    "found flags 0x%x domid %u frame 0x%x",
	    ref, planned->flags, planned->domid, planned->frame, found->flags,
	    found->domid, found->frame);
}
