/*
 * What goes on record about one domain: its event, and the wait until that is
 * in the log, on disk and in the TPM.
 */
#ifndef ASSAY_BUILDER_BUILD_BUILD_RECORD_H
#define ASSAY_BUILDER_BUILD_BUILD_RECORD_H

#include "builder/build_link.h"
#include "builder/order.h"
#include "builder/receipt.h"

/* Where it is put on record; borrowed. */
struct build_record {
	int link; /* to the supervisor, who asks the tpm role */
	struct timing *timing;
};

/*
 * The event of the domain that `receipt` describes so far, with the digest of
 * its command line. Errors: those of digest_of().
 */
int build_record_event(const struct receipt *receipt, const struct order *order,
    struct event_build *ret_event, struct err *err);

/* Fills in the receipt where it is on record. Errors: those of
 * build_report_record(). */
int build_record_put(const struct build_record *record,
    const struct decided_by *decided_by, const struct event_build *event,
    struct receipt *receipt, struct err *err);

#endif
