#include "image-store/pack/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/file.h"
#include "base/signal_guard.h"
#include "base/json.h"
#include "base/scope.h"
#include "image-store/layout.h"
#include "image-store/pack/oci_encode.h"

#define TAR_BLOCK       512
#define TAR_NAME        100
#define TAR_END_BLOCKS  2
#define COPY_BYTES      LIMIT_KIB(256)
#define LAYOUT_TEXT     "{\"imageLayoutVersion\":\"" LAYOUT_VERSION "\"}"
#define OCI_LAYOUT_MAX  LIMIT_KIB(4)
#define ARCHIVE_ENTRIES (LIMIT_INDEX_IMAGES * 8)

/* POSIX pax, "ustar Header Block". Numbers are octal text. */
struct tar_header {
	char name[TAR_NAME];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link_name[100];
	char magic[6];
	char version[2];
	char user[32];
	char group[32];
	char dev_major[8];
	char dev_minor[8];
	char prefix[155];
	char padding[12];
};

_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is a block");

enum { TAR_FILE = '0', TAR_OLD_FILE = '\0', TAR_DIRECTORY = '5' };

/* A file that is written and gets its name at the end. */
struct output {
	const char *path; /* for error texts; borrowed, as is the name */
	int dir_fd;
	const char *name; /* that it gets in the end */
	char *temporary;  /* until then */
	int fd;
};

/* An archive that is read, and the entry that is being read. */
struct input {
	int fd;
	int dir_fd; /* where it goes */
	char name[TAR_NAME + 1];
	uint64_t size_bytes;
	bool is_directory;
	uint8_t *buffer; /* COPY_BYTES */
};

static void output_done(struct output *output);
static int open_output(const char *path, struct output *output,
    struct err *err);
static int write_entries(int source_fd, const struct transfer *transfer,
    const struct output *output, struct err *err);
static int write_blobs(int source_fd, const struct transfer *transfer,
    const struct output *output, struct err *err);
static int write_entry(const struct output *output, const char *name, char type,
    struct bytes data, struct err *err);
static int write_bytes(const struct output *output, struct bytes data,
    struct err *err);
static int commit_output(struct output *output, struct err *err);
static unsigned int checksum_of(const struct tar_header *header);

static void input_done(struct input *input);
static int read_entries(struct input *input, struct err *err);
static int read_block(const struct input *input, void *block, const char *what,
    struct err *err);
static int read_some(const struct input *input, size_t want, struct err *err);
static bool is_zero(const struct tar_header *header);
static int read_end(struct input *input, struct err *err);
static int decode_header(const struct tar_header *header, struct input *input,
    struct err *err);
static int decode_type(const struct tar_header *header, struct input *input,
    struct err *err);
static int decode_name(const struct tar_header *header, struct input *input,
    struct err *err);
static bool decode_octal(const char *text, size_t len, uint64_t *ret_number);
static int unpack_entry(struct input *input, struct err *err);
static int unpack_directory(const struct input *input, struct err *err);
static int unpack_file(struct input *input, uint64_t max_bytes,
    enum err_code too_large, const struct digest *wanted, struct err *err);
static int copy_out(struct input *input, int out, EVP_MD_CTX *hash,
    struct err *err);
static int check_digest(const struct input *input, EVP_MD_CTX *hash,
    const struct digest *wanted, struct err *err);
static int refuse_twice(const struct input *input, struct err *err);

/* --- writing --------------------------------------------------------- */

int
archive_write(int source_fd, const struct transfer *transfer, const char *path,
    struct err *err)
{
	CLEANUP(signal_guard_end)
	struct signal_guard guard = signal_guard_begin();
	CLEANUP(output_done)
	struct output output = {.path = path, .dir_fd = -1, .fd = -1};

	TRY(open_output(path, &output, err));
	TRY(write_entries(source_fd, transfer, &output, err));
	return commit_output(&output, err);
}

/* What did not get its name is removed. */
static void
output_done(struct output *output)
{
	if (output->fd >= 0 && output->temporary != NULL)
		unlinkat(output->dir_fd, output->temporary, 0);
	closep(&output->fd);
	closep(&output->dir_fd);
	freep(&output->temporary);
}

