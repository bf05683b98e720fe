/*
 * lab-domain DOMID UUID: make an empty domain with exactly this id and uuid, as
 * a toolstack could whose domain is not ours. xl lets Xen choose the id.
 *
 * In the lab's dom0 only. `xl destroy DOMID` removes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

#include "base/uuid.h"
#include "base/uuid_make.h"

int
main(int argc, char **argv)
{
	struct xen_domctl_createdomain config = {
	    .max_vcpus = 1,
	    .max_evtchn_port = 1023,
	    .max_grant_frames = -1,
	    .max_maptrack_frames = -1,
	    .grant_opts = XEN_DOMCTL_GRANT_version(1),
	};
	uint8_t uuid[UUID_BYTES];
	uint32_t domid;
	xc_interface *xch;

	if (argc != 3 || !uuid_from_text(argv[2], uuid)) {
		fprintf(stderr, "usage: lab-domain DOMID UUID\n");
		return 2;
	}
	domid = (uint32_t)strtoul(argv[1], NULL, 10);
	memcpy(config.handle, uuid, sizeof(config.handle));
	xch = xc_interface_open(NULL, NULL, 0);
	if (xch == NULL || xc_domain_create(xch, &domid, &config) != 0) {
		perror("lab-domain");
		return 1;
	}
	printf("%u\n", domid);
	xc_interface_close(xch);
	return 0;
}
