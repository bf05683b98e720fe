/*
 * The socket that a service manager listens at for assayd, by the protocol of
 * sd_listen_fds(3): LISTEN_PID says for whom, LISTEN_FDS how many there are,
 * and the first is descriptor 3.
 */
#ifndef ASSAY_BUILDER_SETUP_SOCKET_ACTIVATION_H
#define ASSAY_BUILDER_SETUP_SOCKET_ACTIVATION_H

#include "base/err.h"

enum { SOCKET_ACTIVATION_FIRST_FD = 3 };

/*
 * Take it, if there is one for this process: owned, closed at an exec, above
 * all numbers that hand_over() gives away; else *ret_fd stays as it is. `path`
 * is where it has to listen, by the configuration, so that what callers are
 * told is where they are heard. Order: before anything else uses descriptor 3.
 * Errors: LISTENER_UNFIT (not one socket, not one that listens, not AF_UNIX, no
 * stream, elsewhere), SYSTEM_FAILED.
 * Not done: its mode and owner, which are the service manager's.
 */
int socket_activation_take(const char *path, int *ret_fd, struct err *err);

#endif
