#include "builder/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/scope.h"

enum { PATH_SIZE = 192, FILE_BYTES = 8192 };

static const char pending_dir[] = "pending";
static const char domains_dir[] = "domains";

static int make_dir(const char *path, mode_t mode, struct err *err);
static void file_path(const struct journal *journal, const char *dir,
    const uint8_t uuid[UUID_BYTES], char ret_path[PATH_SIZE]);
static int remove_file(const char *path, struct err *err);
static int read_dir(const struct journal *journal, const char *dir,
    uint8_t (**ret_uuids)[UUID_BYTES], uint32_t max, uint32_t *ret_count,
    struct err *err);
static int read_pending(const struct journal *journal,
    const uint8_t uuid[UUID_BYTES], struct journal_pending *ret_pending,
    struct err *err);
static int read_receipt(const struct journal *journal,
    const uint8_t uuid[UUID_BYTES], struct receipt *ret_receipt,
    struct err *err);
static void closedirp(DIR **dir);

int
journal_open(const char *state_dir, struct journal *ret_journal,
    struct err *err)
{
	CLEANUP(closep) int lock_fd = -1;
	char path[PATH_SIZE];

	/* The socket may be in there: others may enter, but not look. */
	TRY(make_dir(state_dir, 0755, err));
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
	*ret_journal = (struct journal){state_dir, take_fd(&lock_fd)};
	return 0;
}

void
journal_close(struct journal *journal)
{
	closep(&journal->lock_fd);
}

int
journal_begin(const struct journal *journal, const uint8_t uuid[UUID_BYTES],
    struct err *err)
{
	return journal_domid(journal, uuid, 0, err);
}

int
journal_domid(const struct journal *journal, const uint8_t uuid[UUID_BYTES],
    uint32_t domid, struct err *err)
{
	char path[PATH_SIZE];
	char text[16];

	file_path(journal, pending_dir, uuid, path);
	snprintf(text, sizeof(text), "%u\n", domid);
	return file_write(path, bytes_of_str(text), 0600, FILE_REPLACE, err);
}

int
journal_commit(const struct journal *journal, const struct receipt *receipt,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = receipt_encode(receipt);
	CLEANUP(freep) char *text = NULL;
	char path[PATH_SIZE];

	text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "receipt");
	file_path(journal, domains_dir, receipt->uuid, path);
	TRY(file_write(path, bytes_of_str(text), 0600, FILE_REPLACE, err));
	file_path(journal, pending_dir, receipt->uuid, path);
	return remove_file(path, err);
}

int
journal_forget(const struct journal *journal, const uint8_t uuid[UUID_BYTES],
    struct err *err)
{
	char path[PATH_SIZE];

	file_path(journal, pending_dir, uuid, path);
	TRY(remove_file(path, err));
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
journal_read_receipts(const struct journal *journal,
    struct receipt *ret_receipts, uint32_t max, uint32_t *ret_count,
    struct err *err)
{
	CLEANUP(freep) uint8_t(*uuids)[UUID_BYTES] = NULL;
	uint32_t count = 0;

	TRY(read_dir(journal, domains_dir, &uuids, max, &count, err));
	for (uint32_t i = 0; i < count; i++)
		TRY(read_receipt(journal, uuids[i], &ret_receipts[i], err));
	*ret_count = count;
	return 0;
}

static int
make_dir(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return err_set_errno(err, STORE_IO, "mkdir %s", path);
	return 0;
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
read_pending(const struct journal *journal, const uint8_t uuid[UUID_BYTES],
    struct journal_pending *ret_pending, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	char path[PATH_SIZE];
	unsigned long domid;
	char *end;
	size_t len;

	file_path(journal, pending_dir, uuid, path);
	TRY(file_read(path, FILE_BYTES, &text, &len, err));
	errno = 0;
	domid = strtoul(text, &end, 10);
	if (end == text || *end != '\n' || errno != 0 || domid > UINT16_MAX)
		return err_set(err, CONFIG_BAD, "%s: not a domid", path);
	memcpy(ret_pending->uuid, uuid, UUID_BYTES);
	ret_pending->domid = (uint32_t)domid;
	return 0;
}

static int
read_receipt(const struct journal *journal, const uint8_t uuid[UUID_BYTES],
    struct receipt *ret_receipt, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	char path[PATH_SIZE];
	size_t len;

	file_path(journal, domains_dir, uuid, path);
	TRY(file_read(path, FILE_BYTES, &text, &len, err));
	if (receipt_decode(bytes_of(text, len), ret_receipt, err) != 0)
		return err_prefix(err, "%s", path);
	return 0;
}

static void
closedirp(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}
