/*
 * What an order and a receipt tell of the images that were passed over, checked
 * by whoever takes one.
 */
#ifndef ASSAY_BUILDER_PASSED_OVER_H
#define ASSAY_BUILDER_PASSED_OVER_H

#include <stddef.h>

#include "image-store/image_choice.h"

/* As many images as are told, each with a version and an error's number, and
 * nothing behind them. */
bool passed_over_is_legal(const struct passed_over *passed);

#endif
