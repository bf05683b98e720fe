#include "builder/nodes/xenstore_nodes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"

/* What nodes are made of: where they lie, and what is in them. */
enum fact {
	DOMAIN, /* directories */
	VM,
	LIBXL,
	CONSOLE,
	BACKEND,
	RECORD,
	DOMID, /* values */
	UUID,
	NAME,
	MEMORY_KIB,
	STARTED,
	KERNEL,
	RAMDISK,
	CMDLINE,
	CONSOLED_DOMID,
	STORE_PORT,
	CONSOLE_PORT,
	STORE_RING,
	CONSOLE_RING,
	FACTS
};

struct facts {
	char text[FACTS][LIMIT_CMDLINE_BYTES + 1];
	uint32_t domid;
	uint32_t xenconsoled_domid;
	uint32_t vcpus;
};

/* Who may do what with a node. */
enum access {
	INHERIT,
	DOM0,
	GUEST_READS,
	GUEST_OWNS,
	CONSOLED_OWNS, /* and the guest reads */
	EACH_VCPU,     /* of these nodes there is one for each */
};

struct row {
	enum access access;
	enum fact directory;
	const char *leaf;
	enum fact value;
	const char *text; /* instead of that */
};

#define FACT(fact) fact, NULL
#define TEXT(text) FACTS, text

static const struct row rows[] = {
    {GUEST_READS, DOMAIN, "", TEXT("")},
    {INHERIT, DOMAIN, "/vm", FACT(VM)},
    {INHERIT, DOMAIN, "/name", FACT(NAME)},
    {INHERIT, DOMAIN, "/domid", FACT(DOMID)},
    {INHERIT, DOMAIN, "/cpu", TEXT("")},
    {EACH_VCPU, DOMAIN, "/availability", TEXT("online")},
    {INHERIT, DOMAIN, "/memory", TEXT("")},
    {INHERIT, DOMAIN, "/memory/static-max", FACT(MEMORY_KIB)},
    {INHERIT, DOMAIN, "/memory/target", FACT(MEMORY_KIB)},
    {INHERIT, DOMAIN, "/memory/videoram", TEXT("0")},
    {INHERIT, DOMAIN, "/device", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/device/suspend/event-channel", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/data", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/drivers", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/feature", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/attr", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/error", TEXT("")},
    {INHERIT, DOMAIN, "/store/port", FACT(STORE_PORT)},

    {INHERIT, DOMAIN, "/control", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/control/shutdown", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/control/feature-poweroff", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/control/feature-reboot", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/control/feature-suspend", TEXT("")},
    {GUEST_OWNS, DOMAIN, "/control/sysrq", TEXT("")},
    {INHERIT, DOMAIN, "/control/platform-feature-multiprocessor-suspend",
	TEXT("1")},
    {INHERIT, DOMAIN, "/control/platform-feature-xs_reset_watches", TEXT("1")},

    {GUEST_READS, VM, "", TEXT("")},
    {INHERIT, VM, "/uuid", FACT(UUID)},
    {INHERIT, VM, "/name", FACT(NAME)},
    {INHERIT, VM, "/start_time", FACT(STARTED)},
    {INHERIT, VM, "/image/ostype", TEXT("linux")},
    {INHERIT, VM, "/image/kernel", FACT(KERNEL)},
    {INHERIT, VM, "/image/ramdisk", FACT(RAMDISK)},
    {INHERIT, VM, "/image/cmdline", FACT(CMDLINE)},

    {DOM0, LIBXL, "", TEXT("")},
    {INHERIT, LIBXL, "/device", TEXT("")},
    {INHERIT, LIBXL, "/type", TEXT("pv")},

    /* The guest reads these and cannot write them: a path in them would be
     * opened in dom0 (XSA-57). */
    {CONSOLED_OWNS, CONSOLE, "", TEXT("")},
    {INHERIT, CONSOLE, "/backend", FACT(BACKEND)},
    {INHERIT, CONSOLE, "/backend-id", FACT(CONSOLED_DOMID)},
    /* libxl's default for xl console: libxl_console.c, one MiB of backlog. */
    {CONSOLED_OWNS, CONSOLE, "/limit", TEXT("1048576")},
    {CONSOLED_OWNS, CONSOLE, "/type", TEXT("xenconsoled")},
    {CONSOLED_OWNS, CONSOLE, "/output", TEXT("pty")},
    {CONSOLED_OWNS, CONSOLE, "/tty", TEXT("")},
    {CONSOLED_OWNS, CONSOLE, "/port", FACT(CONSOLE_PORT)},

    {CONSOLED_OWNS, BACKEND, "", TEXT("")},
    {INHERIT, BACKEND, "/frontend", FACT(CONSOLE)},
    {INHERIT, BACKEND, "/frontend-id", FACT(DOMID)},
    {INHERIT, BACKEND, "/online", TEXT("1")},
    {INHERIT, BACKEND, "/state", TEXT("1")},
    {INHERIT, BACKEND, "/protocol", TEXT("vt100")},

    /* libxl's private copy. */
    {DOM0, RECORD, "", TEXT("")},
    {INHERIT, RECORD, "/frontend", FACT(CONSOLE)},
    {INHERIT, RECORD, "/backend", FACT(BACKEND)},
    {INHERIT, RECORD, "/frontend-id", FACT(DOMID)},
    {INHERIT, RECORD, "/online", TEXT("1")},
    {INHERIT, RECORD, "/state", TEXT("1")},
    {INHERIT, RECORD, "/protocol", TEXT("vt100")},
};

