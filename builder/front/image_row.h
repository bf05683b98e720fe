/*
 * A row of the listing that the verify role wrote.
 */
#ifndef ASSAY_BUILDER_FRONT_IMAGE_ROW_H
#define ASSAY_BUILDER_FRONT_IMAGE_ROW_H

#include <stdbool.h>

#include "builder/verify_link.h"

/* It was written by a role that is not believed: do its texts end, are they
 * printable, and is its bool one? Its outcome is for err_wire_to(). */
bool image_row_is_legal(const struct image_row *row);

#endif
