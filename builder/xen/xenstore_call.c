#include "builder/xen/xenstore_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "base/scope.h"

static int try_remove(struct xenstore_link *link, const char *const *paths,
    uint32_t count, const struct xen_guard *guard, bool *ret_collided,
    struct err *err);
static int remove_if_permitted(struct xenstore_link *link, uint32_t transaction,
    const char *const *paths, uint32_t count, const struct xen_guard *guard,
    bool *ret_may, struct err *err);
static int remove_path(struct xenstore_link *link, uint32_t transaction,
    const char *path, struct err *err);
static int look_at(struct xenstore_link *link, uint32_t transaction,
    const char *path, struct err *err);
static bool is_missing(const struct xenstore_reply *reply);
static struct xenstore_request request_of(uint32_t type, uint32_t transaction,
    const char *path);

int
xenstore_call_read(struct xenstore_link *link, const char *path,
    char **ret_value, struct err *err)
{
	const struct xenstore_request request = request_of(XS_READ, 0, path);
	struct xenstore_reply reply;
	char *value;

	TRY(xenstore_link_send(link, &request, err));
	TRY(xenstore_link_receive(link, XS_READ, &reply, err));
	if (is_missing(&reply)) {
		*ret_value = NULL;
		return 0;
	}
	if (reply.is_refusal)
		return xenstore_link_refuse(&reply, path, err);
	value = strndup(reply.text, reply.len);
	if (value == NULL)
		return err_set(err, NO_MEMORY, "xenstore value");
	*ret_value = value;
	return 0;
}

int
xenstore_call_remove(struct xenstore_link *link, const char *const *paths,
    uint32_t count, struct err *err)
{
	struct err later;
	int first = 0;

	for (uint32_t i = 0; i < count; i++) {
		int code =
		    remove_path(link, 0, paths[i], first == 0 ? err : &later);

		if (first == 0)
			first = code;
	}
	return first;
}

int
xenstore_call_remove_guarded(struct xenstore_link *link,
    const char *const *paths, uint32_t count, const struct xen_guard *guard,
    struct err *err)
{
	for (unsigned int i = 0; i < XENSTORE_LINK_ATTEMPTS; i++) {
		bool collided = false;

		TRY(try_remove(link, paths, count, guard, &collided, err));
		if (!collided)
			return 0;
		xenstore_link_pause(i);
	}
	return err_set(err, XENSTORE_FAILED,
	    "%s: the transaction collided %d times in a row", paths[0],
	    XENSTORE_LINK_ATTEMPTS);
}

int
xenstore_call_introduce(struct xenstore_link *link, uint32_t domid,
    uint64_t frame, uint32_t port, struct err *err)
{
	char numbers[3][24];
	char what[48];
	struct xenstore_request request = {.type = XS_INTRODUCE};
	struct xenstore_reply reply;

	snprintf(numbers[0], sizeof(numbers[0]), "%u", domid);
	snprintf(numbers[1], sizeof(numbers[1]), "%llu",
	    (unsigned long long)frame);
	snprintf(numbers[2], sizeof(numbers[2]), "%u", port);
	for (size_t i = 0; i < countof(numbers); i++)
		request.parts[i] = bytes_of(numbers[i], strlen(numbers[i]) + 1);
	/* It maps the ring by grant 1: xenstored_domain.c map_interface. */
	snprintf(what, sizeof(what), "introduce d%u and its grant 1", domid);
	return xenstore_link_ask(link, &request, what, &reply, err);
}

/* *ret_collided: nothing was removed. */
static int
try_remove(struct xenstore_link *link, const char *const *paths, uint32_t count,
    const struct xen_guard *guard, bool *ret_collided, struct err *err)
{
	struct err ignored;
	uint32_t transaction = 0;
	bool may = false;
	int code;

	TRY(xenstore_link_begin(link, &transaction, err));
	code = remove_if_permitted(link, transaction, paths, count, guard, &may,
	    err);
	if (code == 0 && may)
		return xenstore_link_commit(link, transaction, ret_collided,
		    err);
	if (code == 0)
		return xenstore_link_abort(link, transaction, err);
	xenstore_link_abort(link, transaction, &ignored);
	return code;
}

/*
 * The order is what makes a later write collide. C xenstored compares the
 * generation of each node that was read, there or not, from then to the commit;
 * to remove a node it reads it and all below it (xenstored_transaction.c
 * access_node, finalize_transaction). oxenstored repeats the requests if
 * anything changed and compares the replies (process.ml transaction_replay):
 * a removal always says "OK", a directory says what is in it.
 */
static int
remove_if_permitted(struct xenstore_link *link, uint32_t transaction,
    const char *const *paths, uint32_t count, const struct xen_guard *guard,
    bool *ret_may, struct err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		TRY(look_at(link, transaction, paths[i], err));
		TRY(remove_path(link, transaction, paths[i], err));
	}
	return guard->ask(guard->context, ret_may, err);
}

/* To remove what is not there is fine: xenstored says ENOENT only if the
 * parent is missing too. */
static int
remove_path(struct xenstore_link *link, uint32_t transaction, const char *path,
    struct err *err)
{
	const struct xenstore_request request =
	    request_of(XS_RM, transaction, path);
	struct xenstore_reply reply;

	TRY(xenstore_link_send(link, &request, err));
	TRY(xenstore_link_receive(link, XS_RM, &reply, err));
	if (reply.is_refusal && !is_missing(&reply))
		return xenstore_link_refuse(&reply, path, err);
	return 0;
}

/* Whatever the reply is, xenstored remembers it. */
static int
look_at(struct xenstore_link *link, uint32_t transaction, const char *path,
    struct err *err)
{
	const struct xenstore_request request =
	    request_of(XS_DIRECTORY, transaction, path);
	struct xenstore_reply reply;

	TRY(xenstore_link_send(link, &request, err));
	return xenstore_link_receive(link, XS_DIRECTORY, &reply, err);
}

static bool
is_missing(const struct xenstore_reply *reply)
{
	return reply->is_refusal && strcmp(reply->text, "ENOENT") == 0;
}

static struct xenstore_request
request_of(uint32_t type, uint32_t transaction, const char *path)
{
	return (struct xenstore_request){
	    .type = type,
	    .transaction = transaction,
	    .parts = {bytes_of(path, strlen(path) + 1)},
	};
}
