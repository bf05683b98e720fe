#include "builder/xen/skeleton.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"

enum { FIRST_CAPACITY = 96, RING_NODES = 2 };
/* libxl's default for xl console: libxl_console.c, one MiB of backlog. */
#define CONSOLE_LIMIT "1048576"

/* Who may do what with a node; see enum xen_node_access. */
struct access {
	enum xen_node_access kind;
	uint32_t owner;
	uint32_t reader;
};

static const struct access inherit = {.kind = XEN_NODE_INHERIT};
static const struct access private = {.kind = XEN_NODE_PRIVATE};

static void add_domain(struct skeleton *list, const struct skeleton_input *in);
static void add_control(struct skeleton *list, const struct skeleton_input *in);
static void add_vm(struct skeleton *list, const struct skeleton_input *in);
static void add_libxl(struct skeleton *list, const struct skeleton_input *in);
static void add_console(struct skeleton *list, const struct skeleton_input *in);
static void add_console_backend(struct skeleton *list, const char *dir,
    uint32_t domid);
static void add(struct skeleton *list, struct access access, const char *value,
    const char *path_fmt, ...) __attribute__((format(printf, 4, 5)));
static void add_number(struct skeleton *list, struct access access,
    uint64_t value, const char *dir, const char *leaf);

static struct access
owned(uint32_t owner, uint32_t reader)
{
	return (struct access){XEN_NODE_OWNED, owner, reader};
}

int
skeleton_make(const struct skeleton_input *input, struct skeleton *ret_skeleton,
    struct err *err)
{
	CLEANUP(skeleton_done) struct skeleton list = {0};

	list.nodes =
	    calloc(FIRST_CAPACITY + input->guest->vcpus, sizeof(*list.nodes));
	if (list.nodes == NULL)
		return err_set(err, NO_MEMORY, "xenstore nodes");
	list.capacity = FIRST_CAPACITY + input->guest->vcpus;
	add_domain(&list, input);
	add_control(&list, input);
	add_vm(&list, input);
	add_libxl(&list, input);
	add_console(&list, input);
	if (list.is_short)
		return err_set(err, NO_MEMORY, "xenstore nodes");
	*ret_skeleton = list;
	list = (struct skeleton){0};
	return 0;
}

int
skeleton_make_rings(uint32_t domid, const struct xen_rings *rings,
    struct skeleton *ret_skeleton, struct err *err)
{
	CLEANUP(skeleton_done) struct skeleton list = {0};
	char dir[48];

	list.nodes = calloc(RING_NODES, sizeof(*list.nodes));
	if (list.nodes == NULL)
		return err_set(err, NO_MEMORY, "xenstore nodes");
	list.capacity = RING_NODES;
	snprintf(dir, sizeof(dir), "/local/domain/%u", domid);
	add_number(&list, inherit, rings->xenstore_frame, dir,
	    "store/ring-ref");
	add_number(&list, inherit, rings->console_frame, dir,
	    "console/ring-ref");
	if (list.is_short)
		return err_set(err, NO_MEMORY, "xenstore nodes");
	*ret_skeleton = list;
	list = (struct skeleton){0};
	return 0;
}

void
skeleton_done(struct skeleton *skeleton)
{
	for (uint32_t i = 0; i < skeleton->count; i++) {
		free((void *)(uintptr_t)skeleton->nodes[i].path);
		free((void *)(uintptr_t)skeleton->nodes[i].value);
	}
	free(skeleton->nodes);
	*skeleton = (struct skeleton){0};
}

int
skeleton_remove(const struct xen_port *xen, uint32_t domid,
    uint16_t xenconsoled_domid, const struct xen_guard *guard, struct err *err)
{
	char domain[64];
	char libxl[64];
	char console[96];
	const char *paths[] = {domain, libxl, console};

	snprintf(domain, sizeof(domain), "/local/domain/%u", domid);
	snprintf(libxl, sizeof(libxl), "/libxl/%u", domid);
	snprintf(console, sizeof(console),
	    "/local/domain/%u/backend/console/%u", xenconsoled_domid, domid);
	return xen->ops->store_remove(xen->xen, paths, countof(paths), guard,
	    err);
}

