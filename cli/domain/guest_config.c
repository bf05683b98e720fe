#include "cli/domain/guest_config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err_meaning.h"
#include "base/scope.h"

static const char reader[] = "../libexec/assay/assay-xl-config";

enum { ANSWER_DEPTH = 4 };

static int find_reader(char ret_path[PATH_MAX], struct err *err);
static int start(const char *program, const char *path, pid_t *ret_pid,
    int *ret_fd, struct err *err);
static int spawn(const char *program, const char *path, int output,
    pid_t *ret_pid);
static size_t read_all(int fd, char *text, size_t size);
static int check_end(pid_t pid, struct err *err);
static int decode(struct bytes text, struct xl_answer *ret_answer,
    struct err *err);
static int take_error(json_t *error, struct err *err);

bool
guest_config_is_path(const char *operand)
{
	static const char suffix[] = ".cfg";
	size_t len = strlen(operand);

	return strchr(operand, '/') != NULL ||
	       (len >= strlen(suffix) &&
		   strcmp(operand + len - strlen(suffix), suffix) == 0);
}

int
guest_config_read(const char *path, struct xl_answer *ret_answer,
    struct err *err)
{
	CLEANUP(closep) int fd = -1;
	char program[PATH_MAX];
	char text[LIMIT_XL_ANSWER_BYTES];
	size_t len;
	pid_t pid;

	TRY(find_reader(program, err));
	TRY(start(program, path, &pid, &fd, err));
	len = read_all(fd, text, sizeof(text));
	/* One that says too much shall not wait for a reader. */
	close(take_fd(&fd));
	TRY(check_end(pid, err));
	return decode(bytes_of(text, len), ret_answer, err);
}

static int
find_reader(char ret_path[PATH_MAX], struct err *err)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		return err_set_errno(err, SYSTEM_FAILED, "/proc/self/exe");
	self[len] = '\0';
	strrchr(self, '/')[1] = '\0'; /* it is absolute */
	if ((size_t)snprintf(ret_path, PATH_MAX, "%s%s", self, reader) >=
	    PATH_MAX)
		return err_set(err, SYSTEM_FAILED, "%s: too long a path",
		    err_quote_str(self).text);
	return 0;
}

static int
start(const char *program, const char *path, pid_t *ret_pid, int *ret_fd,
    struct err *err)
{
	CLEANUP(closep) int input = -1;
	CLEANUP(closep) int output = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "pipe");
	input = ends[0];
	output = ends[1];
	errno = spawn(program, path, output, ret_pid);
	if (errno != 0)
		return err_set_errno(err, XL_READER_FAILED, "%s", program);
	*ret_fd = take_fd(&input);
	return 0;
}

static int
spawn(const char *program, const char *path, int output, pid_t *ret_pid)
{
	char name[] = "assay-xl-config";
	char *arguments[] = {name, strdup(path), NULL};
	posix_spawn_file_actions_t actions;
	int code = posix_spawn_file_actions_init(&actions);

	if (code == 0) {
		code = posix_spawn_file_actions_adddup2(&actions, output,
		    STDOUT_FILENO);
		if (code == 0 && arguments[1] == NULL)
			code = ENOMEM;
		if (code == 0)
			code = posix_spawn(ret_pid, program, &actions, NULL,
			    arguments, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	free(arguments[1]);
	return code;
}

/* Up to the end, or as much as there is room for. */
static size_t
read_all(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t count = read(fd, text + len, size - len);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		len += (size_t)count;
	}
	return len;
}

/* One that ended by itself said how, whatever its status is. */
static int
check_end(pid_t pid, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_set_errno(err, SYSTEM_FAILED, "waitpid");
	}
	if (WIFSIGNALED(status))
		return err_set(err, XL_READER_FAILED,
		    "assay-xl-config was killed by signal %d",
		    WTERMSIG(status));
	return 0;
}

static int
decode(struct bytes text, struct xl_answer *ret_answer, struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct xl_answer answer = {.memory_mib = 0};
	struct json_at root;
	json_t *error;

	TRY(json_parse(text, ANSWER_DEPTH, "what assay-xl-config says",
	    XL_READER_FAILED, &document, err));
	error = json_object_get(document, "error");
	if (error != NULL)
		return take_error(error, err);
	root = json_root(document, XL_READER_FAILED);
	TRY(json_table_read(&root, &xl_answer_table, &answer, err));
	*ret_answer = answer;
	return 0;
}

static int
take_error(json_t *error, struct err *err)
{
	const char *name;
	const char *field;
	const char *detail;
	enum err_code code;

	if (json_unpack(error, "{s:s, s:s, s:s}", "code", &name, "field",
		&field, "detail", &detail) != 0 ||
	    !err_from_name(name, &code))
		return err_set(err, XL_READER_FAILED,
		    "assay-xl-config gave an error that is none");
	return err_set_field(err, code, field, "%s", detail);
}
