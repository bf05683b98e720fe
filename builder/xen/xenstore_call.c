#include "builder/xen/xenstore_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xs_wire.h>

#include "base/scope.h"

/* Requests that are out before the first reply is read: fewer bytes than a
 * socket holds, so that nobody waits for the other. */
enum { AHEAD = 32 };

/* What replies to several requests say. */
struct replies {
	bool are_there; /* some of the nodes; refusals may hide one */
	uint32_t same;  /* the first with the value, or their count */
};

static int try_remove(struct xenstore_link *link, const char *const *paths,
    uint32_t count, const struct store_guard *guard, bool *ret_collided,
    struct err *err);
static int remove_if_permitted(struct xenstore_link *link, uint32_t transaction,
    const char *const *paths, uint32_t count, const struct store_guard *guard,
    bool *ret_may, struct err *err);
static int ask_each(struct xenstore_link *link, struct xenstore_request like,
    const char *const *paths, uint32_t count, const char *value,
    struct replies *ret_replies, struct err *err);
static bool is_missing(const struct xenstore_reply *reply);

int
xenstore_call_find(struct xenstore_link *link, const char *const *paths,
    uint32_t count, const char *value, uint32_t *ret_index, struct err *err)
{
	struct replies replies;

	TRY(ask_each(link, (struct xenstore_request){.type = XS_READ}, paths,
	    count, value, &replies, err));
	*ret_index = replies.same;
	return 0;
}

int
xenstore_call_remove(struct xenstore_link *link, const char *const *paths,
    uint32_t count, struct err *err)
{
	struct replies ignored;

	return ask_each(link, (struct xenstore_request){.type = XS_RM}, paths,
	    count, NULL, &ignored, err);
}

int
xenstore_call_remove_guarded(struct xenstore_link *link,
    const char *const *paths, uint32_t count, const struct store_guard *guard,
    struct err *err)
{
	struct replies replies;

	/* Mostly there is nothing: that takes no transaction. */
	TRY(ask_each(link, (struct xenstore_request){.type = XS_DIRECTORY},
	    paths, count, NULL, &replies, err));
	if (!replies.are_there)
		return 0;
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
    const struct store_guard *guard, bool *ret_collided, struct err *err)
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
    const char *const *paths, uint32_t count, const struct store_guard *guard,
    bool *ret_may, struct err *err)
{
	struct xenstore_request look = {XS_DIRECTORY, transaction, {{0}}};
	struct xenstore_request rm = {XS_RM, transaction, {{0}}};
	struct replies ignored;

	TRY(ask_each(link, look, paths, count, NULL, &ignored, err));
	TRY(ask_each(link, rm, paths, count, NULL, &ignored, err));
	return guard->ask(guard->context, ret_may, err);
}

/* A request like this one for each path: one costs less than two processes need
 * to wake each other. All replies are taken, and the first refusal is returned,
 * but not that of a look. To remove what is not there is fine: xenstored says
 * ENOENT only if the parent is missing too. */
static int
ask_each(struct xenstore_link *link, struct xenstore_request like,
    const char *const *paths, uint32_t count, const char *value,
    struct replies *ret_replies, struct err *err)
{
	const uint32_t ahead = link->is_device ? 1 : AHEAD;
	struct xenstore_reply reply;
	uint32_t sent = 0;
	int first = 0;

	*ret_replies = (struct replies){.same = count};
	for (uint32_t i = 0; i < count; i++) {
		for (; sent < count && sent < i + ahead; sent++) {
			like.parts[0] =
			    bytes_of(paths[sent], strlen(paths[sent]) + 1);
			TRY(xenstore_link_send(link, &like, err));
		}
		TRY(xenstore_link_receive(link, like.type, &reply, err));
		if (is_missing(&reply))
			continue;
		ret_replies->are_there = true;
		if (reply.is_refusal && like.type != XS_DIRECTORY && first == 0)
			first = xenstore_link_refuse(&reply, paths[i], err);
		if (value != NULL && !reply.is_refusal &&
		    ret_replies->same == count &&
		    strcmp(reply.text, value) == 0)
			ret_replies->same = i;
	}
	return first;
}

static bool
is_missing(const struct xenstore_reply *reply)
{
	return reply->is_refusal && strcmp(reply->text, "ENOENT") == 0;
}
