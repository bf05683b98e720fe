/*
 * activate KIND PATH COMMAND...: a service manager for a moment. It makes what
 * KIND says and executes the command with it, by sd_listen_fds(3).
 *
 *	listening   a Unix stream socket that listens at PATH: as it has to be
 *	other       the same, for another process
 *	two         the same, and it is said that there are two
 *	bound       one that does not listen
 *	datagram    a Unix datagram socket
 *	inet        one that listens at a port of this host
 *	file        no socket
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_FD = 3, BACKLOG = 8 };

static int make(const char *kind, const char *path);
static int make_unix(int type, const char *path);

int
main(int argc, char **argv)
{
	char pid[24];
	int fd;

	if (argc < 4) {
		fputs("usage: activate KIND PATH COMMAND...\n", stderr);
		return 2;
	}
	fd = make(argv[1], argv[2]);
	if (fd < 0) {
		perror(argv[2]);
		return 3;
	}
	if (fd != FIRST_FD) {
		dup2(fd, FIRST_FD);
		close(fd);
	}
	snprintf(pid, sizeof(pid), "%d",
	    strcmp(argv[1], "other") == 0 ? getppid() : getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", strcmp(argv[1], "two") == 0 ? "2" : "1", 1);
	execv(argv[3], argv + 3);
	perror(argv[3]);
	return 3;
}

static int
make(const char *kind, const char *path)
{
	int fd;

	if (strcmp(kind, "file") == 0)
		return open("/dev/null", O_RDWR);
	if (strcmp(kind, "inet") == 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		return fd >= 0 && listen(fd, BACKLOG) == 0 ? fd : -1;
	}
	if (strcmp(kind, "datagram") == 0)
		return make_unix(SOCK_DGRAM, path);
	fd = make_unix(SOCK_STREAM, path);
	if (strcmp(kind, "bound") != 0 && listen(fd, BACKLOG) != 0)
		return -1;
	return fd;
}

static int
make_unix(int type, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return fd;
}
