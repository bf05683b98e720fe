#include "builder/supervisor/channel_devices.h"

#include <fcntl.h>

#include "base/scope.h"

static const char *const devices[CHANNEL_FDS] = {
    [CHANNEL_FD_GRANTS] = "/dev/xen/gntalloc",
    [CHANNEL_FD_EVENTS] = "/dev/xen/evtchn",
};

int
channel_devices_open(int ret_fds[static CHANNEL_FDS], struct err *err)
{
	int fds[CHANNEL_FDS];

	for (int i = 0; i < CHANNEL_FDS; i++) {
		fds[i] = open(devices[i], O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fds[i] >= 0)
			continue;
		err_set_errno(err, XEN_FAILED, "%s", devices[i]);
		while (i > 0)
			closep(&fds[--i]);
		return (int)err->code;
	}
	for (int i = 0; i < CHANNEL_FDS; i++)
		ret_fds[i] = fds[i];
	return 0;
}
