/*
 * Verifying every image of a store, as `store verify` does: on all processors,
 * with the same result in the same order whatever their number.
 *
 * The same checks as those of assayd, but on files as they are mapped, because
 * nothing is started from them: a copy into sealed memory would cost as much as
 * the hashing. Who truncates a file meanwhile ends the program.
 */
#ifndef ASSAY_CLI_STORE_CHECK_H
#define ASSAY_CLI_STORE_CHECK_H

#include "image-store/layout.h"
#include "image-store/store_index.h"

struct store_check {
	const struct trust_policy *policy;
	const struct store_index *index; /* NULL if none is needed */
	int store_fd;
	const struct layout_list *list;
	struct err *results; /* one for each entry; ERR_NONE: verified */
};

/*
 * Fill in the results. `progress` is called now and then, by this thread only,
 * with how many images are done; it may be NULL.
 * Errors: SYSTEM_FAILED.
 */
int store_check_run(struct store_check *check,
    void (*progress)(size_t done, size_t count), struct err *err);

#endif
