#include "builder/supervisor/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "builder/supervisor/receipt_file.h"
#include "base/uuid_make.h"

enum { PATH_SIZE = 192, PENDING_BYTES = 128 };

static const char pending_dir[] = "pending";
static const char domains_dir[] = "domains";
static const char again_dir[] = "again";
static const char boot_id_file[] = "/proc/sys/kernel/random/boot_id";
static const char *const state_names[] = {"made", "recorded", "built"};

static int make_dir(const char *path, mode_t mode, struct err *err);
static int drop_other_boots(const struct journal *journal, struct err *err);
static bool is_of_this_boot(const struct journal *journal,
    const char boot[UUID_TEXT_SIZE]);
static int clear_dir(const struct journal *journal, const char *dir,
    bool of_other_boots, struct err *err);
static int read_boot_id(char ret_boot[UUID_TEXT_SIZE], struct err *err);
static int write_pending(const struct journal *journal,
    const struct journal_pending *pending, enum file_if_there if_there,
    struct err *err);
static void file_path(const struct journal *journal, const char *dir,
    const uint8_t uuid[UUID_BYTES], char ret_path[PATH_SIZE]);
static int remove_file(const char *path, struct err *err);
static int read_dir(const struct journal *journal, const char *dir,
    uint8_t (**ret_uuids)[UUID_BYTES], uint32_t max, uint32_t *ret_count,
    struct err *err);
static int read_pending(const struct journal *journal,
    const uint8_t handle[UUID_BYTES], struct journal_pending *ret_pending,
    struct err *err);
static bool parse_pending(const char *text,
    struct journal_pending *ret_pending);
static int read_all(const struct journal *journal, const char *dir,
    struct built *ret_built, uint32_t max, uint32_t *ret_count,
    struct err *err);
static int read_built(const struct journal *journal, const char *dir,
    const uint8_t uuid[UUID_BYTES], struct built *ret_built, struct err *err);

int
journal_open(const char *state_dir, struct journal *ret_journal,
    struct err *err)
{
	CLEANUP(closep) int lock_fd = -1;
	char path[PATH_SIZE];

	/* The socket may be in there: others may pass, but not look. */
	TRY(make_dir(state_dir, 0711, err));
	lock_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock_fd < 0)
		return err_set_errno(err, STORE_IO, "%s", state_dir);
	if (flock(lock_fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, SYSTEM_FAILED, "another assayd uses %s",
		    state_dir);
	snprintf(path, sizeof(path), "%s/%s", state_dir, pending_dir);
	TRY(make_dir(path, 0700, err));
	snprintf(path, sizeof(path), "%s/%s", state_dir, domains_dir);
	TRY(make_dir(path, 0700, err));
	snprintf(path, sizeof(path), "%s/%s", state_dir, again_dir);
	TRY(make_dir(path, 0700, err));
	TRY(drop_other_boots(&(struct journal){state_dir, lock_fd}, err));
	*ret_journal = (struct journal){state_dir, take_fd(&lock_fd)};
	return 0;
}

void
journal_close(struct journal *journal)
{
	closep(&journal->lock_fd);
}

int
journal_begin(const struct journal *journal,
    const struct journal_pending *pending, struct err *err)
{
	return write_pending(journal, pending, FILE_REFUSE, err);
}

int
journal_update(const struct journal *journal,
    const struct journal_pending *pending, struct err *err)
{
	return write_pending(journal, pending, FILE_REPLACE, err);
}

int
journal_commit(const struct journal *journal, const uint8_t handle[UUID_BYTES],
    const struct built *built, struct err *err)
{
	char path[PATH_SIZE];

	file_path(journal, domains_dir, built->receipt.guest.uuid, path);
	TRY(receipt_file_write(path, built, err));
	return journal_forget_pending(journal, handle, err);
}

int
journal_forget_pending(const struct journal *journal,
    const uint8_t handle[UUID_BYTES], struct err *err)
{
	char path[PATH_SIZE];

	file_path(journal, pending_dir, handle, path);
	return remove_file(path, err);
}

int
journal_forget_receipt(const struct journal *journal,
    const uint8_t uuid[UUID_BYTES], struct err *err)
{
	char path[PATH_SIZE];

	file_path(journal, domains_dir, uuid, path);
	return remove_file(path, err);
}

int
journal_read_pending(const struct journal *journal,
    struct journal_pending *ret_pending, uint32_t max, uint32_t *ret_count,
    struct err *err)
{
	CLEANUP(freep) uint8_t(*uuids)[UUID_BYTES] = NULL;
	uint32_t count = 0;

