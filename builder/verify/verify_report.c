#include "builder/verify/verify_report.h"

#include "base/scope.h"
#include "builder/ipc.h"

int
verify_report_verdict(int link, const struct digest *policy,
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
verify_report_images(int link, const struct sealed *rows, struct err *err)
{
	struct verify_report report = {.kind = VERIFY_IMAGES};

	return ipc_send_sealed(link, &report, LINK_KIND_BYTES, rows, err);
}

int
verify_report_order(int link, const struct order *order, struct err *err)
{
	struct verify_report report = {
	    .kind = VERIFY_ORDER,
	    .order = *order,
	};

	return ipc_send(link, &report, LINK_BYTES(verify_report, order), -1,
	    err);
}

int
verify_report_mark(int link, const struct trust_id *trust, struct err *err)
{
	struct verify_report report = {
	    .kind = VERIFY_MARK,
	    .trust = *trust,
	};

	return ipc_send(link, &report, LINK_BYTES(verify_report, trust), -1,
	    err);
}

int
verify_report_refused(int link, const struct err *why, struct err *err)
{
	struct verify_report report = {.kind = VERIFY_REFUSED};

	err_wire_from(&report.outcome, (int)why->code, why);
	return ipc_send(link, &report, LINK_BYTES(verify_report, outcome), -1,
	    err);
}

int
verify_report_adopt_store(int link, const struct decided_by *decided_by,
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
verify_report_adopt_trust(int link, const struct trust_id *trust,
    struct err *err)
{
	struct verify_report report = {
	    .kind = VERIFY_TRUST,
	    .trust = *trust,
	};
	struct recorded recorded;

	TRY(ipc_send(link, &report, LINK_BYTES(verify_report, trust), -1, err));
	return rules_await_recorded(link, &recorded, err);
}
