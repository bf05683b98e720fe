#include "builder/verify_link.h"

#include "base/scope.h"
#include "builder/ipc.h"

bool
image_row_is_legal(const struct image_row *row)
{
	return ipc_is_line(row->name, sizeof(row->name)) &&
	       ipc_is_line(row->version, sizeof(row->version)) &&
	       ipc_is_line(row->role, sizeof(row->role)) &&
	       ipc_is_bool(&row->is_debug);
}

int
verify_link_verdict(int link, const struct digest *policy,
    const struct trust_verdict *verdict, struct err *err)
{
	struct verify_report report = {
	    .kind = VERIFY_VERDICT,
	    .known = {*policy, *verdict},
	};

	return ipc_send(link, &report, LINK_BYTES(verify_report, known), -1,
	    err);
}

int
verify_link_images(int link, const struct sealed *rows, struct err *err)
{
	struct verify_report report = {.kind = VERIFY_IMAGES};

	return ipc_send_sealed(link, &report, LINK_KIND_BYTES, rows, err);
}

int
verify_link_order(int link, const struct order *order, struct err *err)
{
	struct verify_report report = {
	    .kind = VERIFY_ORDER,
	    .order = *order,
	};

	return ipc_send(link, &report, LINK_BYTES(verify_report, order), -1,
	    err);
}

int
verify_link_mark(int link, const struct trust_id *trust, struct err *err)
{
	struct verify_report report = {
	    .kind = VERIFY_MARK,
	    .trust = *trust,
	};

	return ipc_send(link, &report, LINK_BYTES(verify_report, trust), -1,
	    err);
}

int
verify_link_refused(int link, const struct err *why, struct err *err)
{
	struct verify_report report = {.kind = VERIFY_REFUSED};

	err_wire_from(&report.outcome, (int)why->code, why);
	return ipc_send(link, &report, LINK_BYTES(verify_report, outcome), -1,
	    err);
}

int
verify_link_adopt_store(int link, const struct decided_by *decided_by,
    const struct store_epoch *store, struct err *err)
{
	struct verify_report report = {
	    .kind = VERIFY_EPOCH,
	    .epoch = {.store = *store, .decided_by = *decided_by},
	};
	struct recorded recorded;

	TRY(ipc_send(link, &report, LINK_BYTES(verify_report, epoch), -1, err));
	return rules_await_recorded(link, &recorded, err);
}

int
verify_link_adopt_trust(int link, const struct trust_id *trust, struct err *err)
{
	struct verify_report report = {
	    .kind = VERIFY_TRUST,
	    .trust = *trust,
	};
	struct recorded recorded;

	TRY(ipc_send(link, &report, LINK_BYTES(verify_report, trust), -1, err));
	return rules_await_recorded(link, &recorded, err);
}
