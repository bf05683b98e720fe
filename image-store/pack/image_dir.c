#include "image-store/pack/image_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/file.h"
#include "base/signal_guard.h"
#include "base/scope.h"
#include "image-store/pack/elf_notes.h"
#include "image-store/unpack/kernel_unpack.h"
#include "image-store/ramdisk.h"

/* What goes into the directory. */
struct contents {
	struct sealed *kernel;
	struct sealed *ramdisk; /* NULL if there is none */
	char *manifest_text;
};

static void contents_done(struct contents *contents);
static int refuse_existing(const char *path, struct err *err);
static int copy_files(const struct pack_request *request,
    struct contents *contents, struct err *err);
static int copy_file(const char *path, size_t max_bytes, const char *what,
    struct sealed **ret_bytes, struct err *err);
static int describe(const struct pack_request *request,
    const struct contents *contents, struct manifest *manifest,
    struct err *err);
static int describe_kernel(struct bytes kernel, struct manifest *manifest,
    struct err *err);
static int describe_elf(struct bytes elf, struct manifest *manifest,
    struct err *err);
static int describe_blob(struct bytes data, struct blob *ret_blob,
    struct err *err);
static int write_dir(const struct contents *contents, const char *out_path,
    struct err *err);
static int temporary_path(const char *out_path, char **ret_path,
    struct err *err);
static void remove_dirp(const char **dir);
static int write_file(const char *dir, const char *name, struct bytes data,
    struct err *err);
static int give_name(const char *path, const char *out_path, struct err *err);

int
image_dir_pack(const struct pack_request *request, const char *out_path,
    struct manifest *ret_manifest, struct err *err)
{
	CLEANUP(contents_done) struct contents contents = {0};
	struct manifest manifest = request->manifest;

	/* Read everything once, and refuse what could not start. */
	TRY(refuse_existing(out_path, err));
	TRY(copy_files(request, &contents, err));
	TRY(describe(request, &contents, &manifest, err));
	TRY(manifest_encode(&manifest, &contents.manifest_text, err));

	/* Only then leave something behind. */
	TRY(write_dir(&contents, out_path, err));
	*ret_manifest = manifest;
	return 0;
}

static void
contents_done(struct contents *contents)
{
	sealed_freep(&contents->kernel);
	sealed_freep(&contents->ramdisk);
	freep(&contents->manifest_text);
}

/* To say so early. The rename at the end is what does not overwrite. */
static int
refuse_existing(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return err_set(err, FILE_EXISTS, "%s",
		    err_quote_str(path).text);
	return 0;
}

static int
copy_files(const struct pack_request *request, struct contents *contents,
    struct err *err)
{
	TRY(copy_file(request->kernel_path, LIMIT_KERNEL_BYTES, "kernel",
	    &contents->kernel, err));
	if (request->ramdisk_path == NULL)
		return 0;
	TRY(copy_file(request->ramdisk_path, LIMIT_RAMDISK_BYTES, "ramdisk",
	    &contents->ramdisk, err));
	return 0;
}

