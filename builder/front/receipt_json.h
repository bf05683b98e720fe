/*
 * The receipt as JSON, as callers see it. It is written only: nobody reads one
 * back, and what assayd keeps of its domains is no JSON.
 * Spec: assay-rpc(7), "BuildDomain".
 */
#ifndef ASSAY_BUILDER_FRONT_RECEIPT_JSON_H
#define ASSAY_BUILDER_FRONT_RECEIPT_JSON_H

#include "base/json_table.h"
#include "builder/receipt.h"

#define RECEIPT_SCHEMA "assay.receipt/1"

/* Its members, as a part of replies. */
extern const struct json_table receipt_table;

#endif
