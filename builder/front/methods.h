/*
 * The methods of org.assay.Builder and org.varlink.service: from parameters to
 * a call for the supervisor, from its answers to reply parameters. One table.
 */
#ifndef ASSAY_BUILDER_FRONT_METHODS_H
#define ASSAY_BUILDER_FRONT_METHODS_H

#include <jansson.h>

#include "builder/front_link.h"
#include "builder/front/varlink.h"

struct method_work;

/*
 * What the description of the interface and assay-rpc(7) are held up against:
 * the parameters are read, and the reply is written, by these tables.
 */
struct method {
	const char *name;
	uint32_t kind; /* enum front_call_kind, or 0: local */
	const struct json_table *parameters;
	/* The rules between them; a reply, if it is local. Or NULL. */
	int (*finish)(const struct json_at *parameters,
	    struct method_work *work, json_t **ret_reply, struct err *err);
	const struct json_table *reply;
	size_t row_bytes; /* what comes along is an array of these; 0: not */
};

/* All of them, by index; NULL behind the last. */
const struct method *method_at(size_t index);

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

/* May this answer a call of this method? Any is answered by a refusal. */
bool method_takes(const struct method *method,
    const struct front_answer *answer);

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
