/*
 * The provenance of an image directory: the DSSE envelopes in its directory
 * "provenance", which need not be there.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_PROVENANCE_DIR_H
#define ASSAY_IMAGE_STORE_PACK_PROVENANCE_DIR_H

#include "base/err.h"
#include "base/limits.h"
#include "base/sealed.h"

#define PROVENANCE_DIR "provenance"

struct provenance_list {
	struct sealed *envelopes[LIMIT_PROVENANCE];
	size_t count;
};

/*
 * In the order of their names, which end in ".dsse". Each is decoded, not
 * verified. Free with provenance_list_done(), also on failure.
 * Errors: PROVENANCE_MALFORMED (another name, too many, two of one content);
 * those of dsse_decode(); STORE_IO; NO_MEMORY.
 */
int provenance_dir_read(const char *image_dir, struct provenance_list *list,
    struct err *err);

void provenance_list_done(struct provenance_list *list);

#endif