static const struct row ring_rows[] = {
    {INHERIT, DOMAIN, "/store/ring-ref", FACT(STORE_RING)},
    {INHERIT, DOMAIN, "/console/ring-ref", FACT(CONSOLE_RING)},
};

static void name_directories(struct facts *facts);
static void describe(const struct nodes_facts *in, int64_t start_time_usec,
    struct facts *facts);
static void set(struct facts *facts, enum fact fact, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void set_digest(struct facts *facts, enum fact fact,
    const struct digest *digest);
static int fill(const struct facts *facts, const struct row *from, size_t count,
    struct xenstore_nodes *ret_nodes, struct err *err);
static void add(struct xenstore_nodes *list, const struct facts *facts,
    const struct row *row, const char *between);
static void add_each_vcpu(struct xenstore_nodes *list,
    const struct facts *facts, const struct row *row);
static void set_access(struct store_node *node, const struct facts *facts,
    enum access access);

int
xenstore_nodes_make(const struct nodes_facts *in, uint16_t xenconsoled_domid,
    int64_t start_time_usec, struct xenstore_nodes *ret_nodes, struct err *err)
{
	struct facts facts = {
	    .domid = in->domid,
	    .xenconsoled_domid = xenconsoled_domid,
	    .vcpus = in->guest.vcpus,
	};

	describe(in, start_time_usec, &facts);
	name_directories(&facts);
	return fill(&facts, rows, countof(rows), ret_nodes, err);
}

int
xenstore_nodes_make_rings(uint32_t domid, const struct xen_rings *rings,
    struct xenstore_nodes *ret_nodes, struct err *err)
{
	struct facts facts = {.domid = domid};

	set(&facts, STORE_RING, "%llu",
	    (unsigned long long)rings->xenstore_frame);
	set(&facts, CONSOLE_RING, "%llu",
	    (unsigned long long)rings->console_frame);
	name_directories(&facts);
	return fill(&facts, ring_rows, countof(ring_rows), ret_nodes, err);
}

void
xenstore_nodes_done(struct xenstore_nodes *nodes)
{
	for (uint32_t i = 0; i < nodes->count; i++) {
		free((void *)(uintptr_t)nodes->nodes[i].path);
		free((void *)(uintptr_t)nodes->nodes[i].value);
	}
	free(nodes->nodes);
	*nodes = (struct xenstore_nodes){0};
}

int
xenstore_nodes_remove(const struct store_port *store, uint32_t domid,
    uint16_t xenconsoled_domid, const struct store_guard *guard,
    struct err *err)
{
	char domain[64];
	char libxl[64];
	char console[96];
	const char *paths[] = {domain, libxl, console};

	snprintf(domain, sizeof(domain), "/local/domain/%u", domid);
	snprintf(libxl, sizeof(libxl), "/libxl/%u", domid);
	snprintf(console, sizeof(console),
	    "/local/domain/%u/backend/console/%u", xenconsoled_domid, domid);
	return store->ops->remove(store->store, paths, countof(paths), guard,
	    err);
}

int
xenstore_nodes_remove_vm(const struct store_port *store,
    const uint8_t uuid[UUID_BYTES], const struct store_guard *guard,
    struct err *err)
{
	char path[8 + UUID_TEXT_SIZE] = "/vm/";
	const char *const paths[] = {path};

	uuid_text(uuid, path + strlen("/vm/"));
	return store->ops->remove(store->store, paths, countof(paths), guard,
	    err);
}

static void
name_directories(struct facts *facts)
{
	uint32_t domid = facts->domid;

	set(facts, DOMAIN, "/local/domain/%u", domid);
	set(facts, VM, "/vm/%s", facts->text[UUID]);
	set(facts, LIBXL, "/libxl/%u", domid);
	set(facts, CONSOLE, "/local/domain/%u/console", domid);
	set(facts, BACKEND, "/local/domain/%u/backend/console/%u/0",
	    facts->xenconsoled_domid, domid);
	set(facts, RECORD, "/libxl/%u/device/console/0", domid);
}

static void
describe(const struct nodes_facts *in, int64_t start_time_usec,
    struct facts *facts)
{
	unsigned long long memory_mib = in->guest.memory_mib;

	set(facts, DOMID, "%u", in->domid);
	uuid_text(in->guest.uuid, facts->text[UUID]);
	set(facts, NAME, "%s", in->guest.name);
	set(facts, MEMORY_KIB, "%llu", memory_mib << 10);
	set(facts, STARTED, "%lld.%02lld",
	    (long long)(start_time_usec / 1000000),
	    (long long)(start_time_usec / 10000 % 100));
	set_digest(facts, KERNEL, &in->kernel_elf);
	if (in->has_ramdisk)
		set_digest(facts, RAMDISK, &in->ramdisk);
	set(facts, CMDLINE, "%s", in->cmdline);
	set(facts, CONSOLED_DOMID, "%u", facts->xenconsoled_domid);
	set(facts, STORE_PORT, "%u", in->xenstore_port);
	set(facts, CONSOLE_PORT, "%u", in->console_port);
}

static void
set(struct facts *facts, enum fact fact, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(facts->text[fact], sizeof(facts->text[fact]), fmt, args);
	va_end(args);
}

static void
set_digest(struct facts *facts, enum fact fact, const struct digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	digest_text(digest, text);
	set(facts, fact, "assay:%s", text);
}

static int
fill(const struct facts *facts, const struct row *from, size_t count,
    struct xenstore_nodes *ret_nodes, struct err *err)
{
	CLEANUP(xenstore_nodes_done) struct xenstore_nodes list = {0};

	list.nodes = calloc(count + facts->vcpus, sizeof(*list.nodes));
	list.is_short = list.nodes == NULL;
	for (size_t i = 0; i < count && !list.is_short; i++) {
		if (from[i].access == EACH_VCPU)
			add_each_vcpu(&list, facts, &from[i]);
		else
			add(&list, facts, &from[i], "");
	}
	if (list.is_short)
		return err_set(err, NO_MEMORY, "xenstore nodes");
	*ret_nodes = list;
	list = (struct xenstore_nodes){0};
	return 0;
}

static void
add_each_vcpu(struct xenstore_nodes *list, const struct facts *facts,
    const struct row *row)
{
	for (uint32_t i = 0; i < facts->vcpus && !list->is_short; i++) {
		char cpu[24];

		snprintf(cpu, sizeof(cpu), "/cpu/%u", i);
		add(list, facts, row, cpu);
	}
}

/* The node is counted first, so that what it has is freed in any case. */
static void
add(struct xenstore_nodes *list, const struct facts *facts,
    const struct row *row, const char *between)
{
	struct store_node *node = &list->nodes[list->count++];
	const char *text = row->text;
	char *path = NULL;

	if (asprintf(&path, "%s%s%s", facts->text[row->directory], between,
		row->leaf) < 0)
		path = NULL;
	node->path = path;
	node->value = strdup(text != NULL ? text : facts->text[row->value]);
	list->is_short = node->path == NULL || node->value == NULL;
	set_access(node, facts, row->access);
}

static void
set_access(struct store_node *node, const struct facts *facts,
    enum access access)
{
	node->access = STORE_OWNED;
	node->reader = STORE_NO_READER;
	if (access == INHERIT || access == EACH_VCPU)
		node->access = STORE_INHERIT;
	else if (access == DOM0)
		node->access = STORE_PRIVATE;
	else if (access == GUEST_OWNS)
		node->owner = facts->domid;
	else
		node->reader = facts->domid;
	if (access == CONSOLED_OWNS)
		node->owner = facts->xenconsoled_domid;
}