static int
open_output(const char *path, struct output *output, struct err *err)
{
	const char *name;

	if (access(path, F_OK) == 0)
		return err_set(err, FILE_EXISTS, "%s",
		    err_quote_str(path).text);
	TRY(file_open_parent(path, &output->dir_fd, &name, err));
	TRY(file_temporary_name(name, &output->temporary, err));
	output->fd = openat(output->dir_fd, output->temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (output->fd < 0 || fchmod(output->fd, 0644) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(output->path).text);
	output->name = name;
	return 0;
}

static int
write_entries(int source_fd, const struct transfer *transfer,
    const struct output *output, struct err *err)
{
	static const uint8_t end[TAR_BLOCK * TAR_END_BLOCKS];
	CLEANUP(freep) char *index = NULL;

	TRY(oci_index_encode(transfer->index, &index, err));
	TRY(write_entry(output, "blobs/", TAR_DIRECTORY, bytes_of("", 0), err));
	TRY(write_entry(output, LAYOUT_BLOB_DIR "/", TAR_DIRECTORY,
	    bytes_of("", 0), err));
	TRY(write_blobs(source_fd, transfer, output, err));
	TRY(write_entry(output, LAYOUT_INDEX_FILE, TAR_FILE,
	    bytes_of_str(index), err));
	TRY(write_entry(output, LAYOUT_FILE, TAR_FILE,
	    bytes_of_str(LAYOUT_TEXT), err));
	return write_bytes(output, bytes_of(end, sizeof(end)), err);
}

static int
write_blobs(int source_fd, const struct transfer *transfer,
    const struct output *output, struct err *err)
{
	for (size_t i = 0; i < transfer->count; i++) {
		CLEANUP(sealed_freep) struct sealed *bytes = NULL;
		char name[LAYOUT_BLOB_PATH_SIZE];

		TRY(transfer_blob(source_fd, &transfer->blobs[i], &bytes, err));
		layout_blob_path(&transfer->blobs[i].digest, name);
		TRY(write_entry(output, name, TAR_FILE, sealed_bytes(bytes),
		    err));
	}
	return 0;
}

static int
write_entry(const struct output *output, const char *name, char type,
    struct bytes data, struct err *err)
{
	static const uint8_t zeros[TAR_BLOCK];
	struct tar_header header = {.type = type};

	snprintf(header.name, sizeof(header.name), "%s", name);
	snprintf(header.mode, sizeof(header.mode), "%07o",
	    type == TAR_DIRECTORY ? 0755 : 0644);
	snprintf(header.uid, sizeof(header.uid), "%07o", 0);
	snprintf(header.gid, sizeof(header.gid), "%07o", 0);
	snprintf(header.size, sizeof(header.size), "%011zo", data.len);
	snprintf(header.mtime, sizeof(header.mtime), "%011o", 0);
	memcpy(header.magic, "ustar", sizeof(header.magic));
	memcpy(header.version, "00", sizeof(header.version));
	snprintf(header.checksum, sizeof(header.checksum), "%06o",
	    checksum_of(&header));
	header.checksum[7] = ' ';
	TRY(write_bytes(output, bytes_of(&header, sizeof(header)), err));
	TRY(write_bytes(output, data, err));
	return write_bytes(output, bytes_of(zeros, -data.len % TAR_BLOCK), err);
}

static int
write_bytes(const struct output *output, struct bytes data, struct err *err)
{
	while (data.len > 0) {
		size_t len = data.len < COPY_BYTES ? data.len : COPY_BYTES;
		ssize_t n = write(output->fd, data.ptr, len);

		TRY(signal_guard_check(err_quote_str(output->path).text, err));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, STORE_IO, "%s",
			    err_quote_str(output->path).text);
		data.ptr += n;
		data.len -= (size_t)n;
	}
	return 0;
}

static int
commit_output(struct output *output, struct err *err)
{
	if (fsync(output->fd) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(output->path).text);
	if (renameat2(output->dir_fd, output->temporary, output->dir_fd,
		output->name, RENAME_NOREPLACE) != 0)
		return err_set_errno(err,
		    errno == EEXIST ? FILE_EXISTS : STORE_IO, "%s",
		    err_quote_str(output->path).text);
	freep(&output->temporary);
	return 0;
}

/* The sum of all bytes, those of the checksum counted as spaces. */
static unsigned int
checksum_of(const struct tar_header *header)
{
	struct tar_header copy = *header;
	const uint8_t *bytes = (const uint8_t *)&copy;
	unsigned int sum = 0;

	memset(copy.checksum, ' ', sizeof(copy.checksum));
	for (size_t i = 0; i < sizeof(copy); i++)
		sum += bytes[i];
	return sum;
}

/* --- reading --------------------------------------------------------- */

