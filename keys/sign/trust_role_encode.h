/*
 * A role of a trust policy as JSON. Private to keys/sign/trust_edit.c.
 *
 * Not done: looking at what the draft says; trust_decode() does that with what
 * comes out.
 */
#ifndef ASSAY_KEYS_SIGN_TRUST_ROLE_ENCODE_H
#define ASSAY_KEYS_SIGN_TRUST_ROLE_ENCODE_H

#include <jansson.h>

#include "keys/sign/trust_edit.h"

/* Each returns owned, or NULL if memory is short. */
json_t *trust_role_encode(const struct trust_role_draft *role);

/* Without the members of which the draft says nothing. */
json_t *trust_role_encode_given(const struct trust_role_draft *role);

json_t *trust_string_array(const char *const *strings, size_t count);

#endif
