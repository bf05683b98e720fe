/*
 * How something ended, as it crosses between roles: an error value, checked
 * and cleaned by the receiver before anything is done with it.
 */
#ifndef ASSAY_BUILDER_ERR_WIRE_H
#define ASSAY_BUILDER_ERR_WIRE_H

#include <stdint.h>

#include "base/err.h"

struct err_wire {
	int32_t code; /* 0, or a number of the error table */
	char field[sizeof(((struct err *)0)->field)];
	char text[sizeof(((struct err *)0)->text)];
};

/* `code` is what a function returned with this `err`. */
void err_wire_from(struct err_wire *ret_outcome, int code,
    const struct err *err);

/*
 * The error value that another role sent: 0, or its code stored in `err`. An
 * unknown number is `broken` instead; texts are terminated and made printable.
 */
int err_wire_to(const struct err_wire *outcome, enum err_code broken,
    struct err *err);

#endif
