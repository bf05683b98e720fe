#include "image-store/pack/layout_gc.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/scope.h"
#include "image-store/layout.h"
#include "image-store/layout_file.h"
#include "image-store/pack/layout_write.h"

/* Documents of a store; another type is only kept. */
static const char *const document_types[] = {OCI_MANIFEST_TYPE, OCI_INDEX_TYPE,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json"};

/* What is referred to: hex of each digest. Documents wait to be read. */
struct walk {
	int dir_fd;
	json_t *known;   /* an object: true for a document, false for others */
	json_t *waiting; /* an array of descriptors of documents */
};

struct sweep {
	const struct walk *walk;
	int blobs_fd;
	bool is_dry_run;
	void (*tell)(const char *name, uint64_t bytes);
	struct layout_garbage garbage;
};

static void walk_done(struct walk *walk);
static int find_references(struct walk *walk, struct err *err);
static int read_document(int dir_fd, const struct json_at *at,
    json_t **ret_document, struct err *err);
static int note_document(struct walk *walk, json_t *document, struct err *err);
static int note_object(struct walk *walk, json_t *object, struct err *err);
static bool is_document(const json_t *descriptor);
static int sweep_blobs(struct sweep *sweep, struct err *err);
static int sweep_one(struct sweep *sweep, const char *name, struct err *err);
static bool is_garbage(const struct walk *walk, const char *name);

int
layout_gc(const char *path, bool is_dry_run,
    void (*tell)(const char *name, uint64_t bytes),
    struct layout_garbage *ret_garbage, struct err *err)
{
	CLEANUP(closep) int dir_fd = -1; /* holds the lock */
	CLEANUP(closep) int blobs_fd = -1;
	CLEANUP(json_freep) json_t *index = NULL;
	CLEANUP(walk_done)
	struct walk walk = {.known = json_object(), .waiting = json_array()};
	struct sweep sweep = {&walk, -1, is_dry_run, tell, {0, 0}};

	if (walk.known == NULL || walk.waiting == NULL)
		return err_set(err, NO_MEMORY, "references");
	TRY(layout_lock(path, &dir_fd, err));
	walk.dir_fd = dir_fd;

	/* Know all that is needed before anything goes. */
	TRY(layout_read_index(dir_fd, &index, err));
	TRY(note_document(&walk, index, err));
	if (find_references(&walk, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);

	/* An index that was given its name a moment ago would not be there
	 * after a crash, and the one before it names more. */
	if (fsync(dir_fd) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	TRY(layout_dir_open(dir_fd, LAYOUT_BLOB_DIR, &blobs_fd, err));
	sweep.blobs_fd = blobs_fd;
	TRY(sweep_blobs(&sweep, err));
	*ret_garbage = sweep.garbage;
	return 0;
}

static void
walk_done(struct walk *walk)
{
	json_freep(&walk->known);
	json_freep(&walk->waiting);
}

/* The array grows while it is read: each document is in it once. */
static int
find_references(struct walk *walk, struct err *err)
{
	for (size_t i = 0; i < json_array_size(walk->waiting); i++) {
		CLEANUP(json_freep) json_t *document = NULL;
		struct json_at at = json_root(json_array_get(walk->waiting, i),
		    STORE_MALFORMED);

		TRY(read_document(walk->dir_fd, &at, &document, err));
		TRY(note_document(walk, document, err));
	}
	return 0;
}

/* Another one than the one that is named says nothing of what that needs. */
static int
read_document(int dir_fd, const struct json_at *at, json_t **ret_document,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	char name[DIGEST_TEXT_SIZE];
	struct digest wanted;
	struct digest found;

	TRY(json_digest_in(at, "digest", &wanted, err));
	digest_text(&wanted, name);
	TRY(layout_copy_blob_max(dir_fd, &wanted, LIMIT_INDEX_BYTES, name,
	    &text, err));
	TRY(digest_of(sealed_bytes(text), &found, err));
	if (!digest_equal(&found, &wanted))
		return err_set(err, BLOB_DIGEST_MISMATCH,
		    "%s: the blob of this name has another content", name);
	return json_parse_many(sealed_bytes(text), LAYOUT_JSON_DEPTH,
	    LIMIT_INDEX_VALUES, name, STORE_MALFORMED, ret_document, err);
}

/* Every object in it, wherever it stands. */
static int
note_document(struct walk *walk, json_t *document, struct err *err)
{
	CLEANUP(json_freep) json_t *left = json_array();

	if (json_array_append(left, document) != 0)
		return err_set(err, NO_MEMORY, "references");
	for (size_t i = 0; i < json_array_size(left); i++) {
		json_t *value = json_array_get(left, i);
		const char *key;
		json_t *member;
		size_t item;

		json_array_foreach(value, item, member)
		{
			if (json_array_append(left, member) != 0)
				return err_set(err, NO_MEMORY, "references");
		}
		if (!json_is_object(value))
			continue;
		TRY(note_object(walk, value, err));
		json_object_foreach(value, key, member)
		{
			if (json_array_append(left, member) != 0)
				return err_set(err, NO_MEMORY, "references");
		}
	}
	return 0;
}

/* A descriptor? One blob may be named twice, and only once as a document. */
static int
note_object(struct walk *walk, json_t *object, struct err *err)
{
	const char *text = json_string_value(json_object_get(object, "digest"));
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;
	bool was_read;
	bool is_read;

	if (text == NULL || !digest_from_text(text, &digest))
		return 0;
	digest_hex(&digest, hex);
	was_read = json_is_true(json_object_get(walk->known, hex));
	is_read = was_read || is_document(object);
	if (is_read && !was_read &&
	    json_array_append(walk->waiting, object) != 0)
		return err_set(err, NO_MEMORY, "references");
	if (json_object_set_new(walk->known, hex, json_boolean(is_read)) != 0)
		return err_set(err, NO_MEMORY, "references");
	return 0;
}

static bool
is_document(const json_t *descriptor)
{
	const char *type =
	    json_string_value(json_object_get(descriptor, "mediaType"));

	for (size_t i = 0; type != NULL && i < countof(document_types); i++) {
		if (strcmp(type, document_types[i]) == 0)
			return true;
	}
	return false;
}

static int
sweep_blobs(struct sweep *sweep, struct err *err)
{
	int fd =
	    openat(sweep->blobs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		err_set_errno(err, STORE_IO, LAYOUT_BLOB_DIR);
		closep(&fd);
		return (int)err->code;
	}
	while ((entry = readdir(dir)) != NULL)
		TRY(sweep_one(sweep, entry->d_name, err));
	return 0;
}

static int
sweep_one(struct sweep *sweep, const char *name, struct err *err)
{
	struct stat st;

	if (!is_garbage(sweep->walk, name) ||
	    fstatat(sweep->blobs_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return 0;
	if (!sweep->is_dry_run && unlinkat(sweep->blobs_fd, name, 0) != 0)
		return err_set_errno(err, STORE_IO, LAYOUT_BLOB_DIR "/%s",
		    err_quote_str(name).text);
	sweep->garbage.count++;
	sweep->garbage.bytes += (uint64_t)st.st_size;
	if (sweep->tell != NULL)
		sweep->tell(name, (uint64_t)st.st_size);
	return 0;
}

/* A digest that nothing refers to, or what file_temporary_name() makes of any.
 */
static bool
is_garbage(const struct walk *walk, const char *name)
{
	char hex[DIGEST_HEX_SIZE];
	uint8_t random[8];
	struct digest digest;
	size_t len = strlen(name);

	if (len < sizeof(hex) - 1)
		return false;
	memcpy(hex, name, sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = '\0';
	if (!digest_from_hex(hex, &digest))
		return false;
	if (len == sizeof(hex) - 1)
		return json_object_get(walk->known, hex) == NULL;
	name += sizeof(hex) - 1;
	if (name[0] != '.' ||
	    strlen(name) != sizeof(".0123456789abcdef.new") - 1 ||
	    strcmp(name + 17, ".new") != 0)
		return false;
	memcpy(hex, name + 1, 16);
	hex[16] = '\0';
	return hex_decode(hex, sizeof(random), random);
}
