/*
 * What a build role says to the supervisor.
 */
#ifndef ASSAY_BUILDER_BUILD_BUILD_REPORT_H
#define ASSAY_BUILDER_BUILD_BUILD_REPORT_H

#include "builder/build_link.h"

/* Errors: SYSTEM_FAILED if the supervisor is gone. */
int build_report_made(int link, uint32_t domid, struct err *err);
int build_report_blob(int link, const struct digest *digest,
    const struct sealed *checked, struct err *err);

/*
 * Ask, and wait until it is done: in the log, on disk and in the TPM.
 * A build that older rules decided about is refused.
 * Errors: what the tpm role says; SYSTEM_FAILED.
 */
int build_report_record(int link, const struct decided_by *decided_by,
    const struct event_build *build, uint64_t *ret_sequence,
    struct digest *ret_measurement, struct err *err);

/* xenstored ended since this child opened it. */
int build_report_unfit(int link, struct err *err);

/* `code` is what the task returned with `outcome`. */
int build_report_done(int link, struct build_report *done, int code,
    const struct err *outcome, struct err *err);

#endif
