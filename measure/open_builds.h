/*
 * The builds that the log holds without an end: room is kept for the abandon or
 * destroy of each. A domain that others destroyed stays one of them, as its end
 * is never put on record.
 */
#ifndef ASSAY_MEASURE_OPEN_BUILDS_H
#define ASSAY_MEASURE_OPEN_BUILDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/uuid.h"

/* No more than the log has builds, so its limit bounds it. */
struct open_builds {
	uint8_t (*uuids)[UUID_BYTES]; /* owned */
	size_t count;
	size_t size;
};

void open_builds_done(struct open_builds *builds);

/* Make room for one more, which can then be added without failing.
 * Errors: NO_MEMORY. */
int open_builds_reserve(struct open_builds *builds, struct err *err);
void open_builds_add(struct open_builds *builds,
    const uint8_t uuid[UUID_BYTES]);

/* One of this uuid has ended. */
void open_builds_end(struct open_builds *builds,
    const uint8_t uuid[UUID_BYTES]);

bool open_builds_has(const struct open_builds *builds,
    const uint8_t uuid[UUID_BYTES]);

#endif
