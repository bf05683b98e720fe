/*
 * The order: what the verify role decided about one build, as one plain value
 * of fixed size. It says which bytes are to run, on which command line, and
 * what goes on record about them; nothing of it is a path, and none of it is
 * believed to be well formed before order_check().
 *
 * What the caller asked for is not in it: the supervisor gives that to the
 * build role itself, so that a verify role that was taken over cannot swap one
 * caller's domain for another's.
 */
#ifndef ASSAY_BUILDER_ORDER_H
#define ASSAY_BUILDER_ORDER_H

#include "builder/image_identity.h"
#include "builder/request.h"
#include "builder/rules.h"
#include "builder/timing.h"
#include "image-store/image_choice.h"
#include "image-store/image_pieces.h"

struct order {
	struct image_identity image;
	struct image_shape shape; /* as it is loaded */
	struct blob kernel;       /* as it is stored */
	bool is_packed;           /* `kernel` has to be unpacked */
	bool must_unpack;         /* from that very file: what was proven
	                           * was proven of the stored one */
	char cmdline[LIMIT_CMDLINE_BYTES + 1];
	struct decided_by decided_by;
	struct passed_over passed_over;
	struct timing timing; /* so far; it goes on */
};

/*
 * Is it a legal order for this request? Strings terminated and legal, bools
 * bools, sizes within their limits and within the domain's memory; and nothing
 * that an event or a receipt could not hold.
 * Errors: ORDER_BROKEN; LIMIT_EXCEEDED, memory_mib.
 */
int order_check(const struct order *order, const struct build_request *request,
    struct err *err);

#endif
