#include "builder/xen/fault.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* One process builds one domain: one layer is enough. */
static struct fault active;
static const struct xen_port *below;
static const struct store_port *store_below;
static unsigned int evtchn_calls;

static const char *const operations[] = {"domain_list", "xenstore_find",
    "domain_create", "domain_prepare", "evtchn_alloc", "evtchn_alloc2",
    "xenstore_remove", "xenstore_send", "domain_load", "grants_seed",
    "grants_read", "xenstore_write", "xenstore_introduce", "domain_set_uuid",
    "domain_unpause", NULL};

static bool is_hit(const char *operation, enum fault_kind kind);
static int refuse(const char *operation, struct err *err);
static int finish(const char *operation, int code);

/* An operation of the layer: fail before, or be killed after. */
#define FAULT_OF(port, name, call)                    \
	do {                                          \
		if (is_hit(name, FAULT_FAIL))         \
			return refuse(name, err);     \
		return finish(name, port->ops->call); \
	} while (0)
#define FAULT_CALL(name, call) FAULT_OF(below, name, call)

static int
fault_domain_create(void *xen, const struct xen_domain_spec *spec,
    uint32_t *ret_domid, struct err *err)
{
	FAULT_CALL("domain_create", domain_create(xen, spec, ret_domid, err));
}

static int
fault_domain_prepare(void *xen, uint32_t domid,
    const struct xen_domain_spec *spec, struct err *err)
{
	FAULT_CALL("domain_prepare", domain_prepare(xen, domid, spec, err));
}

static int
fault_evtchn_alloc(void *xen, uint32_t domid, uint16_t remote,
    uint32_t *ret_port, struct err *err)
{
	const char *name =
	    ++evtchn_calls == 1 ? "evtchn_alloc" : "evtchn_alloc2";

	FAULT_CALL(name, evtchn_alloc(xen, domid, remote, ret_port, err));
}

static int
fault_domain_load(void *xen, uint32_t domid, const struct xen_load *load,
    struct xen_rings *ret_rings, struct err *err)
{
	FAULT_CALL("domain_load",
	    domain_load(xen, domid, load, ret_rings, err));
}

static int
fault_grants_seed(void *xen, uint32_t domid,
    const struct xen_grant_entry *console,
    const struct xen_grant_entry *xenstore, struct err *err)
{
	FAULT_CALL("grants_seed",
	    grants_seed(xen, domid, console, xenstore, err));
}

static int
fault_grants_read(void *xen, uint32_t domid,
    struct xen_grant_entry *ret_entries, uint32_t max_entries,
    uint32_t *ret_count, struct err *err)
{
	FAULT_CALL("grants_read",
	    grants_read(xen, domid, ret_entries, max_entries, ret_count, err));
}

static int
fault_domain_set_uuid(void *xen, uint32_t domid,
    const uint8_t uuid[XEN_UUID_BYTES], struct err *err)
{
	FAULT_CALL("domain_set_uuid", domain_set_uuid(xen, domid, uuid, err));
}

static int
fault_domain_unpause(void *xen, uint32_t domid, struct err *err)
{
	FAULT_CALL("domain_unpause", domain_unpause(xen, domid, err));
}

static int
fault_domain_destroy(void *xen, uint32_t domid, struct err *err)
{
	return below->ops->domain_destroy(xen, domid, err);
}

static int
fault_domain_list(void *xen, struct xen_domain_info *ret_infos, uint32_t max,
    uint32_t *ret_count, struct err *err)
{
	FAULT_CALL("domain_list",
	    domain_list(xen, ret_infos, max, ret_count, err));
}

static int
fault_host_info(void *xen, struct xen_host_info *ret_info, struct err *err)
{
	return below->ops->host_info(xen, ret_info, err);
}

static void
fault_close(void *xen)
{
	below->ops->close(xen);
}

static const struct xen_ops fault_ops = {
    .domain_create = fault_domain_create,
    .domain_prepare = fault_domain_prepare,
    .evtchn_alloc = fault_evtchn_alloc,
    .domain_load = fault_domain_load,
    .grants_seed = fault_grants_seed,
    .grants_read = fault_grants_read,
    .domain_set_uuid = fault_domain_set_uuid,
    .domain_unpause = fault_domain_unpause,
    .domain_destroy = fault_domain_destroy,
    .domain_list = fault_domain_list,
    .host_info = fault_host_info,
    .close = fault_close,
};

void
fault_wrap(const struct fault *fault, const struct xen_port *inner,
    struct xen_port *ret_port)
{
	if (fault->kind == FAULT_NONE) {
		*ret_port = *inner;
		return;
	}
	active = *fault;
	below = inner;
	*ret_port = (struct xen_port){.ops = &fault_ops, .xen = inner->xen};
}

static int
fault_store_send(void *store, const struct store_node *nodes, uint32_t count,
    struct err *err)
{
	FAULT_OF(store_below, "xenstore_send", send(store, nodes, count, err));
}

static int
fault_store_write(void *store, const struct store_node *nodes, uint32_t count,
    struct err *err)
{
	FAULT_OF(store_below, "xenstore_write",
	    write(store, nodes, count, err));
}

static int
fault_store_find(void *store, const char *const *paths, uint32_t count,
    const char *value, uint32_t *ret_index, struct err *err)
{
	FAULT_OF(store_below, "xenstore_find",
	    find(store, paths, count, value, ret_index, err));
}

/* Once: the clean-up that follows uses the same operation. */
static int
fault_store_remove(void *store, const char *const *paths, uint32_t count,
    const struct store_guard *guard, struct err *err)
{
	static bool was_hit;

	if (was_hit)
		return store_below->ops->remove(store, paths, count, guard,
		    err);
	was_hit = true;
	FAULT_OF(store_below, "xenstore_remove",
	    remove(store, paths, count, guard, err));
}

static int
fault_store_introduce(void *store, uint32_t domid, uint64_t frame,
    uint32_t port, struct err *err)
{
	FAULT_OF(store_below, "xenstore_introduce",
	    introduce(store, domid, frame, port, err));
}

static bool
fault_store_is_connected(void *store)
{
	return store_below->ops->is_connected(store);
}

static void
fault_store_close(void *store)
{
	store_below->ops->close(store);
}

static const struct store_ops fault_store_ops = {
    .send = fault_store_send,
    .write = fault_store_write,
    .find = fault_store_find,
    .remove = fault_store_remove,
    .introduce = fault_store_introduce,
    .is_connected = fault_store_is_connected,
    .close = fault_store_close,
};

void
fault_wrap_store(const struct fault *fault, const struct store_port *inner,
    struct store_port *ret_port)
{
	*ret_port = *inner;
	if (fault->kind == FAULT_NONE)
		return;
	active = *fault;
	store_below = inner;
	ret_port->ops = &fault_store_ops;
}

const char *const *
fault_operations(void)
{
	return operations;
}

static bool
is_hit(const char *operation, enum fault_kind kind)
{
	return active.kind == kind && strcmp(active.operation, operation) == 0;
}

static int
refuse(const char *operation, struct err *err)
{
	return err_set(err, FAULT_INJECTED, "%s was made to fail", operation);
}

static int
finish(const char *operation, int code)
{
	if (is_hit(operation, FAULT_KILL)) {
		log_line("killed on purpose after=%s", operation);
		raise(SIGKILL);
	}
	return code;
}
