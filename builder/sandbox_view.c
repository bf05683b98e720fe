#include "builder/sandbox_view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/sandbox.h"

/* Newer than the headers that this is built with. */
enum {
	NET_ALL = 1 << 0 | 1 << 1,   /* ABI 4: bind and connect, TCP */
	SCOPE_ALL = 1 << 0 | 1 << 1, /* ABI 6: abstract sockets, signals */
};
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scope;
};

/* What each ABI has, from 1 on: how many rights of files, and how much of a
 * struct ruleset. */
static const struct {
	unsigned int rights;
	size_t bytes;
} abis[] = {{13, 8}, {14, 8}, {15, 8}, {15, 16}, {16, 16}, {16, 24}};

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

static int open_empty(int *ret_fd, struct err *err);
static int restrict_to(uint64_t handled, int dir_fd, struct err *err);

int
sandbox_view_enter(struct err *err)
{
	CLEANUP(closep) int fd = -1;
	bool is_root = geteuid() == 0;

	if (is_root)
		TRY(open_empty(&fd, err));
	if ((is_root ? fchdir(fd) : chdir("/")) != 0 ||
	    (is_root && chroot(".") != 0))
		return err_set_errno(err, SYSTEM_FAILED, "a root of its own");
	return 0;
}

int
sandbox_view_restrict(bool may_read, struct err *err)
{
	const uint64_t all = ~(uint64_t)0;

	return restrict_to(may_read ? all & ~(uint64_t)READ : all, -1, err);
}

int
sandbox_read_beneath(int dir_fd, struct err *err)
{
	return restrict_to(READ, dir_fd, err);
}

/* In no tree of mounts, and gone with the role. */
static int
open_empty(int *ret_fd, struct err *err)
{
	CLEANUP(closep)
	int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "an empty tmpfs");
	*ret_fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
	    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
		MOUNT_ATTR_NOEXEC);
	if (*ret_fd < 0)
		return err_set_errno(err, SYSTEM_FAILED, "an empty tmpfs");
	return 0;
}

/* `handled` are rights that go, but for reading files beneath `dir_fd`. Who
 * loses more than the right to read loses whatever else the kernel can take. */
static int
restrict_to(uint64_t handled, int dir_fd, struct err *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_path_beneath_attr beneath = {
	    .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
	    .parent_fd = dir_fd,
	};
	struct ruleset all;
	CLEANUP(closep) int fd = -1;
	size_t at;

	if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return 0;
	if (abi < 1)
		return err_set_errno(err, SYSTEM_FAILED, "Landlock");
	at = (size_t)abi < countof(abis) ? (size_t)abi - 1 : countof(abis) - 1;
	all = (struct ruleset){
	    .fs = handled & ((1u << abis[at].rights) - 1),
	    .net = handled == READ ? 0 : NET_ALL,
	    .scope = handled == READ ? 0 : SCOPE_ALL,
	};
	fd = (int)syscall(SYS_landlock_create_ruleset, &all, abis[at].bytes, 0);
	if (fd < 0 ||
	    (dir_fd >= 0 &&
		syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH,
		    &beneath, 0) != 0) ||
	    syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "Landlock ABI %ld",
		    abi);
	return 0;
}
