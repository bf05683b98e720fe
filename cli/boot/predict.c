#include "cli/boot/predict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "measure/predict/predict_grub.h"
#include "measure/predict/predict_tboot.h"
#include "measure/predict/predict_uefi.h"

enum {
	EFIVARFS_ATTRIBUTES = 4, /* bytes before the data */
	MAX_IMAGES = 4,
	MAX_MODULES = 16,
};

/* Programs that start one another. */
struct images {
	struct sealed *files[MAX_IMAGES];
	struct pe decoded[MAX_IMAGES];
};

/* What tboot gets. */
struct modules {
	struct sealed *files[MAX_MODULES];
	struct tboot_module list[MAX_MODULES];
	size_t count;
};

/* Variables, and the files that they are views of. */
struct variables {
	struct efi_variables values;
	char *text[EFI_VARIABLES];
};

static void free_images(struct images *images);
static int predict_images(const struct predict_options *options,
    struct prediction *prediction, struct err *err);
static void free_modules(struct modules *modules);
static int read_module(const char *operand, struct modules *modules,
    struct err *err);
static int read_digest(const char *text, struct pcr_digests *digests,
    unsigned int *known, struct err *err);
static int read_image(const char *path, struct sealed **ret_file,
    struct pe *ret_pe, struct err *err);
static void free_variables(struct variables *variables);
static int read_variables(const char *path, bool is_on,
    struct variables *variables, struct err *err);
static int read_store(const char *path, struct variables *variables,
    struct err *err);
static int read_directory(const char *path, bool is_on,
    struct variables *variables, struct err *err);
static int require_variable(enum efi_variable variable,
    const struct variables *variables, struct err *err);
static int read_variable(const char *path, enum efi_variable variable,
    struct variables *variables, struct err *err);
static int read_if_there(const char *path, char **ret_text, size_t *ret_len,
    struct err *err);