int
skeleton_remove_vm(const struct xen_port *xen, const uint8_t uuid[UUID_BYTES],
    const struct xen_guard *guard, struct err *err)
{
	char path[8 + UUID_TEXT_SIZE] = "/vm/";
	const char *const paths[] = {path};

	uuid_text(uuid, path + strlen("/vm/"));
	return xen->ops->store_remove(xen->xen, paths, countof(paths), guard,
	    err);
}

static void
add_domain(struct skeleton *list, const struct skeleton_input *in)
{
	uint32_t domid = in->domid;
	struct access guest_reads = owned(0, domid);
	struct access guest_owns = owned(domid, XEN_NODE_NO_READER);
	uint64_t memory_kib = (uint64_t)in->guest->memory_mib << 10;
	char dir[48];
	char vm[48 + UUID_TEXT_SIZE] = "/vm/";

	snprintf(dir, sizeof(dir), "/local/domain/%u", domid);
	uuid_text(in->guest->uuid, vm + 4);
	add(list, guest_reads, "", "%s", dir);
	add(list, inherit, vm, "%s/vm", dir);
	add(list, inherit, in->guest->name, "%s/name", dir);
	add_number(list, inherit, domid, dir, "domid");
	add(list, inherit, "", "%s/cpu", dir);
	for (uint32_t i = 0; i < in->guest->vcpus; i++)
		add(list, inherit, "online", "%s/cpu/%u/availability", dir, i);
	add(list, inherit, "", "%s/memory", dir);
	add_number(list, inherit, memory_kib, dir, "memory/static-max");
	add_number(list, inherit, memory_kib, dir, "memory/target");
	add_number(list, inherit, 0, dir, "memory/videoram");
	add(list, inherit, "", "%s/device", dir);
	add(list, guest_owns, "", "%s/device/suspend/event-channel", dir);
	add(list, guest_owns, "", "%s/data", dir);
	add(list, guest_owns, "", "%s/drivers", dir);
	add(list, guest_owns, "", "%s/feature", dir);
	add(list, guest_owns, "", "%s/attr", dir);
	add(list, guest_owns, "", "%s/error", dir);
	add_number(list, inherit, in->xenstore_port, dir, "store/port");
}

static void
add_control(struct skeleton *list, const struct skeleton_input *in)
{
	struct access guest_owns = owned(in->domid, XEN_NODE_NO_READER);
	char dir[48];

	snprintf(dir, sizeof(dir), "/local/domain/%u/control", in->domid);
	add(list, inherit, "", "%s", dir);
	add(list, guest_owns, "", "%s/shutdown", dir);
	add(list, guest_owns, "", "%s/feature-poweroff", dir);
	add(list, guest_owns, "", "%s/feature-reboot", dir);
	add(list, guest_owns, "", "%s/feature-suspend", dir);
	add(list, guest_owns, "", "%s/sysrq", dir);
	add(list, inherit, "1", "%s/platform-feature-multiprocessor-suspend",
	    dir);
	add(list, inherit, "1", "%s/platform-feature-xs_reset_watches", dir);
}

