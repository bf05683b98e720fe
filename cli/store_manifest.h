/*
 * May an image of a store be built, by all that is signed about it? Signatures,
 * names, dates and floors of its manifest; the provenance that the trust policy
 * demands; the signed store index, if it demands one. What assayd decides
 * before it looks at a kernel, on files instead of a stage.
 *
 * Not done: kernel and ramdisk are not looked at.
 */
#ifndef ASSAY_CLI_STORE_MANIFEST_H
#define ASSAY_CLI_STORE_MANIFEST_H

#include "image-store/layout.h"
#include "image-store/store_index.h"

/* All borrowed. */
struct store_source {
	const struct trust_policy *policy;
	const struct store_index *index; /* NULL if none is needed */
	int store_fd;
};

/*
 * The signed index, if the policy demands one: NULL otherwise, as nobody's
 * signature on it counts then. Returns owned.
 * Errors: those of layout_copy_store_index(), store_index_verify(),
 * store_index_check_epoch() and store_index_check_expiry().
 */
int store_manifest_index(const struct trust_policy *policy, int store_fd,
    int64_t min_epoch, struct store_index **ret_index, struct err *err);

/*
 * The manifest of an entry, if a build of it would be allowed. Returns owned.
 * Errors: those of verified_manifest_new(), verified_manifest_require_proof()
 * and store_index_allows(); ENVELOPE_TOO_LARGE; IMAGE_DIGEST_MISMATCH.
 */
int store_manifest_verify(const struct store_source *source,
    const struct layout_entry *entry, struct verified_manifest **ret_manifest,
    struct err *err);

#endif
