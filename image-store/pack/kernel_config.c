#include "image-store/pack/kernel_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "base/sealing.h"
#include "image-store/unpack/decompress.h"

struct kernel_config {
	char *text; /* lines; begins and ends with a newline */
};

static bool find_gzip(struct bytes elf, struct bytes *ret_gzip);
static int unpack(struct bytes gzip, struct sealed **ret_text, struct err *err);

int
kernel_config_read(struct bytes text, struct kernel_config **ret_config,
    struct err *err)
{
	CLEANUP(kernel_config_freep) struct kernel_config *config = NULL;

	if (text.len > LIMIT_KERNEL_CONFIG_BYTES)
		return err_set(err, KERNEL_CONFIG_BAD, "%zu bytes, limit %zu",
		    text.len, LIMIT_KERNEL_CONFIG_BYTES);
	if (memmem(text.ptr, text.len, "CONFIG_", 7) == NULL ||
	    memchr(text.ptr, '\0', text.len) != NULL)
		return err_set(err, KERNEL_CONFIG_BAD,
		    "no text with lines CONFIG_NAME=value");
	config = calloc(1, sizeof(*config));
	if (config == NULL || asprintf(&config->text, "\n%.*s\n", (int)text.len,
				  (const char *)text.ptr) < 0)
		return err_set(err, NO_MEMORY, "kernel configuration");
	*ret_config = take_ptr(&config);
	return 0;
}

int
kernel_config_extract(struct bytes elf, struct kernel_config **ret_config,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	struct bytes gzip;

	if (!find_gzip(elf, &gzip)) {
		*ret_config = NULL;
		return 0;
	}
	TRY(unpack(gzip, &text, err));
	return kernel_config_read(sealed_bytes(text), ret_config, err);
}

void
kernel_config_freep(struct kernel_config **config)
{
	if (*config == NULL)
		return;
	free((*config)->text);
	freep(config);
}

char
kernel_config_get(const struct kernel_config *config, const char *name)
{
	char wanted[80];
	const char *found;
	int len = snprintf(wanted, sizeof(wanted), "\nCONFIG_%s=", name);

	found = strstr(config->text, wanted);
	if (found == NULL || (found[len] != 'y' && found[len] != 'm') ||
	    found[len + 1] != '\n')
		return 'n';
	return found[len];
}

/* The marks may stand elsewhere too (in scripts/extract-ikconfig's data, in
 * this program): gzip has to follow. */
static bool
find_gzip(struct bytes elf, struct bytes *ret_gzip)
{
	static const char start[] = "IKCFG_ST\x1f\x8b";
	static const char end[] = "IKCFG_ED";
	const uint8_t *first = memmem(elf.ptr, elf.len, start, 10);
	const uint8_t *last;
	size_t rest;

	if (first == NULL)
		return false;
	first += 8;
	rest = elf.len - (size_t)(first - elf.ptr);
	last = memmem(first, rest, end, 8);
	if (last == NULL)
		return false;
	*ret_gzip = bytes_of(first, (size_t)(last - first));
	return true;
}

/* RFC 1952: the last four bytes are the unpacked size. */
static int
unpack(struct bytes gzip, struct sealed **ret_text, struct err *err)
{
	CLEANUP(sealing_freep) struct sealing *sealing = NULL;
	uint32_t size_bytes;

	if (gzip.len < 18 || !bytes_le32(gzip, gzip.len - 4, &size_bytes) ||
	    size_bytes == 0 || size_bytes > LIMIT_KERNEL_CONFIG_BYTES)
		return err_set(err, KERNEL_CONFIG_BAD,
		    "IKCONFIG: not of 1 to %zu bytes",
		    LIMIT_KERNEL_CONFIG_BYTES);
	TRY(sealing_new("config", size_bytes, &sealing, err));
	if (decompress(gzip, sealing, err) != 0)
		return err_set(err, KERNEL_CONFIG_BAD,
		    "IKCONFIG: damaged gzip");
	return sealing_seal(take_ptr(&sealing), ret_text, err);
}
