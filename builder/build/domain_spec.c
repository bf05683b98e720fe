#include "builder/build/domain_spec.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"

/* xen/include/xen/sched.h: the most that a 2-level event channel guest has;
 * libxl's default for max_event_channels. */
enum { MAX_EVENT_PORT = 1023 };
/* A negative number of frames is Xen's own limit: xen/common/grant_table.c. */
enum { FRAMES_OF_XEN = -1 };
/* The races of XSA-500 and XSA-501 are in changing the version. */
enum { GRANT_VERSION = 1 };
/* libxl's own: LIBXL_MAXMEM_CONSTANT in KiB (libxl_internal.h). */
enum { MEMORY_SLACK_KIB = 1024 };
/* xen/include/public/domctl.h: a PV guest has no flags; TSC_MODE_DEFAULT. */
enum { NO_FLAGS = 0, TSC_MODE = 0 };

struct xen_domain_spec
domain_spec_of(const struct guest *guest)
{
	return (struct xen_domain_spec){
	    .memory_mib = guest->memory_mib,
	    .memory_slack_kib = MEMORY_SLACK_KIB,
	    .vcpus = guest->vcpus,
	    .flags = NO_FLAGS,
	    .max_event_port = MAX_EVENT_PORT,
	    .grant_version = GRANT_VERSION,
	    .max_grant_frames = FRAMES_OF_XEN,
	    .max_maptrack_frames = FRAMES_OF_XEN,
	    .tsc_mode = TSC_MODE,
	};
}

int
domain_spec_encode(const struct build_request *request,
    const struct grant_daemons *daemons,
    char ret_text[static DOMAIN_SPEC_BYTES + 1], struct digest *ret_digest,
    struct err *err)
{
	struct xen_domain_spec spec = domain_spec_of(&request->guest);
	char text[DOMAIN_SPEC_BYTES + 1];
	int len;

	bug_unless(request_domain_name_is_valid(request->guest.name));
	len = snprintf(text, sizeof(text),
	    "{\"schema\":\"" DOMAIN_SPEC_SCHEMA "\",\"name\":\"%s\","
	    "\"type\":\"pv\",\"memory_mib\":%u,\"memory_slack_kib\":%u,"
	    "\"vcpus\":%u,\"paused\":%s,\"xenstored_domid\":%u,"
	    "\"xenconsoled_domid\":%u,\"flags\":%u,\"max_event_port\":%u,"
	    "\"grant_version\":%u,\"max_grant_frames\":%d,"
	    "\"max_maptrack_frames\":%d,\"tsc_mode\":%u}",
	    request->guest.name, spec.memory_mib, spec.memory_slack_kib,
	    spec.vcpus, request->is_paused ? "true" : "false",
	    daemons->xenstored_domid, daemons->xenconsoled_domid, spec.flags,
	    spec.max_event_port, spec.grant_version, spec.max_grant_frames,
	    spec.max_maptrack_frames, spec.tsc_mode);
	bug_unless(len > 0 && (size_t)len < sizeof(text));
	TRY(digest_of(bytes_of(text, (size_t)len), ret_digest, err));
	memcpy(ret_text, text, (size_t)len + 1);
	return 0;
}
