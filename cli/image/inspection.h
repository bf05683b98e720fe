/*
 * What `image inspect` found, as text for people.
 */
#ifndef ASSAY_CLI_IMAGE_INSPECTION_H
#define ASSAY_CLI_IMAGE_INSPECTION_H

#include <jansson.h>

/*
 * The document of image_inspect.c: "manifest" and "signatures" are there or
 * not, and so is "kernel". A manifest was decoded, so that its strings are
 * fit to be shown; what a signature claims is escaped.
 */
void inspection_print(json_t *document);

#endif
