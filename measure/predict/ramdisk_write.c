#include "measure/predict/ramdisk_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sealing.h"
#include "base/limits.h"
#include "base/scope.h"
#include "base/sealed.h"

struct entry {
	char *guest; /* without the first '/' */
	char *host;  /* NULL for a directory that only a path names */
	mode_t mode; /* type and permissions */
};

struct ramdisk_list {
	struct entry *entries;
	size_t count;
	size_t room;
};

/* A line of the list, taken apart. */
struct spec {
	char host[PATH_MAX];
	char guest[CPIO_NAME_BYTES + 1];
	mode_t mode;
	bool has_mode;
};

static int read_spec(const char *text, struct spec *ret_spec, struct err *err);
static int read_mode(const char *text, struct spec *spec, struct err *err);
static int read_guest(const char *text, struct spec *spec, struct err *err);
static int add_named(struct ramdisk_list *list, const struct spec *spec,
    struct err *err);
static int add_parents(struct ramdisk_list *list, const char *guest,
    struct err *err);
static int add_directory(struct ramdisk_list *list, const char *host,
    const char *guest, struct err *err);
static int add_directory_entry(struct ramdisk_list *list, const char *host,
    const char *guest, const char *name, struct err *err);
static int add_found(struct ramdisk_list *list, const char *host,
    const char *guest, mode_t mode, struct err *err);
static int usual_mode(mode_t found, const char *host, mode_t *ret_mode,
    struct err *err);
static int add_entry(struct ramdisk_list *list, const char *host,
    const char *guest, mode_t mode, struct err *err);
static int make_room(struct ramdisk_list *list, struct err *err);
static int compare(const void *a, const void *b);
static int merge_directories(struct ramdisk_list *list, struct err *err);
static bool are_one(const struct entry *kept, const struct entry *other);
static int write_entry(const struct entry *entry, struct cpio *cpio,
    struct err *err);
static int write_link(const struct entry *entry, struct cpio *cpio,
    struct err *err);
static int refuse(const char *what, const char *why, struct err *err);

int
ramdisk_list_new(struct ramdisk_list **ret_list, struct err *err)
{
	struct ramdisk_list *list = calloc(1, sizeof(*list));

	if (list == NULL)
		return err_set(err, NO_MEMORY, "a list of files");
	*ret_list = list;
	return 0;
}

void
ramdisk_list_freep(struct ramdisk_list **list)
{
	if (*list == NULL)
		return;
	for (size_t i = 0; i < (*list)->count; i++) {
		free((*list)->entries[i].guest);
		free((*list)->entries[i].host);
	}
	free((*list)->entries);
	free(*list);
	*list = NULL;
}

int
ramdisk_list_add(struct ramdisk_list *list, const char *text, struct err *err)
{
	struct spec spec;

	TRY(read_spec(text, &spec, err));
	return add_named(list, &spec, err);
}

int
ramdisk_list_add_lines(struct ramdisk_list *list, struct bytes text,
    struct err *err)
{
	size_t start = 0;

	for (unsigned int number = 1; start < text.len; number++) {
		const uint8_t *from = text.ptr + start;
		const uint8_t *end = memchr(from, '\n', text.len - start);
		size_t len =
		    end != NULL ? (size_t)(end - from) : text.len - start;
		CLEANUP(freep) char *line = strndup((const char *)from, len);

		if (line == NULL)
			return err_set(err, NO_MEMORY, "a line of the list");
		start += len + 1;
		if (strlen(line) == len && (len == 0 || line[0] == '#'))
			continue;
		if (strlen(line) != len)
			return err_set(err, RAMDISK_LIST_BAD,
			    "line %u: a zero byte", number);
		if (ramdisk_list_add(list, line, err) != 0)
			return err_prefix(err, "line %u", number);
	}
	return 0;
}

int
ramdisk_list_write(struct ramdisk_list *list, struct cpio *cpio,
    struct err *err)
{
	if (list->count > 0)
		qsort(list->entries, list->count, sizeof(*list->entries),
		    compare);
	TRY(merge_directories(list, err));
	for (size_t i = 0; i < list->count; i++)
		TRY(write_entry(&list->entries[i], cpio, err));
	return cpio_end(cpio, err);
}

