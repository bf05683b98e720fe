/*
 * The methods of org.assay.Builder and org.varlink.service: from parameters to
 * a call for the supervisor, from its answers to reply parameters. One table.
 */
#ifndef ASSAY_BUILDER_FRONT_METHODS_H
#define ASSAY_BUILDER_FRONT_METHODS_H

#include <jansson.h>

#include "builder/front_link.h"
#include "builder/front/varlink.h"

struct method;

/* All of them, by index; NULL behind the last. */
const struct method *method_at(size_t index);

/* Its name with the interface; what it takes and gives: the description of the
 * interface is held up against these. */
const char *method_name(const struct method *method);
const struct json_table *method_parameters(const struct method *method);
const struct json_table *method_reply(const struct method *method);

/* NULL if there is none of this name. */
const struct method *method_find(const char *name);

/* Answered by the front itself: GetInfo, GetInterfaceDescription. */
bool method_is_local(const struct method *method);

/*
 * Check the parameters and fill in the call (not its connection and peer). For
 * a local method *ret_reply is the reply's parameters, owned.
 * Errors: RPC_PARAMETER_BAD with the parameter; SYSTEM_FAILED.
 */
int method_decode(const struct method *method, json_t *parameters,
    struct front_call *ret_call, json_t **ret_reply, struct err *err);

/*
 * Did what belongs to this method's answer come along, and nothing else? Other
 * roles make it, and may be taken over.
 * Errors: TPM_FAILED.
 */
int method_check_attached(const struct method *method, struct bytes attached,
    struct err *err);

/*
 * An answer (outcome 0) with the memory that came along, if any, which was
 * checked, into reply parameters, owned.
 */
json_t *method_encode(const struct method *method,
    const struct front_answer *answer, struct bytes attached);

/* Does the last answer carry a receipt that must not get lost? */
bool method_makes_domain(const struct method *method);

#endif
