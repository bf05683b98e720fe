#include "builder/interface.h"

#include <stddef.h>
#include <string.h>

#include "builder/varlink.h"

static const char builder_interface[] =
    "# Start only the kernels that were signed.\n"
    "interface org.assay.Builder\n"
    "\n"
    "# An entry of the guest's grant table, as read back from Xen.\n"
    "type Grant (ref: int, domid: int, frame: int, flags: int)\n"
    "\n"
    "# What was built, and from what.\n"
    "type Receipt (\n"
    "  schema: string, domid: int, uuid: string, name: string,\n"
    "  image: string, version: string, role: string, debug: bool,\n"
    "  cached: bool, manifest_digest: string, payload_digest: string,\n"
    "  measurement: string, sequence: int, memory_mib: int, vcpus: int,\n"
    "  grants: []Grant, signers: []string,\n"
    "  rollback: (location: string, index: int),\n"
    "  timing_usec: [string]int\n"
    ")\n"
    "\n"
    "# An image of the store; `refused` is an error's name, or null.\n"
    "type Image (\n"
    "  name: string, version: string, manifest_digest: string,\n"
    "  refused: ?string, detail: ?string, role: ?string, debug: ?bool,\n"
    "  rollback_index: ?int, memory_min_mib: ?int, memory_max_mib: ?int,\n"
    "  vcpus_min: ?int, vcpus_max: ?int\n"
    ")\n"
    "\n"
    "# A domain that assayd built and that lives.\n"
    "type Domain (receipt: Receipt, paused: bool, dying: bool,\n"
    "  shutdown: bool, memory_kib: int)\n"
    "\n"
    "# Build one domain from a signed image, or leave nothing behind. The\n"
    "# domain is the caller's once this reply was delivered: if the\n"
    "# connection ends before, it is destroyed.\n"
    "method BuildDomain(\n"
    "  image: string, manifest: ?string, name: string, uuid: ?string,\n"
    "  memory_mib: int, vcpus: int, paused: ?bool\n"
    ") -> (receipt: Receipt)\n"
    "\n"
    "method ListImages() -> (images: []Image)\n"
    "method ListDomains() -> (domains: []Domain)\n"
    "\n"
    "# By exactly one of the three. Only domains that assayd built.\n"
    "method DestroyDomain(domid: ?int, uuid: ?string, name: ?string) -> ()\n"
    "\n"
    "method GetStatus() -> (\n"
    "  version: string, xen_version: string, uptime_seconds: int,\n"
    "  trust_version: int, domains: int, builds_running: int,\n"
    "  builds_done: int, builds_refused: int, cached_bytes: int,\n"
    "  total_kib: int, free_kib: int\n"
    ")\n"
    "\n"
    "# The input is bad or not allowed. `code` is stable: docs/errors.md.\n"
    "error Refused (code: string, field: string, detail: string,\n"
    "  remedy: string)\n"
    "# Xen, xenstore, disk or memory did not do what was asked.\n"
    "error Failed (code: string, field: string, detail: string,\n"
    "  remedy: string)\n";

static const char service_interface[] =
    "interface org.varlink.service\n"
    "\n"
    "method GetInfo() -> (vendor: string, product: string, version: string,\n"
    "  url: string, interfaces: []string)\n"
    "method GetInterfaceDescription(interface: string) ->\n"
    "  (description: string)\n"
    "\n"
    "error InterfaceNotFound (interface: string)\n"
    "error MethodNotFound (method: string)\n"
    "error MethodNotImplemented (method: string)\n"
    "error InvalidParameter (parameter: string)\n";

const char *
interface_description(const char *name)
{
	if (strcmp(name, VARLINK_INTERFACE) == 0)
		return builder_interface;
	if (strcmp(name, VARLINK_SERVICE) == 0)
		return service_interface;
	return NULL;
}
