/*
 * What a kernel was configured with: from the kernel itself if it was built
 * with CONFIG_IKCONFIG, or from a file like /boot/config-*.
 *
 * For advice only: nothing is decided by it.
 * Spec: Linux kernel/configs.c (IKCFG_ST, a gzip file, IKCFG_ED);
 * Documentation/kbuild/kconfig.rst.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_KERNEL_CONFIG_H
#define ASSAY_IMAGE_STORE_PACK_KERNEL_CONFIG_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

struct kernel_config;

/* Read "CONFIG_NAME=value" lines. Returns owned; copies the text.
 * Errors: KERNEL_CONFIG_BAD if it has none, or is too large; NO_MEMORY. */
int kernel_config_read(struct bytes text, struct kernel_config **ret_config,
    struct err *err);

/*
 * Out of an unpacked kernel. *ret_config is NULL if it holds none.
 * Errors: KERNEL_CONFIG_BAD if it cannot be unpacked; NO_MEMORY.
 */
int kernel_config_extract(struct bytes elf, struct kernel_config **ret_config,
    struct err *err);

void kernel_config_freep(struct kernel_config **config);

/* 'y', 'm', or 'n' for anything else. `name` is without "CONFIG_". */
char kernel_config_get(const struct kernel_config *config, const char *name);

#endif
