#include "cli/file_set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/signal_guard.h"
#include "base/scope.h"

enum progress {
	NOTHING,
	STAGED,    /* under its temporary name */
	NAMED,     /* there was no such file */
	EXCHANGED, /* under its temporary name is what was there */
};

struct staged {
	const char *path;
	char *temporary;
	enum progress progress;
};

struct staging {
	struct staged files[FILE_SET_FILES];
	bool is_done;
};

static int refuse_shared(const char *dir, struct err *err);
static int stage(const struct file_set_file *file, struct staged *staged,
    struct err *err);
static int give_name(struct staged *staged, enum file_if_there if_there,
    struct err *err);
static int exchange(struct staged *staged, struct err *err);
static void staging_end(struct staging *staging);
static void take_back(struct staged *staged);

int
file_set_write(const struct file_set *set, enum file_if_there if_there,
    struct err *err)
{
	CLEANUP(signal_guard_end)
	struct signal_guard guard = signal_guard_begin();
	CLEANUP(staging_end) struct staging staging = {.is_done = false};

	for (size_t i = 0; i < set->count; i++)
		TRY(stage(&set->files[i], &staging.files[i], err));
	for (size_t i = 0; i < set->count; i++)
		TRY(give_name(&staging.files[i], if_there, err));
	staging.is_done = true;
	return 0;
}

int
file_set_write_in(const char *dir, mode_t dir_mode, const struct file_set *set,
    enum file_if_there if_there, struct err *err)
{
	bool is_new = mkdir(dir, dir_mode) == 0;

	if (!is_new && errno != EEXIST)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(dir).text);
	if (!is_new && (dir_mode & 0077) == 0)
		TRY(refuse_shared(dir, err));
	if (file_set_write(set, if_there, err) == 0)
		return 0;
	if (is_new)
		rmdir(dir);
	return (int)err->code;
}

/* Who may write it could put files of his own into the place of ours. */
static int
refuse_shared(const char *dir, struct err *err)
{
	struct stat st;

	if (lstat(dir, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(dir).text);
	if (S_ISLNK(st.st_mode) ||
	    (S_ISDIR(st.st_mode) &&
		(st.st_uid != geteuid() || (st.st_mode & 0022) != 0)))
		return err_set(err, FILE_EXISTS,
		    "%s: not a directory that only you may write",
		    err_quote_str(dir).text);
	return 0;
}

static int
stage(const struct file_set_file *file, struct staged *staged, struct err *err)
{
	staged->path = file->path;
	TRY(file_temporary_name(file->path, &staged->temporary, err));
	TRY(file_write(staged->temporary, file->data, file->mode, FILE_REFUSE,
	    err));
	staged->progress = STAGED;
	return 0;
}

static int
give_name(struct staged *staged, enum file_if_there if_there, struct err *err)
{
	if (renameat2(AT_FDCWD, staged->temporary, AT_FDCWD, staged->path,
		RENAME_NOREPLACE) == 0) {
		staged->progress = NAMED;
		return 0;
	}
	if (errno != EEXIST)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(staged->path).text);
	if (if_there == FILE_REFUSE)
		return err_set(err, FILE_EXISTS, "%s",
		    err_quote_str(staged->path).text);
	return exchange(staged, err);
}

static int
exchange(struct staged *staged, struct err *err)
{
	struct stat st;

	if (lstat(staged->path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, FILE_EXISTS,
		    "%s: not a regular file, which alone is replaced",
		    err_quote_str(staged->path).text);
	if (renameat2(AT_FDCWD, staged->temporary, AT_FDCWD, staged->path,
		RENAME_EXCHANGE) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(staged->path).text);
	staged->progress = EXCHANGED;
	return 0;
}

static void
staging_end(struct staging *staging)
{
	for (size_t i = FILE_SET_FILES; i-- > 0;) {
		struct staged *staged = &staging->files[i];

		if (!staging->is_done)
			take_back(staged);
		if (staged->progress == STAGED || staged->progress == EXCHANGED)
			unlink(staged->temporary);
		free(staged->temporary);
	}
}

static void
take_back(struct staged *staged)
{
	if (staged->progress == NAMED)
		unlink(staged->path);
	if (staged->progress == EXCHANGED)
		(void)renameat2(AT_FDCWD, staged->temporary, AT_FDCWD,
		    staged->path, RENAME_EXCHANGE);
}
