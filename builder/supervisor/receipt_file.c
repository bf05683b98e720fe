#include "builder/supervisor/receipt_file.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/scope.h"
#include "builder/supervisor/receipt_check.h"

/* A file of another size is read as far as it takes to say what it is. */
enum { READ_BYTES = 8192 };

static const char magic[8] = {'A', 'S', 'S', 'A', 'Y', 'R', 'C', 'T'};

struct receipt_file {
	char magic[sizeof(magic)];
	uint32_t format;
	uint32_t size;
	struct digest digest;
	struct built built;
};

/* Another struct is another format: give it the next number. */
_Static_assert(sizeof(struct built) == 2304, "RECEIPT_FORMAT");
_Static_assert(sizeof(struct receipt_file) < READ_BYTES, "it fits");

static int read_receipt(const char *path, struct built *ret_built,
    struct err *err);
static int read_file(const char *path, struct receipt_file *ret_file,
    struct err *err);
static int check_header(const char *path, const char *text, size_t len,
    struct err *err);
static int digest_struct(const struct built *built, struct digest *ret_digest,
    struct err *err);

int
receipt_file_write(const char *path, const struct built *built, struct err *err)
{
	struct receipt_file file;

	memset(&file, 0, sizeof(file));
	memcpy(file.magic, magic, sizeof(magic));
	file.format = RECEIPT_FORMAT;
	file.size = sizeof(*built);
	memcpy(&file.built, built, sizeof(*built));
	TRY(digest_struct(&file.built, &file.digest, err));
	return file_write_volatile(path, bytes_of(&file, sizeof(file)), 0600,
	    FILE_REPLACE, err);
}

/* The remedy of CONFIG_BAD speaks of assayd.conf(5); here it is another one. */
int
receipt_file_read(const char *path, struct built *ret_built, struct err *err)
{
	size_t len;

	if (read_receipt(path, ret_built, err) == 0)
		return 0;
	len = strlen(err->text);
	if (err->code == CONFIG_BAD)
		snprintf(err->text + len, sizeof(err->text) - len,
		    "; remove this file: assayd then does not know that "
		    "domain");
	return (int)err->code;
}

static int
read_receipt(const char *path, struct built *ret_built, struct err *err)
{
	struct receipt_file file;
	struct digest digest;

	TRY(read_file(path, &file, err));
	TRY(digest_struct(&file.built, &digest, err));
	if (!digest_equal(&digest, &file.digest))
		return err_set(err, CONFIG_BAD,
		    "%s: a damaged receipt: not of its digest", path);
	if (built_check(&file.built, err) != 0)
		return err_prefix(err, "%s", path);
	memcpy(ret_built, &file.built, sizeof(*ret_built));
	return 0;
}

static int
read_file(const char *path, struct receipt_file *ret_file, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (file_read(path, READ_BYTES, &text, &len, err) != 0) {
		if (err->code == IMAGE_TOO_LARGE)
			err->code = CONFIG_BAD;
		return (int)err->code;
	}
	TRY(check_header(path, text, len, err));
	memcpy(ret_file, text, sizeof(*ret_file));
	return 0;
}

static int
check_header(const char *path, const char *text, size_t len, struct err *err)
{
	struct receipt_file head;

	memset(&head, 0, sizeof(head));
	memcpy(&head, text, len < sizeof(head) ? len : sizeof(head));
	if (text[0] == '{')
		return err_set(err, CONFIG_BAD,
		    "%s: a receipt in JSON, as an older assayd wrote it", path);
	if (memcmp(head.magic, magic, sizeof(magic)) != 0)
		return err_set(err, CONFIG_BAD, "%s: not a receipt of assayd",
		    path);
	if (head.format != RECEIPT_FORMAT)
		return err_set(err, CONFIG_BAD,
		    "%s: a receipt in format %u; this assayd reads %u", path,
		    head.format, RECEIPT_FORMAT);
	if (head.size != sizeof(head.built) || len != sizeof(head))
		return err_set(err, CONFIG_BAD,
		    "%s: a damaged receipt: %zu bytes, of a struct of %u", path,
		    len, head.size);
	return 0;
}

static int
digest_struct(const struct built *built, struct digest *ret_digest,
    struct err *err)
{
	return digest_of(bytes_of(built, sizeof(*built)), ret_digest, err);
}
