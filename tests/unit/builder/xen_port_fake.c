#include "xen_port_fake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/scope.h"
#include "base/uuid.h"

/* A frame of a PV guest: beyond what fits an int, inside 32 bits. */
enum { FIRST_FRAME = 0x100000, FIRST_DOMID = 7, FIRST_PORT = 11 };

static struct xen_fake *lock(struct xen_fake *fake);
static void unlock(struct xen_fake **fake);
static bool note(struct xen_fake *fake, const char *operation, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
static int fail(const char *operation, struct err *err);
static struct fake_domain *find(struct xen_fake *fake, uint32_t domid);
static int require(struct xen_fake *fake, uint32_t domid, const char *operation,
    struct fake_domain **ret_domain, struct err *err);
static void breach(struct xen_fake *fake, bool is_kept, const char *rule);
static void put_node(struct xen_fake *fake, const struct store_node *node);
static bool has_any(const struct xen_fake *fake, const char *const *paths,
    uint32_t count);
static bool is_below(const char *path, const char *top);

/* Note the call; fail it now, unless it is to fail after its effect. */
#define BEGIN(fake, operation, ...)                           \
	bool fails = note(fake, operation, __VA_ARGS__);      \
	CLEANUP(unlock) struct xen_fake *locked = lock(fake); \
	do {                                                  \
		if (fails && !(fake)->fails_after)            \
			return fail(operation, err);          \
	} while (0)

/* The effect is there; say so, or lie. */
#define END(operation) return fails ? fail(operation, err) : 0

static int
fake_domain_create(void *xen, const struct xen_domain_spec *spec,
    uint32_t *ret_domid, struct err *err)
{
	struct xen_fake *fake = xen;
	char uuid[UUID_TEXT_SIZE];

	uuid_text(spec->handle, uuid);
	CLEANUP(unlock) struct xen_fake *locked = NULL;

	/* A port that reports a failure has made no domain. */
	if (note(fake, "domain_create", "%s mib=%u vcpus=%u", uuid,
		spec->memory_mib, spec->vcpus))
		return fail("domain_create", err);
	locked = lock(fake);
	for (size_t i = 0; i < FAKE_DOMAINS; i++) {
		struct fake_domain *domain = &fake->domains[i];

		if (domain->exists)
			continue;
		memset(domain, 0, sizeof(*domain));
		domain->exists = true;
		domain->domid = fake->next_domid++;
		memcpy(domain->uuid, spec->handle, sizeof(domain->uuid));
		*ret_domid = domain->domid;
		return 0;
	}
	return err_set(err, XEN_FAILED, "too many domains");
}

static int
fake_domain_prepare(void *xen, uint32_t domid,
    const struct xen_domain_spec *spec, struct err *err)
{
	struct xen_fake *fake = xen;
	struct fake_domain *domain;
	BEGIN(fake, "domain_prepare", "%u mib=%u vcpus=%u", domid,
	    spec->memory_mib, spec->vcpus);
	if (require(fake, domid, "domain_prepare", &domain, err) != 0)
		return (int)err->code;
	domain->memory_mib = spec->memory_mib;
	domain->vcpus = spec->vcpus;
	domain->is_prepared = true;
	END("domain_prepare");
}

static int
fake_evtchn_alloc(void *xen, uint32_t domid, uint16_t remote,
    uint32_t *ret_port, struct err *err)
{
	struct xen_fake *fake = xen;
	struct fake_domain *domain;
	BEGIN(fake, "evtchn_alloc", "%u remote=%u", domid, remote);
	if (require(fake, domid, "evtchn_alloc", &domain, err) != 0)
		return (int)err->code;
	if (!fails)
		*ret_port = fake->next_port++;
	END("evtchn_alloc");
}

static int
fake_domain_load(void *xen, uint32_t domid, const struct xen_load *load,
    struct xen_rings *ret_rings, struct err *err)
{
	struct xen_fake *fake = xen;
	struct fake_domain *domain;
	BEGIN(fake, "domain_load",
	    "%u mib=%u vcpus=%u console=%u/%u xenstore=%u/%u", domid,
	    load->memory_mib, load->vcpus, load->console_port,
	    load->console_domid, load->xenstore_port, load->xenstore_domid);
	if (require(fake, domid, "domain_load", &domain, err) != 0)
		return (int)err->code;
	breach(fake, domain->is_prepared, "loaded before it was prepared");
	breach(fake, !domain->is_loaded, "loaded twice");
	if (digest_of(load->elf, &domain->elf, err) != 0 ||
	    digest_of(load->ramdisk, &domain->ramdisk, err) != 0)
		return (int)err->code;
	domain->ramdisk_len = load->ramdisk.len;
	snprintf(domain->cmdline, sizeof(domain->cmdline), "%s", load->cmdline);
	domain->load = *load;
	domain->is_loaded = true;
	domain->grant_count = XEN_GRANTS_PER_FRAME;
	domain->rings = (struct xen_rings){
	    .console_frame = FIRST_FRAME + 2 * domid,
	    .xenstore_frame = FIRST_FRAME + 2 * domid + 1,
	};
	if (!fails)
		*ret_rings = domain->rings;
	END("domain_load");
}

static int
fake_grants_seed(void *xen, uint32_t domid,
    const struct xen_grant_entry *console,
    const struct xen_grant_entry *xenstore, struct err *err)
{
	struct xen_fake *fake = xen;
	struct fake_domain *domain;
	BEGIN(fake, "grants_seed", "%u console=d%u:%x xenstore=d%u:%x", domid,
	    console->domid, console->frame, xenstore->domid, xenstore->frame);
	if (require(fake, domid, "grants_seed", &domain, err) != 0)
		return (int)err->code;
	domain->grants[0] = *console;
	domain->grants[1] = *xenstore;
	domain->is_seeded = true;
	if (fake->twist_grants != NULL)
		fake->twist_grants(domain);
	END("grants_seed");
}

static int
fake_grants_read(void *xen, uint32_t domid, struct xen_grant_entry *ret_entries,
    uint32_t max_entries, uint32_t *ret_count, struct err *err)
{
	struct xen_fake *fake = xen;
	struct fake_domain *domain;
	BEGIN(fake, "grants_read", "%u", domid);
	if (require(fake, domid, "grants_read", &domain, err) != 0)
		return (int)err->code;
	if (domain->grant_count > max_entries)
		return err_set(err, XEN_FAILED, "too many entries");
	domain->are_grants_read = true;
	if (!fails) {
		memcpy(ret_entries, domain->grants,
		    domain->grant_count * sizeof(*ret_entries));
		*ret_count = domain->grant_count;
	}
	END("grants_read");
}

static int
fake_domain_set_uuid(void *xen, uint32_t domid,
    const uint8_t uuid[XEN_UUID_BYTES], struct err *err)
{
	struct xen_fake *fake = xen;
	struct fake_domain *domain;
	char text[UUID_TEXT_SIZE];

	uuid_text(uuid, text);
	BEGIN(fake, "domain_set_uuid", "%u %s", domid, text);
	if (require(fake, domid, "domain_set_uuid", &domain, err) != 0)
		return (int)err->code;
	breach(fake, !domain->is_running, "named while it runs");
	memcpy(domain->uuid, uuid, sizeof(domain->uuid));
	domain->is_named = true;
	END("domain_set_uuid");
}

static int
fake_domain_unpause(void *xen, uint32_t domid, struct err *err)
{
	struct xen_fake *fake = xen;
	struct fake_domain *domain;
	BEGIN(fake, "domain_unpause", "%u", domid);
	if (require(fake, domid, "domain_unpause", &domain, err) != 0)
		return (int)err->code;
	breach(fake, domain->is_loaded, "runs before it was loaded");
	breach(fake, domain->is_seeded, "runs before its grants were seeded");
	breach(fake, domain->are_grants_read,
	    "runs before its grants were read back");
	breach(fake, domain->is_introduced, "runs before it was introduced");
	breach(fake, domain->is_named, "runs before it has its uuid");
	domain->is_running = true;
	END("domain_unpause");
}

static int
fake_domain_pause(void *xen, uint32_t domid, struct err *err)
{
	struct xen_fake *fake = xen;
	struct fake_domain *domain;
	BEGIN(fake, "domain_pause", "%u", domid);
	if (require(fake, domid, "domain_pause", &domain, err) != 0)
		return (int)err->code;
	domain->is_running = false;
	END("domain_pause");
}

static int
fake_domain_destroy(void *xen, uint32_t domid, struct err *err)
{
	struct xen_fake *fake = xen;
	struct fake_domain *domain;
	BEGIN(fake, "domain_destroy", "%u", domid);
	domain = find(fake, domid);
	if (domain != NULL)
		domain->exists = false;
	END("domain_destroy");
}

static int
fake_domain_list(void *xen, struct xen_domain_info *ret_infos, uint32_t max,
    uint32_t *ret_count, struct err *err)
{
	struct xen_fake *fake = xen;
	uint32_t count = 0;
	BEGIN(fake, "domain_list", "max=%u", max);
	for (size_t i = 0; i < FAKE_DOMAINS && !fails; i++) {
		const struct fake_domain *domain = &fake->domains[i];

		if (!domain->exists)
			continue;
		if (count == max)
			return err_set(err, XEN_FAILED, "too many domains");
		ret_infos[count] = (struct xen_domain_info){
		    .domid = domain->domid,
		    .is_paused = !domain->is_running,
		    .is_dying = domain->is_dying,
		    .is_shutdown = domain->is_shutdown,
		    .shutdown_reason = domain->shutdown_reason,
		    .vcpus = domain->vcpus,
		    .memory_kib = (uint64_t)domain->memory_mib << 10,
		};
		memcpy(ret_infos[count].uuid, domain->uuid, XEN_UUID_BYTES);
		count++;
	}
	if (!fails)
		*ret_count = count;
	END("domain_list");
}

static int
fake_host_info(void *xen, struct xen_host_info *ret_info, struct err *err)
{
	struct xen_fake *fake = xen;
	BEGIN(fake, "host_info", "-");
	*ret_info = (struct xen_host_info){
	    .version_major = 4,
	    .version_minor = 17,
	    .total_kib = 4 << 20,
	    .free_kib = 3 << 20,
	};
	END("host_info");
}

static void
fake_close(void *xen)
{
	struct xen_fake *fake = xen;

	fake->is_closed = true;
}

static const struct xen_ops ops = {
    .domain_create = fake_domain_create,
    .domain_prepare = fake_domain_prepare,
    .evtchn_alloc = fake_evtchn_alloc,
    .domain_load = fake_domain_load,
    .grants_seed = fake_grants_seed,
    .grants_read = fake_grants_read,
    .domain_set_uuid = fake_domain_set_uuid,
    .domain_unpause = fake_domain_unpause,
    .domain_destroy = fake_domain_destroy,
    .domain_pause = fake_domain_pause,
    .domain_list = fake_domain_list,
    .host_info = fake_host_info,
    .close = fake_close,
};

/* Of this process, as a connection to xenstored would be. */
static const struct store_node *sent;
static uint32_t sent_count;

static int
fake_xenstore_send(void *store, const struct store_node *nodes, uint32_t count,
    struct err *err)
{
	struct xen_fake *fake = store;
	BEGIN(fake, "xenstore_send", "%s nodes=%u",
	    count > 0 ? nodes[0].path : "-", count);
	sent = nodes;
	sent_count = count;
	END("xenstore_send");
}

static int
fake_xenstore_write(void *store, const struct store_node *nodes, uint32_t count,
    struct err *err)
{
	struct xen_fake *fake = store;
	BEGIN(fake, "xenstore_write", "%s nodes=%u",
	    count > 0 ? nodes[0].path : "-", count);
	for (uint32_t i = 0; i < sent_count; i++)
		put_node(fake, &sent[i]);
	for (uint32_t i = 0; i < count; i++)
		put_node(fake, &nodes[i]);
	sent_count = 0;
	END("xenstore_write");
}

static int
fake_xenstore_find(void *store, const char *const *paths, uint32_t count,
    const char *value, uint32_t *ret_index, struct err *err)
{
	struct xen_fake *fake = store;
	uint32_t found = 0;
	BEGIN(fake, "xenstore_find", "%s +%u %s", paths[0], count - 1, value);
	for (; found < count; found++) {
		const struct fake_node *node =
		    xen_fake_node(fake, paths[found]);

		if (node != NULL && strcmp(node->value, value) == 0)
			break;
	}
	if (!fails)
		*ret_index = found;
	END("xenstore_find");
}

/* The guard is asked without the lock: it calls the fake. */
static int
fake_xenstore_remove(void *store, const char *const *paths, uint32_t count,
    const struct store_guard *guard, struct err *err)
{
	struct xen_fake *fake = store;
	bool fails =
	    note(fake, "xenstore_remove", "%s +%u", paths[0], count - 1);
	bool may = true;
	CLEANUP(unlock) struct xen_fake *locked = NULL;

	if (fails && !fake->fails_after)
		return fail("xenstore_remove", err);
	if (guard != NULL && has_any(fake, paths, count))
		TRY(guard->ask(guard->context, &may, err));
	locked = lock(fake);
	for (size_t i = 0; i < FAKE_NODES && may; i++) {
		for (uint32_t path = 0; path < count; path++) {
			if (is_below(fake->nodes[i].path, paths[path]))
				fake->nodes[i].exists = false;
		}
	}
	END("xenstore_remove");
}

static bool
fake_xenstore_is_connected(void *store)
{
	struct xen_fake *fake = store;

	return __atomic_fetch_sub(&fake->stale_connections, 1,
		   __ATOMIC_SEQ_CST) <= 0;
}

static int
fake_xenstore_introduce(void *store, uint32_t domid, uint64_t xenstore_frame,
    uint32_t port, struct err *err)
{
	struct xen_fake *fake = store;
	struct fake_domain *domain;
	char path[48];
	BEGIN(fake, "xenstore_introduce", "%u frame=%llx port=%u", domid,
	    (unsigned long long)xenstore_frame, port);
	if (require(fake, domid, "xenstore_introduce", &domain, err) != 0)
		return (int)err->code;
	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	breach(fake, domain->are_grants_read,
	    "introduced before its grants were read back");
	breach(fake, xen_fake_node(fake, path) != NULL,
	    "introduced before its nodes were written");
	breach(fake, domain->rings.xenstore_frame == xenstore_frame,
	    "introduced with another ring");
	domain->introduced_port = port;
	domain->is_introduced = true;
	END("xenstore_introduce");
}

static const struct store_ops store_ops = {
    .send = fake_xenstore_send,
    .write = fake_xenstore_write,
    .find = fake_xenstore_find,
    .remove = fake_xenstore_remove,
    .introduce = fake_xenstore_introduce,
    .is_connected = fake_xenstore_is_connected,
    .close = fake_close,
};

struct store_port
xen_fake_store(struct xen_fake *fake)
{
	return (struct store_port){
	    .ops = &store_ops,
	    .store = fake,
	    .fds = {-1, -1},
	};
}

struct xen_fake *
xen_fake_new(void)
{
	struct xen_fake *fake = mmap(NULL, sizeof(*fake),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attributes;

	if (fake == MAP_FAILED)
		abort();
	/* A child that is killed in the middle must not stop the others. */
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&fake->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	sent_count = 0;
	fake->next_domid = FIRST_DOMID;
	fake->next_port = FIRST_PORT;
	return fake;
}

void
xen_fake_free(struct xen_fake *fake)
{
	munmap(fake, sizeof(*fake));
}

struct xen_port
xen_fake_port(struct xen_fake *fake)
{
	return (struct xen_port){.ops = &ops, .xen = fake};
}

struct fake_domain *
xen_fake_add(struct xen_fake *fake, uint32_t domid, uint8_t byte,
    const char *name)
{
	char path[64];
	struct store_node node = {.path = path, .value = name};

	for (size_t i = 0; i < FAKE_DOMAINS; i++) {
		struct fake_domain *domain = &fake->domains[i];

		if (domain->exists)
			continue;
		memset(domain, 0, sizeof(*domain));
		domain->exists = true;
		domain->domid = domid;
		domain->grant_count = XEN_GRANTS_PER_FRAME;
		domain->is_named = true;
		memset(domain->uuid, byte, sizeof(domain->uuid));
		snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
		if (name != NULL)
			put_node(fake, &node);
		return domain;
	}
	abort();
}

struct fake_domain *
xen_fake_domain(struct xen_fake *fake, uint32_t domid)
{
	return find(fake, domid);
}

uint32_t
xen_fake_domain_count(const struct xen_fake *fake)
{
	uint32_t count = 0;

	for (size_t i = 0; i < FAKE_DOMAINS; i++)
		count += fake->domains[i].exists;
	return count;
}

const struct fake_node *
xen_fake_node(const struct xen_fake *fake, const char *path)
{
	for (size_t i = 0; i < FAKE_NODES; i++) {
		if (fake->nodes[i].exists &&
		    strcmp(fake->nodes[i].path, path) == 0)
			return &fake->nodes[i];
	}
	return NULL;
}

uint32_t
xen_fake_node_count(const struct xen_fake *fake)
{
	uint32_t count = 0;

	for (size_t i = 0; i < FAKE_NODES; i++)
		count += fake->nodes[i].exists;
	return count;
}

void
xen_fake_put(struct xen_fake *fake, const char *path, const char *value)
{
	const struct store_node node = {.path = path, .value = value};

	put_node(fake, &node);
}

void
xen_fake_forget_nodes(struct xen_fake *fake)
{
	for (size_t i = 0; i < FAKE_NODES; i++)
		fake->nodes[i].exists = false;
}

void
xen_fake_forget_calls(struct xen_fake *fake)
{
	fake->call_count = 0;
}

int
xen_fake_call_of(const struct xen_fake *fake, const char *operation)
{
	size_t len = strlen(operation);

	for (uint32_t i = 0; i < fake->call_count && i < FAKE_CALLS; i++) {
		if (strncmp(fake->calls[i], operation, len) == 0 &&
		    fake->calls[i][len] == ' ')
			return (int)i;
	}
	return -1;
}

static struct xen_fake *
lock(struct xen_fake *fake)
{
	if (pthread_mutex_lock(&fake->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&fake->lock);
	return fake;
}

static void
unlock(struct xen_fake **fake)
{
	if (*fake != NULL)
		pthread_mutex_unlock(&(*fake)->lock);
}

/* Is this call to fail? */
static bool
note(struct xen_fake *fake, const char *operation, const char *fmt, ...)
{
	uint32_t number =
	    __atomic_fetch_add(&fake->call_count, 1, __ATOMIC_SEQ_CST);
	const struct timespec nap = {.tv_nsec = 1000000};
	va_list args;
	char *line;
	int len;

	if (number >= FAKE_CALLS) /* a flood: its end is not journalled */
		number = FAKE_CALLS - 1;
	line = fake->calls[number];
	len = snprintf(line, sizeof(fake->calls[0]), "%s ", operation);
	va_start(args, fmt);
	vsnprintf(line + len, sizeof(fake->calls[0]) - (size_t)len, fmt, args);
	va_end(args);
	while (strcmp((const char *)fake->hang_operation, operation) == 0) {
		nanosleep(&nap, NULL);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	return number + 1 == fake->fail_at ||
	       strcmp(fake->fail_operation, operation) == 0;
}

static int
fail(const char *operation, struct err *err)
{
	return err_set(err,
	    strncmp(operation, "xenstore_", 9) == 0 ? XENSTORE_FAILED
						    : XEN_FAILED,
	    "injected failure of %s", operation);
}

static struct fake_domain *
find(struct xen_fake *fake, uint32_t domid)
{
	for (size_t i = 0; i < FAKE_DOMAINS; i++) {
		if (fake->domains[i].exists && fake->domains[i].domid == domid)
			return &fake->domains[i];
	}
	return NULL;
}

static int
require(struct xen_fake *fake, uint32_t domid, const char *operation,
    struct fake_domain **ret_domain, struct err *err)
{
	*ret_domain = find(fake, domid);
	if (*ret_domain != NULL)
		return 0;
	return err_set(err, XEN_FAILED, "%s: no domain %u", operation, domid);
}

static void
breach(struct xen_fake *fake, bool is_kept, const char *rule)
{
	if (!is_kept && fake->violation[0] == '\0')
		snprintf(fake->violation, sizeof(fake->violation), "%s", rule);
}

static void
put_node(struct xen_fake *fake, const struct store_node *node)
{
	struct fake_node *place = NULL;

	for (size_t i = 0; i < FAKE_NODES; i++) {
		struct fake_node *other = &fake->nodes[i];

		if (place == NULL && !other->exists)
			place = other;
		if (other->exists && strcmp(other->path, node->path) == 0) {
			place = other;
			break;
		}
	}
	if (place == NULL)
		abort();
	place->exists = true;
	snprintf(place->path, sizeof(place->path), "%s", node->path);
	snprintf(place->value, sizeof(place->value), "%s", node->value);
	place->access = node->access;
	place->owner = node->owner;
	place->reader = node->reader;
}

static bool
has_any(const struct xen_fake *fake, const char *const *paths, uint32_t count)
{
	for (size_t i = 0; i < FAKE_NODES; i++) {
		for (uint32_t path = 0; path < count; path++) {
			if (fake->nodes[i].exists &&
			    is_below(fake->nodes[i].path, paths[path]))
				return true;
		}
	}
	return false;
}

static bool
is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}