static int
read_spec(const char *text, struct spec *ret_spec, struct err *err)
{
	struct spec spec = {.mode = 0};
	size_t host_len = strcspn(text, ":");
	const char *guest = text + host_len + 1;
	size_t guest_len;
	char guest_text[PATH_MAX];

	if (text[host_len] == '\0' || host_len == 0)
		return refuse(text, "not HOST:GUEST[:MODE]", err);
	guest_len = strcspn(guest, ":");
	if (host_len >= sizeof(spec.host) || guest_len >= sizeof(guest_text))
		return refuse(text, "a path is too long", err);
	memcpy(spec.host, text, host_len);
	memcpy(guest_text, guest, guest_len);
	guest_text[guest_len] = '\0';
	TRY(read_guest(guest_text, &spec, err));
	if (guest[guest_len] == ':')
		TRY(read_mode(guest + guest_len + 1, &spec, err));
	*ret_spec = spec;
	return 0;
}

/* Three or four octal digits. */
static int
read_mode(const char *text, struct spec *spec, struct err *err)
{
	size_t len = strlen(text);

	if (len < 3 || len > 4 || strspn(text, "01234567") != len)
		return refuse(text, "not a mode in 3 or 4 octal digits", err);
	for (size_t i = 0; i < len; i++)
		spec->mode = spec->mode << 3 | (mode_t)(text[i] - '0');
	spec->has_mode = true;
	return 0;
}

/* "/" is the empty name; no part of a path is empty, "." or "..". */
static int
read_guest(const char *text, struct spec *spec, struct err *err)
{
	const char *rest = text[0] == '/' ? text + 1 : text;
	const char *part = rest;

	if (text[0] == '\0' || strlen(rest) > CPIO_NAME_BYTES)
		return refuse(text, "not a path in the ramdisk", err);
	while (*rest != '\0') {
		size_t len = strcspn(part, "/");

		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			return refuse(text, "not a plain path in the ramdisk",
			    err);
		if (part[len] == '\0')
			break;
		part += len + 1;
	}
	memcpy(spec->guest, rest, strlen(rest) + 1);
	return 0;
}

