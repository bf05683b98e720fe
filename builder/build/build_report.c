#include "builder/build/build_report.h"

#include "base/scope.h"
#include "builder/ipc.h"

int
build_report_made(int link, uint32_t domid, struct err *err)
{
	struct build_report report = {.kind = BUILD_MADE, .domid = domid};

	return ipc_send(link, &report, LINK_BYTES(build_report, domid), -1,
	    err);
}

int
build_report_blob(int link, const struct digest *digest,
    const struct sealed *checked, struct err *err)
{
	struct build_report report = {.kind = BUILD_BLOB, .digest = *digest};

	return ipc_send_sealed(link, &report, LINK_BYTES(build_report, digest),
	    checked, err);
}

int
build_report_record(int link, const struct decided_by *decided_by,
    const struct event_build *build, uint64_t *ret_sequence,
    struct digest *ret_measurement, struct err *err)
{
	struct build_report report = {
	    .kind = BUILD_RECORD,
	    .record = {.build = *build, .decided_by = *decided_by},
	};
	struct recorded recorded;

	TRY(ipc_send(link, &report, LINK_BYTES(build_report, record), -1, err));
	TRY(rules_await_recorded(link, &recorded, err));
	*ret_sequence = recorded.sequence;
	*ret_measurement = recorded.measurement;
	return 0;
}

int
build_report_unfit(int link, struct err *err)
{
	struct build_report report = {.kind = BUILD_UNFIT};

	return ipc_send(link, &report, LINK_KIND_BYTES, -1, err);
}

int
build_report_done(int link, struct build_report *done, int code,
    const struct err *outcome, struct err *err)
{
	done->kind = BUILD_DONE;
	err_wire_from(&done->done.outcome, code, outcome);
	return ipc_send(link, done, LINK_BYTES(build_report, done), -1, err);
}