	TRY(read_dir(journal, pending_dir, &uuids, max, &count, err));
	for (uint32_t i = 0; i < count; i++)
		TRY(read_pending(journal, uuids[i], &ret_pending[i], err));
	*ret_count = count;
	return 0;
}

int
journal_read_built(const struct journal *journal, struct built *ret_built,
    uint32_t max, uint32_t *ret_count, struct err *err)
{
	return read_all(journal, domains_dir, ret_built, max, ret_count, err);
}

int
journal_keep_again(const struct journal *journal, const struct built *built,
    struct err *err)
{
	char path[PATH_SIZE];

	file_path(journal, again_dir, built->receipt.guest.uuid, path);
	return receipt_file_write(path, built, err);
}

int
journal_forget_again(const struct journal *journal,
    const uint8_t uuid[UUID_BYTES], struct err *err)
{
	char path[PATH_SIZE];

	file_path(journal, again_dir, uuid, path);
	return remove_file(path, err);
}

int
journal_read_again(const struct journal *journal, struct built *ret_built,
    uint32_t max, uint32_t *ret_count, struct err *err)
{
	return read_all(journal, again_dir, ret_built, max, ret_count, err);
}

static int
make_dir(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return err_set_errno(err, STORE_IO, "mkdir %s", path);
	return 0;
}

/* Also what a killed write left: no file of ours has such a name. */
static int
drop_other_boots(const struct journal *journal, struct err *err)
{
	char boot[UUID_TEXT_SIZE];
	char path[PATH_SIZE];
	bool is_same;

	TRY(read_boot_id(boot, err));
	is_same = is_of_this_boot(journal, boot);
	TRY(clear_dir(journal, pending_dir, !is_same, err));
	TRY(clear_dir(journal, domains_dir, !is_same, err));
	TRY(clear_dir(journal, again_dir, !is_same, err));
	if (is_same)
		return 0;
	snprintf(path, sizeof(path), "%s/boot", journal->state_dir);
	return file_write_volatile(path, bytes_of_str(boot), 0600, FILE_REPLACE,
	    err);
}

static bool
is_of_this_boot(const struct journal *journal, const char boot[UUID_TEXT_SIZE])
{
	CLEANUP(freep) char *text = NULL;
	char path[PATH_SIZE];
	struct err ignored;
	size_t len;

	snprintf(path, sizeof(path), "%s/boot", journal->state_dir);
	return file_read(path, UUID_TEXT_SIZE, &text, &len, &ignored) == 0 &&
	       strcmp(text, boot) == 0;
}

/* Linux draws it at each boot: drivers/char/random.c, proc_do_uuid(). */
static int
read_boot_id(char ret_boot[UUID_TEXT_SIZE], struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	uint8_t uuid[UUID_BYTES];
	size_t len;

	TRY(file_read(boot_id_file, UUID_TEXT_SIZE, &text, &len, err));
	text[strcspn(text, "\n")] = '\0';
	if (!uuid_from_text(text, uuid))
		return err_set(err, SYSTEM_FAILED, "%s: not a uuid",
		    boot_id_file);
	uuid_text(uuid, ret_boot);
	return 0;
}

static int
clear_dir(const struct journal *journal, const char *dir, bool of_other_boots,
    struct err *err)
{
	CLEANUP(closedirp) DIR *stream = NULL;
	char path[PATH_SIZE];
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/%s", journal->state_dir, dir);
	stream = opendir(path);
	if (stream == NULL)
		return err_set_errno(err, STORE_IO, "%s", path);
	while ((entry = readdir(stream)) != NULL) {
		uint8_t uuid[UUID_BYTES];
		bool is_whole = uuid_from_text(entry->d_name, uuid);

		if (entry->d_name[0] == '.' || (is_whole && !of_other_boots))
			continue;
		if (unlinkat(dirfd(stream), entry->d_name, 0) != 0)
			return err_set_errno(err, STORE_IO, "unlink %s/%s",
			    path, err_quote_str(entry->d_name).text);
	}
	return 0;
}

/* "<uuid> <domid> <state>" and a newline. */
static int
write_pending(const struct journal *journal,
    const struct journal_pending *pending, enum file_if_there if_there,
    struct err *err)
{
	char path[PATH_SIZE];
	char uuid[UUID_TEXT_SIZE];
	char text[UUID_TEXT_SIZE + 32];