int
archive_unpack(const char *path, int dir_fd, struct err *err)
{
	CLEANUP(closep)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ARCHIVE_MALFORMED, "%s: not a regular file",
		    err_quote_str(path).text);
	if (archive_unpack_fd(fd, dir_fd, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

int
archive_unpack_fd(int fd, int dir_fd, struct err *err)
{
	CLEANUP(input_done) struct input input = {.fd = fd, .dir_fd = dir_fd};

	input.buffer = malloc(COPY_BYTES);
	if (input.buffer == NULL)
		return err_set(err, NO_MEMORY, "archive");
	return read_entries(&input, err);
}

static void
input_done(struct input *input)
{
	freep(&input->buffer);
}

static int
read_entries(struct input *input, struct err *err)
{
	for (int i = 0; i < ARCHIVE_ENTRIES; i++) {
		struct tar_header header = {0};

		TRY(read_block(input, &header, "a header", err));
		if (is_zero(&header))
			return read_end(input, err);
		TRY(decode_header(&header, input, err));
		TRY(unpack_entry(input, err));
	}
	return err_set(err, ARCHIVE_MALFORMED, "over %d entries",
	    ARCHIVE_ENTRIES);
}

static int
read_block(const struct input *input, void *block, const char *what,
    struct err *err)
{
	if (read_some(input, TAR_BLOCK, err) != 0) {
		if (err->code == ARCHIVE_MALFORMED)
			return err_set(err, ARCHIVE_MALFORMED,
			    "truncated: ends where %s should be", what);
		return (int)err->code;
	}
	memcpy(block, input->buffer, TAR_BLOCK);
	return 0;
}

/* Exactly `want` bytes, at most COPY_BYTES, into the buffer. */
static int
read_some(const struct input *input, size_t want, struct err *err)
{
	size_t done = 0;

	while (done < want) {
		ssize_t n = read(input->fd, input->buffer + done, want - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, STORE_IO, "archive");
		if (n == 0)
			return err_set(err, ARCHIVE_MALFORMED,
			    "truncated: ends inside of %s", input->name);
		done += (size_t)n;
	}
	return 0;
}

static bool
is_zero(const struct tar_header *header)
{
	static const struct tar_header zero;

	return memcmp(header, &zero, sizeof(zero)) == 0;
}

/* One more block of zeros, and then nothing else, to the end. */
static int
read_end(struct input *input, struct err *err)
{
	struct tar_header block;
	ssize_t n;

	TRY(read_block(input, &block, "the end mark", err));
	for (;;) {
		if (!is_zero(&block))
			return err_set(err, ARCHIVE_MALFORMED,
			    "something is behind the end mark");
		memset(&block, 0, sizeof(block));
		do {
			n = read(input->fd, &block, sizeof(block));
		} while (n < 0 && errno == EINTR);
		if (n < 0)
			return err_set_errno(err, STORE_IO, "archive");
		if (n == 0)
			return 0;
	}
}

static int
decode_header(const struct tar_header *header, struct input *input,
    struct err *err)
{
	uint64_t checksum;

	if (memcmp(header->magic, "ustar", 5) != 0 ||
	    !decode_octal(header->checksum, sizeof(header->checksum),
		&checksum) ||
	    checksum != checksum_of(header))
		return err_set(err, ARCHIVE_MALFORMED,
		    "not a ustar header, or its checksum is wrong");
	TRY(decode_name(header, input, err));
	TRY(decode_type(header, input, err));
	if (!decode_octal(header->size, sizeof(header->size),
		&input->size_bytes))
		return err_set(err, ARCHIVE_MALFORMED,
		    "%s: the size is not octal",
		    err_quote_str(input->name).text);
	return 0;
}

/* A leading "./" is what `tar -C store .` writes, a slash ends a directory. */
static int
decode_name(const struct tar_header *header, struct input *input,
    struct err *err)
{
	size_t len = strnlen(header->name, TAR_NAME);
	size_t skip = len >= 2 && memcmp(header->name, "./", 2) == 0 ? 2 : 0;

	memcpy(input->name, header->name + skip, len - skip);
	input->name[len - skip] = '\0';
	if (input->name[0] == '/' || strstr(input->name, "..") != NULL ||
	    header->prefix[0] == '/' ||
	    memmem(header->prefix, sizeof(header->prefix), "..", 2) != NULL)
		return err_set(err, ARCHIVE_UNSAFE,
		    "%s: a path out of the archive",
		    err_quote_str(input->name).text);
	/* GNU tar keeps times there, in headers of its own magic. */
	if (header->prefix[0] != '\0')
		return err_set(err, ARCHIVE_MALFORMED,
		    "%s: longer than any name of a store",
		    err_quote_str(input->name).text);
	return 0;
}

static int
decode_type(const struct tar_header *header, struct input *input,
    struct err *err)
{
	input->is_directory = header->type == TAR_DIRECTORY;
	if (header->type == TAR_FILE || header->type == TAR_OLD_FILE ||
	    input->is_directory)
		return 0;
	if (header->type >= '1' && header->type <= '6')
		return err_set(err, ARCHIVE_UNSAFE,
		    "%s: a link or a device, tar type %c",
		    err_quote_str(input->name).text, header->type);
	return err_set(err, ARCHIVE_MALFORMED,
	    "%s: an extension, tar type %s; make it with tar --format=ustar",
	    err_quote_str(input->name).text, err_quote(&header->type, 1).text);
}

/* Digits, then spaces or zero bytes: POSIX pax. No sign, no base 256. */
static bool
decode_octal(const char *text, size_t len, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t i = 0;

	for (; i < len && text[i] >= '0' && text[i] <= '7'; i++)
		number = number * 8 + (uint64_t)(text[i] - '0');
	if (i == 0)
		return false;
	for (; i < len; i++) {
		if (text[i] != ' ' && text[i] != '\0')
			return false;
	}
	*ret_number = number;
	return true;
}

/* Which of the few things of a store is it? */
static int
unpack_entry(struct input *input, struct err *err)
{
	static const char blob_dir[] = LAYOUT_BLOB_DIR "/";
	static const size_t blob_dir_len = sizeof(blob_dir) - 1;
	struct digest digest;

	if (input->is_directory)
		return unpack_directory(input, err);
	if (strcmp(input->name, LAYOUT_FILE) == 0)
		return unpack_file(input, OCI_LAYOUT_MAX, STORE_TOO_LARGE, NULL,
		    err);
	if (strcmp(input->name, LAYOUT_INDEX_FILE) == 0)
		return unpack_file(input, LIMIT_INDEX_BYTES, STORE_TOO_LARGE,
		    NULL, err);
	if (strncmp(input->name, blob_dir, blob_dir_len) == 0 &&
	    digest_from_hex(input->name + blob_dir_len, &digest))
		return unpack_file(input, LIMIT_RAMDISK_BYTES, IMAGE_TOO_LARGE,
		    &digest, err);
	return err_set(err, ARCHIVE_MALFORMED, "%s: no file of a store",
	    err_quote_str(input->name).text);
}

/* Ours are there already: the caller made them. */
static int
unpack_directory(const struct input *input, struct err *err)
{
	static const char digests[] = LAYOUT_BLOB_DIR;
	static const char blobs[] = LAYOUT_BLOB_DIR "/";
	static const char *const known[] = {"", "blobs/", "blobs", digests,
	    blobs};

	for (size_t i = 0; i < countof(known); i++) {
		if (strcmp(input->name, known[i]) == 0 &&
		    input->size_bytes == 0)
			return 0;
	}
	return err_set(err, ARCHIVE_MALFORMED, "%s: no directory of a store",
	    err_quote_str(input->name).text);
}

/* `wanted` is NULL for what is not named by its content. */
static int
unpack_file(struct input *input, uint64_t max_bytes, enum err_code too_large,
    const struct digest *wanted, struct err *err)
{
	CLEANUP(closep) int out = -1;
	EVP_MD_CTX *hash;
	int code;

	if (input->size_bytes > max_bytes)
		return err_set(err, too_large, "%s: %llu bytes, limit %llu",
		    input->name, (unsigned long long)input->size_bytes,
		    (unsigned long long)max_bytes);
	out = openat(input->dir_fd, input->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return refuse_twice(input, err);
	hash = EVP_MD_CTX_new();
	if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		code = err_set(err, NO_MEMORY, "hash");
	else
		code = copy_out(input, out, hash, err);
	if (code == 0 && wanted != NULL)
		code = check_digest(input, hash, wanted, err);
	EVP_MD_CTX_free(hash);
	return code;
}

/* The file's bytes, and the zeros that fill its last block. */
static int
copy_out(struct input *input, int out, EVP_MD_CTX *hash, struct err *err)
{
	uint64_t left = input->size_bytes;

	while (left > 0) {
		size_t len = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
		size_t done = 0;

		TRY(signal_guard_check(input->name, err));
		TRY(read_some(input, len, err));
		EVP_DigestUpdate(hash, input->buffer, len);
		while (done < len) {
			ssize_t n =
			    write(out, input->buffer + done, len - done);

			if (n < 0 && errno != EINTR)
				return err_set_errno(err, STORE_IO, "%s",
				    input->name);
			done += n > 0 ? (size_t)n : 0;
		}
		left -= len;
	}
	return read_some(input, -input->size_bytes % TAR_BLOCK, err);
}

static int
check_digest(const struct input *input, EVP_MD_CTX *hash,
    const struct digest *wanted, struct err *err)
{
	struct digest found;

	if (EVP_DigestFinal_ex(hash, found.bytes, NULL) != 1)
		return err_set(err, NO_MEMORY, "hash");
	if (!digest_equal(&found, wanted))
		return err_set(err, BLOB_DIGEST_MISMATCH,
		    "%s: the blob of this name has another content",
		    input->name);
	return 0;
}

static int
refuse_twice(const struct input *input, struct err *err)
{
	if (errno == EEXIST)
		return err_set(err, ARCHIVE_MALFORMED,
		    "%s: is in the archive twice", input->name);
	return err_set_errno(err, STORE_IO, "%s", input->name);
}
