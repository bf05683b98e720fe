/*
 * Replies as a client reads them, in pieces whose size is the first byte: each
 * one is an error by name, or an object of printable ASCII that can be read
 * again, or ends the connection.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "cli/libassay/inbox.h"
#include "cli/libassay/message.h"
#include "tests/fuzz/fuzz.h"

static bool read_replies(struct inbox *inbox);
static void check_reply(const struct reply *reply);
static void check_printable(const char *text);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(inbox_done) struct inbox inbox = {.data = NULL};
	size_t piece = len > 0 ? (size_t)data[0] + 1 : 1;
	size_t at = len > 0;

	while (at < len && read_replies(&inbox)) {
		struct err err;
		char *room;
		size_t size;

		if (inbox_room(&inbox, &room, &size, &err) != 0)
			return 0;
		bug_unless(size > 0);
		size = size < piece ? size : piece;
		size = size < len - at ? size : len - at;
		memcpy(room, data + at, size);
		inbox_add(&inbox, size);
		at += size;
	}
	read_replies(&inbox);
	return 0;
}

/* False if one of them ends the connection. */
static bool
read_replies(struct inbox *inbox)
{
	struct bytes message;

	while (inbox_take(inbox, &message)) {
		struct reply reply;
		struct err err;

		if (message_decode_reply(message, &reply, &err) != 0)
			return false;
		check_reply(&reply);
		free(reply.parameters);
	}
	return true;
}

static void
check_reply(const struct reply *reply)
{
	CLEANUP(json_freep) json_t *object = NULL;
	struct err err;

	check_printable(reply->failure.name);
	check_printable(reply->failure.field);
	check_printable(reply->failure.detail);
	check_printable(reply->failure.remedy);
	bug_unless(
	    (reply->parameters == NULL) == (reply->failure.name[0] != '\0'));
	if (reply->parameters == NULL)
		return;
	check_printable(reply->parameters);
	/* Names may have become the same. */
	if (json_parse_many(bytes_of_str(reply->parameters), MESSAGE_JSON_DEPTH,
		MESSAGE_REPLY_VALUES, "again", RPC_MALFORMED, &object,
		&err) != 0)
		bug_unless(err.code == MEMBER_DUPLICATE);
}

static void
check_printable(const char *text)
{
	for (; *text != '\0'; text++)
		bug_unless(*text >= 0x20 && *text <= 0x7e);
}
