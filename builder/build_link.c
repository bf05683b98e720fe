#include "builder/build_link.h"

#include "builder/ipc.h"

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
build_link_verdict(int link, const struct trust_verdict *verdict,
    struct err *err)
{
	struct report report = {.kind = REPORT_VERDICT, .verdict = *verdict};

	return ipc_send(link, &report, sizeof(report), -1, err);
}

int
build_link_image(int link, const struct image_row *row, struct err *err)
{
	struct report report = {.kind = REPORT_IMAGE, .image = *row};

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
