#include "grant-preload/grant_plan.h"

static int plan_entry(uint32_t guest_domid, uint16_t daemon_domid,
    uint64_t frame, const char *ring, struct xen_grant_entry *ret_entry,
    struct err *err);

int
grant_plan_make(const struct grant_daemons *daemons, uint32_t guest_domid,
    const struct xen_rings *rings, struct grant_plan *ret_plan, struct err *err)
{
	struct grant_plan plan;
	int code;

	if (rings->console_frame == rings->xenstore_frame)
		return err_set(err, GRANT_MISMATCH,
		    "console and xenstore ring share frame 0x%llx",
		    (unsigned long long)rings->console_frame);
	code = plan_entry(guest_domid, daemons->xenconsoled_domid,
	    rings->console_frame, "console", &plan.entries[GRANT_REF_CONSOLE],
	    err);
	if (code == 0)
		code = plan_entry(guest_domid, daemons->xenstored_domid,
		    rings->xenstore_frame, "xenstore",
		    &plan.entries[GRANT_REF_XENSTORE], err);
	if (code != 0)
		return code;
	*ret_plan = plan;
	return 0;
}

static int
plan_entry(uint32_t guest_domid, uint16_t daemon_domid, uint64_t frame,
    const char *ring, struct xen_grant_entry *ret_entry, struct err *err)
{
	if (daemon_domid == guest_domid)
		return err_set(err, GRANT_MISMATCH,
		    "%s ring: its daemon would run in the guest d%u itself",
		    ring, guest_domid);
	if (frame == 0 || frame >= UINT32_MAX)
		return err_set(err, GRANT_MISMATCH,
		    "%s ring: frame 0x%llx does not fit a version 1 entry",
		    ring, (unsigned long long)frame);
	*ret_entry = (struct xen_grant_entry){
	    .flags = XEN_GRANT_PERMIT,
	    .domid = daemon_domid,
	    .frame = (uint32_t)frame,
	};
	return 0;
}
