/*
 * Verifying every image of a store, as `store verify` does: on all processors,
 * with the same result in the same order whatever their number.
 *
 * The same checks as those of assayd, on the same copies: what is looked at was
 * copied into sealed memory first. Of a large ramdisk, which is not looked at
 * but for its ends, only the hash is taken: image-store/pack/file_hash.h.
 */
#ifndef ASSAY_CLI_STORE_STORE_CHECK_H
#define ASSAY_CLI_STORE_STORE_CHECK_H

#include "cli/store/store_build.h"

struct store_check {
	const struct trust_policy *policy;
	const struct store_index *index; /* NULL if none is needed */
	int store_fd;
	const struct layout_list *list;
	struct store_result *results; /* one for each entry */
};

/*
 * Fill in the results. `progress` is called now and then, by this thread only,
 * with how many images are done; it may be NULL.
 * Errors: SYSTEM_FAILED.
 */
int store_check_run(struct store_check *check,
    void (*progress)(size_t done, size_t count), struct err *err);

#endif
