#include "cli/libassay/inbox.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 64 << 10 };

static void move_to_front(struct inbox *inbox);
static int grow(struct inbox *inbox, struct err *err);

void
inbox_done(struct inbox *inbox)
{
	free(inbox->data);
	*inbox = (struct inbox){0};
}

bool
inbox_is_empty(const struct inbox *inbox)
{
	return inbox->begin == inbox->end;
}

bool
inbox_take(struct inbox *inbox, struct bytes *ret_message)
{
	const char *end = NULL;

	if (inbox->scanned < inbox->end)
		end = memchr(inbox->data + inbox->scanned, '\0',
		    inbox->end - inbox->scanned);
	if (end == NULL) {
		inbox->scanned = inbox->end;
		return false;
	}
	*ret_message = bytes_of(inbox->data + inbox->begin,
	    (size_t)(end - inbox->data) - inbox->begin);
	inbox->begin += ret_message->len + 1;
	inbox->scanned = inbox->begin;
	return true;
}

int
inbox_room(struct inbox *inbox, char **ret_room, size_t *ret_len,
    struct err *err)
{
	move_to_front(inbox);
	if (inbox->end == INBOX_MAX_BYTES)
		return err_set(err, DAEMON_UNREACHABLE,
		    "a reply of over %d bytes", INBOX_MAX_BYTES);
	if (inbox->size - inbox->end < PIECE_BYTES && grow(inbox, err) != 0)
		return (int)err->code;
	*ret_room = inbox->data + inbox->end;
	*ret_len = inbox->size - inbox->end;
	return 0;
}

void
inbox_add(struct inbox *inbox, size_t len)
{
	inbox->end += len;
}

/* Once for each message at most: what is moved has no end yet. */
static void
move_to_front(struct inbox *inbox)
{
	size_t len = inbox->end - inbox->begin;

	if (inbox->begin == 0)
		return;
	memmove(inbox->data, inbox->data + inbox->begin, len);
	inbox->scanned -= inbox->begin;
	inbox->begin = 0;
	inbox->end = len;
}

static int
grow(struct inbox *inbox, struct err *err)
{
	size_t size = inbox->size > 0 ? inbox->size * 2 : PIECE_BYTES;
	char *data;

	if (inbox->size == INBOX_MAX_BYTES)
		return 0;
	data = realloc(inbox->data, size);
	if (data == NULL)
		return err_set(err, NO_MEMORY, "reply");
	inbox->data = data;
	inbox->size = size;
	return 0;
}
