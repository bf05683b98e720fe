/*
 * Stands in for assayd: takes a call and gives an answer, to a command that it
 * starts itself once it listens. Ends with the command's status.
 *
 * usage: cli-answer SOCKET HOW REPLY[,REPLY...] COMMAND [ARGUMENT...]
 *   REPLY  a file; a zero byte follows its bytes, if HOW does not say
 *          otherwise. The second is for a second connection, and so on
 *   HOW    whole   in one piece
 *          bytes   byte by byte
 *          cut     without the zero byte, and then the connection ends
 *          unread  in one piece, before the call was read, which it never is
 *          calls   in one piece, each to a call in the one connection
 *
 * The calls are left in the file SOCKET.call, one after the other.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 30, PIECE_BYTES = 4096 };

static void
must(int is_good, const char *what)
{
	if (is_good)
		return;
	perror(what);
	exit(125);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(strlen(path) < sizeof(address.sun_path), path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	unlink(path);
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, path);
	must(listen(fd, 1) == 0, "listen");
	return fd;
}

/* The alarm holds for the command too: it outlives exec. */
static pid_t
start(char **command)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	alarm(SECONDS);
	if (pid > 0)
		return pid;
	execvp(command[0], command);
	must(0, command[0]);
	return -1;
}

static void
read_call(int from, const char *socket_path)
{
	char path[256];
	char piece[PIECE_BYTES];
	ssize_t n;
	int to;

	snprintf(path, sizeof(path), "%s.call", socket_path);
	to = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	must(to >= 0, path);
	while ((n = recv(from, piece, sizeof(piece), 0)) > 0) {
		size_t len = (size_t)n - (piece[n - 1] == '\0');

		must(write(to, piece, len) == (ssize_t)len, path);
		if (piece[n - 1] == '\0')
			break;
	}
	close(to);
}

static void
reply(int to, const char *path, const char *how)
{
	int is_slow = strcmp(how, "bytes") == 0;
	int from = open(path, O_RDONLY | O_CLOEXEC);
	char piece[PIECE_BYTES];
	ssize_t n;

	must(from >= 0, path);
	while ((n = read(from, piece, is_slow ? 1 : sizeof(piece))) > 0) {
		if (is_slow)
			usleep(300);
		must(send(to, piece, (size_t)n, MSG_NOSIGNAL) == n, "send");
	}
	if (strcmp(how, "cut") != 0)
		must(send(to, "", 1, MSG_NOSIGNAL) == 1, "send");
	close(from);
}

static int
take_connection(int listener)
{
	int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	must(connection >= 0, "accept");
	return connection;
}

static void
answer(int connection, const char *socket_path, const char *how,
    const char *path)
{
	if (strcmp(how, "unread") != 0)
		read_call(connection, socket_path);
	reply(connection, path, how);
}

static void
answer_all(int listener, const char *socket_path, const char *how, char *paths)
{
	int stays = strcmp(how, "calls") == 0;
	int connection = -1;

	for (char *path = strtok(paths, ","); path != NULL;
	     path = strtok(NULL, ",")) {
		if (connection < 0)
			connection = take_connection(listener);
		answer(connection, socket_path, how, path);
		if (stays)
			continue;
		close(connection);
		connection = -1;
	}
}

static void
forget_calls(const char *socket_path)
{
	char path[256];

	snprintf(path, sizeof(path), "%s.call", socket_path);
	unlink(path);
}

int
main(int argc, char **argv)
{
	int status;
	int listener;
	pid_t pid;

	if (argc < 5) {
		fputs("usage: cli-answer SOCKET HOW REPLY COMMAND...\n",
		    stderr);
		return 125;
	}
	listener = listen_at(argv[1]);
	forget_calls(argv[1]);
	pid = start(argv + 4);
	answer_all(listener, argv[1], argv[2], argv[3]);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 124;
}
