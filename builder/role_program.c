#include "builder/role_program.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int find_directory(char ret_path[PATH_MAX], struct err *err);

int
role_program_open(const char *name, int *ret_fd, struct err *err)
{
	char directory[PATH_MAX];
	char path[PATH_MAX + 32];
	int fd;

	if (find_directory(directory, err) != 0)
		return (int)err->code;
	snprintf(path, sizeof(path), "%s/assayd-%s", directory, name);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s", path);
	*ret_fd = fd;
	return 0;
}

/* Where the running program is, whatever it was called. */
static int
find_directory(char ret_path[PATH_MAX], struct err *err)
{
	ssize_t len = readlink("/proc/self/exe", ret_path, PATH_MAX - 1);

	if (len < 0)
		return err_set_errno(err, SYSTEM_FAILED, "/proc/self/exe");
	ret_path[len] = '\0';
	*strrchr(ret_path, '/') = '\0'; /* it is absolute */
	return 0;
}
