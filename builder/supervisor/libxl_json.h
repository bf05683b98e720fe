/*
 * libxl's own record of a domain, without which `xl block-attach` and
 * `xl network-attach` refuse: <dir>/userdata-d.<domid>.<uuid>.libxl-json.
 * Source: libxl_dom.c userdata_path, tools/helpers/init-dom-json.c.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_LIBXL_JSON_H
#define ASSAY_BUILDER_SUPERVISOR_LIBXL_JSON_H

#include "base/err.h"
#include "builder/request.h"

/* Complete or not at all, mode 0600. Errors: STORE_IO, NO_MEMORY. */
int libxl_json_write(const char *dir, uint32_t domid,
    const struct build_request *request, struct err *err);

/*
 * With all else that is kept there of this domain, as libxl does at its end:
 * what `xl block-attach` wrote meanwhile, and what a write that was killed
 * left. Source: libxl_dom.c libxl__userdata_destroyall. Succeeds if there is
 * none. Errors: STORE_IO.
 */
int libxl_json_remove(const char *dir, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err);

#endif
