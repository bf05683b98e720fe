#include "image-store/pack/provenance_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "keys/dsse.h"

static int is_entry(const struct dirent *entry);
static int by_name(const struct dirent **a, const struct dirent **b);
static int read_named(int dir_fd, const char *name,
    struct provenance_list *list, struct err *err);
static int check_envelope(const char *name, const struct sealed *envelope,
    const struct provenance_list *list, struct err *err);

int
provenance_dir_read(const char *image_dir, struct provenance_list *list,
    struct err *err)
{
	CLEANUP(closep)
	int image_fd = open(image_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(closep)
	int dir_fd = openat(image_fd, PROVENANCE_DIR,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct dirent **names;
	int count, code = 0;

	if (dir_fd < 0 && image_fd >= 0 && errno == ENOENT)
		return 0;
	count =
	    dir_fd < 0 ? -1 : scandirat(dir_fd, ".", &names, is_entry, by_name);
	if (count < 0)
		return err_set_errno(err, STORE_IO, "%s of %s", PROVENANCE_DIR,
		    err_quote_str(image_dir).text);
	for (int i = 0; i < count; i++) {
		if (code == 0)
			code = read_named(dir_fd, names[i]->d_name, list, err);
		free(names[i]);
	}
	free(names);
	return code;
}

void
provenance_list_done(struct provenance_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		sealed_freep(&list->envelopes[i]);
	list->count = 0;
}

static int
is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 &&
	       strcmp(entry->d_name, "..") != 0;
}

/* Not alphasort(3): that asks the locale. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
read_named(int dir_fd, const char *name, struct provenance_list *list,
    struct err *err)
{
	CLEANUP(closep)
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	size_t len = strlen(name);

	if (len < 6 || strcmp(name + len - 5, ".dsse") != 0)
		return err_set(err, PROVENANCE_MALFORMED,
		    "%s: not named *.dsse", err_quote_str(name).text);
	if (list->count == LIMIT_PROVENANCE)
		return err_set(err, PROVENANCE_MALFORMED, "over %d statements",
		    LIMIT_PROVENANCE);
	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(name).text);
	if (sealed_copy_max(fd, LIMIT_ENVELOPE_BYTES, err_quote_str(name).text,
		&envelope, err) != 0) {
		if (err->code == IMAGE_TOO_LARGE)
			err->code = ENVELOPE_TOO_LARGE;
		return (int)err->code;
	}
	TRY(check_envelope(name, envelope, list, err));
	list->envelopes[list->count++] = take_ptr(&envelope);
	return 0;
}

static int
check_envelope(const char *name, const struct sealed *raw,
    const struct provenance_list *list, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;

	if (dsse_decode(sealed_bytes(raw), &envelope, err) != 0)
		return err_prefix(err, "%s", err_quote_str(name).text);
	for (size_t i = 0; i < list->count; i++) {
		if (bytes_equal(sealed_bytes(raw),
			sealed_bytes(list->envelopes[i])))
			return err_set(err, PROVENANCE_MALFORMED,
			    "%s: the same as another",
			    err_quote_str(name).text);
	}
	return 0;
}
