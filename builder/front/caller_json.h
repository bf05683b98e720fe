/* Who asked, as the "Caller" of assay-rpc(7). */
#ifndef ASSAY_BUILDER_FRONT_CALLER_JSON_H
#define ASSAY_BUILDER_FRONT_CALLER_JSON_H

#include "base/json_table.h"

/* A struct caller; only written. */
extern const struct json_kind caller_json_kind;
extern const struct json_table caller_json_table;

#endif