static int
copy_file(const char *path, size_t max_bytes, const char *what,
    struct sealed **ret_bytes, struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s %s", what,
		    err_quote_str(path).text);
	if (sealed_copy_max(fd, max_bytes, what, ret_bytes, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

static int
describe(const struct pack_request *request, const struct contents *contents,
    struct manifest *manifest, struct err *err)
{
	struct bytes ramdisk;

	if (describe_kernel(sealed_bytes(contents->kernel), manifest, err) != 0)
		return err_prefix(err, "%s",
		    err_quote_str(request->kernel_path).text);
	manifest->has_ramdisk = contents->ramdisk != NULL;
	memset(&manifest->ramdisk, 0, sizeof(manifest->ramdisk));
	if (!manifest->has_ramdisk)
		return 0;
	ramdisk = sealed_bytes(contents->ramdisk);
	if (ramdisk_check(ramdisk, err) != 0)
		return err_prefix(err, "%s",
		    err_quote_str(request->ramdisk_path).text);
	TRY(describe_blob(ramdisk, &manifest->ramdisk, err));
	return 0;
}

static int
describe_kernel(struct bytes kernel, struct manifest *manifest, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *elf = NULL;
	uint64_t elf_size_bytes;

	TRY(kernel_format_of(kernel, &manifest->kernel_format, err));
	TRY(describe_blob(kernel, &manifest->kernel, err));
	if (manifest->kernel_format == KERNEL_ELF)
		return describe_elf(kernel, manifest, err);
	TRY(kernel_claimed_elf_size(kernel, &elf_size_bytes, err));
	TRY(kernel_unpack(kernel, elf_size_bytes, NULL, &elf, err));
	return describe_elf(sealed_bytes(elf), manifest, err);
}

static int
describe_elf(struct bytes elf, struct manifest *manifest, struct err *err)
{
	struct elf_notes notes;

	TRY(elf_notes_read(elf, &notes, err));
	TRY(elf_notes_require_pv(&notes, err));
	TRY(describe_blob(elf, &manifest->elf, err));
	return 0;
}

static int
describe_blob(struct bytes data, struct blob *ret_blob, struct err *err)
{
	ret_blob->size_bytes = data.len;
	return digest_of(data, &ret_blob->digest, err);
}

static int
write_dir(const struct contents *contents, const char *out_path,
    struct err *err)
{
	CLEANUP(signal_guard_end)
	struct signal_guard guard = signal_guard_begin();
	CLEANUP(freep) char *path = NULL;
	CLEANUP(remove_dirp) const char *made = NULL;

	TRY(temporary_path(out_path, &path, err));
	if (mkdir(path, 0700) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(out_path).text);
	made = path;
	/* Whatever the umask left. */
	if (chmod(path, 0755) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(out_path).text);
	TRY(write_file(path, IMAGE_DIR_KERNEL, sealed_bytes(contents->kernel),
	    err));
	if (contents->ramdisk != NULL)
		TRY(write_file(path, IMAGE_DIR_RAMDISK,
		    sealed_bytes(contents->ramdisk), err));
	TRY(write_file(path, IMAGE_DIR_MANIFEST,
	    bytes_of_str(contents->manifest_text), err));
	TRY(give_name(path, out_path, err));
	made = NULL;
	return 0;
}

/* Beside the output, also when that ends in a slash. */
static int
temporary_path(const char *out_path, char **ret_path, struct err *err)
{
	size_t len = strlen(out_path);
	CLEANUP(freep) char *name = NULL;

	while (len > 1 && out_path[len - 1] == '/')
		len--;
	name = strndup(out_path, len);
	if (name == NULL)
		return err_set(err, NO_MEMORY, "path");
	return file_temporary_name(name, ret_path, err);
}

static void
remove_dirp(const char **dir)
{
	static const char *const names[] = {IMAGE_DIR_KERNEL, IMAGE_DIR_RAMDISK,
	    IMAGE_DIR_MANIFEST};
	CLEANUP(closep) int fd = -1;

	if (*dir == NULL)
		return;
	fd = open(*dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < countof(names); i++)
		unlinkat(fd, names[i], 0);
	rmdir(*dir);
}

static int
write_file(const char *dir, const char *name, struct bytes data,
    struct err *err)
{
	CLEANUP(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return err_set(err, NO_MEMORY, "path");
	return file_write(path, data, 0644, FILE_REFUSE, err);
}

static int
give_name(const char *path, const char *out_path, struct err *err)
{
	if (renameat2(AT_FDCWD, path, AT_FDCWD, out_path, RENAME_NOREPLACE) !=
	    0)
		return err_set_errno(err,
		    errno == EEXIST ? FILE_EXISTS : STORE_IO, "%s",
		    err_quote_str(out_path).text);
	return 0;
}
