/*
 * An image of a store, as the commands that list stores show it.
 */
#ifndef ASSAY_CLI_STORE_STORE_ROW_H
#define ASSAY_CLI_STORE_STORE_ROW_H

#include <jansson.h>

#include "image-store/layout.h"

/*
 * {"name","version","envelope_digest","payload_digest"}, as the store claims;
 * the last is null if the envelope cannot be read. Returns owned, NULL if
 * memory is short.
 */
json_t *store_row_new(int store_fd, const struct layout_entry *entry);

#endif
