/*
 * What a build by name would get from a store, for the commands that say so
 * beforehand. The rule is that of assayd: image-store/image_choice.h.
 *
 * First a result for each image, by what a trust policy says of it or only by
 * what it claims; then the choice among those of one name.
 */
#ifndef ASSAY_CLI_STORE_STORE_BUILD_H
#define ASSAY_CLI_STORE_STORE_BUILD_H

#include <stdio.h>

#include <jansson.h>

#include "cli/store_manifest.h"
#include "image-store/image_choice.h"

/* Of one image of a store. */
struct store_result {
	struct err why; /* ERR_NONE: it is good, as far as was looked */
	bool is_candidate;
	char location[LIMIT_NAME_BYTES + 1]; /* of a candidate */
	int64_t index;
};

/*
 * Remember where in its series a candidate stands. It stays one whatever is
 * found out about its files: its build is refused then.
 */
void store_result_offer(struct store_result *result,
    const struct manifest *manifest);

/* By all that is signed about it, without its files. */
void store_result_verify(const struct store_source *source,
    const struct layout_entry *entry, struct store_result *ret_result);

/* By what the envelope claims: nobody's signature is looked at. */
void store_result_claim(int store_fd, const struct layout_entry *entry,
    struct store_result *ret_result);

/* A result for each image of a list; `source` is NULL: by claims. Returns
 * owned. Errors: NO_MEMORY. */
int store_results_new(const struct store_source *source, int store_fd,
    const struct layout_list *list, struct store_result **ret_results,
    struct err *err);

/* Borrows the list. */
struct store_build {
	const char *name;
	const char *version; /* what a build gets; NULL if it is refused */
	struct image_choice choice;
	struct err why; /* it is refused; ERR_NONE if it is not */
};

/*
 * Of the images of this name, without that of the version `but`, which may be
 * NULL. `results` are those of the list.
 */
void store_build_find(const struct layout_list *list,
    const struct store_result *results, const char *name, const char *but,
    struct store_build *ret_build);

/* No build is possible at all. */
void store_build_refuse(struct store_build *build, const struct err *why);

/* A line, and a JSON object, of which the second is owned. */
void store_build_print(const struct store_build *build, FILE *stream);
json_t *store_build_encode(const struct store_build *build);

#endif