static int
add_named(struct ramdisk_list *list, const struct spec *spec, struct err *err)
{
	struct stat st;
	mode_t mode = 0;

	if (stat(spec->host, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(spec->host).text);
	TRY(usual_mode(st.st_mode, spec->host, &mode, err));
	if (spec->has_mode)
		mode = (mode & S_IFMT) | spec->mode;
	if (spec->guest[0] != '\0') {
		TRY(add_parents(list, spec->guest, err));
		return add_found(list, spec->host, spec->guest, mode, err);
	}
	if (!S_ISDIR(mode) || spec->has_mode)
		return refuse(spec->host,
		    "only a directory without a mode can "
		    "go to /",
		    err);
	return add_directory(list, spec->host, "", err);
}

static int
add_parents(struct ramdisk_list *list, const char *guest, struct err *err)
{
	for (const char *slash = strchr(guest, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		char parent[CPIO_NAME_BYTES + 1] = "";

		memcpy(parent, guest, (size_t)(slash - guest));
		TRY(add_entry(list, NULL, parent, S_IFDIR | 0755, err));
	}
	return 0;
}

static int
add_directory(struct ramdisk_list *list, const char *host, const char *guest,
    struct err *err)
{
	struct dirent **names = NULL;
	int count = scandir(host, &names, NULL, NULL);
	int code = 0;

	if (count < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(host).text);
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;

		if (code == 0 && strcmp(name, ".") != 0 &&
		    strcmp(name, "..") != 0)
			code =
			    add_directory_entry(list, host, guest, name, err);
		free(names[i]);
	}
	free(names);
	return code;
}

static int
add_directory_entry(struct ramdisk_list *list, const char *host,
    const char *guest, const char *name, struct err *err)
{
	char host_path[PATH_MAX];
	char guest_path[CPIO_NAME_BYTES + 1];
	struct stat st;
	mode_t mode = 0;

	if (snprintf(host_path, sizeof(host_path), "%s/%s", host, name) >=
		(int)sizeof(host_path) ||
	    snprintf(guest_path, sizeof(guest_path), "%s%s%s", guest,
		guest[0] != '\0' ? "/" : "", name) >= (int)sizeof(guest_path))
		return refuse(name, "the path to it is too long", err);
	if (lstat(host_path, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(host_path).text);
	TRY(usual_mode(st.st_mode, host_path, &mode, err));
	return add_found(list, host_path, guest_path, mode, err);
}

static int
add_found(struct ramdisk_list *list, const char *host, const char *guest,
    mode_t mode, struct err *err)
{
	TRY(add_entry(list, host, guest, mode, err));
	if (S_ISDIR(mode))
		return add_directory(list, host, guest, err);
	return 0;
}

static int
usual_mode(mode_t found, const char *host, mode_t *ret_mode, struct err *err)
{
	if (S_ISREG(found))
		*ret_mode = S_IFREG | ((found & S_IXUSR) != 0 ? 0755 : 0644);
	else if (S_ISDIR(found))
		*ret_mode = S_IFDIR | 0755;
	else if (S_ISLNK(found))
		*ret_mode = S_IFLNK | 0777;
	else
		return refuse(host, "neither a file, a directory nor a link",
		    err);
	return 0;
}

static int
add_entry(struct ramdisk_list *list, const char *host, const char *guest,
    mode_t mode, struct err *err)
{
	struct entry entry = {.mode = mode};

	TRY(make_room(list, err));
	entry.guest = strdup(guest);
	entry.host = host != NULL ? strdup(host) : NULL;
	if (entry.guest == NULL || (host != NULL && entry.host == NULL)) {
		free(entry.guest);
		free(entry.host);
		return err_set(err, NO_MEMORY, "a list of files");
	}
	list->entries[list->count++] = entry;
	return 0;
}

static int
make_room(struct ramdisk_list *list, struct err *err)
{
	size_t room = list->room > 0 ? list->room * 2 : 64;
	struct entry *entries;

	if (list->count < list->room)
		return 0;
	if (list->count >= LIMIT_RAMDISK_ENTRIES)
		return err_set(err, RAMDISK_LIST_BAD, "over %d files",
		    LIMIT_RAMDISK_ENTRIES);
	entries = reallocarray(list->entries, room, sizeof(*entries));
	if (entries == NULL)
		return err_set(err, NO_MEMORY, "a list of files");
	list->entries = entries;
	list->room = room;
	return 0;
}

/* By bytes; then what has a file of its own before what a path implies. */
static int
compare(const void *a, const void *b)
{
	const struct entry *left = a;
	const struct entry *right = b;
	int order = strcmp(left->guest, right->guest);

	return order != 0 ? order
	                  : (left->host == NULL) - (right->host == NULL);
}

/* Directories of one name are one. Nothing else may be there twice, and nothing
 * may lie in what is no directory. */
static int
merge_directories(struct ramdisk_list *list, struct err *err)
{
	size_t kept = 0;
	int code;

	for (size_t i = 0; i < list->count; i++) {
		struct entry entry = list->entries[i];

		list->entries[i] = (struct entry){.guest = NULL};
		if (kept == 0 ||
		    strcmp(list->entries[kept - 1].guest, entry.guest) != 0) {
			list->entries[kept++] = entry;
			continue;
		}
		code = are_one(&list->entries[kept - 1], &entry)
		           ? 0
		           : refuse(entry.guest, "there are two of this name",
				 err);
		free(entry.guest);
		free(entry.host);
		TRY(code);
	}
	list->count = kept;
	return 0;
}

/* A path that only implies a directory says nothing about its mode. */
static bool
are_one(const struct entry *kept, const struct entry *other)
{
	return S_ISDIR(kept->mode) && S_ISDIR(other->mode) &&
	       (other->host == NULL || kept->mode == other->mode);
}

static int
write_entry(const struct entry *entry, struct cpio *cpio, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *file = NULL;
	CLEANUP(closep) int fd = -1;

	if (S_ISDIR(entry->mode))
		return cpio_add(cpio, entry->guest, entry->mode,
		    bytes_of(NULL, 0), err);
	if (S_ISLNK(entry->mode))
		return write_link(entry, cpio, err);
	fd = open(entry->host, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(entry->host).text);
	TRY(sealed_copy_max(fd, cpio->max_bytes,
	    err_quote_str(entry->host).text, &file, err));
	return cpio_add(cpio, entry->guest, entry->mode, sealed_bytes(file),
	    err);
}

static int
write_link(const struct entry *entry, struct cpio *cpio, struct err *err)
{
	char target[PATH_MAX];
	ssize_t len = readlink(entry->host, target, sizeof(target));

	if (len < 0 || len == sizeof(target))
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(entry->host).text);
	return cpio_add(cpio, entry->guest, entry->mode,
	    bytes_of(target, (size_t)len), err);
}

static int
refuse(const char *what, const char *why, struct err *err)
{
	return err_set(err, RAMDISK_LIST_BAD, "%s: %s",
	    err_quote_str(what).text, why);
}
