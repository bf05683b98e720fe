/*
 * What the index of a store claims about its images: nothing of it is proven.
 */
#ifndef ASSAY_IMAGE_STORE_LAYOUT_LIST_H
#define ASSAY_IMAGE_STORE_LAYOUT_LIST_H

#include "base/digest.h"
#include "base/limits.h"
#include "image-store/manifest.h"

/* What the index says; a claim. ref.name is "NAME:VERSION". */
struct layout_entry {
	char claimed_name[LIMIT_NAME_BYTES + 1];
	char claimed_version[LIMIT_VERSION_BYTES + 1];
	struct blob oci_manifest;
	struct digest envelope;
	struct digest provenance[LIMIT_PROVENANCE];
	size_t provenance_count;
};

/* A list of entries; owned, free with layout_list_done(). */
struct layout_list {
	struct layout_entry *entries;
	size_t count;
};

void layout_list_done(struct layout_list *list);

#endif