	file_path(journal, pending_dir, pending->handle, path);
	uuid_text(pending->uuid, uuid);
	snprintf(text, sizeof(text), "%s %u %s\n", uuid, pending->domid,
	    state_names[pending->state]);
	return file_write_volatile(path, bytes_of_str(text), 0600, if_there,
	    err);
}

static void
file_path(const struct journal *journal, const char *dir,
    const uint8_t uuid[UUID_BYTES], char ret_path[PATH_SIZE])
{
	char text[UUID_TEXT_SIZE];

	uuid_text(uuid, text);
	snprintf(ret_path, PATH_SIZE, "%s/%s/%s", journal->state_dir, dir,
	    text);
}

static int
remove_file(const char *path, struct err *err)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return err_set_errno(err, STORE_IO, "unlink %s", path);
	return 0;
}

/* Uuids of the files in a directory; a half-written file has another name. */
static int
read_dir(const struct journal *journal, const char *dir,
    uint8_t (**ret_uuids)[UUID_BYTES], uint32_t max, uint32_t *ret_count,
    struct err *err)
{
	CLEANUP(freep) uint8_t(*uuids)[UUID_BYTES] = calloc(max, UUID_BYTES);
	CLEANUP(closedirp) DIR *stream = NULL;
	char path[PATH_SIZE];
	struct dirent *entry;
	uint32_t count = 0;

	snprintf(path, sizeof(path), "%s/%s", journal->state_dir, dir);
	stream = opendir(path);
	if (stream == NULL || uuids == NULL)
		return err_set_errno(err, STORE_IO, "%s", path);
	while ((entry = readdir(stream)) != NULL) {
		uint8_t uuid[UUID_BYTES];

		if (!uuid_from_text(entry->d_name, uuid))
			continue;
		if (count == max)
			return err_set(err, STORE_IO, "%s: over %u files", path,
			    max);
		memcpy(uuids[count++], uuid, UUID_BYTES);
	}
	*ret_uuids = take_ptr(&uuids);
	*ret_count = count;
	return 0;
}

static int
read_pending(const struct journal *journal, const uint8_t handle[UUID_BYTES],
    struct journal_pending *ret_pending, struct err *err)
{
	struct journal_pending pending = {.domid = 0};
	CLEANUP(freep) char *text = NULL;
	char path[PATH_SIZE];
	size_t len;

	file_path(journal, pending_dir, handle, path);
	TRY(file_read(path, PENDING_BYTES, &text, &len, err));
	if (!parse_pending(text, &pending))
		return err_set(err, CONFIG_BAD,
		    "%s: not a uuid, a domid and a state", path);
	memcpy(pending.handle, handle, UUID_BYTES);
	*ret_pending = pending;
	return 0;
}

static bool
parse_pending(const char *text, struct journal_pending *ret_pending)
{
	char uuid[UUID_TEXT_SIZE];
	char state[16];
	int used = 0;

	if (sscanf(text, "%36s %5u %15s%n", uuid, &ret_pending->domid, state,
		&used) != 3 ||
	    strcmp(text + used, "\n") != 0 || ret_pending->domid > UINT16_MAX ||
	    !uuid_from_text(uuid, ret_pending->uuid))
		return false;
	for (size_t i = 0; i < countof(state_names); i++) {
		ret_pending->state = (enum journal_state)i;
		if (strcmp(state, state_names[i]) == 0)
			return true;
	}
	return false;
}

static int
read_all(const struct journal *journal, const char *dir,
    struct built *ret_built, uint32_t max, uint32_t *ret_count, struct err *err)
{
	CLEANUP(freep) uint8_t(*uuids)[UUID_BYTES] = NULL;
	uint32_t count = 0;

	TRY(read_dir(journal, dir, &uuids, max, &count, err));
	for (uint32_t i = 0; i < count; i++)
		TRY(read_built(journal, dir, uuids[i], &ret_built[i], err));
	*ret_count = count;
	return 0;
}

static int
read_built(const struct journal *journal, const char *dir,
    const uint8_t uuid[UUID_BYTES], struct built *ret_built, struct err *err)
{
	struct built built;
	char path[PATH_SIZE];

	file_path(journal, dir, uuid, path);
	TRY(receipt_file_read(path, &built, err));
	if (memcmp(built.receipt.guest.uuid, uuid, UUID_BYTES) != 0)
		return err_set_field(err, CONFIG_BAD, "uuid",
		    "%s: the receipt of another domain", path);
	*ret_built = built;
	return 0;
}
