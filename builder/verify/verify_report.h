/*
 * What a verify role says to the supervisor.
 */
#ifndef ASSAY_BUILDER_VERIFY_VERIFY_REPORT_H
#define ASSAY_BUILDER_VERIFY_VERIFY_REPORT_H

#include "builder/verify_link.h"

/* Errors: SYSTEM_FAILED if the supervisor is gone. */
int verify_report_verdict(int link, const struct digest *policy,
    const struct trust_verdict *verdict, struct err *err);
int verify_report_images(int link, const struct sealed *rows, struct err *err);
int verify_report_order(int link, const struct order *order, struct err *err);
int verify_report_mark(int link, const struct trust_id *trust, struct err *err);
int verify_report_refused(int link, const struct err *why, struct err *err);

/*
 * Ask, and wait until it is on record. An index that older rules decided about
 * is refused. Errors: what the tpm role says; SYSTEM_FAILED.
 */
int verify_report_adopt_store(int link, const struct decided_by *decided_by,
    const struct store_epoch *store, struct err *err);
int verify_report_adopt_trust(int link, const struct trust_id *trust,
    struct err *err);

#endif
