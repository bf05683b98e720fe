/*
 * Bytes that came, until they are whole messages: what ends in a zero byte.
 *
 * Trust: the bytes are foreign. Memory grows with what came, to INBOX_MAX_BYTES
 * and no further.
 */
#ifndef ASSAY_CLI_LIBASSAY_INBOX_H
#define ASSAY_CLI_LIBASSAY_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

enum { INBOX_MAX_BYTES = 16 << 20 };

/* All zero is an empty one. */
struct inbox {
	char *data;
	size_t size;
	size_t begin;   /* of what was not taken */
	size_t end;     /* of what came */
	size_t scanned; /* before it is no zero byte */
};

void inbox_done(struct inbox *inbox);

bool inbox_is_empty(const struct inbox *inbox);

/*
 * A whole message, without its zero byte; false if there is none. It holds
 * until the next inbox_room().
 */
bool inbox_take(struct inbox *inbox, struct bytes *ret_message);

/*
 * Room for more bytes, at least one; only if inbox_take() found nothing. Then
 * say how many of it are there now.
 * Errors: DAEMON_UNREACHABLE for a message that is too long, NO_MEMORY.
 */
int inbox_room(struct inbox *inbox, char **ret_room, size_t *ret_len,
    struct err *err);
void inbox_add(struct inbox *inbox, size_t len);

#endif
