/*
 * The endorsement keys of our machines, and which host each is in: what a
 * verifier wrote down when they were bought.
 *
 * As text, one key a line: "sha256:<hex>" of the key's SubjectPublicKeyInfo, as
 * in an enrolment record, and behind white space the label of the host, which
 * may be missing. Empty lines and lines that begin with '#' say nothing.
 */
#ifndef ASSAY_MEASURE_VERIFY_EK_LIST_H
#define ASSAY_MEASURE_VERIFY_EK_LIST_H

#include "measure/verify/enrolment.h"

struct ek_list {
	struct ek_list_row *rows; /* sorted by digest */
	size_t count;
};

/*
 * One key twice is refused; one label for several keys is not. Fills *ret_list,
 * which ek_list_done() empties.
 * Errors: REFERENCE_MALFORMED, with the line, or over LIMIT_EK_LIST_LINES;
 * NO_MEMORY.
 */
int ek_list_read(struct bytes text, struct ek_list *ret_list, struct err *err);

void ek_list_done(struct ek_list *list);

/*
 * Is the endorsement key on the list, and not as another host's? An enrolment
 * without a label gets that of the list.
 * Errors: EK_UNLISTED; LABEL_MISMATCH.
 */
int ek_list_check(const struct ek_list *list, struct enrolment *enrolment,
    struct err *err);

#endif
