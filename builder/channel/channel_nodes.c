#include "builder/channel/channel_nodes.h"

#include <stdio.h>

#include "base/scope.h"
#include "builder/xen/xenstore_call.h"

/* Below our own domain, where only it writes. */
#define ALL       "/local/domain/0/data/assay"
#define DIRECTORY ALL "/%u"

enum { PATH_SIZE = 64, NUMBER_SIZE = 16, NODES = 3 };

static struct store_node node_of(const char *path, const char *value,
    uint32_t domid);

int
channel_nodes_write(struct xenstore_batch *store, uint32_t domid, uint32_t ref,
    uint32_t port, struct err *err)
{
	char paths[NODES][PATH_SIZE];
	char values[NODES][NUMBER_SIZE] = {""};
	struct store_node nodes[NODES];

	snprintf(paths[0], PATH_SIZE, DIRECTORY, domid);
	snprintf(paths[1], PATH_SIZE, DIRECTORY "/ring-ref", domid);
	snprintf(paths[2], PATH_SIZE, DIRECTORY "/event-channel", domid);
	snprintf(values[1], NUMBER_SIZE, "%u", ref);
	snprintf(values[2], NUMBER_SIZE, "%u", port);
	for (size_t i = 0; i < NODES; i++)
		nodes[i] = node_of(paths[i], values[i], domid);
	return xenstore_batch_write(store, nodes, NODES, err);
}

int
channel_nodes_remove(struct xenstore_batch *store, uint32_t domid,
    struct err *err)
{
	char path[PATH_SIZE];
	const char *const paths[] = {path};

	snprintf(path, sizeof(path), DIRECTORY, domid);
	return xenstore_call_remove(&store->link, paths, 1, err);
}

int
channel_nodes_clear(struct xenstore_batch *store, struct err *err)
{
	const char *const paths[] = {ALL};

	return xenstore_call_remove(&store->link, paths, countof(paths), err);
}

/* Ours, which nobody else may read but that domain. */
static struct store_node
node_of(const char *path, const char *value, uint32_t domid)
{
	return (struct store_node){
	    .path = path,
	    .value = value,
	    .access = STORE_OWNED,
	    .owner = 0,
	    .reader = domid,
	};
}
