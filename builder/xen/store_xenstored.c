#include "builder/xen/store_xenstored.h"

#include <stdlib.h>

#include "base/scope.h"
#include "builder/xen/xenstore_batch.h"
#include "builder/xen/xenstore_call.h"

/* Two connections: replies of a batch may be under way while something else is
 * asked. */
struct store_xenstored {
	struct xenstore_link link;
	struct xenstore_batch batch;
};

static const struct store_ops xenstored_ops;

static void release(struct store_xenstored **store);

int
store_xenstored_open(struct store_port *ret_port, struct err *err)
{
	CLEANUP(release)
	struct store_xenstored *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return err_set(err, NO_MEMORY, "xenstore port");
	store->link = XENSTORE_LINK_NONE;
	store->batch.link = XENSTORE_LINK_NONE;
	TRY(xenstore_link_open(&store->link, err));
	TRY(xenstore_link_open(&store->batch.link, err));
	*ret_port = (struct store_port){
	    .ops = &xenstored_ops,
	    .fds = {store->link.fd, store->batch.link.fd},
	};
	ret_port->store = take_ptr(&store);
	return 0;
}

static void
release(struct store_xenstored **store)
{
	if (*store == NULL)
		return;
	xenstore_link_close(&(*store)->batch.link);
	xenstore_link_close(&(*store)->link);
	free(*store);
	*store = NULL;
}

static int
xenstored_send(void *store, const struct store_node *nodes, uint32_t count,
    struct err *err)
{
	struct store_xenstored *own = store;

	return xenstore_batch_begin(&own->batch, nodes, count, err);
}

static int
xenstored_write(void *store, const struct store_node *nodes, uint32_t count,
    struct err *err)
{
	struct store_xenstored *own = store;

	return xenstore_batch_write(&own->batch, nodes, count, err);
}

static int
xenstored_find(void *store, const char *const *paths, uint32_t count,
    const char *value, uint32_t *ret_index, struct err *err)
{
	struct store_xenstored *own = store;

	return xenstore_call_find(&own->link, paths, count, value, ret_index,
	    err);
}

static int
xenstored_remove(void *store, const char *const *paths, uint32_t count,
    const struct store_guard *guard, struct err *err)
{
	struct store_xenstored *own = store;

	if (guard == NULL)
		return xenstore_call_remove(&own->link, paths, count, err);
	return xenstore_call_remove_guarded(&own->link, paths, count, guard,
	    err);
}

static int
xenstored_introduce(void *store, uint32_t domid, uint64_t frame, uint32_t port,
    struct err *err)
{
	struct store_xenstored *own = store;

	return xenstore_call_introduce(&own->link, domid, frame, port, err);
}

static bool
xenstored_is_connected(void *store)
{
	const struct store_xenstored *own = store;

	return xenstore_link_is_alive(&own->link) &&
	       xenstore_link_is_alive(&own->batch.link);
}

static void
xenstored_close(void *store)
{
	struct store_xenstored *own = store;

	release(&own);
}

static const struct store_ops xenstored_ops = {
    .send = xenstored_send,
    .write = xenstored_write,
    .find = xenstored_find,
    .remove = xenstored_remove,
    .introduce = xenstored_introduce,
    .is_connected = xenstored_is_connected,
    .close = xenstored_close,
};
