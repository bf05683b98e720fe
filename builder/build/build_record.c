#include "builder/build/build_record.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "builder/build/build_report.h"

int
build_record_event(const struct receipt *receipt, const struct order *order,
    struct event_build *ret_event, struct err *err)
{
	const struct guest *guest = &receipt->guest;
	const struct image_identity *image = &receipt->image;
	struct event_build event = {
	    .envelope = image->envelope,
	    .payload = image->payload,
	    .kernel_elf = order->shape.elf.digest,
	    .has_ramdisk = order->shape.has_ramdisk,
	    .ramdisk = order->shape.ramdisk.digest,
	    .config = receipt->config,
	    .is_debug = image->is_debug,
	    .domid = receipt->domid,
	    .memory_mib = guest->memory_mib,
	    .vcpus = guest->vcpus,
	};

	memcpy(event.uuid, guest->uuid, sizeof(event.uuid));
	snprintf(event.role, sizeof(event.role), "%s", image->role);
	TRY(digest_of(bytes_of_str(order->cmdline), &event.cmdline, err));
	*ret_event = event;
	return 0;
}

int
build_record_put(const struct build_record *record,
    const struct decided_by *decided_by, const struct event_build *event,
    struct receipt *receipt, struct err *err)
{
	TRY(build_report_record(record->link, decided_by, event,
	    &receipt->sequence, &receipt->measurement, err));
	timing_mark(record->timing, TIMING_RECORD);
	return 0;
}
