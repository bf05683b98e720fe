/*
 * Where assayd is: unix:PATH, vchan:DOMID[:PATH], or a plain path, which is a
 * socket. See assay.h. The text is the caller's own and is borrowed.
 */
#ifndef ASSAY_CLI_LIBASSAY_ADDRESS_H
#define ASSAY_CLI_LIBASSAY_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum {
	ADDRESS_DOMID_MAX = 0x7fef, /* xen/include/public/xen.h */
	/* libxenvchan 4.17 puts it and "/event-channel" into 64 bytes, and cuts
	 * what is longer. */
	ADDRESS_XENSTORE_MAX_BYTES = 49,
};

struct address {
	bool is_vchan;
	uint16_t domid;
	const char *path; /* of the socket; in xenstore, or NULL for ours */
};

/* Errors: ADDRESS_BAD. */
int address_decode(const char *text, struct address *ret_address,
    struct err *err);

#endif
