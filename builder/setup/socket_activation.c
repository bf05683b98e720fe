#include "builder/setup/socket_activation.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/setup/hand_over.h"

static bool is_for_us(void);
static int check_kind(int fd, struct err *err);
static bool has_option(int fd, int option, int value);
static int check_place(int fd, const char *path, struct err *err);

int
socket_activation_take(const char *path, int *ret_fd, struct err *err)
{
	const int fd = SOCKET_ACTIVATION_FIRST_FD;
	const char *count = getenv("LISTEN_FDS");
	CLEANUP(closep) int aside = -1;

	if (!is_for_us())
		return 0;
	if (count == NULL || strcmp(count, "1") != 0)
		return err_set(err, LISTENER_UNFIT,
		    "LISTEN_FDS is %s: one socket is taken",
		    err_quote_str(count != NULL ? count : "not set").text);
	TRY(check_kind(fd, err));
	TRY(check_place(fd, path, err));
	aside = fcntl(fd, F_DUPFD_CLOEXEC, HAND_OVER_OUT_OF_THE_WAY);
	if (aside < 0 || fcntl(aside, F_SETFL, O_NONBLOCK) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "fcntl");
	close(fd);
	*ret_fd = take_fd(&aside);
	return 0;
}

/* What a parent was given, children may see too: it is not theirs. */
static bool
is_for_us(void)
{
	const char *pid = getenv("LISTEN_PID");
	char own[24];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	return pid != NULL && strcmp(pid, own) == 0;
}

static int
check_kind(int fd, struct err *err)
{
	if (!has_option(fd, SO_DOMAIN, AF_UNIX) ||
	    !has_option(fd, SO_TYPE, SOCK_STREAM))
		return err_set(err, LISTENER_UNFIT,
		    "descriptor %d is no Unix stream socket", fd);
	if (!has_option(fd, SO_ACCEPTCONN, 1))
		return err_set(err, LISTENER_UNFIT,
		    "descriptor %d does not listen: is it of Accept=yes?", fd);
	return 0;
}

static bool
has_option(int fd, int option, int value)
{
	int is = -1;
	socklen_t len = sizeof(is);

	return getsockopt(fd, SOL_SOCKET, option, &is, &len) == 0 &&
	       is == value;
}

static int
check_place(int fd, const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(address) - 1;

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "getsockname");
	if (strcmp(address.sun_path, path) != 0)
		return err_set(err, LISTENER_UNFIT,
		    "it listens at %s, and socket is %s",
		    err_quote_str(address.sun_path).text,
		    err_quote_str(path).text);
	return 0;
}
