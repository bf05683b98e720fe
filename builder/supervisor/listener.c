#include "builder/supervisor/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/scope.h"

enum { BACKLOG = 128 };

/* The front of an assayd that was killed listens for a moment longer. */
enum { TRIES = 20, TRY_USEC = 100000 };

static int remove_old_socket(const struct sockaddr_un *address,
    struct err *err);
static bool somebody_listens(const struct sockaddr_un *address);
static mode_t mode_of(const struct daemon_config *config);

int
listener_open(const struct daemon_config *config, int *ret_listen_fd,
    struct err *err)
{
	const char *path = config->socket;
	CLEANUP(closep)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char directory[sizeof(address.sun_path)];
	char *slash;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (slash != NULL && slash != directory) {
		*slash = '\0';
		if (mkdir(directory, 0755) != 0 && errno != EEXIST)
			return err_set_errno(err, SYSTEM_FAILED, "mkdir %s",
			    directory);
	}
	if (fd < 0)
		return err_set_errno(err, SYSTEM_FAILED, "socket");
	TRY(remove_old_socket(&address, err));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(path, mode_of(config)) != 0 || listen(fd, BACKLOG) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "listen on %s", path);
	*ret_listen_fd = take_fd(&fd);
	return 0;
}

/* Only one that nobody listens at: a path that was written by mistake costs
 * nobody his file, or his callers. */
static int
remove_old_socket(const struct sockaddr_un *address, struct err *err)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) != 0 && errno == ENOENT)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set_field(err, CONFIG_BAD, "socket",
		    "socket: %s is no socket, and is not replaced",
		    err_quote_str(path).text);
	for (int i = 0; somebody_listens(address); i++) {
		if (i == TRIES)
			return err_set(err, SYSTEM_FAILED,
			    "another program listens at %s", path);
		usleep(TRY_USEC);
	}
	if (unlink(path) != 0 && errno != ENOENT)
		return err_set_errno(err, SYSTEM_FAILED, "unlink %s", path);
	return 0;
}

static bool
somebody_listens(const struct sockaddr_un *address)
{
	CLEANUP(closep)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* Of another kind, or without room: but alive. */
	return connect(fd, (const struct sockaddr *)address,
		   sizeof(*address)) == 0 ||
	       (errno != ECONNREFUSED && errno != ENOENT);
}

/* Who may not call is told so by name, unless nobody but root may. */
static mode_t
mode_of(const struct daemon_config *config)
{
	for (uint32_t i = 0; i < config->allow_uid_count; i++) {
		if (config->allow_uids[i] != 0)
			return 0666;
	}
	for (uint32_t i = 0; i < config->caller_count; i++) {
		if (config->callers[i].kind != CALLER_RULE_IMAGE)
			return 0666;
	}
	return 0600;
}
