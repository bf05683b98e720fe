#include "builder/build_link.h"

#include "base/scope.h"
#include "builder/ipc.h"

static int await_recorded(int link, struct recorded *ret_recorded,
    struct err *err);

int
build_link_domain(int link, uint32_t domid, struct err *err)
{
	struct report report = {.kind = REPORT_DOMAIN, .domid = domid};

	return ipc_send(link, &report, sizeof(report), -1, err);
}

int
build_link_blob(int link, const struct digest *digest,
    const struct sealed *checked, struct err *err)
{
	struct report report = {.kind = REPORT_BLOB, .digest = *digest};

	return ipc_send_sealed(link, &report, sizeof(report), checked, err);
}

int
build_link_verdict(int link, const struct digest *policy,
    const struct trust_verdict *verdict, struct err *err)
{
	struct report report = {
	    .kind = REPORT_VERDICT,
	    .digest = *policy,
	    .verdict = *verdict,
	};

	return ipc_send(link, &report, sizeof(report), -1, err);
}

int
build_link_images(int link, const struct sealed *rows, struct err *err)
{
	struct report report = {.kind = REPORT_IMAGES};

	return ipc_send_sealed(link, &report, sizeof(report), rows, err);
}

int
build_link_record(int link, const struct basis *basis,
    const struct event_build *build, uint64_t *ret_sequence,
    struct digest *ret_measurement, struct err *err)
{
	struct report report = {
	    .kind = REPORT_BUILD,
	    .basis = *basis,
	    .build = *build,
	};
	struct recorded recorded;

	TRY(ipc_send(link, &report, sizeof(report), -1, err));
	TRY(await_recorded(link, &recorded, err));
	*ret_sequence = recorded.sequence;
	*ret_measurement = recorded.measurement;
	return 0;
}

int
build_link_adopt_store(int link, const struct basis *basis,
    const struct store_epoch *store, struct err *err)
{
	struct report report = {
	    .kind = REPORT_EPOCH,
	    .basis = *basis,
	    .store = *store,
	};
	struct recorded recorded;

	TRY(ipc_send(link, &report, sizeof(report), -1, err));
	return await_recorded(link, &recorded, err);
}

int
build_link_adopt_trust(int link, const struct sealed *chain, struct err *err)
{
	struct report report = {.kind = REPORT_TRUST};
	struct recorded recorded;

	TRY(ipc_send_sealed(link, &report, sizeof(report), chain, err));
	return await_recorded(link, &recorded, err);
}

int
build_link_unfit(int link, struct err *err)
{
	struct report report = {.kind = REPORT_UNFIT};

	return ipc_send(link, &report, sizeof(report), -1, err);
}

int
build_link_done(int link, int code, const struct err *outcome,
    const struct receipt *receipt, struct err *err)
{
	struct report report = {.kind = REPORT_DONE};

	outcome_from(&report.outcome, code, outcome);
	if (code == 0 && receipt != NULL)
		report.receipt = *receipt;
	return ipc_send(link, &report, sizeof(report), -1, err);
}

static int
await_recorded(int link, struct recorded *ret_recorded, struct err *err)
{
	struct recorded recorded;
	bool is_end;

	TRY(ipc_receive(link, &recorded, sizeof(recorded), NULL, &is_end, err));
	if (is_end)
		return err_set(err, SYSTEM_FAILED, "the supervisor is gone");
	TRY(outcome_to(&recorded.outcome, TPM_FAILED, err));
	*ret_recorded = recorded;
	return 0;
}
