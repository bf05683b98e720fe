/*
 * What assayd gives to whoever asks for evidence, as JSON; it is written only.
 * Spec: assay-rpc(7), "Attest".
 */
#ifndef ASSAY_BUILDER_FRONT_ATTEST_JSON_H
#define ASSAY_BUILDER_FRONT_ATTEST_JSON_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/json_table.h"
#include "builder/attest_reply.h"

/* Is it one, and does each part end inside of it? The tpm role made it, and the
 * front does not believe that. */
bool attest_reply_is_whole(struct bytes bytes);

/* Its members in the reply of Attest; they are only written. */
extern const struct json_table attest_reply_table;

/* As that reply; it must be whole. Returns owned, NULL if memory is
 * short. */
json_t *attest_reply_encode(const struct attest_reply *quote);

#endif