static void
add_vm(struct skeleton *list, const struct skeleton_input *in)
{
	char uuid[UUID_TEXT_SIZE];
	char dir[8 + UUID_TEXT_SIZE];
	char started[48];
	char kernel[8 + DIGEST_TEXT_SIZE] = "assay:";
	char ramdisk[8 + DIGEST_TEXT_SIZE] = "";

	uuid_text(in->guest->uuid, uuid);
	snprintf(dir, sizeof(dir), "/vm/%s", uuid);
	snprintf(started, sizeof(started), "%lld.%02lld",
	    (long long)(in->start_time_usec / 1000000),
	    (long long)(in->start_time_usec / 10000 % 100));
	digest_text(&in->kernel_elf, kernel + strlen("assay:"));
	if (in->has_ramdisk) {
		memcpy(ramdisk, "assay:", sizeof("assay:"));
		digest_text(&in->ramdisk, ramdisk + strlen("assay:"));
	}
	add(list, owned(0, in->domid), "", "%s", dir);
	add(list, inherit, uuid, "%s/uuid", dir);
	add(list, inherit, in->guest->name, "%s/name", dir);
	add(list, inherit, started, "%s/start_time", dir);
	add(list, inherit, "linux", "%s/image/ostype", dir);
	add(list, inherit, kernel, "%s/image/kernel", dir);
	add(list, inherit, ramdisk, "%s/image/ramdisk", dir);
	add(list, inherit, in->cmdline, "%s/image/cmdline", dir);
}

static void
add_libxl(struct skeleton *list, const struct skeleton_input *in)
{
	add(list, private, "", "/libxl/%u", in->domid);
	add(list, inherit, "", "/libxl/%u/device", in->domid);
	add(list, inherit, "pv", "/libxl/%u/type", in->domid);
}

static void
add_console(struct skeleton *list, const struct skeleton_input *in)
{
	uint32_t daemon = in->xenconsoled_domid;
	struct access guest_reads = owned(daemon, in->domid);
	char frontend[48];
	char backend[64];
	char record[64];

	snprintf(frontend, sizeof(frontend), "/local/domain/%u/console",
	    in->domid);
	snprintf(backend, sizeof(backend),
	    "/local/domain/%u/backend/console/%u/0", daemon, in->domid);
	snprintf(record, sizeof(record), "/libxl/%u/device/console/0",
	    in->domid);

	/* The guest reads these and cannot write them: a path in them would
	 * be opened in dom0 (XSA-57). */
	add(list, owned(daemon, in->domid), "", "%s", frontend);
	add(list, inherit, backend, "%s/backend", frontend);
	add_number(list, inherit, daemon, frontend, "backend-id");
	add(list, guest_reads, CONSOLE_LIMIT, "%s/limit", frontend);
	add(list, guest_reads, "xenconsoled", "%s/type", frontend);
	add(list, guest_reads, "pty", "%s/output", frontend);
	add(list, guest_reads, "", "%s/tty", frontend);
	add_number(list, guest_reads, in->console_port, frontend, "port");

	add(list, guest_reads, "", "%s", backend);
	add(list, inherit, frontend, "%s/frontend", backend);
	add_console_backend(list, backend, in->domid);

	add(list, private, "", "%s", record);
	add(list, inherit, frontend, "%s/frontend", record);
	add(list, inherit, backend, "%s/backend", record);
	add_console_backend(list, record, in->domid);
}

/* What the backend directory and libxl's private copy of it share. */
static void
add_console_backend(struct skeleton *list, const char *dir, uint32_t domid)
{
	add_number(list, inherit, domid, dir, "frontend-id");
	add(list, inherit, "1", "%s/online", dir);
	add(list, inherit, "1", "%s/state", dir);
	add(list, inherit, "vt100", "%s/protocol", dir);
}

static void
add_number(struct skeleton *list, struct access access, uint64_t value,
    const char *dir, const char *leaf)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	add(list, access, text, "%s/%s", dir, leaf);
}

static void
add(struct skeleton *list, struct access access, const char *value,
    const char *path_fmt, ...)
{
	struct xen_node *node;
	char *path = NULL;
	char *copy = strdup(value);
	va_list args;
	int len;

	va_start(args, path_fmt);
	len = vasprintf(&path, path_fmt, args);
	va_end(args);
	if (len < 0 || copy == NULL || list->count == list->capacity) {
		list->is_short = true;
		free(copy);
		if (len >= 0)
			free(path);
		return;
	}
	node = &list->nodes[list->count++];
	*node = (struct xen_node){
	    .path = path,
	    .value = copy,
	    .access = access.kind,
	    .owner = access.owner,
	    .reader = access.reader,
	};
}
