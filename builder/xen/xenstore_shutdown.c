#include "builder/xen/xenstore_shutdown.h"

#include <stdio.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "base/scope.h"

enum { PATH_SIZE = 64 };

static int try_ask(struct xenstore_link *link, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], bool *ret_collided, struct err *err);
static int ask_if_known(struct xenstore_link *link, uint32_t transaction,
    uint32_t domid, const uint8_t uuid[UUID_BYTES], struct err *err);
static int check_uuid(struct xenstore_link *link, uint32_t transaction,
    uint32_t domid, const uint8_t uuid[UUID_BYTES], struct err *err);

int
xenstore_shutdown_ask(struct xenstore_link *link, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err)
{
	for (unsigned int i = 0; i < XENSTORE_LINK_ATTEMPTS; i++) {
		bool collided = false;

		TRY(try_ask(link, domid, uuid, &collided, err));
		if (!collided)
			return 0;
		xenstore_link_pause(i);
	}
	return err_set(err, XENSTORE_FAILED,
	    "d%u: the transaction collided %d times in a row", domid,
	    XENSTORE_LINK_ATTEMPTS);
}

/* *ret_collided: nothing was written. */
static int
try_ask(struct xenstore_link *link, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], bool *ret_collided, struct err *err)
{
	uint32_t transaction = 0;
	struct err ignored;

	TRY(xenstore_link_begin(link, &transaction, err));
	if (ask_if_known(link, transaction, domid, uuid, err) == 0)
		return xenstore_link_commit(link, transaction, ret_collided,
		    err);
	xenstore_link_abort(link, transaction, &ignored);
	return (int)err->code;
}

static int
ask_if_known(struct xenstore_link *link, uint32_t transaction, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err)
{
	static const char word[] = "poweroff";
	char path[PATH_SIZE];
	struct xenstore_request request = {
	    .type = XS_WRITE,
	    .transaction = transaction,
	};
	struct xenstore_reply reply;

	TRY(check_uuid(link, transaction, domid, uuid, err));
	snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown",
	    domid);
	request.parts[0] = bytes_of(path, strlen(path) + 1);
	request.parts[1] = bytes_of_str(word);
	return xenstore_link_ask(link, &request, path, &reply, err);
}

static int
check_uuid(struct xenstore_link *link, uint32_t transaction, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err)
{
	char path[PATH_SIZE];
	char text[UUID_TEXT_SIZE];
	char expected[sizeof("/vm/") + UUID_TEXT_SIZE];
	struct xenstore_request request = {
	    .type = XS_READ,
	    .transaction = transaction,
	};
	struct xenstore_reply reply;

	uuid_text(uuid, text);
	snprintf(expected, sizeof(expected), "/vm/%s", text);
	snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
	request.parts[0] = bytes_of(path, strlen(path) + 1);
	TRY(xenstore_link_send(link, &request, err));
	TRY(xenstore_link_receive(link, XS_READ, &reply, err));
	if (reply.is_refusal && strcmp(reply.text, "ENOENT") != 0)
		return xenstore_link_refuse(&reply, path, err);
	if (reply.is_refusal || strcmp(reply.text, expected) != 0)
		return err_set(err, DOMAIN_UNKNOWN,
		    "xenstore has no domain %u with this uuid", domid);
	return 0;
}