int
predict_unified(const struct predict_options *options, char **operands,
    struct prediction *prediction, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *file = NULL;
	CLEANUP(free_variables) struct variables variables = {0};
	bool is_on = options->secure_boot != NULL;
	const char *path =
	    is_on ? options->secure_boot : options->secure_boot_off;
	const struct pe *images[1];
	struct pe pe;

	TRY(read_image(operands[0], &file, &pe, err));
	images[0] = &pe;
	TRY(predict_uefi_boot(images, 1, (unsigned int)options->failed_options,
	    prediction, err));
	if (path == NULL)
		return 0;
	if (read_variables(path, is_on, &variables, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return predict_uefi_secure_boot(&variables.values, &pe, prediction,
	    err);
}

int
predict_grub_boot(const struct predict_options *options, char **operands,
    struct prediction *prediction, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *config = NULL;

	TRY(files_sealed(operands[0], LIMIT_GRUB_CONFIG_BYTES, &config, err));
	TRY(predict_grub(sealed_bytes(config), options->root, prediction, err));
	if (options->images.count > 0)
		TRY(predict_images(options, prediction, err));
	return 0;
}

int
predict_tboot_launch(const struct predict_options *options, char **operands,
    struct prediction *prediction, struct err *err)
{
	CLEANUP(free_modules) struct modules modules = {.count = 0};
	struct pcr_digests digests;
	unsigned int known = 0;

	for (; *operands != NULL; operands++)
		TRY(read_module(*operands, &modules, err));
	for (size_t i = 0; i < options->mle_digests.count; i++)
		TRY(read_digest(options->mle_digests.items[i], &digests, &known,
		    err));
	return predict_tboot(modules.list, modules.count, &digests, known,
	    prediction, err);
}

static void
free_images(struct images *images)
{
	for (size_t i = 0; i < MAX_IMAGES; i++)
		sealed_free(images->files[i]);
}

static int
predict_images(const struct predict_options *options,
    struct prediction *prediction, struct err *err)
{
	CLEANUP(free_images) struct images images = {0};
	const struct pe *order[MAX_IMAGES];

	for (size_t i = 0; i < options->images.count; i++) {
		TRY(read_image(options->images.items[i], &images.files[i],
		    &images.decoded[i], err));
		order[i] = &images.decoded[i];
	}
	return predict_uefi_boot(order, options->images.count,
	    (unsigned int)options->failed_options, prediction, err);
}

static void
free_modules(struct modules *modules)
{
	for (size_t i = 0; i < modules->count; i++)
		sealed_free(modules->files[i]);
}

static int
read_module(const char *operand, struct modules *modules, struct err *err)
{
	size_t len = strcspn(operand, "=");
	char path[FILES_PATH_SIZE];
	struct sealed *file;

	if (len >= sizeof(path))
		return err_set(err, STORE_IO, "%s: too long a path",
		    err_quote_str(operand).text);
	snprintf(path, sizeof(path), "%.*s", (int)len, operand);
	TRY(files_sealed(path, LIMIT_RAMDISK_BYTES, &file, err));
	modules->files[modules->count] = file;
	modules->list[modules->count] = (struct tboot_module){
	    .file = sealed_bytes(file),
	    .cmdline = operand[len] == '=' ? operand + len + 1 : "",
	};
	modules->count++;
	return 0;
}

/* "sha256:<hex>", each bank once. */
static int
read_digest(const char *text, struct pcr_digests *digests, unsigned int *known,
    struct err *err)
{
	size_t len = strcspn(text, ":");
	char name[8];
	enum pcr_bank bank;

	snprintf(name, sizeof(name), "%.*s", (int)len, text);
	if (text[len] != ':' || !pcr_bank_from_name(name, &bank) ||
	    !pcr_digest_from_hex(bank, text + len + 1, &digests->bank[bank]) ||
	    (*known >> bank & 1) != 0)
		return err_set(err, PREDICTION_MALFORMED,
		    "--mle-digest: %s is not BANK:HEX, each bank once",
		    err_quote_str(text).text);
	*known |= 1u << bank;
	return 0;
}

static int
read_image(const char *path, struct sealed **ret_file, struct pe *ret_pe,
    struct err *err)
{
	TRY(files_sealed(path, PE_MAX_BYTES, ret_file, err));
	if (pe_decode(sealed_bytes(*ret_file), ret_pe, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

static void
free_variables(struct variables *variables)
{
	for (size_t i = 0; i < EFI_VARIABLES; i++)
		free(variables->text[i]);
}

static int
read_variables(const char *path, bool is_on, struct variables *variables,
    struct err *err)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		TRY(read_directory(path, is_on, variables, err));
	else
		TRY(read_store(path, variables, err));
	return efi_variables_want(&variables->values, is_on, err);
}

static int
read_store(const char *path, struct variables *variables, struct err *err)
{
	size_t len;

	TRY(file_read(path, LIMIT_EFI_STORE_BYTES, &variables->text[0], &len,
	    err));
	return efi_variables_from_store(bytes_of(variables->text[0], len),
	    &variables->values, err);
}

/* What is not there may as well be there under a wrong name: that it is not set
 * has to be said, by an empty file. */
static int
read_directory(const char *path, bool is_on, struct variables *variables,
    struct err *err)
{
	struct bytes *secure_boot = &variables->values.data[EFI_SECURE_BOOT];

	for (enum efi_variable i = 0; i < EFI_VARIABLES; i++)
		TRY(read_variable(path, i, variables, err));
	for (enum efi_variable i = EFI_PK; i <= EFI_DBX; i++)
		TRY(require_variable(i, variables, err));
	if (secure_boot->len == 0 && !is_on)
		*secure_boot = bytes_of("", 1);
	return efi_variables_check(&variables->values, err);
}

static int
require_variable(enum efi_variable variable, const struct variables *variables,
    struct err *err)
{
	const char *name = efi_variable_name(variable);

	if (variables->text[variable] != NULL)
		return 0;
	return err_set_field(err, EFI_VARIABLE_MISSING, name,
	    "neither %s.esl nor %s-%s is there", name, name,
	    efi_variable_guid_text(variable));
}

/* NAME.esl, or NAME-GUID with its attributes as in efivarfs. */
static int
read_variable(const char *path, enum efi_variable variable,
    struct variables *variables, struct err *err)
{
	const char *name = efi_variable_name(variable);
	char **text = &variables->text[variable];
	char file[FILES_PATH_SIZE];
	char leaf[64];
	size_t skip = 0;
	size_t len = 0;

	snprintf(leaf, sizeof(leaf), "%s.esl", name);
	TRY(files_join(path, leaf, file, err));
	TRY(read_if_there(file, text, &len, err));
	snprintf(leaf, sizeof(leaf), "%s-%s", name,
	    efi_variable_guid_text(variable));
	TRY(files_join(path, leaf, file, err));
	if (*text != NULL && access(file, F_OK) == 0)
		return err_set_field(err, EFI_VARIABLES_MALFORMED, name,
		    "%s.esl and %s are both there", name, leaf);
	if (*text == NULL) {
		TRY(read_if_there(file, text, &len, err));
		skip = EFIVARFS_ATTRIBUTES;
	}
	if (*text == NULL)
		return 0;
	if (len < skip)
		return err_set(err, EFI_VARIABLES_MALFORMED,
		    "%s: %zu bytes are not even its attributes", leaf, len);
	variables->values.data[variable] = bytes_of(*text + skip, len - skip);
	return 0;
}

static int
read_if_there(const char *path, char **ret_text, size_t *ret_len,
    struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0 && errno == ENOENT)
		return 0;
	return file_read(path, LIMIT_EFI_STORE_BYTES, ret_text, ret_len, err);
}
